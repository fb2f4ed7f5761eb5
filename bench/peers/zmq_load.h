/*
 * zmq_load.h - load by raw ZeroMQ sockets, for the drain broker.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BENCH_ZMQ_LOAD_H
#define STRATO_BENCH_ZMQ_LOAD_H

#include "bench/load.h"

/** PUB/SUB, PUSH/PULL, DEALER/DEALER; load->batch messages to a frame. */
extern const struct load_system load_zmq;
#endif
