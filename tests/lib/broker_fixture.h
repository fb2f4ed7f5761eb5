/*
 * broker_fixture.h - a real broker inside the test: free TCP ports, a Unix socket in a temporary directory,
 * inproc, and both laws asserted at the end.
 *
 *     struct broker_fixture f;
 *     broker_fixture_init(&f);                                  // then change f.config, add channels
 *     broker_fixture_start(&f);                                 // fails the test if the broker does not start
 *     options.endpoint = broker_fixture_endpoint(&f, "native@tcp");   // or "native@ipc", "inproc", "pub_out", "push:jobs"
 *     options.zmq_context = strato_broker_zmq_context(f.broker);      // for inproc only
 *     ...
 *     broker_fixture_stop(&f);                                  // asserts both laws; close inproc clients before
 *
 * STRATO_TEST_LOG=1 in the environment shows the broker's log lines.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_BROKER_FIXTURE_H
#define STRATO_TESTS_BROKER_FIXTURE_H

#include "broker/broker.h"

enum { BROKER_FIXTURE_PATIENCE_MS = 20000 }; /* no claim about speed: how long until a test gives up */

struct broker_fixture {
    struct broker_config config;
    strato_broker *broker;
    char run_dir[64];
    char detail[512];
};

/** Defaults for tests: port 0, an own run_dir, no hosted services. */
void broker_fixture_init(struct broker_fixture *f);
/** Start, or fail the test with the reason. */
void broker_fixture_start(struct broker_fixture *f);
/** Assert the laws, stop, remove what is left. */
void broker_fixture_stop(struct broker_fixture *f);

/** As strato_broker_endpoint(); fails the test if the edge is off. */
const char *broker_fixture_endpoint(struct broker_fixture *f, const char *edge);
/** Assert both laws now. */
void broker_fixture_assert_laws(struct broker_fixture *f);
/** The channel's figures now; fails the test if it does not exist. `name` in it is not valid afterwards. */
struct brain_channel_stats broker_fixture_channel(struct broker_fixture *f, const char *channel);
/** Wait until the claim holds; fails the test with `what` if it does not within the patience. */
void broker_fixture_eventually(struct broker_fixture *f, bool (*claim)(struct broker_fixture *f, void *arg), void *arg,
                               const char *what);

/** For cmocka_run_group_tests and _setup_teardown: *state is a started fixture with defaults and the channel "jobs" (work, 100). */
int broker_fixture_setup(void **state);
int broker_fixture_teardown(void **state);
#endif
