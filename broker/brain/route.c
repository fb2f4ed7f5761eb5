/*
 * route.c - see route.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/brain/route.h"

#include <stdio.h>
#include <stdlib.h>

#include "core/glob.h"
#include "core/utf8.h"

static const char *const actions[] = { [BRAIN_ROUTE_TEE] = "tee", [BRAIN_ROUTE_REDIRECT] = "redirect" };
enum { ACTIONS = sizeof(actions) / sizeof(actions[0]) };

static const struct text_setting {
    const char *name;
    size_t at, bytes_max;
    bool is_glob;
} texts[] = {
    { "id", offsetof(struct brain_route, id), STRATO_ID_BYTES_MAX, false },
    { "channel", offsetof(struct brain_route, channel), STRATO_NAME_BYTES_MAX + 1, true },
    { "type", offsetof(struct brain_route, type), STRATO_TYPE_BYTES_MAX, true },
    { "sender", offsetof(struct brain_route, sender), 2 * STRATO_NAME_BYTES_MAX + 1, true },
    { "to", offsetof(struct brain_route, to), STRATO_NAME_BYTES_MAX, true },
    { "topic", offsetof(struct brain_route, topic), STRATO_TOPIC_BYTES_MAX, true },
    { "target", offsetof(struct brain_route, target), STRATO_NAME_BYTES_MAX + 1, false },
};
enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };

static struct strato_bytes text_of(const struct brain_route *rule, size_t i)
{
    const char *at = (const char *)rule + texts[i].at;

    return strato_bytes(at, strnlen(at, texts[i].bytes_max + 1));
}

/* ---- judging ---- */

static bool is_word(struct strato_bytes text)
{
    for (size_t i = 0; i < text.bytes; i++) {
        if (text.data[i] <= ' ' || text.data[i] == 0x7f)
            return false;
    }
    return strato_utf8_is_valid(text);
}

static bool is_target(struct strato_bytes name)
{
    for (size_t i = 0; i < name.bytes; i++) {
        if (name.data[i] == '*' || name.data[i] == '>' || (name.data[i] == '@' && i > 0))
            return false;
    }
    return name.bytes > (name.bytes && name.data[0] == '@');
}

int route_check(const struct brain_route *rule, char *ret_detail, size_t detail_bytes)
{
    for (size_t i = 0; i < TEXTS; i++) {
        struct strato_bytes text = text_of(rule, i);

        if (text.bytes > texts[i].bytes_max) {
            snprintf(ret_detail, detail_bytes, "`%s` is at most %zu bytes", texts[i].name, texts[i].bytes_max);
            return STRATO_ELIMIT;
        }
        if (!is_word(text)) {
            snprintf(ret_detail, detail_bytes, "`%s` must be UTF-8 text without blanks", texts[i].name);
            return STRATO_ESCHEMA;
        }
        if (texts[i].is_glob && text.bytes && !strato_glob_is_valid(text, texts[i].bytes_max)) {
            snprintf(ret_detail, detail_bytes, "`%s`: a glob has no empty segment, and `>` only as the last one",
                     texts[i].name);
            return STRATO_ESCHEMA;
        }
    }
    if (!is_target(strato_text(rule->target))) {
        snprintf(ret_detail, detail_bytes, "`target` names one channel or mailbox (@agent)");
        return STRATO_ESCHEMA;
    }
    if (strcmp(rule->channel, rule->target) == 0) {
        snprintf(ret_detail, detail_bytes, "a rule cannot send a channel's messages to the channel itself");
        return STRATO_ESCHEMA;
    }
    return 0;
}

bool route_fits(enum brain_route_action action, enum brain_pattern source, enum brain_pattern target)
{
    if (target == BRAIN_REQUEST) /* nobody would wait for the answer */
        return false;
    return action == BRAIN_ROUTE_TEE || source == target;
}

/* ---- matching ---- */

static bool passes(const char *glob, struct strato_bytes value)
{
    return glob[0] == '\0' || (value.bytes > 0 && strato_glob_match(strato_text(glob), value));
}

bool sender_matches(struct strato_bytes glob, struct strato_bytes sender)
{
    const uint8_t *slash = sender.bytes ? memchr(sender.data, '/', sender.bytes) : NULL;

    if (strato_glob_match(glob, sender))
        return true;
    return slash && strato_glob_match(glob, strato_bytes(slash + 1, (size_t)(sender.data + sender.bytes - slash) - 1));
}

