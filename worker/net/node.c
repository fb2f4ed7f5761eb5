/*
 * node.c - see node.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/net/node.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "bindings/c/include/stratoswarm.h"
#include "core/oracle/oracle.h"
#include "schemas/events.h"
#include "worker/device/opencl.h"
#include "worker/device/sim.h"
#include "worker/net/clock.h"
#include "worker/tasks/engine.h"

enum {
    GPU_PREFETCH = 100,   /* for sessions bound to this worker: a stream pipelines */
    GPU_SPREAD_MAX = 1,   /* for work that any worker may take */
    FITNESS_PREFETCH = 2, /* one runs, one waits: a slow worker does not hoard batches */
    BURST = 32,           /* messages of one channel before the other has its turn */
    TICK_MS = 1000,
    CONNECT_MS = 2000, /* short: a worker that is told to stop meanwhile waits for it */
    RETRY_MS = 1000,   /* between attempts to connect, and to open a channel that is not there yet */
    CAPS_MAX = 24,
    CAP_BYTES = 80,
};

enum { GPU, FITNESS, CHANNELS };
static const char *const channel_names[CHANNELS] = { "gpu", "fitness" };

struct node {
    struct node_options options;
    struct device *device;
    struct tasks *tasks;
    strato_client *client;
    strato_consumer *consumers[CHANNELS];
    uint64_t retry_ms[CHANNELS]; /* when to try to open it again */
    uint64_t tick_ms;            /* when the next tick is due */
    int stop_fd;
    atomic_bool is_stopped;
    char detail[DEVICE_DETAIL_BYTES];
    struct node_counters counters;
    struct strato_log_limit limit;
};

int node_new(const struct node_options *options, struct node **ret_node)
{
    struct node *node = calloc(1, sizeof(*node));

    if (!node)
        return STRATO_ENOMEM;
    node->options = *options;
    node->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (node->stop_fd < 0) {
        free(node);
        return STRATO_ENOMEM;
    }
    *ret_node = node;
    return 0;
}

void node_destroy(struct node **node)
{
    if (!*node)
        return;
    close((*node)->stop_fd);
    free(*node);
    *node = NULL;
}

void node_stop(struct node *node)
{
    const uint64_t one = 1;

    atomic_store(&node->is_stopped, true);
    if (write(node->stop_fd, &one, sizeof(one)) < 0)
        return; /* the counter is full: it is readable already */
}

const char *node_detail(const struct node *node)
{
    return node->detail;
}

const struct node_counters *node_counters(const struct node *node)
{
    return &node->counters;
}

/** Wait, but no longer than until somebody stops the node. */
static void node_sleep(struct node *node, int ms)
{
    struct pollfd fd = { .fd = node->stop_fd, .events = POLLIN };

    poll(&fd, 1, ms);
}

/* ---- device -------------------------------------------------------------------------------------- */

static int open_device(struct node *node)
{
    struct tasks_options options = TASKS_OPTIONS_DEFAULTS;
    uint64_t most;
    int rc = node->options.device == NODE_SIM
                 ? sim_open(&node->device)
                 : opencl_open((uint32_t)node->options.device, &node->device, node->detail);

    if (rc < 0)
        return rc;
    most = node->device->info.memory_bytes / 10 * 9;
    options.pool_bytes = node->options.pool_bytes < most ? node->options.pool_bytes : most;
    options.session_idle_ms = node->options.session_idle_ms;
    /* A GPU keeps a kernel within its own memory; a CPU device runs it as native code of this process. */
    options.is_source_allowed = node->options.is_unsafe || node->device->info.class_of != DEVICE_CPU;
    options.worker = node->options.name;
    node->tasks = tasks_new(node->device, &options);
    return node->tasks ? 0 : STRATO_ENOMEM;
}

static void say_device(struct node *node)
{
    struct strato_log_line line;

    if (!log_begin(node->options.log, &line, STRATO_LOG_INFO, "device open"))
        return;
    strato_log_u64(&line, "device", node->device->info.number);
    strato_log_text(&line, "name", node->device->info.name);
    strato_log_text(&line, "platform", node->device->info.platform);
    strato_log_text(&line, "class", device_class_name(node->device->info.class_of));
    strato_log_u64(&line, "pool_bytes", node->options.pool_bytes);
    log_end(&line);
}

