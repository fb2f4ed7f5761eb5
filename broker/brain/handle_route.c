/*
 * handle_route.c - admin.route.*: add, change, remove and list routing rules while messages flow.
 *
 * list: {routes: [{id, channel, type, sender, to, topic, target, action, priority, enabled, matched, dropped}]}
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>

#include "broker/brain/state.h"
#include "core/utf8.h"

static bool is_literal(const char *glob)
{
    return glob[0] && !strpbrk(glob, "*>");
}

/* What can be known now: a rule may name channels that come later. */
static int fit(struct brain *brain, const struct brain_route *rule, char *ret_detail, size_t detail_bytes)
{
    const struct channel *to = channel_find(brain, strato_text(rule->target));
    const struct channel *from = is_literal(rule->channel) ? channel_find(brain, strato_text(rule->channel)) : NULL;

    if (from && from->config.pattern == BRAIN_REQUEST && rule->action == BRAIN_ROUTE_REDIRECT) {
        snprintf(ret_detail, detail_bytes,
                 "calls are answered where they were asked: a request channel allows tee only");
        return STRATO_ECONFLICT;
    }
    if (to && to->config.pattern == BRAIN_REQUEST) {
        snprintf(ret_detail, detail_bytes, "a request channel cannot be a target: nobody would wait for the answer");
        return STRATO_ECONFLICT;
    }
    if (to && from && !route_fits(rule->action, from->config.pattern, to->config.pattern)) {
        snprintf(ret_detail, detail_bytes,
                 "redirect goes from work to work or from events to events (%s is %s, %s is %s): use tee",
                 from->config.name, settings_patterns[from->config.pattern], to->config.name,
                 settings_patterns[to->config.pattern]);
        return STRATO_ECONFLICT;
    }
    return 0;
}

int route_admit(struct brain *brain, const struct brain_route *rule, struct route **ret_route, char *ret_detail,
                size_t detail_bytes)
{
    int rc = route_check(rule, ret_detail, detail_bytes);

    if (rc == 0)
        rc = fit(brain, rule, ret_detail, detail_bytes);
    if (rc == 0)
        rc = routes_add(&brain->routes, rule, ret_route);
    if (rc == STRATO_ELIMIT && !ret_detail[0])
        snprintf(ret_detail, detail_bytes, "at most %d routing rules", ROUTES_MAX);
    return rc;
}

int route_add_or_fail(struct brain *brain, struct strato_bytes arguments, struct strato_writer *answer,
                      char *ret_detail, size_t detail_bytes)
{
    struct brain_route rule = { .is_enabled = true };
    struct route *route = NULL;
    int rc = route_read(arguments, &rule, ret_detail, detail_bytes);

    if (rc == 0)
        rc = route_admit(brain, &rule, &route, ret_detail, detail_bytes);
    if (rc == 0)
        keep_route(brain, route);
    if (rc == STRATO_EEXISTS) {
        route = routes_find(&brain->routes, strato_text(rule.id));
        rc = route_equal(&route->rule, &rule) ? 0 : STRATO_ECONFLICT; /* as wanted already: a script may run twice */
        if (rc < 0)
            snprintf(ret_detail, detail_bytes, "rule '%s' is another one: admin.route.set changes it", rule.id);
    }
    if (rc < 0)
        return rc;
    strato_writer_map(answer, 1);
    strato_writer_text(answer, "id");
    strato_writer_text(answer, route->rule.id);
    return 0;
}

/* The rule that `id` in the arguments names. */
static int named(struct brain *brain, struct strato_bytes arguments, struct brain_route *rule, struct route **ret_route,
                 char *ret_detail, size_t detail_bytes)
{
    int rc = route_read(arguments, rule, ret_detail, detail_bytes);

    if (rc < 0)
        return rc;
    *ret_route = routes_find(&brain->routes, strato_text(rule->id));
    if (*ret_route)
        return 0;
    snprintf(ret_detail, detail_bytes, "no rule '%s'; admin.route.list shows them",
             strato_utf8_is_valid(strato_text(rule->id)) ? rule->id : "?");
    return STRATO_ENO_ROUTE;
}

int route_set(struct brain *brain, struct strato_bytes arguments, char *ret_detail, size_t detail_bytes)
{
    struct brain_route rule = { 0 };
    struct route *route = NULL;
    int rc = named(brain, arguments, &rule, &route, ret_detail, detail_bytes);

    if (rc < 0)
        return rc;
    rule = route->rule;
    rc = route_read(arguments, &rule, ret_detail, detail_bytes);
    if (rc == 0)
        rc = route_check(&rule, ret_detail, detail_bytes);
    if (rc == 0)
        rc = fit(brain, &rule, ret_detail, detail_bytes);
    if (rc == 0)
        routes_set(&brain->routes, route, &rule);
    if (rc == 0 && route->kept)
        keep_route(brain, route);
    return rc;
}

int route_rm(struct brain *brain, struct strato_bytes arguments, char *ret_detail, size_t detail_bytes)
{
    struct brain_route rule = { 0 };
    struct route *route = NULL;
    int rc = named(brain, arguments, &rule, &route, ret_detail, detail_bytes);

    if (rc < 0)
        return rc;
    keep_route_gone(brain, route);
    routes_remove(&brain->routes, route);
    return rc;
}

void route_list(const struct brain *brain, struct strato_writer *answer)
{
    strato_writer_map(answer, 1);
    strato_writer_text(answer, "routes");
    strato_writer_array(answer, brain->routes.count);
    for (uint32_t i = 0; i < brain->routes.count; i++) {
        const struct route *route = brain->routes.list[i];

        strato_writer_map(answer, route_pairs() + 2);
        route_write(&route->rule, answer);
        strato_writer_text(answer, "matched");
        strato_writer_u64(answer, route->matched);
        strato_writer_text(answer, "dropped");
        strato_writer_u64(answer, route->dropped);
    }
}