bool route_matches(const struct brain_route *rule, const struct route_subject *s)
{
    return passes(rule->channel, s->channel) && passes(rule->type, s->type) &&
           (!rule->sender[0] || sender_matches(strato_text(rule->sender), s->sender)) && passes(rule->to, s->to) &&
           passes(rule->topic, s->topic);
}

struct route *routes_next(const struct routes *routes, const struct route_subject *subject, uint32_t *at)
{
    while (*at < routes->count) {
        struct route *route = routes->list[(*at)++];

        if (route->rule.is_enabled && route_matches(&route->rule, subject))
            return route;
    }
    return NULL;
}

/* ---- the list ---- */

static uint32_t place_of(const struct routes *routes, const struct route *route)
{
    uint32_t i = 0;

    while (routes->list[i] != route)
        i++;
    return i;
}

static void insert(struct routes *routes, struct route *route)
{
    uint32_t i = routes->count++;

    for (; i > 0 && routes->list[i - 1]->rule.priority < route->rule.priority; i--)
        routes->list[i] = routes->list[i - 1];
    routes->list[i] = route;
}

static void take_out(struct routes *routes, struct route *route)
{
    uint32_t i = place_of(routes, route);

    routes->count--;
    memmove(routes->list + i, routes->list + i + 1, (routes->count - i) * sizeof(struct route *));
}

static int grow(struct routes *routes)
{
    uint32_t capacity = routes->capacity ? routes->capacity * 2 : 8;
    struct route **list = realloc(routes->list, capacity * sizeof(struct route *));

    if (!list)
        return STRATO_ENOMEM;
    routes->list = list;
    routes->capacity = capacity;
    return 0;
}

static void changed(struct routes *routes)
{
    routes->version++;
    routes->uses_type = routes->uses_to = routes->uses_topic = false;
    for (uint32_t i = 0; i < routes->count; i++) {
        const struct brain_route *rule = &routes->list[i]->rule;

        routes->uses_type |= rule->type[0] != '\0';
        routes->uses_to |= rule->to[0] != '\0';
        routes->uses_topic |= rule->topic[0] != '\0';
    }
}

bool routes_concern(const struct routes *routes, struct strato_bytes channel)
{
    for (uint32_t i = 0; i < routes->count; i++) {
        if (routes->list[i]->rule.is_enabled && passes(routes->list[i]->rule.channel, channel))
            return true;
    }
    return false;
}

int routes_add(struct routes *routes, const struct brain_route *rule, struct route **ret_route)
{
    struct route *route;

    if (rule->id[0] && routes_find(routes, strato_text(rule->id)))
        return STRATO_EEXISTS;
    if (routes->count >= ROUTES_MAX)
        return STRATO_ELIMIT;
    if (routes->count == routes->capacity && grow(routes) < 0)
        return STRATO_ENOMEM;
    route = calloc(1, sizeof(*route));
    if (!route)
        return STRATO_ENOMEM;
    route->rule = *rule;
    while (!route->rule.id[0]) {
        char id[sizeof(rule->id)];

        snprintf(id, sizeof(id), "r%llu", (unsigned long long)++routes->made);
        if (!routes_find(routes, strato_text(id)))
            memcpy(route->rule.id, id, sizeof(id));
    }
    insert(routes, route);
    changed(routes);
    if (ret_route)
        *ret_route = route;
    return 0;
}

void routes_set(struct routes *routes, struct route *route, const struct brain_route *rule)
{
    bool moves = route->rule.priority != rule->priority;

    route->rule = *rule;
    if (moves) {
        take_out(routes, route);
        insert(routes, route);
    }
    changed(routes);
}

void routes_remove(struct routes *routes, struct route *route)
{
    take_out(routes, route);
    free(route);
    changed(routes);
}

struct route *routes_find(const struct routes *routes, struct strato_bytes id)
{
    for (uint32_t i = 0; i < routes->count; i++) {
        if (strato_bytes_is(id, routes->list[i]->rule.id))
            return routes->list[i];
    }
    return NULL;
}

