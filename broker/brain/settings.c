/*
 * settings.c - a channel's settings as a msgpack map: from `declare` and admin.channel.*, and back.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "broker/brain/state.h"
#include "core/utf8.h"

const char *const settings_patterns[] = {
    [BRAIN_EVENTS] = "events", [BRAIN_REQUEST] = "request", [BRAIN_WORK] = "work"
};
const char *const settings_policies[] = { [BRAIN_FULL_WAIT] = "wait",
                                          [BRAIN_FULL_REJECT] = "reject",
                                          [BRAIN_FULL_DROP_OLDEST] = "drop_oldest",
                                          [BRAIN_FULL_DROP_NEWEST] = "drop_newest" };

enum setting_kind { SETTING_U32, SETTING_U64, SETTING_BOOL };

static const struct setting {
    const char *name;
    enum setting_kind kind;
    size_t at;
} settings[] = {
    { "capacity", SETTING_U32, offsetof(struct brain_channel_config, capacity) },
    { "max_bytes", SETTING_U64, offsetof(struct brain_channel_config, bytes_max) },
    { "ttl_ms", SETTING_U32, offsetof(struct brain_channel_config, ttl_ms) },
    { "ack", SETTING_BOOL, offsetof(struct brain_channel_config, ack) },
    { "sticky", SETTING_BOOL, offsetof(struct brain_channel_config, is_sticky) },
    { "durable", SETTING_BOOL, offsetof(struct brain_channel_config, is_durable) },
    { "tally", SETTING_BOOL, offsetof(struct brain_channel_config, has_tally) },
    { "prefetch", SETTING_U32, offsetof(struct brain_channel_config, consumer_prefetch) },
    { "start_timeout_ms", SETTING_U32, offsetof(struct brain_channel_config, start_timeout_ms) },
    { "lease_ms", SETTING_U32, offsetof(struct brain_channel_config, lease_ms) },
    { "attempt_ms", SETTING_U32, offsetof(struct brain_channel_config, attempt_ms) },
    { "max_deliver", SETTING_U32, offsetof(struct brain_channel_config, max_deliver) },
    { "backoff_ms", SETTING_U32, offsetof(struct brain_channel_config, backoff_ms) },
    { "backoff_max_ms", SETTING_U32, offsetof(struct brain_channel_config, backoff_max_ms) },
    { "dedup_ms", SETTING_U32, offsetof(struct brain_channel_config, dedup_ms) },
    { "dlq", SETTING_U32, offsetof(struct brain_channel_config, dead_max) },
    { "dlq_bytes", SETTING_U64, offsetof(struct brain_channel_config, dead_bytes_max) },
    { "dlq_expired", SETTING_BOOL, offsetof(struct brain_channel_config, dead_on_expiry) },
    { "dlq_dropped", SETTING_BOOL, offsetof(struct brain_channel_config, dead_on_drop) },
    { "strict", SETTING_BOOL, offsetof(struct brain_channel_config, is_strict) },
    { "displace", SETTING_BOOL, offsetof(struct brain_channel_config, displaces) },
    { "history", SETTING_U32, offsetof(struct brain_channel_config, history_max) },
    { "history_bytes", SETTING_U64, offsetof(struct brain_channel_config, history_bytes_max) },
};
enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

static int choice(struct strato_cursor *c, const char *const *names, unsigned count, unsigned *ret_index)
{
    struct strato_bytes text;

    if (strato_cursor_str(c, 32, &text) < 0)
        return STRATO_ESCHEMA;
    for (unsigned i = 0; i < count; i++) {
        if (strato_bytes_is(text, names[i])) {
            *ret_index = i;
            return 0;
        }
    }
    return STRATO_ESCHEMA;
}

static int read_one(struct strato_cursor *c, struct strato_bytes key, struct brain_channel_config *config)
{
    unsigned index = 0;
    int rc;

    if (strato_bytes_is(key, "pattern")) {
        rc = choice(c, settings_patterns, 3, &index);
        config->pattern = rc < 0 ? config->pattern : (enum brain_pattern)index;
        return rc;
    }
    if (strato_bytes_is(key, "full")) {
        rc = choice(c, settings_policies, 4, &index);
        config->full = rc < 0 ? config->full : (enum brain_full_policy)index;
        return rc;
    }
    for (size_t i = 0; i < SETTINGS; i++) {
        void *at = (char *)config + settings[i].at;

        if (!strato_bytes_is(key, settings[i].name))
            continue;
        if (settings[i].kind == SETTING_U32)
            return strato_cursor_u32(c, UINT32_MAX, at);
        if (settings[i].kind == SETTING_U64)
            return strato_cursor_u64(c, UINT64_MAX, at);
        return strato_cursor_bool(c, at);
    }
    return STRATO_ENOENT;
}

int settings_read(struct strato_bytes map, bool is_new, struct brain_channel_config *config, char *ret_detail,
                  size_t detail_bytes)
{
    struct strato_cursor c = strato_cursor_over(map), first = c;
    struct strato_bytes key = STRATO_BYTES_NONE;
    uint32_t pairs;
    int rc;

    if (strato_cursor_map(&c, 64, &pairs) < 0) {
        snprintf(ret_detail, detail_bytes, "the settings must be a map");
        return STRATO_ESCHEMA;
    }
    for (uint32_t i = 0; is_new && i < pairs; i++) { /* the pattern first: it has its own defaults */
        if (strato_cursor_str(&c, 64, &key) < 0)
            break;
        if (strato_bytes_is(key, "pattern") && read_one(&c, key, config) == 0) {
            channel_config_defaults(config, config->pattern);
            break;
        }
        if (!strato_bytes_is(key, "pattern") && strato_cursor_skip(&c) < 0)
            break;
    }
    c = first;
    strato_cursor_map(&c, 64, &pairs);
    for (uint32_t i = 0; i < pairs; i++) {
        if (strato_cursor_str(&c, 64, &key) < 0 || !strato_utf8_is_valid(key)) {
            snprintf(ret_detail, detail_bytes, "the name of a setting is a text of at most 64 bytes");
            return STRATO_ESCHEMA;
        }
        rc = read_one(&c, key, config);
        if (rc < 0) {
            snprintf(ret_detail, detail_bytes,
                     rc == STRATO_ENOENT ? "unknown setting '%.*s'" : "setting '%.*s' has a wrong value",
                     (int)key.bytes, (const char *)key.data);
            return STRATO_ESCHEMA;
        }
    }
    return 0;
}

