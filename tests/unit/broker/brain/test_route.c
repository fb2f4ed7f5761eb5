/*
 * test_route.c - which rules match, in which order, and which are refused.
 *
 * SPDX-License-Identifier: MIT
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "broker/brain/route.h"

static struct brain_route rule(const char *id, uint32_t priority)
{
    struct brain_route r = { .target = "there", .priority = priority, .is_enabled = true };

    snprintf(r.id, sizeof(r.id), "%s", id);
    return r;
}

static struct route *add(struct routes *routes, const char *id, uint32_t priority)
{
    struct brain_route r = rule(id, priority);
    struct route *route = NULL;

    assert_int_equal(routes_add(routes, &r, &route), 0);
    return route;
}

static const struct route_subject any = { .channel = { (const uint8_t *)"jobs", 4 } };

/* The ids in the order of the walk, one letter each. */
static const char *walk(const struct routes *routes, const struct route_subject *subject)
{
    static char ids[64];
    const struct route *route;
    uint32_t at = 0;
    size_t used = 0;

    while ((route = routes_next(routes, subject, &at)) != NULL)
        ids[used++] = route->rule.id[0];
    ids[used] = '\0';
    return ids;
}

static void rules_are_walked_by_priority_and_among_equals_as_they_came(void **state)
{
    struct routes routes = { 0 };

    (void)state;
    add(&routes, "c", 5);
    add(&routes, "a", 9);
    add(&routes, "d", 5);
    add(&routes, "f", 0);
    add(&routes, "b", 9);
    add(&routes, "e", 5);
    assert_string_equal(walk(&routes, &any), "abcdef");
    routes_fini(&routes);
}

static void a_rule_keeps_its_place_unless_its_priority_changes(void **state)
{
    struct routes routes = { 0 };
    struct route *a = add(&routes, "a", 5);
    struct brain_route changed;

    (void)state;
    add(&routes, "b", 5);
    add(&routes, "c", 1);
    changed = rule("a", 5);
    strcpy(changed.target, "elsewhere");
    routes_set(&routes, a, &changed);
    assert_string_equal(walk(&routes, &any), "abc");
    changed.priority = 1;
    routes_set(&routes, a, &changed);
    assert_string_equal(walk(&routes, &any), "bca");
    routes_remove(&routes, routes_find(&routes, strato_text("c")));
    assert_string_equal(walk(&routes, &any), "ba");
    routes_fini(&routes);
}

static void a_disabled_rule_is_passed_over(void **state)
{
    struct routes routes = { 0 };

    (void)state;
    add(&routes, "a", 5);
    add(&routes, "b", 4)->rule.is_enabled = false;
    add(&routes, "c", 3);
    assert_string_equal(walk(&routes, &any), "ac");
    routes_fini(&routes);
}

static void filters_match_as_said(void **state)
{
    static const struct {
        const char *channel, *type, *sender, *to, *topic; /* filters */
        bool matches;
    } cases[] = {
        { "", "", "", "", "", true },
        { "jobs", "job.add", "local/a17", "", "eu.de.berlin", true },
        { "j*", "", "", "", "", false }, /* a star inside a segment is itself */
        { "*", "job.*", "*", "", "eu.>", true },
        { "other", "", "", "", "", false },
        { "", "job.add", "", "", "", true },
        { "", "job", "", "", "", false },
        { "", "", "a17", "", "", true }, /* the agent alone */
        { "", "", "local", "", "", false },
        { "", "", "", "", "eu.*", false },
        { "", "", "", "", "eu.*.berlin", true },
        { "", "", "", "", ">", true },
        { "", "", "", ">", "", false }, /* a set filter never matches what is not there */
        { "", "", "", "*", "", false },
    };
    const struct route_subject subject = { .channel = strato_text("jobs"),
                                           .type = strato_text("job.add"),
                                           .sender = strato_text("local/a17"),
                                           .topic = strato_text("eu.de.berlin") };

    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct brain_route r = rule("x", 0);

        strcpy(r.channel, cases[i].channel);
        strcpy(r.type, cases[i].type);
        strcpy(r.sender, cases[i].sender);
        strcpy(r.to, cases[i].to);
        strcpy(r.topic, cases[i].topic);
        if (route_matches(&r, &subject) != cases[i].matches)
            fail_msg("case %zu", i);
    }
}