void routes_fini(struct routes *routes)
{
    for (uint32_t i = 0; i < routes->count; i++)
        free(routes->list[i]);
    free(routes->list);
    *routes = (struct routes){ 0 };
}

/* ---- as a map ---- */

static int read_text(struct strato_cursor *c, const struct text_setting *setting, struct brain_route *rule)
{
    char *to = (char *)rule + setting->at;
    struct strato_bytes text;

    if (strato_cursor_str(c, SIZE_MAX, &text) < 0)
        return STRATO_ESCHEMA;
    if (text.bytes > setting->bytes_max)
        return STRATO_ELIMIT;
    if (text.bytes && memchr(text.data, '\0', text.bytes))
        return STRATO_ESCHEMA;
    memset(to, 0, setting->bytes_max + 1);
    if (text.bytes)
        memcpy(to, text.data, text.bytes);
    return 0;
}

static int read_action(struct strato_cursor *c, struct brain_route *rule)
{
    struct strato_bytes text;

    if (strato_cursor_str(c, SIZE_MAX, &text) < 0)
        return STRATO_ESCHEMA;
    for (int i = 0; i < ACTIONS; i++) {
        if (strato_bytes_is(text, actions[i])) {
            rule->action = (enum brain_route_action)i;
            return 0;
        }
    }
    return STRATO_ESCHEMA;
}

static int read_one(struct strato_cursor *c, struct strato_bytes key, struct brain_route *rule)
{
    for (size_t i = 0; i < TEXTS; i++) {
        if (strato_bytes_is(key, texts[i].name))
            return read_text(c, &texts[i], rule);
    }
    if (strato_bytes_is(key, "action"))
        return read_action(c, rule);
    if (strato_bytes_is(key, "priority"))
        return strato_cursor_u32(c, BRAIN_ROUTE_PRIORITY_MAX, &rule->priority);
    if (strato_bytes_is(key, "enabled"))
        return strato_cursor_bool(c, &rule->is_enabled);
    return STRATO_ENOENT;
}

int route_read(struct strato_bytes map, struct brain_route *rule, char *ret_detail, size_t detail_bytes)
{
    struct strato_cursor c = strato_cursor_over(map);
    struct strato_bytes key;
    uint32_t pairs;

    if (map.bytes == 0 || strato_cursor_map(&c, 64, &pairs) < 0) {
        snprintf(ret_detail, detail_bytes, "a rule is a map: {topic: 'orders.>', target: 'audit', action: 'tee'}");
        return STRATO_ESCHEMA;
    }
    for (uint32_t i = 0; i < pairs; i++) {
        int rc;

        if (strato_cursor_str(&c, 64, &key) < 0 || !strato_utf8_is_valid(key)) {
            snprintf(ret_detail, detail_bytes, "a key of a rule is a text of at most 64 bytes");
            return STRATO_ESCHEMA;
        }
        rc = read_one(&c, key, rule);
        if (rc < 0) {
            snprintf(ret_detail, detail_bytes,
                     rc == STRATO_ENOENT   ? "a rule has no key '%.*s'"
                     : rc == STRATO_ELIMIT ? "`%.*s` is over its limit of bytes"
                                           : "`%.*s` has a wrong value",
                     (int)key.bytes, (const char *)key.data);
            return rc == STRATO_ELIMIT ? rc : STRATO_ESCHEMA;
        }
    }
    return 0;
}

uint32_t route_pairs(void)
{
    return TEXTS + 3;
}

void route_write(const struct brain_route *rule, struct strato_writer *w)
{
    for (size_t i = 0; i < TEXTS; i++) {
        strato_writer_text(w, texts[i].name);
        strato_writer_str(w, text_of(rule, i));
    }
    strato_writer_text(w, "action");
    strato_writer_text(w, actions[rule->action]);
    strato_writer_text(w, "priority");
    strato_writer_u64(w, rule->priority);
    strato_writer_text(w, "enabled");
    strato_writer_bool(w, rule->is_enabled);
}

bool route_equal(const struct brain_route *a, const struct brain_route *b)
{
    for (size_t i = 0; i < TEXTS; i++) {
        if (!strato_bytes_equal(text_of(a, i), text_of(b, i)))
            return false;
    }
    return a->action == b->action && a->priority == b->priority && a->is_enabled == b->is_enabled;
}
