/*
 * host.c - the machine that the broker runs on: brain, store and disk; started, killed, started again.
 *
 * SPDX-License-Identifier: MIT
 */
#include <stdio.h>
#include <stdlib.h>

#include "broker/brain/journal.h"
#include "broker/store/memory.h"
#include "broker/store/sqlite.h"
#include "tests/sim/bus/bus.h"
#include "tests/sim/disk.h"

struct bus_news {
    struct bus_news *next;
    uint64_t due_us;
    enum brain_event_kind kind;
    brain_peer peer;
};

struct bus_batch {
    struct bus_batch *next;
    uint64_t commit;
    uint8_t *data;
    size_t bytes;
};

static uint64_t now_ms(const struct bus *bus)
{
    return 1000000 + bus->now_us / BUS_MS;
}

static uint64_t wall_ms(const struct bus *bus)
{
    return (uint64_t)(INT64_C(1700000000000) + (int64_t)(bus->now_us / BUS_MS) + bus->host.wall_offset_ms);
}

/* ---- actions ------------------------------------------------------------------------------------- */

static void keep_batch(struct bus *bus, struct brain_action *action)
{
    struct bus_batch *b = malloc(sizeof(*b)), **end = &bus->host.batches;

    if (!b)
        abort();
    *b = (struct bus_batch){ NULL, action->commit, action->data, action->bytes };
    action->data = NULL;
    while (*end)
        end = &(*end)->next;
    *end = b;
    if (bus->host.commit_due_us == UINT64_MAX)
        bus->host.commit_due_us =
            bus->now_us + 100 + bus_draw(bus, bus->host.disk_slow_until_us > bus->now_us ? 2000 * BUS_MS : 5 * BUS_MS);
}

/* No delivery may leave when its time is over. */
static void look_at(struct bus *bus, brain_peer peer, struct strato_bytes frame)
{
    struct strato_cursor c = strato_cursor_over(frame);
    struct strato_header h;
    struct strato_envelope e;
    struct strato_bytes skipped;

    if (strato_header_decode(&c, frame.bytes, &h) < 0)
        bus_fail(bus, "frame", "the broker sent a frame that cannot be read");
    if (h.opcode == STRATO_OP_err)
        bus_trace(bus, "broker to peer %llu: %.*s i %llu n %llu ch %.*s: %.*s", (unsigned long long)peer,
                  (int)h.name.bytes, (const char *)h.name.data, (unsigned long long)h.i, (unsigned long long)h.n,
                  (int)h.ch.bytes, (const char *)h.ch.data, (int)h.detail.bytes, (const char *)h.detail.data);
    if (h.opcode != STRATO_OP_deliver)
        return;
    for (uint64_t i = 0; i < (h.n ? h.n : 1); i++) {
        if (strato_envelope_decode(&c, &e, &skipped) < 0)
            bus_fail(bus, "frame", "the broker sent an envelope that cannot be read");
        if (e.ttl_left_ms == 0)
            bus_fail(bus, "deadline", "a message was delivered after its deadline");
        ledger_delivered(bus, h.ch, &e);
    }
}

static void act(struct bus *bus, struct brain_action *action)
{
    struct strato_bytes frame = strato_bytes(action->data, action->bytes);
    struct bus_actor *actor = action->peer > BUS_ADMIN_PEER ? link_actor(bus, action->peer) : NULL;

    switch (action->kind) {
    case BRAIN_SEND:
        if (action->peer == BUS_ADMIN_PEER)
            break;
        look_at(bus, action->peer, frame);
        if (actor)
            link_send_down(bus, actor, frame);
        break;
    case BRAIN_PROBE:
        if (actor && actor->link.is_up)
            link_send_down(bus, actor, frame);
        else
            host_news(bus, BRAIN_PEER_GONE, action->peer, (uint32_t)bus_draw(bus, 20));
        break;
    case BRAIN_COMMIT:
        keep_batch(bus, action);
        break;
    case BRAIN_LOG:
        bus_trace(bus, "broker: %.*s", (int)action->bytes, (const char *)action->data);
        break;
    default:
        break;
    }
}

