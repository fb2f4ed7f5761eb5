/*
 * drain_broker.h - the least a ZeroMQ broker can be: poll, then drain. The practical limit to compare with.
 *
 * Up to 256 receives without waiting and as many sends per wake-up, one thread, high-water marks of 1000,
 * nothing dropped (XPUB_NODROP, ROUTER_MANDATORY). No envelope, no bounds, no acknowledgement.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BENCH_DRAIN_BROKER_H
#define STRATO_BENCH_DRAIN_BROKER_H

#include <stddef.h>

enum drain_pattern {
    DRAIN_EVENTS,  /* XSUB in, XPUB out */
    DRAIN_WORK,    /* PULL in, PUSH out */
    DRAIN_REQUEST, /* ROUTER in front, ROUTER behind; one responder, which says hello with an empty message */
};

/**
 * Bind both ends to free ports of 127.0.0.1, tell where by `on_ready`, forward until killed.
 * @return only on failure, -1.
 */
int drain_broker_run(enum drain_pattern pattern, void (*on_ready)(void *arg, const char *in, const char *out),
                     void *arg);
#endif
