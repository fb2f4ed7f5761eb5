/*
 * redis_load.c - load by Redis streams through hiredis, pipelined.
 *
 * The stream is never trimmed: XDEL or MAXLEN costs Redis a quarter of its rate, and a window of seconds fits in
 * memory. The sender looks at our shared counters to stay LOAD_AHEAD_MAX ahead at most, which costs Redis nothing.
 *
 * SPDX-License-Identifier: MIT
 */
#include "bench/peers/redis_load.h"

#include <hiredis/hiredis.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIPELINE = 64, READ_COUNT = 256, SLICE_MS = 100 };

static int failed(struct load_role *role, const char *what, const redisContext *redis, const redisReply *reply)
{
    return load_fail(role, STRATO_EIO, "%s: %s", what,
                     reply && reply->type == REDIS_REPLY_ERROR ? reply->str
                     : redis                                   ? redis->errstr
                                                               : "out of memory");
}

static int redis_open(struct load_role *role, redisContext **ret_redis)
{
    char host[LOAD_TEXT_BYTES];
    const char *colon = strchr(role->load->endpoint, ':');

    if (!colon)
        return load_fail(role, STRATO_EINVAL, "%s: not host:port", role->load->endpoint);
    snprintf(host, sizeof host, "%.*s", (int)(colon - role->load->endpoint), role->load->endpoint);
    *ret_redis = redisConnect(host, atoi(colon + 1));
    return *ret_redis && !(*ret_redis)->err ? 0 : failed(role, role->load->endpoint, *ret_redis, NULL);
}

/* Replies of one pipeline. */
static int take_replies(struct load_role *role, redisContext *redis, int count)
{
    while (count-- > 0) {
        redisReply *reply = NULL;
        int rc = 0;

        if (redisGetReply(redis, (void **)&reply) != REDIS_OK || reply->type == REDIS_REPLY_ERROR)
            rc = failed(role, "XADD", redis, reply);
        freeReplyObject(reply);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int send_all(struct load_role *role, redisContext *redis, const char *command, size_t command_bytes)
{
    uint64_t sent = 0;
    int rc = 0, unread = 0;

    load_wait_start(role);
    while (rc == 0 && !load_is_over(role)) {
        int is_done = 0;

        if (load_is_ahead(role, sent))
            continue;
        for (int i = 0; i < PIPELINE; i++)
            if (redisAppendFormattedCommand(redis, command, command_bytes) != REDIS_OK)
                return failed(role, "XADD", redis, NULL);
        while (!is_done)
            if (redisBufferWrite(redis, &is_done) != REDIS_OK)
                return failed(role, "XADD", redis, NULL);
        sent += PIPELINE;
        unread += PIPELINE;
        if (unread > PIPELINE) {
            rc = take_replies(role, redis, PIPELINE);
            unread -= PIPELINE;
            load_count(role, PIPELINE, (uint64_t)PIPELINE * role->load->bytes);
        }
    }
    return rc;
}

static int role_send(struct load_role *role)
{
    uint8_t *body = malloc(role->load->bytes + 1);
    redisContext *redis = NULL;
    char *command = NULL;
    int length, rc = body ? redis_open(role, &redis) : STRATO_ENOMEM;

    if (rc == 0) {
        load_body_fill(body, role->load->bytes);
        length = redisFormatCommand(&command, "XADD %s * b %b", role->load->channel, body, (size_t)role->load->bytes);
        rc = length > 0 ? send_all(role, redis, command, (size_t)length) : STRATO_ENOMEM;
    }
    redisFreeCommand(command);
    redisFree(redis);
    free(body);
    return rc;
}

/* Acknowledge what an XREADGROUP gave: [[stream, [[id, [b, body]], ...]]], in one command. @return how many. */
static size_t acknowledge(struct load_role *role, redisContext *redis, const redisReply *got)
{
    const char *words[READ_COUNT + 3] = { "XACK", role->load->channel, "bench" };
    size_t lengths[READ_COUNT + 3] = { 4, strlen(role->load->channel), 5 };
    const redisReply *list;
    size_t count;

    if (got->type != REDIS_REPLY_ARRAY || got->elements != 1 || got->element[0]->elements != 2)
        return 0; /* nil: nothing came within the slice */
    list = got->element[0]->element[1];
    count = list->elements <= READ_COUNT ? list->elements : READ_COUNT;
    for (size_t i = 0; i < count; i++) {
        words[i + 3] = list->element[i]->element[0]->str;
        lengths[i + 3] = list->element[i]->element[0]->len;
    }
    redisAppendCommandArgv(redis, (int)count + 3, words, lengths);
    return count;
}

static void ask_for_more(struct load_role *role, redisContext *redis)
{
    redisAppendCommand(redis, "XREADGROUP GROUP bench one COUNT %d BLOCK %d STREAMS %s >", READ_COUNT, SLICE_MS,
                       role->load->channel);
}

static int receive_all(struct load_role *role, redisContext *redis)
{
    size_t acks = 0;

    ask_for_more(role, redis);
    while (!load_is_over(role)) {
        redisReply *ack = NULL, *got = NULL;
        int rc = 0;

        if (acks > 0 && (redisGetReply(redis, (void **)&ack) != REDIS_OK || ack->type == REDIS_REPLY_ERROR))
            rc = failed(role, "XACK", redis, ack);
        if (rc == 0)
            load_count(role, acks, acks * role->load->bytes); /* counted when the acknowledgement is confirmed */
        if (rc == 0 && (redisGetReply(redis, (void **)&got) != REDIS_OK || got->type == REDIS_REPLY_ERROR))
            rc = failed(role, "XREADGROUP", redis, got);
        if (rc == 0) {
            acks = acknowledge(role, redis, got);
            ask_for_more(role, redis);
        }
        freeReplyObject(ack);
        freeReplyObject(got);
        if (rc < 0)
            return rc;
    }
    return 0;
}

static int role_receive(struct load_role *role)
{
    redisContext *redis = NULL;
    redisReply *reply = NULL;
    int rc = redis_open(role, &redis);

    if (rc == 0) {
        reply = redisCommand(redis, "XGROUP CREATE %s bench $ MKSTREAM", role->load->channel);
        if (!reply || (reply->type == REDIS_REPLY_ERROR && strncmp(reply->str, "BUSYGROUP", 9) != 0))
            rc = failed(role, "XGROUP", redis, reply);
        freeReplyObject(reply);
    }
    if (rc == 0) {
        load_ready(role);
        rc = receive_all(role, redis);
    }
    redisFree(redis);
    return rc;
}

const struct load_system load_redis = { .name = "redis", .send = role_send, .receive = role_receive };
