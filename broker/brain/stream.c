/*
 * stream.c - find what a session has opened.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/stream.h"

#include "broker/brain/state.h"

struct stream_key {
    const struct session *session;
    const struct channel *channel;
    uint64_t number;
    enum stream_role role;
};

static uint64_t hash_of(const struct stream_key *key)
{
    return map_hash_number(((uint64_t)key->session->number << 32) ^ ((uint64_t)key->channel->index << 12) ^
                           (key->number << 1) ^ (uint64_t)key->role);
}

static bool is_stream(const void *item, const void *key)
{
    const struct stream *s = item;
    const struct stream_key *k = key;

    return s->session == k->session && s->channel == k->channel && s->number == k->number && s->role == k->role;
}

struct stream *stream_find(struct session *session, const struct channel *ch, uint64_t number, enum stream_role role)
{
    struct stream_key key = { session, ch, number, role };

    return map_find(&session->brain->streams, hash_of(&key), is_stream, &key);
}

int stream_add(struct stream *stream)
{
    struct stream_key key = { stream->session, stream->channel, stream->number, stream->role };
    struct session *session = stream->session;

    if (stream->number > STREAM_NUMBER_MAX || session->streams_count >= STREAMS_PER_SESSION_MAX)
        return STRATO_ELIMIT;
    if (stream_find(session, stream->channel, stream->number, stream->role))
        return STRATO_EEXISTS;
    if (map_add(&session->brain->streams, hash_of(&key), stream) < 0)
        return STRATO_ENOMEM;
    stream->prev = NULL;
    stream->next = session->streams;
    if (stream->next)
        stream->next->prev = stream;
    session->streams = stream;
    session->streams_count++;
    return 0;
}

void stream_remove(struct stream *stream)
{
    struct stream_key key = { stream->session, stream->channel, stream->number, stream->role };

    map_remove(&stream->session->brain->streams, hash_of(&key), stream);
    *(stream->prev ? &stream->prev->next : &stream->session->streams) = stream->next;
    if (stream->next)
        stream->next->prev = stream->prev;
    stream->session->streams_count--;
}
