/*
 * metrics.c - a snapshot as Prometheus text.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/http/metrics.h"

#include "broker/http/json.h"
#include "core/cursor.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* ---- columns of a channel ------------------------------------------------------------------------- */

#define COLUMNS(X)                                                                                                     \
    X("accepted", "messages_accepted_total", "counter", "Messages that got a sequence number.")                        \
    X("settled", "messages_settled_total", "counter", "Messages that were acknowledged or answered.")                  \
    X("expired", "messages_expired_total", "counter", "Messages whose time ran out.")                                  \
    X("dead_lettered", "messages_deadlettered_total", "counter", "Messages that went to the dead letters.")            \
    X("delivered", "messages_delivered_total", "counter", "Deliveries to consumers, repeated ones included.")          \
    X("redelivered", "messages_redelivered_total", "counter", "Deliveries that were not a message's first.")           \
    X("no_subscriber", "messages_without_subscriber_total", "counter", "Events that nobody subscribed to.")            \
    X("replies_late", "replies_late_total", "counter", "Replies that came after their call had ended.")                \
    X("dlq_evicted", "dead_letters_evicted_total", "counter", "Dead letters that made room for newer ones.")           \
    X("ready", "messages_ready", "gauge", "Messages that wait for a consumer.")                                        \
    X("leased", "messages_leased", "gauge", "Messages that a consumer holds.")                                         \
    X("delayed", "messages_delayed", "gauge", "Messages whose time has not come.")                                     \
    X("granted", "channel_granted_messages", "gauge", "Credit that producers hold.")                                   \
    X("capacity", "channel_capacity_messages", "gauge", "The bound: ready, leased, delayed and granted.")              \
    X("bytes", "channel_held_bytes", "gauge", "Bytes of the messages held.")                                           \
    X("granted_bytes", "channel_granted_bytes", "gauge", "Credit in bytes that producers hold.")                       \
    X("capacity_bytes", "channel_capacity_bytes", "gauge", "The bound in bytes.")                                      \
    X("dlq_size", "dead_letters", "gauge", "Dead letters kept.")                                                       \
    X("producers", "channel_producers", "gauge", "Open producers.")                                                    \
    X("consumers", "channel_consumers", "gauge", "Open consumers.")

struct metric {
    const char *key, *name, *type, *help;
};

#define X(key, name, type, help) { key, name, type, help },
static const struct metric columns[] = { COLUMNS(X) };
#undef X
enum { COLUMNS_COUNT = sizeof columns / sizeof columns[0] };

/** Counts by a short name: reasons or codes. */
struct named {
    struct strato_bytes names[METRICS_NAMES_MAX];
    uint64_t values[METRICS_NAMES_MAX];
    uint32_t count;
};

struct row {
    struct strato_bytes channel;
    uint64_t values[COLUMNS_COUNT];
    struct named dropped, refused;
};

struct table {
    struct row *rows; /* METRICS_CHANNELS_MAX, then mailboxes, then others */
    uint32_t count;
    uint64_t capped;
    bool has_mailboxes, has_others;
};

static int add_named(struct named *to, struct strato_bytes name, uint64_t value)
{
    uint32_t i = 0;

    while (i < to->count && !strato_bytes_equal(to->names[i], name))
        i++;
    if (i == METRICS_NAMES_MAX) /* reasons and codes are closed lists far below this */
        return STRATO_ECODEC;
    if (i == to->count) {
        to->names[i] = name;
        to->values[i] = 0;
        to->count++;
    }
    to->values[i] += value;
    return 0;
}

static int read_named(struct strato_cursor *c, struct named *to)
{
    uint32_t pairs;
    int rc = strato_cursor_map(c, METRICS_NAMES_MAX, &pairs);

    for (uint32_t i = 0; i < pairs && rc == 0; i++) {
        struct strato_bytes name;
        uint64_t value = 0;

        rc = strato_cursor_str(c, SIZE_MAX, &name);
        rc = rc ? rc : strato_cursor_u64(c, UINT64_MAX, &value);
        rc = rc ? rc : add_named(to, name, value);
    }
    return rc;
}

static int read_column(struct strato_cursor *c, struct strato_bytes key, struct row *to)
{
    uint64_t value;
    int rc;

    for (int i = 0; i < COLUMNS_COUNT; i++) {
        if (!strato_bytes_equal(key, strato_text(columns[i].key)))
            continue;
        rc = strato_cursor_u64(c, UINT64_MAX, &value);
        if (rc == 0)
            to->values[i] += value;
        return rc;
    }
    return strato_cursor_skip(c); /* name, pattern */
}

