/*
 * verb.h - what a verb of `strato` is: a row of options, a struct they fill, a function that runs.
 *
 * A verb is one file, cmd_<verb>.c, which exports one `struct cli_verb`; verbs.c lists them, and that list
 * feeds the parser, --help, "did you mean", the man page and shell completion. A verb with verbs of its own
 * (channel ls) has no run function. Its config struct begins with `struct cli_common`.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CLI_VERB_H
#define STRATO_CLI_VERB_H

#include "core/option.h"

#include <stdarg.h>

/** Exit codes; stable, documented in cli/README.md. */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_UNREACHABLE = 3,
    CLI_FORBIDDEN = 4,
    CLI_TIMEOUT = 5, /* and: nobody serves */
    CLI_NOT_FOUND = 6,
    CLI_PARTIAL = 7, /* some of what was asked for */
    CLI_INTERRUPTED = 130,
};

enum cli_color { CLI_COLOR_AUTO, CLI_COLOR_ALWAYS, CLI_COLOR_NEVER };

/** Options of every verb; the first member of every verb's config struct. */
struct cli_common {
    char *server;        /* tcp://host:port, ipc://path */
    char *key;           /* file of the own key pair; NULL or "" = none */
    char *server_key;    /* the broker's public key, or a file with it */
    uint32_t timeout_ms; /* for connecting, and for each thing asked of the broker */
    bool json, jsonl, quiet;
    int color; /* enum cli_color */
};
extern const struct strato_option cli_common_rows[];
enum { CLI_COMMON_ROWS = 8 };
extern const char cli_exits[]; /* "0\tok\n..." for help and man page */

/** For the .program of a verb: its own rows, the common ones, the exit codes. */
#define CLI_PROGRAM(rows)                                                                                              \
    STRATO_PROGRAM_OPTIONS(rows), .common = cli_common_rows, .common_count = CLI_COMMON_ROWS, .exits = cli_exits
/** The same for a verb without options of its own. */
#define CLI_PROGRAM_PLAIN .common = cli_common_rows, .common_count = CLI_COMMON_ROWS, .exits = cli_exits

/** One run of one verb. */
struct cli {
    const struct strato_program *program;
    const struct cli_common *common;
    const char *const *operands;
    size_t operands_count;
    bool is_tty;    /* stdout is a terminal: tables and headings */
    bool has_color; /* escape sequences are welcome on stdout */
};

struct cli_verb {
    struct strato_program program; /* first: the table of a program points here */
    size_t config_bytes;
    /** @param config  The verb's own struct, filled. Borrowed. @return an enum cli_exit. */
    int (*run)(struct cli *cli, const void *config);
};

/** The whole program with its verbs. */
extern const struct strato_program cli_program;

/** Talk: one line on stderr, "strato pub: ..."; nothing with --quiet. */
void cli_say(const struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/** An error: one line on stderr, also with --quiet. @return `code`, to be returned from run. */
int cli_fail(const struct cli *cli, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));
/** Exit code of a strato_err. */
int cli_exit_of(int err);

/** Has SIGINT or SIGTERM arrived? A second one kills. */
bool cli_is_interrupted(void);
void cli_catch_interrupts(void);

/** Is machine-readable output wanted? */
static inline bool cli_wants_json(const struct cli *cli)
{
    return cli->common->json || cli->common->jsonl;
}
#endif
