/*
 * route.h - the routing rules: which message is copied or moved to another channel.
 *
 * A rule is a set of filters, a target and an action. Rules stand in one list, highest priority first and
 * among equals in the order in which they came. This module keeps the list and matches; it moves nothing:
 * redirect.c does. With no rules a message costs one branch.
 *
 * A message is routed once, when it becomes ready for the first time. What a rule has moved or copied is not
 * routed again, so that rules cannot go round in circles. Rules: semantics.md 36; docs/decisions/0014.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BRAIN_ROUTE_H
#define STRATO_BRAIN_ROUTE_H

#include "broker/brain/brain.h"
#include "core/writer.h"

enum { ROUTES_MAX = 1024 };

struct route {
    struct brain_route rule;
    uint64_t matched; /* messages that this rule has acted on, or tried to */
    uint64_t dropped; /* of those: copies that found no room or no target, and events that could not be moved */
    uint64_t kept;    /* number of its row in the store; 0 = none: it comes from the configuration */
};

/** Zero-initialised = empty. */
struct routes {
    struct route **list; /* in the order of the walk */
    uint32_t count, capacity;
    uint64_t made;                       /* for ids that the broker gives */
    uint64_t kept;                       /* the last number of a row that was given */
    uint64_t version;                    /* changes with every change of the rules; never 0 once there was one */
    bool uses_type, uses_to, uses_topic; /* some rule has such a filter, so the field must be looked for */
};

/** What of a message the filters look at; none = the message lacks it. */
struct route_subject {
    struct strato_bytes channel, type, sender, to, topic;
};

/** Are its id, filters and target usable? @return 0; STRATO_ELIMIT (a text too long); STRATO_ESCHEMA; with the reason. */
int route_check(const struct brain_route *rule, char *ret_detail, size_t detail_bytes);
/** May a rule of this action take messages from a channel of one pattern to one of the other? */
bool route_fits(enum brain_route_action action, enum brain_pattern source, enum brain_pattern target);
/** Does a glob match the stamped sender, `principal` or `principal/agent`, as a whole or by its agent? */
bool sender_matches(struct strato_bytes glob, struct strato_bytes sender);
bool route_matches(const struct brain_route *rule, const struct route_subject *subject);

/** Add a checked rule; an empty id is filled in. @return 0; STRATO_EEXISTS; STRATO_ELIMIT; STRATO_ENOMEM. */
int routes_add(struct routes *routes, const struct brain_route *rule, struct route **ret_route);
/** Give a rule other contents under the same id. It moves behind its equals only if its priority changed. */
void routes_set(struct routes *routes, struct route *route, const struct brain_route *rule);
void routes_remove(struct routes *routes, struct route *route);
/** Could any enabled rule match a message of the channel of this name? */
bool routes_concern(const struct routes *routes, struct strato_bytes channel);
struct route *routes_find(const struct routes *routes, struct strato_bytes id);
/** The next rule from place *at on that is enabled and matches; NULL at the end. Start with *at = 0. */
struct route *routes_next(const struct routes *routes, const struct route_subject *subject, uint32_t *at);
void routes_fini(struct routes *routes);

/**
 * Apply a map of settings to a rule; keys that it does not name stay as they are.
 * @return 0; STRATO_ELIMIT (a text over its limit); STRATO_ESCHEMA (no map, unknown key, wrong value); with the reason.
 */
int route_read(struct strato_bytes map, struct brain_route *rule, char *ret_detail, size_t detail_bytes);
/** The pairs that route_read() takes, without a map head: what a store keeps of a rule made at run time. */
void route_write(const struct brain_route *rule, struct strato_writer *w);
uint32_t route_pairs(void);
bool route_equal(const struct brain_route *a, const struct brain_route *b);
#endif