/* Which row a channel's figures go to. */
static struct row *row_of(struct table *t, struct strato_bytes name)
{
    bool is_called_other =
        strato_bytes_equal(name, strato_text("other")); /* a user's; its series must not stand twice */

    if (name.bytes > 0 && name.data[0] == '@') {
        t->has_mailboxes = true;
        return &t->rows[METRICS_CHANNELS_MAX];
    }
    if (t->count < METRICS_CHANNELS_MAX && !is_called_other) {
        t->rows[t->count].channel = name;
        return &t->rows[t->count++];
    }
    t->has_others = true;
    t->capped += !is_called_other;
    return &t->rows[METRICS_CHANNELS_MAX + 1];
}

static int read_channel(struct table *t, struct strato_cursor *c)
{
    struct strato_cursor look = *c;
    struct strato_bytes name;
    struct row *to;
    uint32_t pairs;
    int rc;

    if (!report_find(&look, "name"))
        return STRATO_ECODEC;
    rc = strato_cursor_str(&look, SIZE_MAX, &name);
    rc = rc ? rc : strato_cursor_map(c, UINT32_MAX, &pairs);
    if (rc < 0)
        return rc;
    to = row_of(t, name);
    for (uint32_t i = 0; i < pairs && rc == 0; i++) {
        struct strato_bytes key;

        rc = strato_cursor_str(c, SIZE_MAX, &key);
        if (rc == 0 && strato_bytes_equal(key, strato_text("dropped")))
            rc = read_named(c, &to->dropped);
        else if (rc == 0 && strato_bytes_equal(key, strato_text("refused")))
            rc = read_named(c, &to->refused);
        else if (rc == 0)
            rc = read_column(c, key, to);
    }
    return rc;
}

static int read_table(struct table *t, struct strato_bytes stats)
{
    struct strato_cursor c = strato_cursor_over(stats);
    uint32_t channels = 0;
    int rc;

    t->rows = calloc(METRICS_CHANNELS_MAX + 2, sizeof *t->rows);
    if (!t->rows)
        return STRATO_ENOMEM;
    t->rows[METRICS_CHANNELS_MAX].channel = strato_text("@");
    t->rows[METRICS_CHANNELS_MAX + 1].channel = strato_text("other");
    if (!report_find(&c, "channels"))
        return STRATO_ECODEC;
    rc = strato_cursor_array(&c, UINT32_MAX, &channels);
    for (uint32_t i = 0; i < channels && rc == 0; i++)
        rc = read_channel(t, &c);
    return rc;
}

/* ---- writing -------------------------------------------------------------------------------------- */

static void head(struct strato_writer *to, const char *name, const char *type, const char *help)
{
    http_text_add(to, "# HELP strato_%s %s\n# TYPE strato_%s %s\n", name, help, name, type);
}

static void single(struct strato_writer *to, const char *name, const char *type, const char *help, uint64_t value)
{
    head(to, name, type, help);
    http_text_add(to, "strato_%s %" PRIu64 "\n", name, value);
}

/* Names are UTF-8 without control characters; a quote or a backslash they may hold. */
static void label(struct strato_writer *to, const char *name, struct strato_bytes value)
{
    http_text_add(to, "%s=", name);
    http_json_add_string(to, value);
}

static struct row *next_row(const struct table *t, uint32_t *at)
{
    uint32_t i = *at;

    if (i >= t->count && i < METRICS_CHANNELS_MAX)
        i = METRICS_CHANNELS_MAX;
    if (i == METRICS_CHANNELS_MAX && !t->has_mailboxes)
        i++;
    if (i > METRICS_CHANNELS_MAX + 1 || (i == METRICS_CHANNELS_MAX + 1 && !t->has_others))
        return NULL;
    *at = i + 1;
    return &t->rows[i];
}

static void write_columns(const struct table *t, struct strato_writer *to)
{
    for (int k = 0; k < COLUMNS_COUNT; k++) {
        const struct row *row;
        uint32_t at = 0;

        head(to, columns[k].name, columns[k].type, columns[k].help);
        while ((row = next_row(t, &at)) != NULL) {
            http_text_add(to, "strato_%s{", columns[k].name);
            label(to, "channel", row->channel);
            http_text_add(to, "} %" PRIu64 "\n", row->values[k]);
        }
    }
}

static void write_named(const struct table *t, bool is_dropped, struct strato_writer *to)
{
    const char *name = is_dropped ? "messages_dropped_total" : "messages_refused_total";
    const struct row *row;
    uint32_t at = 0;

    head(to, name, "counter",
         is_dropped ? "Accepted messages that were dropped, by reason." : "Messages that never got in, by error code.");
    while ((row = next_row(t, &at)) != NULL) {
        const struct named *n = is_dropped ? &row->dropped : &row->refused;

        for (uint32_t i = 0; i < n->count; i++) {
            http_text_add(to, "strato_%s{", name);
            label(to, "channel", row->channel);
            http_text_add(to, ",");
            label(to, is_dropped ? "reason" : "code", n->names[i]);
            http_text_add(to, "} %" PRIu64 "\n", n->values[i]);
        }
    }
}