/* ---- session ------------------------------------------------------------------------------------- */

/** Called on the client's thread. */
static void on_client_event(void *arg, enum strato_client_event event, int err, const char *detail)
{
    static const char *const names[] = { "connected",        "session resumed", "broker lost, reconnecting",
                                         "new broker epoch", "broker drains",   "message refused" };
    const struct node *node = arg;
    struct strato_log_line line;

    if (!log_begin(node->options.log, &line, event == STRATO_CLIENT_REFUSED ? STRATO_LOG_WARN : STRATO_LOG_INFO,
                   names[event]))
        return;
    strato_log_text(&line, "worker", node->options.name);
    if (err < 0)
        strato_log_text(&line, "error", strato_err_name(err));
    if (detail && *detail)
        strato_log_text(&line, "detail", detail);
    log_end(&line);
}

/** gpu, device:CLASS, engine where the device breeds, and fitness:CAPABILITY for each problem; those of one family are neighbours. */
static uint32_t list_caps(const struct node *node, char texts[CAPS_MAX][CAP_BYTES], const char *caps[CAPS_MAX])
{
    uint32_t problems_count, count = 0;
    const struct strato_problem *problems = strato_problems(&problems_count);

    snprintf(texts[count++], CAP_BYTES, "gpu");
    snprintf(texts[count++], CAP_BYTES, "device:%s", device_class_name(node->device->info.class_of));
    for (uint32_t i = 0; i < problems_count && count < CAPS_MAX; i++) {
        const char *capability = strato_problem_capability(&problems[i]);

        if (i > 0 && strcmp(capability, strato_problem_capability(&problems[i - 1])) == 0)
            continue; /* one for the whole family */
        snprintf(texts[count++], CAP_BYTES, "fitness:%s", capability);
    }
    if (engine_is_offered(node->device) && count < CAPS_MAX)
        snprintf(texts[count++], CAP_BYTES, "engine");
    for (uint32_t i = 0; i < count; i++)
        caps[i] = texts[i];
    return count;
}

static bool is_worth_retrying(int err)
{
    return err == STRATO_EUNREACHABLE || err == STRATO_ETIMEOUT || err == STRATO_EDRAINING ||
           strato_err_retry(err) == 'y';
}

static int connect_broker(struct node *node)
{
    struct strato_client_options options = STRATO_CLIENT_OPTIONS_DEFAULTS;
    char texts[CAPS_MAX][CAP_BYTES];
    const char *caps[CAPS_MAX];
    int rc;

    options.endpoint = node->options.broker;
    options.zmq_context = node->options.zmq_context;
    options.key_file = node->options.key && *node->options.key ? node->options.key : NULL;
    options.server_key = node->options.server_key && *node->options.server_key ? node->options.server_key : NULL;
    options.agent = node->options.name;
    options.kind = "worker";
    options.caps_count = list_caps(node, texts, caps);
    options.caps = caps;
    options.hb_ms = node->options.hb_ms;
    options.connect_timeout_ms = CONNECT_MS;
    options.own_thread = true;
    options.on_event = on_client_event;
    options.on_event_arg = node;
    while (!atomic_load(&node->is_stopped)) {
        rc = strato_client_open(&options, &node->client);
        if (rc == 0)
            return 0;
        snprintf(node->detail, sizeof(node->detail), "broker %.120s: %s", node->options.broker, strato_strerror(rc));
        if (!is_worth_retrying(rc))
            return rc;
        log_line(node->options.log, STRATO_LOG_WARN, "broker not reached, trying again", "detail", node->detail);
        node_sleep(node, RETRY_MS);
    }
    return STRATO_EINTERRUPTED;
}

/** Open what is not open. `fitness` exists once an evolution service has declared it. */
static int open_consumers(struct node *node, uint64_t now_ms)
{
    for (unsigned i = 0; i < CHANNELS; i++) {
        struct strato_consumer_options options = { .channel = channel_names[i] };
        int rc;

        if (node->consumers[i] || now_ms < node->retry_ms[i])
            continue;
        options.prefetch = i == GPU ? GPU_PREFETCH : FITNESS_PREFETCH;
        options.spread_max = i == GPU ? GPU_SPREAD_MAX : 0;
        rc = strato_consumer_open(node->client, &options, &node->consumers[i]);
        if (rc == 0) {
            log_line(node->options.log, STRATO_LOG_INFO, "taking work", "channel", channel_names[i]);
            continue;
        }
        node->retry_ms[i] = now_ms + RETRY_MS;
        if (rc != STRATO_ENO_CHANNEL && !is_worth_retrying(rc)) {
            snprintf(node->detail, sizeof(node->detail), "channel %s: %s: %.120s", channel_names[i],
                     strato_strerror(rc), strato_client_detail(node->client));
            return rc;
        }
    }
    return 0;
}

