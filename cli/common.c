/*
 * common.c - what every verb shares: its options, its exit codes, its manner of speaking, its interrupt.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/verb.h"

#include <signal.h>
#include <stdio.h>

const struct strato_option cli_common_rows[] = {
    { .name = "server",
      .letter = 's',
      STRATO_OPTION_AT(struct cli_common, server),
      .kind = STRATO_OPTION_STRING,
      .value = "URL",
      .initial = "tcp://127.0.0.1:7700",
      .doc = "Broker to talk to: tcp://host:port or ipc://path." },
    { .name = "key",
      STRATO_OPTION_AT(struct cli_common, key),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .doc = "Own key pair, for a broker that asks for keys (strato key new makes one)." },
    { .name = "server-key",
      STRATO_OPTION_AT(struct cli_common, server_key),
      .kind = STRATO_OPTION_STRING,
      .value = "KEY",
      .complete = "file",
      .doc = "The broker's public key, 40 characters, or a file with it." },
    { .name = "timeout",
      STRATO_OPTION_AT(struct cli_common, timeout_ms),
      .kind = STRATO_OPTION_DURATION,
      .value = "TIME",
      .initial = "5s",
      .min = 1,
      .max = 24 * 3600 * 1000,
      .doc = "Longest wait for the broker, or for an answer." },
    { .name = "json",
      STRATO_OPTION_AT(struct cli_common, json),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Print JSON: one document, or one per line where messages stream." },
    { .name = "jsonl",
      STRATO_OPTION_AT(struct cli_common, jsonl),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Print JSON, one line per item." },
    { .name = "quiet",
      .letter = 'q',
      STRATO_OPTION_AT(struct cli_common, quiet),
      .kind = STRATO_OPTION_FLAG,
      .doc = "Say nothing on stderr but errors." },
    { .name = "color",
      STRATO_OPTION_AT(struct cli_common, color),
      .kind = STRATO_OPTION_ENUM,
      .value = "WHEN",
      .initial = "auto",
      .choices = "auto|always|never",
      .doc = "Colour the output; NO_COLOR and CLICOLOR_FORCE are heeded." },
};
_Static_assert(sizeof cli_common_rows / sizeof cli_common_rows[0] == CLI_COMMON_ROWS, "CLI_COMMON_ROWS counts them");

const char cli_exits[] = "0\tok\n1\tfailed\n2\twrong usage\n3\tcannot connect\n4\tauthentication or permission\n"
                         "5\ttimeout, or nobody serves\n6\tnot found\n7\tpartly done\n130\tinterrupted\n";

static void speak(const struct cli *cli, const char *format, va_list arguments)
{
    fprintf(stderr, "%s: ", cli->program->name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void cli_say(const struct cli *cli, const char *format, ...)
{
    va_list arguments;

    if (cli->common->quiet)
        return;
    va_start(arguments, format);
    speak(cli, format, arguments);
    va_end(arguments);
}

int cli_fail(const struct cli *cli, int code, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    speak(cli, format, arguments);
    va_end(arguments);
    return code;
}

static const struct {
    int err;
    int code;
} exits[] = {
    { STRATO_EUNREACHABLE, CLI_UNREACHABLE }, { STRATO_EDRAINING, CLI_UNREACHABLE },
    { STRATO_EVERSION, CLI_UNREACHABLE },     { STRATO_EAUTH, CLI_FORBIDDEN },
    { STRATO_EFORBIDDEN, CLI_FORBIDDEN },     { STRATO_ETIMEOUT, CLI_TIMEOUT },
    { STRATO_ENO_RESPONDERS, CLI_TIMEOUT },   { STRATO_EFULL, CLI_TIMEOUT },
    { STRATO_EEMPTY, CLI_TIMEOUT },           { STRATO_ENO_CHANNEL, CLI_NOT_FOUND },
    { STRATO_ENO_ENTRY, CLI_NOT_FOUND },      { STRATO_ENO_ROUTE, CLI_NOT_FOUND },
    { STRATO_ENOENT, CLI_NOT_FOUND },         { STRATO_EUNAVAILABLE, CLI_TIMEOUT },
    { STRATO_EINTERRUPTED, CLI_INTERRUPTED }, { STRATO_EINVAL, CLI_USAGE },
};

int cli_exit_of(int err)
{
    if (err >= 0)
        return CLI_OK;
    for (size_t i = 0; i < sizeof exits / sizeof exits[0]; i++)
        if (exits[i].err == err)
            return exits[i].code;
    return CLI_FAILED;
}

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

void cli_catch_interrupts(void)
{
    /* RESETHAND: whoever presses Ctrl-C twice means it. No RESTART: waiting calls return. */
    struct sigaction action = { .sa_handler = on_signal, .sa_flags = (int)SA_RESETHAND };

    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* `strato sub | head` ends by a failed write, not by a signal */
}

bool cli_is_interrupted(void)
{
    return interrupted != 0;
}
