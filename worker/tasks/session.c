/* session.c - see session.h. SPDX-License-Identifier: MIT */
#include "worker/tasks/session.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

/** "sender\0affinity": neither holds a NUL that could make two keys one, since lengths are compared too. */
static size_t write_key(char key[SESSION_KEY_BYTES], struct strato_bytes sender, struct strato_bytes affinity)
{
    size_t sender_bytes = sender.bytes < 128 ? sender.bytes : 128;
    size_t affinity_bytes = affinity.bytes < 64 ? affinity.bytes : 64;

    if (sender_bytes > 0)
        memcpy(key, sender.data, sender_bytes);
    key[sender_bytes] = '\0';
    if (affinity_bytes > 0)
        memcpy(key + sender_bytes + 1, affinity.data, affinity_bytes);
    return sender_bytes + 1 + affinity_bytes;
}

struct session *session_new(struct strato_bytes sender, struct strato_bytes affinity)
{
    struct session *session = calloc(1, sizeof(*session));

    if (session)
        session->key_bytes = write_key(session->key, sender, affinity);
    return session;
}

void session_destroy(struct session **session, struct device *device, struct pool *pool)
{
    struct session *s = *session;

    if (!s)
        return;
    while (s->buffers_count > 0)
        session_buffer_remove(s, device, pool, s->buffers[s->buffers_count - 1]);
    for (uint32_t i = 0; i < s->programs_count; i++) {
        device->ops->program_destroy(device, &s->programs[i].program);
        free(s->programs[i].log);
    }
    free(s);
    *session = NULL;
}

bool session_is(const struct session *session, struct strato_bytes sender, struct strato_bytes affinity)
{
    char key[SESSION_KEY_BYTES];
    size_t bytes = write_key(key, sender, affinity);

    return bytes == session->key_bytes && memcmp(key, session->key, bytes) == 0;
}

/* ---- buffers ------------------------------------------------------------------------------------- */

struct buffer *session_buffer(struct session *session, struct strato_bytes name)
{
    uint64_t hash = XXH3_64bits(name.data, name.bytes);

    for (uint32_t i = 0; i < session->buffers_count; i++) {
        struct buffer *b = session->buffers[i];

        if (b->hash == hash && b->name_bytes == name.bytes && memcmp(b->name, name.data, name.bytes) == 0)
            return b;
    }
    return NULL;
}

int session_buffer_add(struct session *session, struct device *device, struct pool *pool, struct strato_bytes name,
                       uint64_t bytes, struct buffer **ret_buffer)
{
    struct buffer *b;
    int rc;

    if (session->buffers_count >= SESSION_BUFFERS_MAX || name.bytes > BUFFER_NAME_BYTES)
        return STRATO_ELIMIT;
    if (!pool_take(pool, bytes))
        return STRATO_EFULL;
    b = calloc(1, sizeof(*b));
    rc = b ? device->ops->buffer_new(device, bytes, &b->memory) : STRATO_ENOMEM;
    if (rc < 0) {
        free(b);
        pool_give(pool, bytes);
        return rc;
    }
    memcpy(b->name, name.data, name.bytes);
    b->name_bytes = name.bytes;
    b->hash = XXH3_64bits(name.data, name.bytes);
    b->bytes = bytes;
    session->buffers[session->buffers_count++] = b;
    *ret_buffer = b;
    return 0;
}

void session_buffer_remove(struct session *session, struct device *device, struct pool *pool, struct buffer *buffer)
{
    for (uint32_t i = 0; i < session->buffers_count; i++)
        if (session->buffers[i] == buffer) {
            session->buffers[i] = session->buffers[--session->buffers_count];
            break;
        }
    device->ops->buffer_destroy(device, &buffer->memory);
    pool_give(pool, buffer->bytes);
    free(buffer);
}

/* ---- streams ------------------------------------------------------------------------------------- */

void session_fault(struct session *session, const struct session_fault *fault)
{
    if (session->faults_count >= SESSION_FAULTS_MAX) {
        session->faults_lost++;
        return;
    }
    session->faults[session->faults_count++] = *fault;
}

void session_clear(struct session *session, const uint32_t *stream, uint64_t upto)
{
    uint32_t kept = 0;

    for (uint32_t i = 0; i < session->faults_count; i++) {
        struct session_fault *f = &session->faults[i];

        if ((stream && f->stream_id != *stream) || f->sequence > upto)
            session->faults[kept++] = *f;
    }
    session->faults_count = kept;
    for (uint32_t i = 0; i < session->buffers_count; i++) {
        struct buffer *b = session->buffers[i];

        if (b->is_poisoned && (!stream || b->poison_stream == *stream) && b->poison_sequence <= upto)
            b->is_poisoned = false;
    }
    if (!stream)
        session->faults_lost = 0;
}

void session_time(struct session *session, uint32_t stream, uint64_t ns)
{
    for (uint32_t i = 0; i < session->streams_count; i++)
        if (session->streams[i].id == stream) {
            session->streams[i].ns += ns;
            return;
        }
    if (session->streams_count < SESSION_STREAMS_MAX)
        session->streams[session->streams_count++] = (struct session_stream){ stream, ns };
    else
        session->streams[SESSION_STREAMS_MAX - 1].ns += ns;
}

uint64_t session_take_time(struct session *session, const uint32_t *stream)
{
    uint64_t ns = 0;

    for (uint32_t i = 0; i < session->streams_count; i++)
        if (!stream || session->streams[i].id == *stream) {
            ns += session->streams[i].ns;
            session->streams[i].ns = 0;
        }
    return ns;
}
