/*
 * main.c - strato: find the verb, fill its options, run it.
 *
 * Options that every verb has may stand before the verb as well: they are handed on to it.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/verb.h"
#include "core/nearest.h"

#include <stdlib.h>
#include <unistd.h>

static const char *verb_word(const struct strato_program *program)
{
    const char *last = strrchr(program->name, ' ');

    return last ? last + 1 : program->name;
}

static const struct strato_program *verb_find(const struct strato_program *parent, const char *word)
{
    for (size_t i = 0; i < parent->verbs_count; i++)
        if (strcmp(verb_word(parent->verbs[i]), word) == 0)
            return parent->verbs[i];
    return NULL;
}

static int verb_unknown(const struct strato_program *parent, const char *word)
{
    struct strato_nearest n = strato_nearest_begin(strato_text(word));

    for (size_t i = 0; i < parent->verbs_count; i++)
        strato_nearest_offer(&n, strato_text(verb_word(parent->verbs[i])));
    if (n.best.bytes)
        fprintf(stderr, "%s: unknown verb \"%s\" (did you mean %.*s?)\n", parent->name, word, (int)n.best.bytes,
                (const char *)n.best.data);
    else
        fprintf(stderr, "%s: unknown verb \"%s\"; %s --help lists them\n", parent->name, word, parent->name);
    return CLI_USAGE;
}

static bool is_colored(const struct cli_common *common, bool is_tty)
{
    const char *no = getenv("NO_COLOR"), *force = getenv("CLICOLOR_FORCE");

    if (common->color != CLI_COLOR_AUTO)
        return common->color == CLI_COLOR_ALWAYS;
    if (no && *no)
        return false;
    return is_tty || (force && *force && strcmp(force, "0") != 0);
}

static int usage(const struct strato_program *program, int rc, const struct strato_option_error *error)
{
    if (rc == STRATO_ENOMEM) {
        fprintf(stderr, "%s: %s\n", program->name, strato_strerror(rc));
        return CLI_FAILED;
    }
    fprintf(stderr, "%s: %s\n", program->name, error->text);
    return CLI_USAGE;
}

static int verb_run(const struct strato_program *program, int argc, char *const *argv)
{
    const struct cli_verb *verb = (const struct cli_verb *)program;
    struct strato_option_error error = { "" };
    struct strato_options options = { 0 };
    struct cli cli = { .program = program, .is_tty = isatty(STDOUT_FILENO) };
    void *config = calloc(1, verb->config_bytes);
    int code, rc = STRATO_ENOMEM;

    if (config)
        rc = strato_options_open(&options, program, config, verb->config_bytes);
    if (rc == 0)
        rc = strato_options_arguments(&options, argc, argv, &error);
    if (rc == 1) {
        code = strato_options_show(&options, stdout) < 0 ? CLI_USAGE : CLI_OK;
        goto out;
    }
    if (rc == 0)
        rc = strato_options_environment(&options, &error);
    if (rc < 0) {
        code = usage(program, rc, &error);
        goto out;
    }
    cli.common = config;
    cli.operands = options.operands;
    cli.operands_count = options.operands_count;
    cli.has_color = is_colored(cli.common, cli.is_tty) && !cli_wants_json(&cli);
    cli_catch_interrupts();
    code = verb->run(&cli, config);
    if (fflush(stdout) != 0 && code == CLI_OK)
        code = CLI_FAILED; /* a full disk behind `>` is a failure, also when the broker did its part */
out:
    strato_options_fini(&options);
    free(config);
    return code;
}

/* Down one level: the options before the verb go to the verb, its name drops out. */
static int descend(const struct strato_program *parent, int argc, char **argv)
{
    struct strato_option_error error = { "" };
    const struct strato_program *child = NULL;
    struct strato_options options = { 0 };
    struct cli_common common;
    int code = CLI_USAGE, at = 1, rc;

    rc = strato_options_open(&options, parent, &common, sizeof common);
    if (rc == 0)
        rc = strato_options_arguments(&options, argc, argv, &error);
    if (rc == 1) {
        code = strato_options_show(&options, stdout) < 0 ? CLI_USAGE : CLI_OK;
        goto out;
    }
    if (rc < 0) {
        code = usage(parent, rc, &error);
        goto out;
    }
    if (options.operands_count == 0) {
        strato_program_help(parent, stderr);
        goto out;
    }
    child = verb_find(parent, options.operands[0]);
    if (!child) {
        code = verb_unknown(parent, options.operands[0]);
        goto out;
    }
    while (argv[at] != options.operands[0])
        at++;
    for (; at + 1 < argc; at++)
        argv[at] = argv[at + 1];
out:
    strato_options_fini(&options);
    if (!child)
        return code;
    return child->verbs_count > 0 ? descend(child, argc - 1, argv) : verb_run(child, argc - 1, argv);
}

int main(int argc, char **argv)
{
    return descend(&cli_program, argc, argv);
}
