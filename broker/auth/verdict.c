/*
 * verdict.c - a scan over a handful of grants; the first that allows ends it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/auth/verdict.h"

#include "core/glob.h"

#include <stdio.h>

static const char *const verb_names[AUTH_VERBS_COUNT] = { "publish", "consume", "request", "serve",
                                                          "observe", "block",   "admin" };

const char *auth_verb_name(enum auth_verb verb)
{
    for (unsigned i = 0; i < AUTH_VERBS_COUNT; i++)
        if ((unsigned)verb == 1U << i)
            return verb_names[i];
    return "?";
}

unsigned auth_verb_parse(struct strato_bytes name)
{
    for (unsigned i = 0; i < AUTH_VERBS_COUNT; i++)
        if (strato_bytes_is(name, verb_names[i]))
            return 1U << i;
    return 0;
}

const struct auth_principal *auth_find(const struct auth_principals *set, const uint8_t key[STRATO_KEY_BYTES])
{
    size_t low = 0, high = set->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = memcmp(key, set->items[middle].key, STRATO_KEY_BYTES);

        if (order == 0)
            return &set->items[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

static bool is_over(const struct auth_grant *g, struct strato_bytes channel)
{
    struct strato_bytes glob = strato_text(g->channel);

    return channel.bytes == 0 ? strato_bytes_is(glob, ">") : strato_glob_match(glob, channel);
}

/* The next grant over this channel with this verb; start with *role = *grant = 0. */
static const struct auth_grant *next_grant(const struct auth_principal *p, enum auth_verb verb,
                                           struct strato_bytes channel, size_t *role, size_t *grant)
{
    for (; *role < p->roles_count; (*role)++, *grant = 0) {
        while (*grant < p->roles[*role]->grants_count) {
            const struct auth_grant *g = &p->roles[*role]->grants[(*grant)++];

            if ((g->verbs & (unsigned)verb) && is_over(g, channel))
                return g;
        }
    }
    return NULL;
}

enum auth_verdict auth_judge(const struct auth_principal *principal, enum auth_verb verb, struct strato_bytes channel)
{
    enum auth_verdict verdict = AUTH_DENIED;
    const struct auth_grant *g;
    size_t role = 0, grant = 0;

    while ((g = next_grant(principal, verb, channel, &role, &grant)) != NULL) {
        if (!g->topic)
            return AUTH_ALLOWED;
        verdict = AUTH_BY_TOPIC;
    }
    return verdict;
}

bool auth_permits_topic(const struct auth_principal *principal, enum auth_verb verb, struct strato_bytes channel,
                        struct strato_bytes topic)
{
    const struct auth_grant *g;
    size_t role = 0, grant = 0;

    while ((g = next_grant(principal, verb, channel, &role, &grant)) != NULL)
        if (!g->topic || (topic.bytes > 0 && strato_glob_match(strato_text(g->topic), topic)))
            return true;
    return false;
}

bool auth_permits_match(const struct auth_principal *principal, enum auth_verb verb, struct strato_bytes channel,
                        struct strato_bytes match)
{
    const struct auth_grant *g;
    size_t role = 0, grant = 0;

    while ((g = next_grant(principal, verb, channel, &role, &grant)) != NULL)
        if (!g->topic || auth_glob_covers(strato_text(g->topic), match))
            return true;
    return false;
}

bool auth_has_verb(const struct auth_principal *principal, enum auth_verb verb)
{
    for (size_t r = 0; r < principal->roles_count; r++)
        for (size_t g = 0; g < principal->roles[r]->grants_count; g++)
            if (principal->roles[r]->grants[g].verbs & (unsigned)verb)
                return true;
    return false;
}

static struct strato_bytes cut_segment(struct strato_bytes *rest)
{
    const uint8_t *dot = rest->bytes ? memchr(rest->data, '.', rest->bytes) : NULL;
    size_t length = dot ? (size_t)(dot - rest->data) : rest->bytes;
    struct strato_bytes segment = strato_bytes(rest->data, length);

    *rest = strato_bytes(rest->data + length + (dot != NULL), rest->bytes - length - (dot != NULL));
    return segment;
}

bool auth_glob_covers(struct strato_bytes wide, struct strato_bytes narrow)
{
    while (wide.bytes && narrow.bytes) {
        struct strato_bytes w = cut_segment(&wide), n = cut_segment(&narrow);

        if (strato_bytes_is(w, ">"))
            return true; /* and narrow has a segment here, so what it matches has one too */
        if (strato_bytes_is(n, ">"))
            return false;
        if (!strato_bytes_is(w, "*") && !strato_bytes_equal(w, n)) /* a narrow * is covered by * alone */
            return false;
    }
    return wide.bytes == 0 && narrow.bytes == 0;
}

static bool text_equal(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

static bool roles_equal(const struct auth_role *a, const struct auth_role *b)
{
    if (a->grants_count != b->grants_count)
        return false;
    for (size_t i = 0; i < a->grants_count; i++)
        if (a->grants[i].verbs != b->grants[i].verbs || !text_equal(a->grants[i].channel, b->grants[i].channel) ||
            !text_equal(a->grants[i].topic, b->grants[i].topic))
            return false;
    return true;
}

bool auth_rights_equal(const struct auth_principal *a, const struct auth_principal *b)
{
    if (a->roles_count != b->roles_count)
        return false;
    for (size_t i = 0; i < a->roles_count; i++)
        if (!roles_equal(a->roles[i], b->roles[i]))
            return false;
    return true;
}

/* What it may do there: nothing hides in this, since it is told to the key's own holder. */
static void list_verbs(const struct auth_principal *principal, struct strato_bytes channel, char *text, size_t bytes)
{
    size_t used = 0;

    snprintf(text, bytes, "nothing");
    for (unsigned i = 0; i < AUTH_VERBS_COUNT; i++) {
        enum auth_verdict verdict = auth_judge(principal, (enum auth_verb)(1U << i), channel);

        if (verdict == AUTH_DENIED || used >= bytes)
            continue;
        used += (size_t)snprintf(text + used, bytes - used, "%s%s%s", used ? ", " : "", verb_names[i],
                                 verdict == AUTH_BY_TOPIC ? " of some topics" : "");
    }
}

void auth_explain(const struct auth_principal *principal, enum auth_verb verb, struct strato_bytes channel,
                  struct strato_bytes topic, char *ret_detail, size_t detail_bytes)
{
    char allowed[160], about[96] = "";

    list_verbs(principal, channel, allowed, sizeof allowed);
    if (topic.bytes)
        snprintf(about, sizeof about, " with topic %.*s", (int)(topic.bytes > 64 ? 64 : topic.bytes),
                 (const char *)topic.data);
    if (channel.bytes)
        snprintf(ret_detail, detail_bytes, "key %s lacks the verb %s on channel %.*s%s; it has: %s", principal->name,
                 auth_verb_name(verb), (int)(channel.bytes > 64 ? 64 : channel.bytes), (const char *)channel.data,
                 about, allowed);
    else
        snprintf(ret_detail, detail_bytes, "key %s lacks the verb %s on all channels; it has: %s", principal->name,
                 auth_verb_name(verb), allowed);
}