static void step(struct bus *bus, struct brain_event *event)
{
    struct bus_host *host = &bus->host;

    event->wall_ms = wall_ms(bus);
    if (brain_step(host->brain, event, now_ms(bus), &host->out) < 0)
        bus_fail(bus, "memory", "brain_step failed");
    for (size_t i = 0; i < host->out.count; i++)
        act(bus, &host->out.actions[i]);
    brain_out_reset(&host->out);
}

static void assert_laws(struct bus *bus)
{
    char detail[512] = "";

    if (!brain_laws_hold(bus->host.brain, detail, sizeof(detail)))
        bus_fail(bus, "law", "%s", detail);
}

static void end_turn(struct bus *bus)
{
    step(bus, &(struct brain_event){ .kind = BRAIN_TURN_END });
    assert_laws(bus);
}

/* ---- life ---------------------------------------------------------------------------------------- */

static int restore_row(void *arg, const struct journal_entry *row)
{
    struct bus *bus = arg;
    char detail[256];
    int rc = brain_restore(bus->host.brain, row, detail, sizeof(detail));

    if (rc < 0)
        bus_fail(bus, "restore", "%s", detail);
    return 0;
}

static int ignore_row(void *arg, const struct journal_entry *row)
{
    (void)arg, (void)row;
    return 0;
}

static void power_cut(struct bus *bus)
{
    disk_cut(bus->host.disk);
    store_close(&bus->host.store); /* its handles are dead: it frees, and writes nothing */
}

/* On the disk the power may go while the log of the life before is read; then it is all done again. */
static void open_store(struct bus *bus)
{
    struct bus_host *host = &bus->host;
    struct store_findings found;
    char detail[512] = "";

    if (!host->disk) {
        if (!host->store && store_memory_open(&host->store) < 0)
            abort();
        return;
    }
    disk_trouble(host->disk, DISK_GOOD);
    disk_cut_in(host->disk, bus_draw(bus, 8) ? 0 : 1 + bus_draw(bus, 20));
    while (store_sqlite_open("d", disk_vfs(host->disk), &host->store, detail, sizeof(detail)) < 0 ||
           store_scan(host->store, ignore_row, NULL, &found) < 0 || disk_is_off(host->disk)) {
        if (!disk_is_off(host->disk))
            bus_fail(bus, "restore", "the store does not open: %s", host->store ? store_error(host->store) : detail);
        power_cut(bus);
    }
    disk_cut_in(host->disk, 0);
}

void host_start(struct bus *bus)
{
    struct bus_host *host = &bus->host;
    struct brain_channel_config configs[BUS_CHANNELS];
    struct brain_config config = { .has_store = true, .channels = configs, .channels_count = BUS_CHANNELS };
    struct store_findings found;
    char detail[512] = "";

    if (bus->on_disk && !host->disk)
        host->disk = disk_new(bus->seed);
    bus_channel_configs(configs);
    config.seed = bus->seed + host->life;
    config.epoch = wall_ms(bus) + host->life; /* two lives never have the same, whatever the clock says */
    open_store(bus);
    if (brain_open(&config, now_ms(bus), &host->brain, detail, sizeof(detail)) < 0)
        bus_fail(bus, "restore", "the broker does not start: %s", detail);
    if (store_scan(host->store, restore_row, bus, &found) < 0 || found.rows_quarantined || found.is_file_quarantined)
        bus_fail(bus, "restore", "the store is damaged: %s %s", store_error(host->store), found.detail);
    if (brain_restored(host->brain, &host->out) < 0)
        abort();
    brain_out_reset(&host->out);
    host->life++;
    host->is_up = true;
    host->commit_due_us = UINT64_MAX;
    end_turn(bus);
    bus_trace(bus, "broker life %u", host->life);
}

static void news_drop(struct bus_host *host)
{
    while (host->news) {
        struct bus_news *n = host->news;

        host->news = n->next;
        free(n);
    }
}

