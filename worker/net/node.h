/*
 * node.h - one device on the bus: a client session, two consumers, and the loop between them and tasks/.
 *
 * The client has a thread of its own, so heartbeats and leases go on while a kernel runs. A node belongs to
 * the thread that runs it; node_stop() alone may be called from elsewhere.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_WORKER_NET_NODE_H
#define STRATO_WORKER_NET_NODE_H

#include "worker/device/device.h"
#include "worker/net/log.h"
#include "worker/tasks/tasks.h"

enum { NODE_NAME_BYTES = 129, NODE_SIM = -1 };

struct node_options {
    const char *broker;           /* endpoint; borrowed like all here */
    const char *key, *server_key; /* file of the own pair, the broker's public key; NULL or "" = none */
    void *zmq_context;            /* for inproc, else NULL */
    const char *name;             /* of the session, <= 128 B */
    int64_t device;               /* OpenCL device number, or NODE_SIM */
    uint64_t pool_bytes;          /* capped at 90 % of the device's memory */
    uint32_t session_idle_ms;
    uint32_t hb_ms;
    bool is_unsafe; /* source kernels on CPU devices too: they run in this process */
    const struct log *log;
};

/** What a node does, in numbers. */
struct node_counters {
    uint64_t messages, replies, failures; /* failures: error replies, and puts that failed */
    uint64_t events, events_dropped;      /* dropped: the channel was full or the broker away */
    uint64_t settle_errors;               /* replies and acks that came too late */
};

struct node;

/** @return 0 or STRATO_ENOMEM. Opens nothing yet. */
int node_new(const struct node_options *options, struct node **ret_node);
void node_destroy(struct node **node);
/**
 * Open the device, connect (again and again until the broker answers or the node is stopped), serve until stopped.
 * @return 0 after node_stop(); STRATO_ENOENT (no such device) and what the broker refused for good otherwise;
 *         node_detail() has the words.
 */
int node_run(struct node *node);
/** Take nothing new, finish the message in hand, give the rest back, say bye. Any thread, any number of times. */
void node_stop(struct node *node);
const char *node_detail(const struct node *node);
/** After node_run() returned. */
const struct node_counters *node_counters(const struct node *node);
#endif
