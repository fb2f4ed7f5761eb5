/*
 * client_fixture.h - clients of the broker inside the test, over any transport.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_CLIENT_FIXTURE_H
#define STRATO_TESTS_CLIENT_FIXTURE_H

#include "bindings/c/include/stratoswarm.h"
#include "tests/lib/broker_fixture.h"

enum transport { OVER_TCP, OVER_IPC, OVER_INPROC, TRANSPORTS };

/** Options that reach the fixture's broker over this transport; change them before client_join(). */
struct strato_client_options client_options(struct broker_fixture *f, enum transport transport);
/** Open, or fail the test. */
strato_client *client_join(const struct strato_client_options *options);
strato_client *client_new(struct broker_fixture *f, enum transport transport);
strato_consumer *client_consume(strato_client *client, const char *channel, bool serve);
/** A message whose payload is this number. */
int client_send(strato_client *client, const char *channel, uint64_t number, int timeout_ms);
/** The number in a payload. */
uint64_t client_number(const strato_message *message);
/** The next message, or the test fails. */
strato_message *client_next(strato_consumer *consumer);
/** Ack and destroy, or the test fails. */
void client_done(strato_message **message);
#endif