static void the_1025th_rule_is_refused(void **state)
{
    struct routes routes = { 0 };
    struct brain_route r = rule("", 0);

    (void)state;
    for (int i = 0; i < ROUTES_MAX; i++)
        assert_int_equal(routes_add(&routes, &r, NULL), 0);
    assert_int_equal(routes_add(&routes, &r, NULL), STRATO_ELIMIT);
    assert_non_null(routes_find(&routes, strato_text("r1024")));
    routes_remove(&routes, routes_find(&routes, strato_text("r7")));
    assert_int_equal(routes_add(&routes, &r, NULL), 0);
    routes_fini(&routes);
}

static void an_id_is_given_once(void **state)
{
    struct routes routes = { 0 };
    struct brain_route r = rule("", 0);
    struct route *route;

    (void)state;
    add(&routes, "r1", 0);
    assert_int_equal(routes_add(&routes, &r, &route), 0);
    assert_string_equal(route->rule.id, "r2");
    strcpy(r.id, "r2");
    assert_int_equal(routes_add(&routes, &r, NULL), STRATO_EEXISTS);
    routes_fini(&routes);
}

static void what_targets_may_be(void **state)
{
    (void)state;
    assert_true(route_fits(BRAIN_ROUTE_TEE, BRAIN_WORK, BRAIN_EVENTS));
    assert_true(route_fits(BRAIN_ROUTE_TEE, BRAIN_EVENTS, BRAIN_WORK));
    assert_true(route_fits(BRAIN_ROUTE_TEE, BRAIN_REQUEST, BRAIN_WORK));
    assert_true(route_fits(BRAIN_ROUTE_REDIRECT, BRAIN_WORK, BRAIN_WORK));
    assert_true(route_fits(BRAIN_ROUTE_REDIRECT, BRAIN_EVENTS, BRAIN_EVENTS));
    assert_false(route_fits(BRAIN_ROUTE_REDIRECT, BRAIN_WORK, BRAIN_EVENTS));
    assert_false(route_fits(BRAIN_ROUTE_REDIRECT, BRAIN_EVENTS, BRAIN_WORK));
    assert_false(route_fits(BRAIN_ROUTE_TEE, BRAIN_WORK, BRAIN_REQUEST));
    assert_false(route_fits(BRAIN_ROUTE_REDIRECT, BRAIN_REQUEST, BRAIN_REQUEST));
}

static void a_rule_is_read_back_as_it_was_written(void **state)
{
    struct brain_route r = rule("audit", 200), back = { 0 };
    struct strato_writer w = { 0 };
    char detail[256] = "";

    (void)state;
    strcpy(r.topic, "orders.>");
    strcpy(r.sender, "local/*");
    r.action = BRAIN_ROUTE_REDIRECT;
    strato_writer_map(&w, route_pairs());
    route_write(&r, &w);
    assert_int_equal(route_read(strato_writer_view(&w), &back, detail, sizeof(detail)), 0);
    assert_true(route_equal(&r, &back));
    back.priority++;
    assert_false(route_equal(&r, &back));
    strato_writer_fini(&w);
}

/* One key with a text of so many bytes. */
static int read_text(const char *key, const void *text, size_t bytes, struct brain_route *r)
{
    struct strato_writer w = { 0 };
    char detail[256] = "";
    int rc;

    strato_writer_map(&w, 1);
    strato_writer_text(&w, key);
    strato_writer_str(&w, strato_bytes(text, bytes));
    rc = route_read(strato_writer_view(&w), r, detail, sizeof(detail));
    if (rc == 0)
        rc = route_check(r, detail, sizeof(detail));
    assert_int_equal(rc < 0, detail[0] != '\0');
    strato_writer_fini(&w);
    return rc;
}