static bool find_number(struct strato_bytes map, const char *outer, const char *key, uint64_t *ret)
{
    struct strato_cursor c = strato_cursor_over(map);
    struct strato_token t;

    if ((outer && !report_find(&c, outer)) || !report_find(&c, key) || strato_cursor_next(&c, &t) < 0)
        return false;
    if (t.kind != STRATO_KIND_UINT && t.kind != STRATO_KIND_BOOL)
        return false;
    *ret = t.kind == STRATO_KIND_BOOL ? t.b : t.u;
    return true;
}

static void write_totals(struct strato_bytes stats, struct strato_writer *to)
{
    static const struct {
        const char *outer;
        struct metric metric;
    } totals[] = {
        { NULL, { "sessions", "sessions", "gauge", "Sessions, suspect and detached ones included." } },
        { NULL, { "memory_bytes", "memory_bytes", "gauge", "Memory of the messages and books of the broker." } },
        { NULL,
          { "violations", "law_violations_total", "counter", "Turns after which a channel broke a law: a bug." } },
        { NULL, { "unroutable", "messages_unroutable_total", "counter", "Messages for which there is no channel." } },
        { NULL, { "receipts_dropped", "receipts_dropped_total", "counter", "Receipts that had no room." } },
        { NULL, { "key_strangers", "key_strangers_total", "counter", "Frames of keys that are not let in any more." } },
        { NULL, { "key_over_rate", "key_over_rate_total", "counter", "Messages over the rate of their key." } },
        { NULL, { "key_over_connections", "key_over_connections_total", "counter", "Connections over their key's." } },
        { "store", { "failing", "store_failing", "gauge", "1 while the store takes no batches." } },
        { "store", { "commits", "store_commits_total", "counter", "Batches handed to the store." } },
        { "store", { "commits_synced", "store_commits_synced_total", "counter", "Batches that are on disk." } },
        { "store", { "bytes_waiting", "store_waiting_bytes", "gauge", "Bytes that are not on disk yet." } },
        { "store", { "failures", "store_failures_total", "counter", "Times that the store failed." } },
    };
    uint64_t value;

    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        const struct metric *m = &totals[i].metric;

        if (find_number(stats, totals[i].outer, m->key, &value))
            single(to, m->name, m->type, m->help, value);
    }
}

static void write_shell(const struct strato_broker_stats *s, struct strato_writer *to)
{
    head(to, "connections", "gauge", "Connections of the edges, by state.");
    http_text_add(to, "strato_connections{state=\"open\"} %" PRIu64 "\n", s->connections_open - s->connections_silent);
    http_text_add(to, "strato_connections{state=\"silent\"} %" PRIu64 "\n", s->connections_silent);
    single(to, "connections_accepted_total", "counter", "Connections of the native edge.", s->connected);
    single(to, "connections_closed_total", "counter", "Connections of the native edge that ended.", s->disconnected);
    single(to, "handshakes_failed_total", "counter", "Garbage, other protocols, strangers.", s->handshakes_failed);
    head(to, "connections_ended_total", "counter", "Connections that the broker ended, by cause.");
    http_text_add(to, "strato_connections_ended_total{cause=\"full\"} %" PRIu64 "\n", s->turned_away_full);
    http_text_add(to, "strato_connections_ended_total{cause=\"descriptors\"} %" PRIu64 "\n", s->turned_away);
    http_text_add(to, "strato_connections_ended_total{cause=\"silent\"} %" PRIu64 "\n", s->silent_ended);
    http_text_add(to, "strato_connections_ended_total{cause=\"key\"} %" PRIu64 "\n", s->cut);
    http_text_add(to, "strato_connections_ended_total{cause=\"outbox\"} %" PRIu64 "\n", s->outbox_overflows);
    head(to, "keys_judged_total", "counter", "Handshakes judged by the keys file, by verdict.");
    http_text_add(to, "strato_keys_judged_total{verdict=\"admitted\"} %" PRIu64 "\n", s->keys_admitted);
    http_text_add(to, "strato_keys_judged_total{verdict=\"unknown\"} %" PRIu64 "\n", s->keys_unknown);
    http_text_add(to, "strato_keys_judged_total{verdict=\"without_right\"} %" PRIu64 "\n", s->keys_without_right);
    http_text_add(to, "strato_keys_judged_total{verdict=\"malformed\"} %" PRIu64 "\n", s->keys_malformed);
    single(to, "peers", "gauge", "Peers known.", s->peers);
    single(to, "peers_stuck_total", "counter", "Times that a peer did not read.", s->stuck);
    single(to, "peers_gone_total", "counter", "Peers that were found dead.", s->gone);
    single(to, "turns_total", "counter", "Turns of the core loop.", s->turns);
}

