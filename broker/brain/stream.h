/*
 * stream.h - one open of one channel by one session: as producer or as consumer.
 *
 * Common head of struct producer and struct consumer, and the key by which a flow operation finds them.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_STREAM_H
#define STRATO_BRAIN_STREAM_H

#include "broker/brain/channel.h"

struct session;

enum stream_role { STREAM_PRODUCER, STREAM_CONSUMER };

enum { STREAMS_PER_SESSION_MAX = 1024, STREAM_NUMBER_MAX = 1000 };

struct stream {
    struct session *session; /* NULL: a consumer of a push/pull edge */
    struct channel *channel;
    uint32_t number;
    enum stream_role role;
    struct stream *prev, *next; /* of the session */
};

/** @return 0; STRATO_EEXISTS (that stream of that channel is open in that role); STRATO_ELIMIT; STRATO_ENOMEM. */
int stream_add(struct stream *stream);
void stream_remove(struct stream *stream);
struct stream *stream_find(struct session *session, const struct channel *ch, uint64_t number, enum stream_role role);
#endif
