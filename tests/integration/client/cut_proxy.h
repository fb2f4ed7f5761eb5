/*
 * cut_proxy.h - a TCP relay in front of the broker whose connections a test can cut.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_CUT_PROXY_H
#define STRATO_TESTS_CUT_PROXY_H

struct cut_proxy;

/** Relay to tcp://host:port of `target`, or fail the test. */
struct cut_proxy *cut_proxy_start(const char *target);
/** Where clients connect. Lives as long as the proxy. */
const char *cut_proxy_endpoint(const struct cut_proxy *proxy);
/** Break every connection now, losing what is under way; new ones are welcome. */
void cut_proxy_cut(struct cut_proxy *proxy);
void cut_proxy_stop(struct cut_proxy **proxy);
#endif