static void write_lag(const struct snapshot *snapshot, struct strato_writer *to)
{
    uint64_t sum = 0;

    head(to, "event_loop_lag_seconds", "histogram",
         "How long the core thread took to answer a question between turns.");
    for (int i = 0; i < SNAPSHOT_LAG_BUCKETS; i++) {
        sum += snapshot->lag_counts[i];
        if (i < SNAPSHOT_LAG_BUCKETS - 1)
            http_text_add(to, "strato_event_loop_lag_seconds_bucket{le=\"%g\"} %" PRIu64 "\n", snapshot_lag_bounds[i],
                          sum);
        else
            http_text_add(to, "strato_event_loop_lag_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", sum);
    }
    http_text_add(to, "strato_event_loop_lag_seconds_sum %.6f\nstrato_event_loop_lag_seconds_count %" PRIu64 "\n",
                  snapshot->lag_sum_s, sum);
}

static void write_http(const struct http_counts *counts, struct strato_writer *to)
{
    head(to, "http_responses_total", "counter", "Answers of this door, by status.");
    for (int i = 0; i < HTTP_STATUS_KINDS; i++)
        http_text_add(to, "strato_http_responses_total{code=\"%u\"} %" PRIu64 "\n", http_status_codes[i],
                      atomic_load(&counts->responses[i]));
    single(to, "http_connections_accepted_total", "counter", "Connections of this door.",
           atomic_load(&counts->accepted));
    single(to, "http_connections", "gauge", "Open connections of this door.", atomic_load(&counts->open));
    head(to, "http_connections_ended_total", "counter", "Connections that this door ended, by cause.");
    http_text_add(to, "strato_http_connections_ended_total{cause=\"slow\"} %" PRIu64 "\n",
                  atomic_load(&counts->ended_slow));
    http_text_add(to, "strato_http_connections_ended_total{cause=\"room\"} %" PRIu64 "\n",
                  atomic_load(&counts->ended_for_room));
}

static uint64_t resident_bytes(void)
{
    unsigned long long size, resident = 0;
    FILE *f = fopen("/proc/self/statm", "re");

    if (f && fscanf(f, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return (uint64_t)resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / 1e6;
}

/* The names that every Prometheus client uses, without our prefix. */
static void write_process(struct strato_writer *to)
{
    struct rusage used;

    getrusage(RUSAGE_SELF, &used);
    http_text_add(to,
                  "# HELP process_cpu_seconds_total User and system time.\n# TYPE process_cpu_seconds_total counter\n");
    http_text_add(to, "process_cpu_seconds_total %.6f\n", seconds_of(used.ru_utime) + seconds_of(used.ru_stime));
    http_text_add(
        to, "# HELP process_resident_memory_bytes Resident memory.\n# TYPE process_resident_memory_bytes gauge\n");
    http_text_add(to, "process_resident_memory_bytes %" PRIu64 "\n", resident_bytes());
}

int metrics_write(const struct snapshot *snapshot, const struct http_counts *counts, bool is_draining,
                  struct strato_writer *to)
{
    struct strato_bytes stats = strato_writer_view(&snapshot->reports[BRAIN_REPORT_STATS]);
    struct table table = { 0 };
    int rc = read_table(&table, stats);

    if (rc == 0) {
        head(to, "build_info", "gauge", "1; the label tells which build this is.");
        http_text_add(to, "strato_build_info{version=\"%s\"} 1\n", STRATO_VERSION);
        write_columns(&table, to);
        write_named(&table, true, to);
        write_named(&table, false, to);
        single(to, "series_capped_channels", "gauge", "Channels that are summed up as channel=\"other\".",
               table.capped);
        write_totals(stats, to);
        write_shell(&snapshot->shell, to);
        write_lag(snapshot, to);
        single(to, "draining", "gauge", "1 while the broker drains.", is_draining);
        head(to, "snapshot_age_seconds", "gauge", "How old these figures are; above a second the core is stuck.");
        http_text_add(to, "strato_snapshot_age_seconds %.3f\n",
                      (double)(snapshot_clock_ms() - snapshot->taken_ms) / 1000);
        write_http(counts, to);
        write_process(to);
        rc = strato_writer_error(to);
    }
    free(table.rows);
    return rc;
}
