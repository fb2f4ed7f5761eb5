/*
 * scripted_broker.h - a broker made of the test's own words, against a client session on a virtual clock.
 *
 * The test reads what the session wants sent, frame by frame, and says what the broker answers. There is
 * no socket: a frame that the session has queued counts as in flight until script_land().
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_TESTS_SCRIPTED_BROKER_H
#define STRATO_TESTS_SCRIPTED_BROKER_H

#include "bindings/c/producer.h"
#include "bindings/c/request.h"
#include "bindings/c/session.h"
#include "bindings/c/stream.h"

struct scripted_broker {
    struct strato__session session;
    uint64_t now_us;
    struct strato_writer w;
    struct strato__part flying[256]; /* read by the test, not landed */
    size_t flying_count;
};

/** One frame of the client; slices live until the next script_next() or script_fini(). */
struct script_frame {
    struct strato_header header;
    struct strato_cursor envelopes;
    size_t parts; /* attachments */
};

/** A session that has asked for its first socket. Options may be NULL. */
void script_init(struct scripted_broker *b, const struct strato_client_options *options);
void script_fini(struct scripted_broker *b);
/** script_init, socket opened, hello read, welcome said. */
void script_open(struct scripted_broker *b);
/** Give the session the socket that it waits for, waiting for it as long as needed. */
void script_connect(struct scripted_broker *b);
/** Next frame that the client sends; false if there is none. A frame that is not valid fails the test. */
bool script_next(struct scripted_broker *b, struct script_frame *ret_frame);
/** The next frame has this operation, or the test fails. */
struct script_frame script_expect(struct scripted_broker *b, const char *op);
void script_expect_nothing(struct scripted_broker *b);
/** libzmq has finished with everything that was read: the socket is idle. */
void script_land(struct scripted_broker *b);

/**
 * The broker says a frame. `keys` lists "name:type" by spaces; the arguments follow:
 * u = int, U = uint64_t, b = int as bool, s = const char *, T = struct strato_bytes already encoded,
 * a = count and then as many ints (an array of tags).
 */
void script_say(struct scripted_broker *b, const char *op, const char *keys, ...);
/** As script_say, with `messages` envelopes of type "test.message", payload their number, behind it. */
void script_say_messages(struct scripted_broker *b, int messages, const char *op, const char *keys, ...);
/** Raw bytes as one frame. */
void script_say_bytes(struct scripted_broker *b, struct strato_bytes bytes);
void script_drop(struct scripted_broker *b);
/** Let time pass, ticking whenever the session asked for it. */
void script_pass_ms(struct scripted_broker *b, uint64_t ms);
/** Next on_event notice; false if there is none. */
bool script_notice(struct scripted_broker *b, struct strato__notice *ret_notice);

/** A producer of `channel` that the broker has opened with `limit` credits. */
struct strato__producer *script_producer(struct scripted_broker *b, const char *channel, int limit);
/** The same on a channel that is kept on disk. */
struct strato__producer *script_durable_producer(struct scripted_broker *b, const char *channel, int limit);
/** Try to send one message; the result of strato__producer_send(). */
int script_send(struct scripted_broker *b, struct strato__producer *p);
/** A consumer of channel "work" that the broker has opened, its first want read. */
struct strato__stream *script_consumer(struct scripted_broker *b, uint32_t prefetch);
uint64_t script_rq(const struct script_frame *frame);
#endif