/* ---- one message --------------------------------------------------------------------------------- */

static void publish(struct node *node, const struct task_result *result)
{
    for (uint32_t i = 0; i < result->events_count; i++) {
        const struct task_event *event = &result->events[i];
        struct strato_send send = {
            .channel = "events",
            .envelope = { .type = event->type, .topic = event->topic, .payload = strato_writer_view(&event->payload) }
        };

        if (strato_writer_error(&event->payload) == 0 && strato_send(node->client, &send, 0) == 0)
            node->counters.events++;
        else
            node->counters.events_dropped++;
    }
}

/** A put has nobody to answer: its failure becomes an event, and Synchronize reports it. */
static void publish_failure(struct node *node, const struct task_result *result)
{
    struct strato_events_error message = STRATO_EVENTS_ERROR_DEFAULTS;
    struct strato_writer payload = { 0 };
    struct strato_send send = { .channel = "events", .envelope = { .type = STRATO_TYPE_EVENTS_ERROR } };
    char topic[TASK_TOPIC_BYTES], text[160];

    snprintf(topic, sizeof(topic), "events.error.%s", node->options.name);
    snprintf(text, sizeof(text), "%s failed: synchronize the stream for the cause", result->type);
    message.timestamp = clock_wall_ms();
    message.message = strato_text(text);
    message.source = strato_text(node->options.name);
    strato_events_error_encode(&message, &payload);
    send.envelope.topic = topic;
    send.envelope.payload = strato_writer_view(&payload);
    if (strato_writer_error(&payload) == 0 && strato_send(node->client, &send, 0) == 0)
        node->counters.events++;
    else
        node->counters.events_dropped++;
    strato_writer_fini(&payload);
}

static int reply(struct node *node, strato_message *message, struct task_result *result)
{
    struct strato_attachment attachments[TASK_FRAMES_MAX];
    struct strato_send send = { .channel = strato_message_channel(message),
                                .envelope = { .type = result->type, .payload = strato_writer_view(&result->payload) },
                                .attachments = attachments,
                                .attachments_count = result->frames_count };
    int rc;

    for (uint32_t i = 0; i < result->frames_count; i++)
        attachments[i] = (struct strato_attachment){ .data = result->frames[i].data, .bytes = result->frames[i].bytes };
    rc = strato_message_reply(message, &send, false);
    node->counters.replies += rc == 0;
    return rc;
}

static void settle(struct node *node, strato_message *message, struct task_result *result)
{
    int rc;

    if (strato_message_envelope(message)->call) {
        rc = reply(node, message, result);
    } else {
        rc = strato_message_ack(message);
        if (result->is_failed)
            publish_failure(node, result);
    }
    node->counters.failures += result->is_failed;
    if (rc == 0)
        return;
    node->counters.settle_errors++;
    if (strato_log_limit_allows(&node->limit, (uint64_t)-rc, clock_now_ms(), 5000, &(uint64_t){ 0 }))
        log_line(node->options.log, STRATO_LOG_WARN, "answer not taken", "error", strato_err_name(rc));
}

static void run_message(struct node *node, strato_message *message)
{
    const struct strato_envelope *e = strato_message_envelope(message);
    struct strato_bytes frames[STRATO_ATTACHMENTS_MAX];
    struct task_result result;
    struct task task = { .type = e->type,
                         .payload = e->payload,
                         .sender = e->sender,
                         .affinity = e->affinity,
                         .sequence = e->seq,
                         .frames = frames,
                         .now_ms = clock_now_ms(),
                         .wall_ms = clock_wall_ms() };

    task.frames_count = strato_message_attachments(message);
    for (uint32_t i = 0; i < task.frames_count; i++)
        frames[i] = strato_message_attachment(message, i);
    node->counters.messages++;
    if (tasks_run(node->tasks, &task, &result) == 0) {
        settle(node, message, &result);
        publish(node, &result);
    } /* else: no memory even for an error; destroying the message gives it back */
    task_result_fini(&result);
}