static void hostile_rules_are_refused_by_name(void **state)
{
    char longest[202];
    struct brain_route r;

    (void)state;
    memset(longest, 'a', sizeof(longest));
    r = rule("x", 0);
    assert_int_equal(read_text("topic", longest, 200, &r), 0);
    r = rule("x", 0);
    assert_int_equal(read_text("topic", longest, 201, &r), STRATO_ELIMIT);
    r = rule("x", 0);
    assert_int_equal(read_text("topic", "\xff\xfe", 2, &r), STRATO_ESCHEMA);
    r = rule("x", 0);
    assert_int_equal(read_text("topic", "a\0b", 3, &r), STRATO_ESCHEMA);
    r = rule("x", 0);
    assert_int_equal(read_text("topic", "a..b", 4, &r), STRATO_ESCHEMA);
    r = rule("x", 0);
    assert_int_equal(read_text("topic", ">.a", 3, &r), STRATO_ESCHEMA);
    r = rule("x", 0);
    assert_int_equal(read_text("target", "", 0, &r), STRATO_ESCHEMA);
    r = rule("x", 0);
    assert_int_equal(read_text("target", "@", 1, &r), STRATO_ESCHEMA);
    r = rule("x", 0);
    assert_int_equal(read_text("target", "a.>", 3, &r), STRATO_ESCHEMA);
    r = rule("x", 0);
    assert_int_equal(read_text("channel", "there", 5, &r), STRATO_ESCHEMA); /* to itself */
    r = rule("x", 0);
    assert_int_equal(read_text("action", "copy", 4, &r), STRATO_ESCHEMA);
    r = rule("x", 0);
    assert_int_equal(read_text("priority", "9", 1, &r), STRATO_ESCHEMA);
    r = rule("x", 0);
    assert_int_equal(read_text("colour", "red", 3, &r), STRATO_ESCHEMA);
}

/* Every cut and every flipped byte of a good map ends in an answer. */
static void damaged_maps_are_judged_without_harm(void **state)
{
    struct brain_route r = rule("audit", 200);
    struct strato_writer w = { 0 };
    char detail[256];

    (void)state;
    strcpy(r.topic, "orders.>");
    strato_writer_map(&w, route_pairs());
    route_write(&r, &w);
    for (size_t cut = 0; cut < w.bytes; cut++) {
        uint8_t *copy = malloc(cut + 1);
        struct brain_route back = { 0 };

        memcpy(copy, w.data, cut);
        assert_true(route_read(strato_bytes(copy, cut), &back, detail, sizeof(detail)) < 0);
        free(copy);
    }
    for (size_t at = 0; at < w.bytes; at++) {
        for (unsigned bit = 0; bit < 8; bit++) {
            struct brain_route back = { 0 };

            w.data[at] ^= (uint8_t)(1U << bit);
            if (route_read(strato_writer_view(&w), &back, detail, sizeof(detail)) == 0)
                route_check(&back, detail, sizeof(detail));
            w.data[at] ^= (uint8_t)(1U << bit);
        }
    }
    strato_writer_fini(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_are_walked_by_priority_and_among_equals_as_they_came),
        cmocka_unit_test(a_rule_keeps_its_place_unless_its_priority_changes),
        cmocka_unit_test(a_disabled_rule_is_passed_over),
        cmocka_unit_test(filters_match_as_said),
        cmocka_unit_test(the_1025th_rule_is_refused),
        cmocka_unit_test(an_id_is_given_once),
        cmocka_unit_test(what_targets_may_be),
        cmocka_unit_test(a_rule_is_read_back_as_it_was_written),
        cmocka_unit_test(hostile_rules_are_refused_by_name),
        cmocka_unit_test(damaged_maps_are_judged_without_harm),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