static void batches_drop(struct bus_host *host)
{
    while (host->batches) {
        struct bus_batch *b = host->batches;

        host->batches = b->next;
        free(b->data);
        free(b);
    }
}

static size_t gather(const struct bus_host *host, struct strato_bytes views[64], uint64_t *ret_last)
{
    size_t count = 0;

    for (const struct bus_batch *b = host->batches; b && count < 64; b = b->next) {
        views[count++] = strato_bytes(b->data, b->bytes);
        *ret_last = b->commit;
    }
    return count;
}

void host_kill(struct bus *bus, uint32_t down_ms)
{
    struct bus_host *host = &bus->host;
    struct strato_bytes views[64];
    uint64_t last = 0;

    if (!host->is_up)
        return;
    bus_trace(bus, "broker killed for %u ms", down_ms);
    /* The commit that is under way may have reached the disk without anybody having heard of it. */
    if (host->disk)
        disk_cut_in(host->disk, 1 + bus_draw(bus, 12));
    if (host->commit_due_us != UINT64_MAX && host->disk_full_until_us <= bus->now_us && bus_draw(bus, 2) &&
        store_commit(host->store, views, gather(host, views, &last)) < 0 && !host->disk)
        bus_fail(bus, "store", "%s", store_error(host->store));
    if (host->disk) {
        if (bus_draw(bus, 3) == 0) /* it was closing, and copied its log into the file */
            store_close(&host->store);
        power_cut(bus);
    }
    host_stop(bus);
    host->restart_us = bus->now_us + (uint64_t)down_ms * BUS_MS;
    host->restarts++;
    for (int i = 0; i < BUS_ACTORS; i++) {
        struct bus_actor *actor = &bus->actors[i];

        if (actor->link.is_up) {
            link_cut(bus, actor);
            if (actor->is_alive)
                strato__session_step(&actor->session, &(struct strato__step){ .kind = STRATO__STEP_DROPPED },
                                     bus->now_us + 1);
        }
    }
    news_drop(host);
}

void host_stop(struct bus *bus)
{
    struct bus_host *host = &bus->host;

    host->is_up = false;
    brain_out_fini(&host->out);
    brain_destroy(&host->brain);
    batches_drop(host);
    news_drop(host);
    host->rules = 0;
}

/* ---- events -------------------------------------------------------------------------------------- */

void host_frame(struct bus *bus, brain_peer peer, struct strato_bytes frame)
{
    step(bus,
         &(struct brain_event){ .kind = BRAIN_FRAME, .peer = peer, .data = frame, .is_local = peer == BUS_ADMIN_PEER });
}

void host_news(struct bus *bus, enum brain_event_kind kind, brain_peer peer, uint32_t in_ms)
{
    struct bus_news *n = malloc(sizeof(*n));

    if (!n)
        abort();
    *n = (struct bus_news){ bus->host.news, bus->now_us + (uint64_t)in_ms * BUS_MS, kind, peer };
    bus->host.news = n;
}

static void tell_news(struct bus *bus)
{
    struct bus_news **link = &bus->host.news, *due = NULL;

    while (*link) { /* telling may add to the list */
        struct bus_news *n = *link;

        if (n->due_us > bus->now_us) {
            link = &n->next;
            continue;
        }
        *link = n->next;
        n->next = due;
        due = n;
    }
    while (due) {
        struct bus_news *n = due;

        due = n->next;
        step(bus, &(struct brain_event){ .kind = n->kind, .peer = n->peer });
        free(n);
    }
}

/* A full disk, or one whose syncs fail, may still take what needs no room: the real store says how it went. */
static bool commit_views(struct bus *bus, const struct strato_bytes *views, size_t count)
{
    struct bus_host *host = &bus->host;
    bool is_full = host->disk_full_until_us > bus->now_us;

    if (host->disk)
        disk_trouble(host->disk, !is_full ? DISK_GOOD : bus->seed & 64 ? DISK_SYNC_FAILS : DISK_FULL);
    else if (is_full)
        return false;
    if (store_commit(host->store, views, count) == 0)
        return true;
    if (!is_full)
        bus_fail(bus, "store", "%s", store_error(host->store));
    return false;
}

