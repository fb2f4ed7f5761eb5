/*
 * option.h - one option table per program: it feeds parser, environment, YAML, help, man page, completion.
 *
 * A row says name, kind, range, default and prose, and where in the program's plain config struct the
 * value lives. Who sets a value last does not matter: flag beats environment beats file beats default,
 * and each value remembers where it came from. Nothing here knows any particular program.
 *
 *     static const struct strato_option rows[] = {
 *         { .name = "port", STRATO_OPTION_AT(struct config, port), .kind = STRATO_OPTION_UINT, .value = "PORT",
 *           .initial = "7700", .max = 65535, .doc = "Base port; every edge moves with it." },
 *     };
 *     static const struct strato_program program = {
 *         .name = "stratod", .summary = "...", STRATO_PROGRAM_OPTIONS(rows), ... };
 *
 *     struct config config; struct strato_options o; struct strato_option_error e;
 *     rc = strato_options_open(&o, &program, &config, sizeof config); // defaults
 *     rc = strato_options_arguments(&o, argc, argv, &e);               // flags; e.text says what was wrong
 *     if (rc == 1) return strato_options_show(&o, stdout);             // --help and its like
 *     rc = strato_options_environment(&o, &e);                         // STRATO_PORT
 *     rc = strato_options_yaml(&o, path, NULL, NULL, NULL, &e);        // option_yaml.h: `port: 7700`
 *     ... strato_options_fini(&o);                                     // frees strings and lists in config too
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_OPTION_H
#define STRATO_CORE_OPTION_H

#include "core/bytes.h"
#include "core/errors.h"

#include <stdio.h>

/** What a value is, and what type the field in the config struct has. */
enum strato_option_kind {
    STRATO_OPTION_FLAG,     /* bool. --x, --no-x, --x=yes; yes, no, true, false, on, off, 1, 0 */
    STRATO_OPTION_STRING,   /* char *, owned by the options, NULL if never set and without initial */
    STRATO_OPTION_UINT,     /* uint16_t, uint32_t or uint64_t, within min..max */
    STRATO_OPTION_INT,      /* int32_t or int64_t, within (int64_t)min..(int64_t)max */
    STRATO_OPTION_DOUBLE,   /* double; min and max are not used */
    STRATO_OPTION_SIZE,     /* as UINT, in bytes: 4096, 64KiB, 16MiB, 1GiB, 10MB */
    STRATO_OPTION_DURATION, /* as UINT, in milliseconds; a bare number is seconds: 5, 250ms, 1.5s, 10m, 2h, 1d */
    STRATO_OPTION_ENUM,     /* int: index into `choices` */
    STRATO_OPTION_LIST,     /* struct strato_option_list: a,b or the option given again */
};

/** Borrowed from the options. */
struct strato_option_list {
    char **items;
    size_t count;
};

enum {                                   /* bits of strato_option.is */
       STRATO_OPTION_HIDDEN = 1 << 0,    /* works, not shown */
       STRATO_OPTION_FLAG_ONLY = 1 << 1, /* an action: neither environment nor file */
       STRATO_OPTION_NO_FLAG = 1 << 2,   /* environment and file only (secrets never in flags) */
       STRATO_OPTION_RELOADS = 1 << 3,   /* takes effect on reload without a restart */
};

struct strato_option {
    const char *name; /* "max-message": --max-message, STRATO_MAX_MESSAGE, max_message: */
    char letter;      /* 'm' for -m, or 0 */
    enum strato_option_kind kind;
    size_t offset, bytes; /* STRATO_OPTION_AT(struct config, field) */
    const char *value;    /* how help calls the value: "PORT", "SIZE" */
    const char *initial;  /* default, written as a user would; NULL = zero, false, none */
    uint64_t min, max;    /* UINT, INT, SIZE, DURATION (ms); max 0 = whatever the field holds */
    const char *choices;  /* ENUM: "logfmt|json" */
    const char *complete; /* completion: "file", "dir", or a shell command that prints candidates */
    unsigned is;
    const char *doc; /* one or two sentences */
};
#define STRATO_OPTION_AT(type, field) .offset = offsetof(type, field), .bytes = sizeof(((type *)0)->field)

struct strato_program_example {
    const char *command, *doc;
};

/** A program, or one verb of one. Static data; an empty row (name NULL) ends nothing: counts are given. */
struct strato_program {
    const char *name;                    /* "stratod", "strato pub" */
    const char *summary;                 /* half a sentence, no full stop */
    const char *operands;                /* how usage shows them: "TOPIC [BODY]"; NULL = none are taken */
    unsigned operands_min, operands_max; /* max 0 with operands set = any number */
    const char *doc;                     /* paragraphs parted by blank lines, or NULL */
    const struct strato_option *options;
    size_t options_count;
    const struct strato_option *common; /* a second table, e.g. --json; offsets from the same config struct */
    size_t common_count;
    const struct strato_program_example *examples; /* at least two */
    size_t examples_count;
    const struct strato_program *const *verbs; /* parsing stops at the first operand, which is the verb */
    size_t verbs_count;
    const struct strato_program *const
        *lists; /* file keys that hold lists of maps: name = the key, options = keys of a map */
    size_t lists_count;
    const char *environment; /* prefix; NULL = "STRATO_" */
    const char *exits;       /* "0\tok\n1\tfailed\n...", for help and the man page */
};
#define STRATO_PROGRAM_OPTIONS(rows)  .options = (rows), .options_count = sizeof(rows) / sizeof((rows)[0])
#define STRATO_PROGRAM_COMMON(rows)   .common = (rows), .common_count = sizeof(rows) / sizeof((rows)[0])
#define STRATO_PROGRAM_EXAMPLES(rows) .examples = (rows), .examples_count = sizeof(rows) / sizeof((rows)[0])
#define STRATO_PROGRAM_LISTS(rows)    .lists = (rows), .lists_count = sizeof(rows) / sizeof((rows)[0])
#define STRATO_PROGRAM_VERBS(rows)    .verbs = (rows), .verbs_count = sizeof(rows) / sizeof((rows)[0])

