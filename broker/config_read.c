/*
 * config_read.c - the YAML file: plain keys by the option table, `channels:` and `routes:` by tables of their own.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/config.h"

#include "broker/brain/channel.h"

#include "broker/config_route.h"
#include "core/option_yaml.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>

#define AT(field) STRATO_OPTION_AT(struct broker_channel, field)

/* What 0 means is decided by the pattern (semantics.md section 3). */
static const struct strato_option channel_rows[] = {
    { .name = "name", AT(name), .kind = STRATO_OPTION_STRING, .value = "NAME", .doc = "Name, at most 128 bytes." },
    { .name = "pattern",
      AT(pattern),
      .kind = STRATO_OPTION_ENUM,
      .choices = "events|request|work",
      .initial = "work",
      .doc = "Fan-out, one service answers, or one worker takes." },
    { .name = "full",
      AT(full),
      .kind = STRATO_OPTION_ENUM,
      .choices = "default|wait|reject|drop_oldest|drop_newest",
      .initial = "default",
      .doc = "What happens at the bound; by default work waits, requests are rejected, events drop the oldest." },
    { .name = "ack",
      AT(ack),
      .kind = STRATO_OPTION_ENUM,
      .choices = "default|no|yes",
      .initial = "default",
      .doc = "Messages need settling; default yes, but for events." },
    { .name = "sticky",
      AT(is_sticky),
      .kind = STRATO_OPTION_FLAG,
      .doc = "One producer's messages go to one consumer." },
    { .name = "tally", AT(has_tally), .kind = STRATO_OPTION_FLAG, .doc = "Count by topic and by sender." },
    { .name = "durable",
      AT(is_durable),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Its messages survive a restart (needs data)." },
    { .name = "capacity",
      AT(capacity),
      .kind = STRATO_OPTION_UINT,
      .initial = "1000",
      .min = 1,
      .max = 16777216,
      .doc = "Bound in messages; of each subscriber's queue for events." },
    { .name = "max-bytes",
      AT(bytes_max),
      .kind = STRATO_OPTION_SIZE,
      .initial = "64MiB",
      .min = 65536,
      .max = (uint64_t)1 << 40,
      .doc = "Bound in bytes." },
    { .name = "ttl",
      AT(ttl_ms),
      .kind = STRATO_OPTION_DURATION,
      .initial = "0",
      .max = STRATO_TTL_MS_MAX,
      .doc = "Lifetime of a message that names none; default 1 h for work, 30 s for requests, 60 s for events." },
    { .name = "prefetch",
      AT(prefetch),
      .kind = STRATO_OPTION_UINT,
      .initial = "0",
      .max = 4096,
      .doc = "Messages delivered ahead to a consumer; default 32, events 256." },
    { .name = "start-timeout",
      AT(start_timeout_ms),
      .kind = STRATO_OPTION_DURATION,
      .initial = "60s",
      .min = 1,
      .max = STRATO_TTL_MS_MAX,
      .doc = "A delivered message that is not started in this time goes back." },
    { .name = "lease",
      AT(lease_ms),
      .kind = STRATO_OPTION_DURATION,
      .initial = "30s",
      .min = 1,
      .max = STRATO_TTL_MS_MAX,
      .doc = "How long a started message is held without being extended." },
    { .name = "attempt",
      AT(attempt_ms),
      .kind = STRATO_OPTION_DURATION,
      .initial = "30m",
      .min = 1,
      .max = STRATO_TTL_MS_MAX,
      .doc = "No attempt is extended beyond this; the message goes back." },
    { .name = "max-deliver",
      AT(max_deliver),
      .kind = STRATO_OPTION_UINT,
      .initial = "5",
      .min = 1,
      .max = 200,
      .doc = "Counted attempts after which a message is dead." },
    { .name = "backoff",
      AT(backoff_ms),
      .kind = STRATO_OPTION_DURATION,
      .initial = "50ms",
      .min = 1,
      .max = STRATO_TTL_MS_MAX,
      .doc = "Pause before a failed message is tried again, doubled each time." },
    { .name = "backoff-max",
      AT(backoff_max_ms),
      .kind = STRATO_OPTION_DURATION,
      .initial = "30s",
      .min = 1,
      .max = STRATO_TTL_MS_MAX,
      .doc = "The longest such pause." },
    { .name = "dedup",
      AT(dedup_ms),
      .kind = STRATO_OPTION_DURATION,
      .initial = "2m",
      .min = 1000,
      .max = STRATO_TTL_MS_MAX,
      .doc = "How long a message's id is remembered, so that sending it again makes no duplicate." },
    { .name = "dlq",
      AT(dead_max),
      .kind = STRATO_OPTION_UINT,
      .initial = "1000",
      .min = 1,
      .max = 100000,
      .doc = "Dead letters kept; the oldest is evicted, and counted." },
    { .name = "dlq-bytes",
      AT(dead_bytes_max),
      .kind = STRATO_OPTION_SIZE,
      .initial = "64MiB",
      .min = 65536,
      .max = (uint64_t)1 << 40,
      .doc = "Bytes of dead letters kept." },
    { .name = "dlq-expired",
      AT(dead_on_expiry),
      .kind = STRATO_OPTION_ENUM,
      .choices = "default|no|yes",
      .initial = "default",
      .doc = "What expires goes to the dead letters; default yes for work." },
    { .name = "dlq-dropped",
      AT(dead_on_drop),
      .kind = STRATO_OPTION_ENUM,
      .choices = "default|no|yes",
      .initial = "default",
      .doc = "What a full queue drops goes to the dead letters; default yes, but for events." },
    { .name = "strict",
      AT(is_strict),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Serve the lanes in strict order of priority: a busy one starves those below it." },
    { .name = "displace",
      AT(displaces),
      .kind = STRATO_OPTION_FLAG,
      .doc = "When it is full, a critical message (priority 80 and more) may push the newest low one (below 40) to the "
             "dead "
             "letters." },
    { .name = "history",
      AT(history),
      .kind = STRATO_OPTION_UINT,
      .initial = "10000",
      .max = 16777216,
      .doc = "Messages kept for replay." },
    { .name = "history-bytes",
      AT(history_bytes),
      .kind = STRATO_OPTION_SIZE,
      .initial = "16MiB",
      .max = (uint64_t)1 << 40,
      .doc = "Bytes kept for replay." },
};
const struct strato_program broker_channel_program = {
    .name = "channels",
    .summary = "channels beyond the built-in ones",
    .doc = "A list of maps, e.g. {name: jobs, pattern: work, capacity: 500}.",
    STRATO_PROGRAM_OPTIONS(channel_rows),
};

/* Names lead topics and stand in metric labels, so they are plain: no globs, no white space, no '@' (mailboxes). */
static bool name_is_plain(const char *name)
{
    size_t length = name ? strlen(name) : 0;

    return length > 0 && length <= STRATO_NAME_BYTES_MAX &&
           strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") == length;
}

static int append(struct broker_config *config, const struct broker_channel *channel)
{
    struct broker_channel *channels = realloc(config->channels, (config->channels_count + 1) * sizeof *channels);

    if (!channels)
        return STRATO_ENOMEM;
    config->channels = channels;
    channels[config->channels_count] = *channel;
    channels[config->channels_count].name = strdup(channel->name);
    if (!channels[config->channels_count].name)
        return STRATO_ENOMEM;
    config->channels_count++;
    return 0;
}

/* The name is copied out, so the caller frees its books whole. */
static int finish_channel(struct broker_config *config, const struct broker_channel *channel, const char *place,
                          struct strato_option_error *error)
{
    if (name_is_plain(channel->name))
        return append(config, channel);
    snprintf(error->text, sizeof error->text,
             "%sa channel needs a name of letters, digits, '.', '_' and '-', not \"%.60s\"", place,
             channel->name ? channel->name : "");
    return STRATO_ECONFIG;
}

int broker_config_add_channel(struct broker_config *config, const char *const *pairs,
                              struct strato_option_error *ret_error)
{
    struct strato_option_error ignored, *error = ret_error ? ret_error : &ignored;
    struct broker_channel channel;
    struct strato_options o;
    int rc = strato_options_open(&o, &broker_channel_program, &channel, sizeof channel);

    if (rc < 0)
        return rc;
    for (; *pairs && rc == 0; pairs += 2)
        rc = strato_options_set(&o, pairs[0], pairs[1], STRATO_ORIGIN_PROGRAM, NULL, error);
    if (rc == 0)
        rc = finish_channel(config, &channel, "", error);
    strato_options_fini(&o);
    return rc == STRATO_ENOENT || rc == STRATO_EINVAL ? STRATO_ECONFIG : rc;
}

static int read_channel_key(struct strato_yaml *y, struct strato_options *o, const yaml_node_pair_t *pair)
{
    yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);
    yaml_node_t *value = yaml_document_get_node(&y->document, pair->value);
    struct strato_option_error why;
    int rc;

    if (!strato_yaml_scalar(key) || !strato_yaml_scalar(value))
        return strato_yaml_complain(y, key, "a channel's keys and values are plain text");
    rc = strato_options_set(o, strato_yaml_scalar(key), strato_yaml_scalar(value), STRATO_ORIGIN_FILE, NULL, &why);
    if (rc == STRATO_ENOENT || rc == STRATO_EINVAL)
        return strato_yaml_complain(y, rc == STRATO_ENOENT ? key : value, "%s", why.text);
    return rc;
}

static int read_channel(struct broker_config *config, struct strato_yaml *y, const yaml_node_t *node)
{
    struct broker_channel channel;
    struct strato_options o;
    char place[400];
    int rc;

    if (node->type != YAML_MAPPING_NODE)
        return strato_yaml_complain(y, node, "a channel is a map: {name: jobs, pattern: work, capacity: 500}");
    rc = strato_options_open(&o, &broker_channel_program, &channel, sizeof channel);
    if (rc < 0)
        return rc;
    for (const yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && rc == 0;
         pair++)
        rc = read_channel_key(y, &o, pair);
    snprintf(place, sizeof place, "%.300s:%zu:%zu: ", y->path, node->start_mark.line + 1, node->start_mark.column + 1);
    if (rc == 0)
        rc = finish_channel(config, &channel, place, y->error);
    strato_options_fini(&o);
    return rc;
}

static int read_nested(void *arg, struct strato_yaml *y, const char *key, yaml_node_t *value)
{
    bool is_routes = strcmp(key, "routes") == 0;
    int rc = 0;

    if (!is_routes && strcmp(key, "channels") != 0)
        return STRATO_ENOENT;
    if (value->type != YAML_SEQUENCE_NODE)
        return strato_yaml_complain(y, value,
                                    is_routes ? "routes is a list: - {topic: 'orders.>', target: audit, action: tee}"
                                              : "channels is a list: - {name: jobs, pattern: work}");
    for (yaml_node_item_t *item = value->data.sequence.items.start; item < value->data.sequence.items.top && rc == 0;
         item++)
        rc = is_routes ? broker_config_read_route(arg, y, yaml_document_get_node(&y->document, *item))
                       : read_channel(arg, y, yaml_document_get_node(&y->document, *item));
    return rc;
}

int broker_config_read(struct broker_config *config, const char *path, struct strato_option_error *ret_error)
{
    static const char *const nested[] = { "channels", "routes", NULL };

    return strato_options_yaml(&config->options, path, read_nested, config, nested, ret_error);
}

static int is_yaml(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');

    return entry->d_name[0] != '.' && dot && (strcmp(dot, ".yaml") == 0 || strcmp(dot, ".yml") == 0);
}

int broker_config_read_dir(struct broker_config *config, const char *path, struct strato_option_error *ret_error)
{
    struct dirent **entries = NULL;
    int count = scandir(path, &entries, is_yaml, alphasort);
    int rc = 0;

    if (count < 0) {
        snprintf(ret_error->text, sizeof ret_error->text, "%s: cannot be listed: %s", path, strerror(errno));
        return errno == ENOENT ? 0 : STRATO_EIO;
    }
    for (int i = 0; i < count; i++) {
        char file[4096];

        snprintf(file, sizeof file, "%s/%s", path, entries[i]->d_name);
        if (rc == 0)
            rc = broker_config_read(config, file, ret_error);
        free(entries[i]);
    }
    free(entries);
    return rc;
}

/* 0 is "not said": the default of the pattern stays. */
static void take(uint32_t said, uint32_t *to)
{
    if (said)
        *to = said;
}

static void choose(int said, bool *to)
{
    if (said)
        *to = said == 2;
}

static void translate(const struct broker_channel *from, struct brain_channel_config *to)
{
    snprintf(to->name, sizeof to->name, "%s", from->name);
    channel_config_defaults(to, (enum brain_pattern)from->pattern);
    if (from->full)
        to->full = (enum brain_full_policy)(from->full - 1);
    to->capacity = from->capacity;
    to->bytes_max = from->bytes_max;
    to->is_sticky = from->is_sticky;
    to->has_tally = from->has_tally;
    to->is_durable = from->is_durable;
    to->is_strict = from->is_strict;
    to->displaces = from->displaces;
    to->start_timeout_ms = from->start_timeout_ms;
    to->lease_ms = from->lease_ms;
    to->attempt_ms = from->attempt_ms;
    to->max_deliver = from->max_deliver;
    to->backoff_ms = from->backoff_ms;
    to->backoff_max_ms = from->backoff_max_ms;
    to->dedup_ms = from->dedup_ms;
    to->dead_max = from->dead_max;
    to->dead_bytes_max = from->dead_bytes_max;
    to->history_max = from->history;
    to->history_bytes_max = from->history_bytes;
    take(from->ttl_ms, &to->ttl_ms);
    take(from->prefetch, &to->consumer_prefetch);
    choose(from->ack, &to->ack);
    choose(from->dead_on_expiry, &to->dead_on_expiry);
    choose(from->dead_on_drop, &to->dead_on_drop);
}

int broker_config_brain(const struct broker_config *config, struct brain_config *ret_brain,
                        struct brain_channel_config **ret_channels)
{
    struct brain_channel_config *channels = calloc(config->channels_count + 1, sizeof *channels);

    if (!channels)
        return STRATO_ENOMEM;
    for (size_t i = 0; i < config->channels_count; i++)
        translate(&config->channels[i], &channels[i]);
    *ret_brain = (struct brain_config){
        .message_bytes_max = config->message_bytes_max,
        .memory_max = config->memory_max,
        .channels_max = config->channels_max,
        .sessions_max = config->connections,
        .hb_ms = config->heartbeat_ms,
        .drain_timeout_ms = config->drain_timeout_ms,
        .channels = channels,
        .channels_count = config->channels_count,
        .routes = config->routes,
        .routes_count = config->routes_count,
    };
    *ret_channels = channels;
    return 0;
}