static void commit(struct bus *bus)
{
    struct bus_host *host = &bus->host;
    struct strato_bytes views[64];
    uint64_t last = 0;
    size_t count = gather(host, views, &last);

    if (!commit_views(bus, views, count)) {
        host->commit_due_us = bus->now_us + 300 * BUS_MS;
        step(bus, &(struct brain_event){ .kind = BRAIN_STORE_FAILED, .data = strato_text("the disk is full") });
        return;
    }
    host->commits++;
    for (size_t i = 0; i < count; i++) {
        struct bus_batch *b = host->batches;

        host->batches = b->next;
        free(b->data);
        free(b);
    }
    host->commit_due_us = host->batches ? bus->now_us + 100 + bus_draw(bus, 5 * BUS_MS) : UINT64_MAX;
    step(bus, &(struct brain_event){ .kind = BRAIN_STORED, .commit = last });
}

void host_step(struct bus *bus)
{
    struct bus_host *host = &bus->host;

    if (!host->is_up && host->restart_us <= bus->now_us)
        host_start(bus);
    if (!host->is_up)
        return;
    tell_news(bus);
    if (host->commit_due_us <= bus->now_us)
        commit(bus);
    if (brain_next_timer_ms(host->brain) <= now_ms(bus))
        step(bus, &(struct brain_event){ .kind = BRAIN_TICK });
    end_turn(bus);
}

uint64_t host_next_us(const struct bus *bus)
{
    const struct bus_host *host = &bus->host;
    uint64_t next = host->commit_due_us, timer;

    if (!host->is_up)
        return host->restart_us;
    for (const struct bus_news *n = host->news; n; n = n->next)
        next = n->due_us < next ? n->due_us : next;
    timer = brain_next_timer_ms(host->brain);
    if (timer != UINT64_MAX && timer > 1000000 && (timer - 1000000) * BUS_MS < next)
        next = (timer - 1000000) * BUS_MS;
    return next;
}

void host_admin(struct bus *bus, const char *operation, const char *channel, const char *const *pairs, size_t count)
{
    struct strato_writer w = { 0 }, payload = { 0 };
    struct strato_header_writer hw;
    struct strato_envelope_out e = { .type = "admin" };

    if (!bus->host.is_up)
        return;
    strato_header_begin(&hw, &w, operation);
    if (channel)
        strato_header_str(&hw, "ch", strato_text(channel));
    strato_header_u64(&hw, "rq", 1);
    strato_header_end(&hw);
    strato_writer_map(&payload, (uint32_t)(count / 2));
    for (size_t i = 0; i < count; i += 2) {
        strato_writer_text(&payload, pairs[i]);
        if (strcmp(pairs[i + 1], "true") == 0)
            strato_writer_bool(&payload, true);
        else
            strato_writer_text(&payload, pairs[i + 1]);
    }
    e.payload = strato_writer_view(&payload);
    strato_envelope_encode(&e, &w);
    host_frame(bus, BUS_ADMIN_PEER, strato_writer_view(&w));
    strato_writer_fini(&w);
    strato_writer_fini(&payload);
}

bool host_is_empty(struct bus *bus, char *text, size_t bytes)
{
    struct brain_channel_stats s;
    size_t at = 0;

    if (!bus->host.is_up || bus->host.batches)
        return false;
    while (brain_channel_stats_next(bus->host.brain, &at, &s)) {
        if (s.pattern == BRAIN_EVENTS || s.ready + s.leased + s.delayed == 0)
            continue;
        snprintf(text, bytes, "channel %s: ready %llu, leased %llu, delayed %llu, granted %llu, consumers %u", s.name,
                 (unsigned long long)s.ready, (unsigned long long)s.leased, (unsigned long long)s.delayed,
                 (unsigned long long)s.granted, s.consumers);
        return false;
    }
    return true;
}