/** Rank of a source; a lower one never overwrites a higher one. */
enum strato_option_origin {
    STRATO_ORIGIN_DEFAULT,
    STRATO_ORIGIN_FILE,
    STRATO_ORIGIN_CONTEXT, /* strato: context file */
    STRATO_ORIGIN_ENVIRONMENT,
    STRATO_ORIGIN_FLAG,
    STRATO_ORIGIN_PROGRAM, /* set by code: embedding, tests */
};

struct strato_option_error {
    char text[512]; /* one line: what is wrong, what is wanted, what was perhaps meant */
};

/** What --help and its like ask for; see strato_options_show(). */
enum strato_option_action {
    STRATO_ACTION_RUN,
    STRATO_ACTION_HELP,       /* -h, --help */
    STRATO_ACTION_VERSION,    /* -V, --version */
    STRATO_ACTION_MAN,        /* --dump-man: mdoc(7) */
    STRATO_ACTION_COMPLETION, /* --dump-completion=bash|zsh|fish */
    STRATO_ACTION_REFERENCE,  /* --dump-reference: configuration reference in Markdown */
};

struct strato_option_value; /* per row: rank and place of origin */

/** One reading of the table into one config struct. */
struct strato_options {
    const struct strato_program *program; /* borrowed */
    void *config;                         /* borrowed; zeroed and filled with the defaults by open */
    struct strato_option_value *values;
    const char **operands; /* borrowed from argv, in order; the array is owned */
    size_t operands_count;
    enum strato_option_action action;
    char shell[8]; /* of --dump-completion */
};

/** Zero `config_bytes` at `config`, set every default. @return 0 or STRATO_ENOMEM. A default that does not parse aborts. */
int strato_options_open(struct strato_options *o, const struct strato_program *program, void *config,
                        size_t config_bytes);
/** Free the strings and lists in the config, and the books. Accepts a zeroed struct. */
void strato_options_fini(struct strato_options *o);

/**
 * Read argv[1..]. Options and operands may mix; "--" ends the options; in a program with verbs the first operand
 * ends them too and `operands` then holds the verb and all behind it.
 * @return 0; 1 if the user asked for --help or its like (o->action); STRATO_EINVAL (usage; ret_error says what); STRATO_ENOMEM.
 */
int strato_options_arguments(struct strato_options *o, int argc, char *const *argv,
                             struct strato_option_error *ret_error);
/** Read PREFIX_NAME for every row from the environment. @return 0, STRATO_EINVAL, STRATO_ENOMEM. */
int strato_options_environment(struct strato_options *o, struct strato_option_error *ret_error);
/**
 * Set one value by name ('-' and '_' are the same). An empty text empties strings and lists.
 * @param place  Where it came from, for people: "/etc/x.yaml:3:7"; copied; NULL = none.
 * @return 0 (also if a higher source keeps its value); STRATO_ENOENT (no such name; the nearest is suggested);
 *         STRATO_EINVAL (ret_error says what is wanted); STRATO_ENOMEM.
 */
int strato_options_set(struct strato_options *o, const char *name, const char *text, enum strato_option_origin origin,
                       const char *place, struct strato_option_error *ret_error);

/** Row of a name, or NULL. */
const struct strato_option *strato_options_find(const struct strato_options *o, const char *name);
/** Rank and place of a value; place is "" or as given, valid until the value is set again. */
enum strato_option_origin strato_options_origin(const struct strato_options *o, const char *name,
                                                const char **ret_place);
/** Write a value as a user would ("16MiB", "5s"). @return length as snprintf. */
int strato_option_print(const struct strato_option *row, const void *config, char *buffer, size_t bytes);
/** Print every value with its origin: "max_message = 10MiB  # default". */
void strato_options_show_config(const struct strato_options *o, FILE *to);
/** "default", "file", "context", "environment", "flag", "program". */
const char *strato_option_origin_name(enum strato_option_origin origin);

/** Print what o->action asks for. @return 0. */
int strato_options_show(const struct strato_options *o, FILE *to);
/* Its parts, for documentation builds and tests. */
void strato_program_help(const struct strato_program *program, FILE *to);
void strato_program_man(const struct strato_program *program, FILE *to);
void strato_program_reference(const struct strato_program *program, FILE *to);
int strato_program_completion(const struct strato_program *program, const char *shell,
                              FILE *to); /* STRATO_EINVAL: unknown shell */

/* Values by themselves: the same syntax elsewhere. @return 0 or STRATO_EINVAL (not that, or too large for 64 bits). */
int strato_size_parse(const char *text, uint64_t *ret_bytes);
int strato_duration_parse(const char *text, uint64_t *ret_ms);
#endif
