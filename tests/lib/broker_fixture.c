/*
 * broker_fixture.c - start, ask, stop.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/lib/broker_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void show_line(void *arg, enum strato_log_level level, const char *component, const char *text)
{
    (void)arg;
    fprintf(stderr, "[%s %s] %s\n", strato_log_level_name(level), component, text);
}

static void configure(struct broker_fixture *f, const char *key, const char *text)
{
    struct strato_option_error e;

    if (broker_config_set(&f->config, key, text, &e) != 0)
        fail_msg("%s: %s", key, e.text);
}

void broker_fixture_init(struct broker_fixture *f)
{
    memset(f, 0, sizeof *f);
    assert_int_equal(broker_config_init(&f->config), 0);
    snprintf(f->run_dir, sizeof f->run_dir, "/tmp/strato-test-XXXXXX");
    assert_non_null(mkdtemp(f->run_dir));
    configure(f, "port", "0");
    configure(f, "run_dir", f->run_dir);
    configure(f, "services", "");
    configure(f, "connections", "256"); /* so that a small descriptor limit is no obstacle */
    if (getenv("STRATO_TEST_LOG"))
        f->config.log_fn = show_line;
}

void broker_fixture_start(struct broker_fixture *f)
{
    int rc = strato_broker_new(&f->config, &f->broker, f->detail, sizeof f->detail);

    if (rc < 0)
        fail_msg("the broker did not start: %s (%s)", f->detail, strato_err_name(rc));
}

static void remove_run_dir(struct broker_fixture *f)
{
    char command[96];

    /* Sockets only; libzmq leaves those behind whose broker was stopped without an unbind. */
    snprintf(command, sizeof command, "rm -f %s/*.sock", f->run_dir);
    if (system(command) == 0)
        rmdir(f->run_dir);
}

void broker_fixture_stop(struct broker_fixture *f)
{
    if (f->broker)
        broker_fixture_assert_laws(f);
    strato_broker_destroy(&f->broker);
    broker_config_fini(&f->config);
    remove_run_dir(f);
}

const char *broker_fixture_endpoint(struct broker_fixture *f, const char *edge)
{
    const char *endpoint = strato_broker_endpoint(f->broker, edge);

    if (!endpoint)
        fail_msg("edge %s is off", edge);
    return endpoint;
}

struct laws {
    bool hold;
    char detail[512];
};

static void judge(void *arg, const struct brain *brain)
{
    struct laws *laws = arg;

    laws->hold = brain_laws_hold(brain, laws->detail, sizeof laws->detail);
}

void broker_fixture_assert_laws(struct broker_fixture *f)
{
    struct laws laws = { 0 };

    strato_broker_inspect(f->broker, judge, &laws);
    if (!laws.hold)
        fail_msg("a law is broken: %s", laws.detail);
}

struct search {
    const char *name;
    bool is_found;
    struct brain_channel_stats stats;
};

static void search_channel(void *arg, const struct brain *brain)
{
    struct search *search = arg;
    struct brain_channel_stats stats;
    size_t at = 0;

    while (brain_channel_stats_next(brain, &at, &stats))
        if (strcmp(stats.name, search->name) == 0) {
            search->is_found = true;
            search->stats = stats;
        }
}

struct brain_channel_stats broker_fixture_channel(struct broker_fixture *f, const char *channel)
{
    struct search search = { .name = channel };

    strato_broker_inspect(f->broker, search_channel, &search);
    if (!search.is_found)
        fail_msg("no channel %s", channel);
    search.stats.name = NULL;
    return search.stats;
}

void broker_fixture_eventually(struct broker_fixture *f, bool (*claim)(struct broker_fixture *f, void *arg), void *arg,
                               const char *what)
{
    /* Between two looks the broker gets the processor; how many looks it takes is not judged. */
    for (int waited_ms = 0; !claim(f, arg); waited_ms += 2) {
        struct timespec pause = { .tv_nsec = 2000000 };

        if (waited_ms > BROKER_FIXTURE_PATIENCE_MS)
            fail_msg("never came true: %s", what);
        nanosleep(&pause, NULL);
    }
}

int broker_fixture_setup(void **state)
{
    static const char *const jobs[] = { "name", "jobs", "pattern", "work", "capacity", "100", NULL };
    struct broker_fixture *f = calloc(1, sizeof *f);

    if (!f)
        return -1;
    *state = f;
    broker_fixture_init(f);
    assert_int_equal(broker_config_add_channel(&f->config, jobs, NULL), 0);
    configure(f, "push_pull", "evolution,jobs");
    broker_fixture_start(f);
    return 0;
}

int broker_fixture_teardown(void **state)
{
    broker_fixture_stop(*state);
    free(*state);
    return 0;
}
