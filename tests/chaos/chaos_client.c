/*
 * chaos_client.c - a client that will be killed: it writes down what it is about to do before it does it.
 *
 * usage: chaos_client send|take ENDPOINT CHANNEL LEDGER NAME
 *
 * `send` offers messages with ids NAME-0, NAME-1, ... without end and offers each again under the same id until
 * it is confirmed; `take` takes and acknowledges. Both go on until SIGTERM. The ledger is opened for append and
 * every line is one write, so a kill -9 loses no line. Lines: `s ID` about to be offered; `c ID EPOCH` confirmed by the
 * broker of that epoch (0: it changed meanwhile); `r ID DELIVERIES MS` received; `k ID EPOCH MS` its settling was recorded. MS is the
 * machine's monotonic clock, the same for all clients: for `r` it is read after the message came, for `k` after the answer did.
 * What the lines mean together is judged by ledger.py. Where the broker asks for keys, STRATO_KEY and STRATO_SERVER_KEY name
 * the files, as for strato.
 *
 * SPDX-License-Identifier: MIT
 */
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stratoswarm.h"

enum { BATCH = 16, LINE_BYTES = 160, WAIT_MS = 1000, RETRY_US = 10000 };

static volatile sig_atomic_t is_over;

static void on_term(int number)
{
    (void)number;
    is_over = 1;
}

static void note(int ledger, const char *format, ...)
{
    char line[LINE_BYTES];
    va_list arguments;
    int bytes;

    va_start(arguments, format);
    bytes = vsnprintf(line, sizeof line, format, arguments);
    va_end(arguments);
    if (write(ledger, line, (size_t)bytes) != bytes) {
        perror("ledger");
        exit(4);
    }
}

static uint64_t now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static int offer(strato_client *client, const char *channel, const char *id, bool is_confirmed)
{
    struct strato_send put = { .channel = channel, .envelope = { .type = "chaos.message", .id = strato_text(id) } };

    return is_confirmed ? strato_send_confirmed(client, &put, WAIT_MS) : strato_send(client, &put, WAIT_MS);
}

/* Again until the broker says that it has it. A broker that is away or full is no reason to give up. */
static void insist(strato_client *client, const char *channel, int ledger, const char *id)
{
    while (!is_over) {
        uint64_t epoch = strato_client_epoch(client);

        if (offer(client, channel, id, true) == 0) {
            note(ledger, "c %s %" PRIu64 "\n", id, epoch == strato_client_epoch(client) ? epoch : 0);
            return;
        }
        usleep(RETRY_US); /* not to wait for something: not to burn the processor that the broker needs to come back */
    }
}

static void send_batch(strato_client *client, const char *channel, int ledger, const char *name, uint64_t first)
{
    char ids[BATCH][64];
    uint64_t epoch = strato_client_epoch(client);
    int sent = 0;
    bool is_whole;

    for (int i = 0; i < BATCH; i++) {
        snprintf(ids[i], sizeof ids[i], "%s-%" PRIu64, name, first + (uint64_t)i);
        note(ledger, "s %s\n", ids[i]);
        if (sent == i && offer(client, channel, ids[i], false) == 0)
            sent++;
    }
    is_whole = strato_flush(client, WAIT_MS) == 0 && epoch == strato_client_epoch(client);
    for (int i = 0; i < BATCH; i++) {
        if (is_whole && i < sent)
            note(ledger, "c %s %" PRIu64 "\n", ids[i], epoch);
        else
            insist(client, channel, ledger, ids[i]);
    }
}

static void send_all(strato_client *client, const char *channel, int ledger, const char *name)
{
    for (uint64_t first = 0; !is_over; first += BATCH)
        send_batch(client, channel, ledger, name, first);
}

static int take_all(strato_client *client, const char *channel, int ledger)
{
    const struct strato_consumer_options options = { .channel = channel, .prefetch = BATCH };
    strato_consumer *consumer = NULL;
    strato_message *message = NULL;
    int rc;

    do
        rc = strato_consumer_open(client, &options, &consumer);
    while (rc < 0 && !is_over);
    while (!is_over) {
        const struct strato_envelope *e;
        uint64_t epoch;

        rc = strato_consumer_next(consumer, WAIT_MS, &message);
        if (rc < 0)
            continue; /* nothing came, or the broker is away */
        e = strato_message_envelope(message);
        note(ledger, "r %.*s %u %" PRIu64 "\n", (int)e->id.bytes.bytes, (const char *)e->id.bytes.data,
             (unsigned)e->deliveries, now_ms());
        epoch = strato_client_epoch(client);
        if (strato_message_ack(message) == 0 && strato_flush(client, WAIT_MS) == 0 &&
            epoch == strato_client_epoch(client))
            note(ledger, "k %.*s %" PRIu64 " %" PRIu64 "\n", (int)e->id.bytes.bytes, (const char *)e->id.bytes.data,
                 epoch, now_ms());
        strato_message_destroy(&message);
    }
    strato_consumer_close(&consumer);
    return 0;
}

int main(int argc, char **argv)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    const struct sigaction term = { .sa_handler = on_term };
    strato_client *client = NULL;
    int ledger, rc;

    if (argc != 6) {
        fprintf(stderr, "usage: chaos_client send|take ENDPOINT CHANNEL LEDGER NAME\n");
        return 2;
    }
    sigaction(SIGTERM, &term, NULL);
    ledger = open(argv[4], O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    options.endpoint = argv[2];
    options.hb_ms = 1000; /* the shortest: a stopped client is found out in seconds */
    options.connect_timeout_ms = 20000;
    options.reconnect_max_ms = 500;
    options.own_thread = true;
    options.key_file = getenv("STRATO_KEY");
    options.server_key = getenv("STRATO_SERVER_KEY");
    rc = ledger < 0 ? STRATO_EIO : strato_client_open(&options, &client);
    if (rc < 0) {
        fprintf(stderr, "chaos_client: %s\n", strato_strerror(rc));
        return 1;
    }
    if (strcmp(argv[1], "send") == 0)
        send_all(client, argv[3], ledger, argv[5]);
    else
        rc = take_all(client, argv[3], ledger);
    strato_client_close(&client);
    return rc == 0 ? 0 : 1;
}