/** A consumer that the broker ended, or forgot over a restart, is opened anew when its channel is there again. */
static void drop_consumer(struct node *node, unsigned channel, int err)
{
    struct strato_log_line line;

    strato_consumer_close(&node->consumers[channel]);
    node->retry_ms[channel] = clock_now_ms() + RETRY_MS;
    if (!log_begin(node->options.log, &line, STRATO_LOG_WARN, "no more work from channel"))
        return;
    strato_log_text(&line, "channel", channel_names[channel]);
    strato_log_text(&line, "error", strato_err_name(err));
    log_end(&line);
}

/** @return whether there may be more. */
static bool run_burst(struct node *node, unsigned channel)
{
    for (unsigned i = 0; i < BURST && !atomic_load(&node->is_stopped); i++) {
        strato_message *message = NULL;
        int rc = node->consumers[channel] ? strato_consumer_next(node->consumers[channel], 0, &message) : STRATO_EEMPTY;

        if (rc < 0 && rc != STRATO_EEMPTY && rc != STRATO_ETIMEOUT)
            drop_consumer(node, channel, rc);
        if (rc < 0)
            return false;
        run_message(node, message);
        strato_message_destroy(&message);
    }
    return !atomic_load(&node->is_stopped);
}

/* ---- loop ---------------------------------------------------------------------------------------- */

static void tick(struct node *node, uint64_t now_ms)
{
    struct task_result result;

    if (now_ms < node->tick_ms)
        return;
    node->tick_ms = now_ms + TICK_MS;
    if (tasks_tick(node->tasks, now_ms, clock_wall_ms(), &result) == 0 && strato_client_is_connected(node->client))
        publish(node, &result);
    task_result_fini(&result);
}

static void wait_for_work(struct node *node, uint64_t now_ms)
{
    struct pollfd fds[2] = { { .fd = strato_client_fd(node->client), .events = POLLIN },
                             { .fd = node->stop_fd, .events = POLLIN } };

    poll(fds, 2, node->tick_ms > now_ms ? (int)(node->tick_ms - now_ms) : 0);
}

static int serve(struct node *node)
{
    int rc = 0;

    while (rc == 0 && !atomic_load(&node->is_stopped)) {
        uint64_t now_ms = clock_now_ms();
        bool has_more;

        tick(node, now_ms);
        rc = open_consumers(node, now_ms);
        if (rc < 0)
            break;
        has_more = run_burst(node, GPU);
        has_more = run_burst(node, FITNESS) || has_more;
        if (!has_more && strato_client_process(node->client, 0) == 0)
            wait_for_work(node, clock_now_ms());
        rc = strato_client_process(node->client, 0);
        rc = rc > 0 ? 0 : rc;
    }
    if (rc < 0 && node->detail[0] == '\0')
        snprintf(node->detail, sizeof(node->detail), "session ended: %s: %.120s", strato_strerror(rc),
                 strato_client_detail(node->client));
    return rc;
}

static void say_goodbye(struct node *node)
{
    struct strato_log_line line;

    if (!log_begin(node->options.log, &line, STRATO_LOG_INFO, "stopped"))
        return;
    strato_log_text(&line, "worker", node->options.name);
    strato_log_u64(&line, "messages", node->counters.messages);
    strato_log_u64(&line, "failures", node->counters.failures);
    strato_log_u64(&line, "events_dropped", node->counters.events_dropped);
    log_end(&line);
}

int node_run(struct node *node)
{
    int rc = open_device(node);

    if (rc < 0)
        goto out;
    say_device(node);
    rc = connect_broker(node);
    if (rc < 0)
        goto out;
    node->detail[0] = '\0';
    rc = serve(node);
    for (unsigned i = 0; i < CHANNELS; i++)
        strato_consumer_close(&node->consumers[i]);
    strato_client_close(&node->client);
    say_goodbye(node);
out:
    tasks_destroy(&node->tasks);
    device_close(&node->device);
    return atomic_load(&node->is_stopped) ? 0 : rc;
}
