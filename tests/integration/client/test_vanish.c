/*
 * test_vanish.c - clients and brokers that go away without a word.
 *
 * SPDX-License-Identifier: MIT
 */
#include "tests/integration/client/client_fixture.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static const char *program;

/* What the child does: connect, take credit or a message, say so, and wait to be killed. */
static int be_the_victim(const char *what, const char *endpoint)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    const struct strato_consumer_options work = { .channel = "gpu" };
    strato_client *client = NULL;
    strato_consumer *consumer = NULL;
    strato_message *message = NULL;
    int rc;

    options.endpoint = endpoint;
    rc = strato_client_open(&options, &client);
    if (rc == 0 && strcmp(what, "producer") == 0) {
        for (uint64_t i = 0; i < 10 && rc == 0; i++)
            rc = client_send(client, "gpu", i, 5000);
        rc = rc ? rc : strato_flush(client, 5000);
    } else if (rc == 0) {
        rc = strato_consumer_open(client, &work, &consumer);
        rc = rc ? rc : strato_consumer_next(consumer, 5000, &message);
        rc = rc ? rc : strato_client_ping(client, 5000, NULL);
    }
    if (rc < 0 || write(STDOUT_FILENO, "!", 1) != 1)
        return 1;
    for (;;)
        pause();
}

/* fork and exec: no ZeroMQ socket survives a fork. Returns when the child is where it should be. */
static pid_t start_victim(const char *what, const char *endpoint)
{
    int out[2];
    char mark = 0;
    pid_t pid;

    assert_int_equal(pipe(out), 0);
    pid = fork();
    if (pid == 0) {
        dup2(out[1], STDOUT_FILENO);
        execl(program, program, what, endpoint, (char *)NULL);
        _exit(127);
    }
    close(out[1]);
    assert_int_equal(read(out[0], &mark, 1), 1);
    assert_int_equal(mark, '!');
    close(out[0]);
    return pid;
}

static void kill_victim(pid_t pid)
{
    int status;

    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
}

static bool nothing_is_granted(struct broker_fixture *f, void *arg)
{
    (void)arg;
    return broker_fixture_channel(f, "gpu").granted == 0;
}

static void a_killed_producer_gives_its_credit_back(void **state)
{
    struct broker_fixture f;
    strato_client *client;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    kill_victim(start_victim("producer", broker_fixture_endpoint(&f, "native@tcp")));

    broker_fixture_eventually(&f, nothing_is_granted, NULL, "the grant of the dead is free");
    client = client_new(&f, OVER_TCP);
    for (uint64_t i = 0; i < 90; i++)
        assert_int_equal(client_send(client, "gpu", i, 5000), 0);
    assert_int_equal(client_send(client, "gpu", 90, 0), STRATO_EFULL);

    strato_client_close(&client);
    broker_fixture_stop(&f);
}

static void work_of_a_killed_consumer_is_done_by_another(void **state)
{
    struct broker_fixture f;
    strato_client *client;
    strato_consumer *consumer;
    strato_message *message = NULL;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    client = client_new(&f, OVER_TCP);
    assert_int_equal(client_send(client, "gpu", 42, 5000), 0);
    assert_int_equal(strato_flush(client, 5000), 0);
    kill_victim(start_victim("consumer", broker_fixture_endpoint(&f, "native@tcp")));
    consumer = client_consume(client, "gpu", false);

    assert_int_equal(strato_consumer_next(consumer, 60000, &message), 0); /* leases wait 15 s for a resume */

    assert_int_equal(client_number(message), 42);
    assert_int_equal(strato_message_envelope(message)->attempts, 2);
    client_done(&message);
    assert_int_equal(strato_flush(client, 5000), 0);
    strato_consumer_close(&consumer);
    strato_client_close(&client);
    broker_fixture_stop(&f);
}

static void an_unreachable_broker_is_told_in_time(void **state)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    strato_client *client = NULL;

    (void)state;
    options.endpoint = "ipc:///nonexistent/strato.native.sock";
    options.connect_timeout_ms = 100;

    assert_int_equal(strato_client_open(&options, &client), STRATO_EUNREACHABLE);
    assert_null(client);
}

struct epochs {
    int disconnected, epoch, connected;
};

static void count_events(void *arg, enum strato_client_event event, int err, const char *detail)
{
    struct epochs *epochs = arg;

    (void)err;
    (void)detail;
    epochs->disconnected += event == STRATO_CLIENT_DISCONNECTED;
    epochs->epoch += event == STRATO_CLIENT_EPOCH;
    epochs->connected += event == STRATO_CLIENT_CONNECTED;
}

static void a_client_finds_a_restarted_broker_and_its_consumers_go_on(void **state)
{
    struct broker_fixture f;
    struct strato_client_options options;
    struct epochs epochs = { 0 };
    strato_client *client;
    strato_consumer *consumer;
    strato_message *message = NULL;

    (void)state;
    broker_fixture_init(&f);
    broker_fixture_start(&f);
    options = client_options(&f, OVER_IPC); /* the path stays, a free port would not */
    options.on_event = count_events;
    options.on_event_arg = &epochs;
    client = client_join(&options);
    consumer = client_consume(client, "gpu", false);

    strato_broker_destroy(&f.broker);
    while (epochs.disconnected == 0)
        strato_client_process(client, 20);
    broker_fixture_start(&f);
    while (epochs.connected < 2)
        strato_client_process(client, 20);

    assert_int_equal(epochs.epoch, 1);
    assert_int_equal(client_send(client, "gpu", 5, 20000), 0);
    assert_int_equal(strato_consumer_next(consumer, 20000, &message), 0);
    client_done(&message);
    assert_int_equal(strato_flush(client, 20000), 0);
    strato_consumer_close(&consumer);
    strato_client_close(&client);
    broker_fixture_stop(&f);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_killed_producer_gives_its_credit_back),
        cmocka_unit_test(work_of_a_killed_consumer_is_done_by_another),
        cmocka_unit_test(an_unreachable_broker_is_told_in_time),
        cmocka_unit_test(a_client_finds_a_restarted_broker_and_its_consumers_go_on),
    };

    if (argc == 3)
        return be_the_victim(argv[1], argv[2]);
    program = argv[0];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
