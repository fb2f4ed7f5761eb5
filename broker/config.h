/*
 * config.h - what a broker can be told: one plain struct, one option table, one judge.
 *
 * Filled by broker_config_init() (defaults), then from files, the environment and flags in any order:
 * flag beats environment beats file beats default. Embedders set fields through broker_config_set(), by
 * the same names and texts as in the file, or directly. broker_config_check() judges the whole.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_BROKER_CONFIG_H
#define STRATO_BROKER_CONFIG_H

#include "broker/brain/brain.h"
#include "core/logfmt.h"
#include "core/option.h"

enum {
    BROKER_PORT_DEFAULT = 7700,
    BROKER_PORT_SPAN = 90,      /* edges live at port .. port + 89 */
    BROKER_USER_EDGES_MAX = 32, /* user channels 8..39 have push/pull port numbers */
    BROKER_FD_RESERVE = 256,    /* descriptors beyond the connections: sockets, files, inproc signalling */
};

/** One entry of `channels:`. */
struct broker_channel {
    char *name;
    int pattern;                      /* enum brain_pattern */
    int full;                         /* BROKER_FULL_BY_PATTERN, else 1 + enum brain_full_policy */
    int ack;                          /* 0 by pattern, 1 no, 2 yes */
    int dead_on_expiry, dead_on_drop; /* as ack */
    bool is_sticky, is_durable, has_tally, is_strict, displaces;
    uint32_t capacity, ttl_ms, prefetch, start_timeout_ms, lease_ms, attempt_ms, max_deliver, backoff_ms,
        backoff_max_ms, dedup_ms, dead_max, history;
    uint64_t bytes_max, dead_bytes_max, history_bytes;
};

/** Where log lines go: text is "event key=value ...", without time or newline. Called from the core thread. */
typedef void broker_log_fn(void *arg, enum strato_log_level level, const char *component, const char *text);

/** Not to be copied by assignment: `options` points into it. Strings are owned by it. */
struct broker_config {
    /* what to read and show; used by main.c only */
    char *file, *drop_in, *check_file, *check_store;
    bool shows_config;
    /* where to listen */
    struct strato_option_list hosts; /* TCP, every edge; empty = no TCP */
    uint16_t port;                   /* base; 0 = a free port for each edge */
    char *run_dir;                   /* ipc sockets strato.<edge>.sock; NULL or "" = none */
    char *data_dir;                  /* the store; NULL or "" = memory only */
    bool is_insecure;
    char *keys;       /* keys file: who is let in over TCP; NULL or "" = no keys are asked for */
    char *server_key; /* the broker's own key pair, mode 0600 */
    bool has_native, has_pub_sub, has_events_push;
    struct strato_option_list push_pull; /* channels with a push/pull edge */
    char *http;                          /* address for metrics, health and the JSON API; NULL or "" = no HTTP */
    uint16_t http_port;                  /* 0 = port + BROKER_PORT_SPAN, and a free one if that is 0 as well */
    char *http_token;                    /* file with the bearer token, mode 0600; needed beyond loopback */
    /* limits */
    uint64_t message_bytes_max, memory_max; /* memory 0 = 60 % of the cgroup's limit, 512 MiB without one */
    uint32_t connections, mute_connections, channels_max, heartbeat_ms, drain_timeout_ms;
    /* engine */
    uint32_t spin_us, io_threads;
    int log_format, log_level;          /* enum strato_log_format, strato_log_level */
    struct strato_option_list services; /* hosted by main.c */

    struct broker_channel *channels; /* from `channels:`; owned */
    size_t channels_count;
    struct brain_route *routes; /* from `routes:`; owned */
    size_t routes_count;
    /* for embedders */
    bool has_inproc;       /* inproc://strato.native and its like; true */
    broker_log_fn *log_fn; /* NULL = silent */
    void *log_arg;

    struct strato_options options; /* who set what */
};

/** Defaults. @return 0 or STRATO_ENOMEM. */
int broker_config_init(struct broker_config *config);
void broker_config_fini(struct broker_config *config);
/** Set one key as a file would ("port", "0"); lists as "a,b". ret_error may be NULL. */
int broker_config_set(struct broker_config *config, const char *key, const char *text,
                      struct strato_option_error *ret_error);
/** Add a channel as `channels:` would: pairs of key and text, NULL-terminated: {"name","jobs","pattern","work",NULL}. */
int broker_config_add_channel(struct broker_config *config, const char *const *pairs,
                              struct strato_option_error *ret_error);
/** Read one YAML file. @return 0, STRATO_ENOENT, STRATO_EIO, STRATO_ECONFIG (file:line:column in ret_error), STRATO_ENOMEM. */
int broker_config_read(struct broker_config *config, const char *path, struct strato_option_error *ret_error);
/** Read every *.yaml of a directory in name order; later files win. A missing directory is empty. */
int broker_config_read_dir(struct broker_config *config, const char *path, struct strato_option_error *ret_error);
/** Do the settings fit together? @return 0 or STRATO_ECONFIG with cause and fix. */
int broker_config_check(const struct broker_config *config, struct strato_option_error *ret_error);
/** What the brain is told, its routes borrowed from `config`. ret_channels: array of channels_count, freed by the caller. */
int broker_config_brain(const struct broker_config *config, struct brain_config *ret_brain,
                        struct brain_channel_config **ret_channels);
/** Port number k of a channel (gpu 0 ... consensus 7, user channels from 8), or -1 if it is unknown. */
int broker_config_edge_number(const struct broker_config *config, const char *channel);
/** Are keys asked for? */
static inline bool broker_config_has_keys(const struct broker_config *config)
{
    return config->keys && *config->keys;
}
/** Does this host mean this machine only? */
bool broker_host_is_loopback(const char *host);

/** The option table of stratod. */
extern const struct strato_program broker_program;
/** The keys of one entry of `channels:`. */
extern const struct strato_program broker_channel_program;
/** The keys of one entry of `routes:`. */
extern const struct strato_program broker_route_program;
#endif
