/*
 * test_config.c - what stratod accepts in its configuration, and how it says no.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/config.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

struct fixture {
    struct broker_config config;
    struct strato_option_error e;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    *state = f;
    return broker_config_init(&f->config);
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    broker_config_fini(&f->config);
    free(f);
    return 0;
}

static int read_text(struct fixture *f, const char *text)
{
    char path[] = "/tmp/strato-config-XXXXXX";
    int fd = mkstemp(path);
    int rc;

    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
    rc = broker_config_read(&f->config, path, &f->e);
    unlink(path);
    return rc;
}

static void the_defaults_fit_together(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(broker_config_check(&f->config, &f->e), 0);
    assert_int_equal(f->config.port, 7700);
    assert_string_equal(f->config.hosts.items[0], "127.0.0.1");
    assert_string_equal(f->config.push_pull.items[0], "evolution");
}

static void channels_take_their_defaults_from_the_pattern(void **state)
{
    struct fixture *f = *state;
    struct brain_config brain;
    struct brain_channel_config *channels;

    assert_int_equal(read_text(f, "channels:\n"
                                  "  - {name: jobs, capacity: 5, ttl: 10m, prefetch: 3, sticky: yes}\n"
                                  "  - {name: ask.me, pattern: request}\n"
                                  "  - {name: news, pattern: events, full: drop_newest, ack: no}\n"),
                     0);
    assert_int_equal(broker_config_brain(&f->config, &brain, &channels), 0);
    assert_int_equal(brain.channels_count, 3);
    assert_string_equal(channels[0].name, "jobs");
    assert_int_equal(channels[0].pattern, BRAIN_WORK);
    assert_int_equal(channels[0].full, BRAIN_FULL_WAIT);
    assert_int_equal(channels[0].capacity, 5);
    assert_int_equal(channels[0].ttl_ms, 600000);
    assert_int_equal(channels[0].consumer_prefetch, 3);
    assert_true(channels[0].ack);
    assert_true(channels[0].is_sticky);
    assert_int_equal(channels[1].full, BRAIN_FULL_REJECT);
    assert_int_equal(channels[1].ttl_ms, 30000);
    assert_int_equal(channels[2].full, BRAIN_FULL_DROP_NEWEST);
    assert_false(channels[2].ack);
    free(channels);
}

static void routes_are_read_in_their_order(void **state)
{
    struct fixture *f = *state;
    struct brain_config brain;
    struct brain_channel_config *channels;

    assert_int_equal(read_text(f, "routes:\n"
                                  "  - {id: copies, channel: jobs, target: audit}\n"
                                  "  - {topic: 'a.>', target: '@a17', action: redirect, priority: 9, enabled: no}\n"),
                     0);
    assert_int_equal(broker_config_brain(&f->config, &brain, &channels), 0);
    assert_int_equal(brain.routes_count, 2);
    assert_string_equal(brain.routes[0].id, "copies");
    assert_string_equal(brain.routes[0].channel, "jobs");
    assert_int_equal(brain.routes[0].action, BRAIN_ROUTE_TEE);
    assert_true(brain.routes[0].is_enabled);
    assert_string_equal(brain.routes[1].target, "@a17");
    assert_int_equal(brain.routes[1].action, BRAIN_ROUTE_REDIRECT);
    assert_int_equal(brain.routes[1].priority, 9);
    assert_false(brain.routes[1].is_enabled);
    free(channels);
}

static void a_file_with_a_mistake_is_refused_with_its_place(void **state)
{
    static const char *const wrong[][2] = {
        { "prot: 7700\n", ":1:1: unknown key \"prot\" (did you mean port?)" },
        { "chanels: []\n", "did you mean channels?" },
        { "channels:\n  - {name: jobs, patern: work}\n", ":2:18: unknown key \"patern\" (did you mean pattern" },
        { "channels:\n  - {name: jobs, capacity: 0}\n", ":2:28: capacity wants a whole number from 1" },
        { "channels:\n  - {capacity: 3}\n", ":2:5: a channel needs a name" },
        { "channels:\n  - {name: \"a b\"}\n", "a channel needs a name of letters" },
        { "channels:\n  - {name: \"@joe\"}\n", "a channel needs a name of letters" },
        { "routes: [jobs]\n", "a rule is a map" },
        { "routes: {target: jobs}\n", "routes is a list" },
        { "routes:\n  - {target: jobs, topik: a}\n", ":2:20: unknown key \"topik\" (did you mean topic" },
        { "routes:\n  - {target: jobs, priority: 256}\n", "priority wants a whole number" },
        { "routes:\n  - {target: jobs, topic: a..b}\n", ":2:5: `topic`: a glob has no empty segment" },
        { "routes:\n  - {topic: a}\n", ":2:5: `target` names one channel" },
        { "channels: {name: jobs}\n", "channels is a list" },
        { "channels: [jobs]\n", "a channel is a map" },
        { "max_message: 100MiB\n", "from 64KiB to 64MiB" },
        { "config: other.yaml\n", "unknown key" },
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(read_text(f, wrong[i][0]), STRATO_ECONFIG);
        if (!strstr(f->e.text, wrong[i][1]))
            fail_msg("%s lacks %s", f->e.text, wrong[i][1]);
    }
}

static void settings_that_do_not_fit_together_are_refused(void **state)
{
    static const char *const wrong[][3] = {
        { "host", "0.0.0.0", "--insecure" },
        { "host", "192.168.1.1", "--insecure" },
        { "host", "::", "--insecure" },
        { "push_pull", "gpu", "gpu has no push/pull edge" },
        { "push_pull", "evoluton", "did you mean evolution?" },
        { "push_pull", "cost", "no work channel" },
        { "push_pull", "evolution,evolution", "stands twice" },
        { "memory", "1MiB", "memory is below max_message" },
    };

    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct fixture f;

        (void)state;
        assert_int_equal(broker_config_init(&f.config), 0);
        assert_int_equal(broker_config_set(&f.config, wrong[i][0], wrong[i][1], &f.e), 0);
        assert_int_equal(broker_config_check(&f.config, &f.e), STRATO_ECONFIG);
        if (!strstr(f.e.text, wrong[i][2]))
            fail_msg("%s lacks %s", f.e.text, wrong[i][2]);
        broker_config_fini(&f.config);
    }
}

static void keys_open_other_hosts_and_need_the_brokers_own(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(broker_config_set(&f->config, "host", "0.0.0.0", &f->e), 0);
    assert_int_equal(broker_config_set(&f->config, "keys", "keys.yaml", &f->e), 0);
    assert_int_equal(broker_config_check(&f->config, &f->e), STRATO_ECONFIG);
    assert_non_null(strstr(f->e.text, "keys needs server_key"));
    assert_int_equal(broker_config_set(&f->config, "server_key", "stratod.key", &f->e), 0);
    assert_int_equal(broker_config_check(&f->config, &f->e), 0);
    assert_int_equal(broker_config_set(&f->config, "host", "127.0.0.1", &f->e), 0);
    assert_int_equal(broker_config_set(&f->config, "keys", "", &f->e), 0);
    assert_int_equal(broker_config_check(&f->config, &f->e), STRATO_ECONFIG);
    assert_non_null(strstr(f->e.text, "server_key needs keys"));
}

static void insecure_opens_other_hosts(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(broker_config_set(&f->config, "host", "0.0.0.0", &f->e), 0);
    assert_int_equal(broker_config_set(&f->config, "insecure", "yes", &f->e), 0);
    assert_int_equal(broker_config_check(&f->config, &f->e), 0);
}

static void a_channel_is_declared_once(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_text(f, "channels: [{name: a}, {name: a}]\n"), 0);
    assert_int_equal(broker_config_check(&f->config, &f->e), STRATO_ECONFIG);
    assert_non_null(strstr(f->e.text, "declared twice"));
}

static void durable_needs_a_data_directory(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_text(f, "channels: [{name: a, durable: yes}]\n"), 0);
    assert_int_equal(broker_config_check(&f->config, &f->e), STRATO_ECONFIG);
    assert_non_null(strstr(f->e.text, "data directory"));
    assert_int_equal(read_text(f, "data: /somewhere\n"), 0);
    assert_int_equal(broker_config_check(&f->config, &f->e), 0);
}

static void user_channels_have_edge_numbers_from_eight(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(read_text(f, "channels: [{name: a}, {name: b}]\npush_pull: [b]\n"), 0);
    assert_int_equal(broker_config_check(&f->config, &f->e), 0);
    assert_int_equal(broker_config_edge_number(&f->config, "evolution"), 1);
    assert_int_equal(broker_config_edge_number(&f->config, "b"), 9);
    assert_int_equal(broker_config_edge_number(&f->config, "c"), -1);
}

static void a_drop_in_directory_is_read_in_name_order(void **state)
{
    struct fixture *f = *state;
    char directory[] = "/tmp/strato-dropin-XXXXXX", path[64];
    static const char *const files[][2] = { { "20.yaml", "port: 20\n" },
                                            { "10.yaml", "port: 10\nspin_us: 5\n" },
                                            { "note.txt", "{" } };

    assert_non_null(mkdtemp(directory));
    for (size_t i = 0; i < 3; i++) {
        FILE *file;

        snprintf(path, sizeof path, "%s/%s", directory, files[i][0]);
        file = fopen(path, "w");
        fputs(files[i][1], file);
        fclose(file);
    }
    assert_int_equal(broker_config_read_dir(&f->config, directory, &f->e), 0);
    assert_int_equal(f->config.port, 20);
    assert_int_equal(f->config.spin_us, 5);
    for (size_t i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/%s", directory, files[i][0]);
        unlink(path);
    }
    rmdir(directory);
    assert_int_equal(broker_config_read_dir(&f->config, directory, &f->e), 0);
}

static void loopback_is_told_from_the_world(void **state)
{
    (void)state;
    assert_true(broker_host_is_loopback("127.0.0.1"));
    assert_true(broker_host_is_loopback("127.9.9.9"));
    assert_true(broker_host_is_loopback("::1"));
    assert_true(broker_host_is_loopback("localhost"));
    assert_false(broker_host_is_loopback("0.0.0.0"));
    assert_false(broker_host_is_loopback("*"));
    assert_false(broker_host_is_loopback("128.0.0.1"));
    assert_false(broker_host_is_loopback("localhost.example.org"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_defaults_fit_together, setup, teardown),
        cmocka_unit_test_setup_teardown(channels_take_their_defaults_from_the_pattern, setup, teardown),
        cmocka_unit_test_setup_teardown(routes_are_read_in_their_order, setup, teardown),
        cmocka_unit_test_setup_teardown(a_file_with_a_mistake_is_refused_with_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_that_do_not_fit_together_are_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(keys_open_other_hosts_and_need_the_brokers_own, setup, teardown),
        cmocka_unit_test_setup_teardown(insecure_opens_other_hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(a_channel_is_declared_once, setup, teardown),
        cmocka_unit_test_setup_teardown(durable_needs_a_data_directory, setup, teardown),
        cmocka_unit_test_setup_teardown(user_channels_have_edge_numbers_from_eight, setup, teardown),
        cmocka_unit_test_setup_teardown(a_drop_in_directory_is_read_in_name_order, setup, teardown),
        cmocka_unit_test(loopback_is_told_from_the_world),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