bool settings_equal(const struct brain_channel_config *a, const struct brain_channel_config *b)
{
    for (size_t i = 0; i < SETTINGS; i++) {
        size_t bytes = settings[i].kind == SETTING_U64 ? 8 : settings[i].kind == SETTING_U32 ? 4 : sizeof(bool);

        if (memcmp((const char *)a + settings[i].at, (const char *)b + settings[i].at, bytes) != 0)
            return false;
    }
    return a->pattern == b->pattern && a->full == b->full;
}

void settings_write(const struct brain_channel_config *config, struct strato_writer *w)
{
    strato_writer_text(w, "pattern");
    strato_writer_text(w, settings_patterns[config->pattern]);
    strato_writer_text(w, "full");
    strato_writer_text(w, settings_policies[config->full]);
    for (size_t i = 0; i < SETTINGS; i++) {
        const void *at = (const char *)config + settings[i].at;

        strato_writer_text(w, settings[i].name);
        if (settings[i].kind == SETTING_U32)
            strato_writer_u64(w, *(const uint32_t *)at);
        else if (settings[i].kind == SETTING_U64)
            strato_writer_u64(w, *(const uint64_t *)at);
        else
            strato_writer_bool(w, *(const bool *)at);
    }
}
uint32_t settings_pairs(void)
{
    return SETTINGS + 2;
}
