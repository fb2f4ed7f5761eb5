/*
 * test_endpoint.c - which addresses an edge gets.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/unit/core/lib.h"

#include "broker/net/endpoint.h"

static struct broker_config configured(const char *hosts, const char *port, const char *run_dir)
{
    static struct broker_config config;

    broker_config_init(&config);
    broker_config_set(&config, "host", hosts, NULL);
    broker_config_set(&config, "port", port, NULL);
    broker_config_set(&config, "run_dir", run_dir, NULL);
    return config;
}

static void an_edge_listens_on_every_host_the_run_directory_and_inproc(void **state)
{
    struct broker_config config = configured("127.0.0.1,::1", "8000", "/run/s");
    static const char *const expected[] = { "tcp://127.0.0.1:8001", "tcp://[::1]:8001",
                                            "ipc:///run/s/strato.pub_out.sock", "inproc://strato.pub_out" };
    char text[NET_ENDPOINT_BYTES];

    (void)state;
    assert_int_equal(net_endpoint_count(&config), 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(net_endpoint_write(&config, i, "pub_out", NET_PORT_PUB_OUT, text, sizeof text), 0);
        assert_string_equal(text, expected[i]);
    }
    strato_options_fini(&config.options);
}

static void port_zero_asks_for_any(void **state)
{
    struct broker_config config = configured("127.0.0.1", "0", "");
    char text[NET_ENDPOINT_BYTES];

    (void)state;
    assert_int_equal(net_endpoint_write(&config, 0, "native", NET_PORT_WORK, text, sizeof text), 0);
    assert_string_equal(text, "tcp://127.0.0.1:*");
    strato_options_fini(&config.options);
}

static void a_path_that_no_socket_can_have_is_refused(void **state)
{
    char long_dir[200], text[NET_ENDPOINT_BYTES];
    struct broker_config config;

    (void)state;
    memset(long_dir, 'd', sizeof long_dir - 1);
    long_dir[sizeof long_dir - 1] = '\0';
    config = configured("", "0", long_dir);
    assert_int_equal(net_endpoint_write(&config, 0, "native", 0, text, sizeof text), STRATO_ETOO_BIG);
    strato_options_fini(&config.options);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_edge_listens_on_every_host_the_run_directory_and_inproc),
        cmocka_unit_test(port_zero_asks_for_any),
        cmocka_unit_test(a_path_that_no_socket_can_have_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
