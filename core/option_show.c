/*
 * option_show.c - the table as people read it: --help, --show-config, the configuration reference.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/option_private.h"

enum { COLUMN = 30, WIDTH = 100 };

static bool is_shown(const struct strato_option *row)
{
    return !(row->is & (STRATO_OPTION_HIDDEN | STRATO_OPTION_NO_FLAG));
}

/* Words of `text`, wrapped at WIDTH, each line after the first indented by `indent`; `at` = where we stand. */
static void wrap(FILE *to, const char *text, int indent, int at)
{
    while (*text) {
        int length = (int)strcspn(text, " \n");

        if (at > indent && at + 1 + length > WIDTH) {
            fprintf(to, "\n%*s", indent, "");
            at = indent;
        } else if (at > indent) {
            fputc(' ', to);
            at++;
        }
        fwrite(text, 1, (size_t)length, to);
        at += length;
        text += length;
        while (*text == ' ' || *text == '\n') {
            if (text[0] == '\n' && text[1] == '\n') {
                fprintf(to, "\n\n%*s", indent, "");
                at = indent;
            }
            text++;
        }
    }
    fputc('\n', to);
}

static void help_row(const struct strato_option *row, FILE *to)
{
    char left[128], right[1024];
    size_t used;

    snprintf(left, sizeof left, "  %c%c%s --%s%s%s", row->letter ? '-' : ' ', row->letter ? row->letter : ' ',
             row->letter ? "," : " ", row->name, row->value ? " " : "", row->value ? row->value : "");
    used = (size_t)snprintf(right, sizeof right, "%s", row->doc);
    if (row->choices && used < sizeof right)
        used += (size_t)snprintf(right + used, sizeof right - used, " One of %s.", row->choices);
    if (row->initial && *row->initial && used < sizeof right)
        snprintf(right + used, sizeof right - used, " [%s]", row->initial);
    fprintf(to, "%-*s", COLUMN, left);
    if (strlen(left) >= COLUMN)
        fprintf(to, "\n%*s", COLUMN, "");
    wrap(to, right, COLUMN, COLUMN);
}

static void help_rows(const struct strato_option *rows, size_t count, const char *title, FILE *to)
{
    bool any = false;

    for (size_t i = 0; i < count; i++) {
        if (!is_shown(&rows[i]))
            continue;
        if (!any)
            fprintf(to, "\n%s\n", title);
        any = true;
        help_row(&rows[i], to);
    }
}

static void help_usage(const struct strato_program *p, FILE *to)
{
    if (p->verbs_count > 0)
        fprintf(to, "usage: %s [OPTION...] VERB [...]\n", p->name);
    else
        fprintf(to, "usage: %s [OPTION...]%s%s\n", p->name, p->operands ? " " : "", p->operands ? p->operands : "");
    fprintf(to, "\n%s - %s.\n", p->name, p->summary);
    if (p->doc) {
        fputc('\n', to);
        wrap(to, p->doc, 0, 0);
    }
}

/* Lines of "left\tright". */
static void help_pairs(const char *lines, const char *title, FILE *to)
{
    fprintf(to, "\n%s\n", title);
    while (*lines) {
        int left = (int)strcspn(lines, "\t\n"), all = (int)strcspn(lines, "\n");

        fprintf(to, "  %-4.*s %.*s\n", left, lines, all > left ? all - left - 1 : 0, lines + left + 1);
        lines += all + (lines[all] == '\n');
    }
}

void strato_program_help(const struct strato_program *p, FILE *to)
{
    help_usage(p, to);
    if (p->verbs_count > 0)
        fprintf(to, "\nVerbs (%s VERB --help says more)\n", p->name);
    for (size_t i = 0; i < p->verbs_count; i++) {
        const char *last = strrchr(p->verbs[i]->name, ' ');

        fprintf(to, "  %-14s %s\n", last ? last + 1 : p->verbs[i]->name, p->verbs[i]->summary);
    }
    help_rows(p->options, p->options_count, "Options", to);
    help_rows(p->common, p->common_count, "Common options", to);
    help_rows(strato__option_actions, strato__option_actions_count, "Help", to);
    if (p->examples_count > 0)
        fprintf(to, "\nExamples\n");
    for (size_t i = 0; i < p->examples_count; i++)
        fprintf(to, "  %s\n      %s\n", p->examples[i].command, p->examples[i].doc);
    if (p->exits)
        help_pairs(p->exits, "Exit codes", to);
    fprintf(to, "\nEvery option is also an environment variable, --log-level being %sLOG_LEVEL.\n",
            p->environment ? p->environment : "STRATO_");
}

void strato_options_show_config(const struct strato_options *o, FILE *to)
{
    for (size_t i = 0; i < strato__options_count(o->program); i++) {
        const struct strato_option *row = strato__options_at(o->program, i);
        const struct strato_option_value *value = &o->values[i];
        char key[STRATO__OPTION_NAME_BYTES], text[1024];

        if (row->is & STRATO_OPTION_FLAG_ONLY)
            continue;
        strato__option_key(row, key, sizeof key);
        strato_option_print(row, o->config, text, sizeof text);
        fprintf(to, "%s: %s%s# %s%s%s\n", key, text, *text ? " " : "", strato_option_origin_name(value->origin),
                value->place ? " " : "", value->place ? value->place : "");
    }
}

/* Inside a list there is no environment: p is NULL. */
static void reference_row(const struct strato_program *p, const struct strato_option *row, FILE *to)
{
    char key[STRATO__OPTION_NAME_BYTES], variable[STRATO__OPTION_NAME_BYTES], wanted[256];

    strato__option_key(row, key, sizeof key);
    if (p)
        strato__option_environment_name(p, row, variable, sizeof variable);
    strato__option_wanted(row, wanted, sizeof wanted);
    fprintf(to, "| `%s` | ", key);
    if (p)
        fprintf(to, "`%s` | ", variable);
    for (const char *c = wanted; *c; c++)
        fputs(*c == '|' ? "\\|" : (char[]){ *c, '\0' }, to);
    fprintf(to, " | %s%s%s | %s%s |\n", row->initial && *row->initial ? "`" : "",
            row->initial && *row->initial ? row->initial : "-", row->initial && *row->initial ? "`" : "", row->doc,
            row->is & STRATO_OPTION_RELOADS ? " Takes effect on reload." : "");
}

static void reference_list(const struct strato_program *list, FILE *to)
{
    fprintf(to, "\n## Entries of `%s`\n\n%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", list->name,
            list->doc);
    for (size_t i = 0; i < list->options_count; i++)
        reference_row(NULL, &list->options[i], to);
}

void strato_program_reference(const struct strato_program *p, FILE *to)
{
    fprintf(to, "# Settings of %s\n\n", p->name);
    fprintf(to,
            "Generated by `%s --dump-reference`; edit the option table instead. As a flag a key is written with "
            "dashes: `--log-level`.\n\n",
            p->name);
    fprintf(to, "| key | environment | value | default | meaning |\n|---|---|---|---|---|\n");
    for (size_t i = 0; i < strato__options_count(p); i++) {
        const struct strato_option *row = strato__options_at(p, i);

        if (!(row->is & (STRATO_OPTION_HIDDEN | STRATO_OPTION_FLAG_ONLY)))
            reference_row(p, row, to);
    }
    for (size_t i = 0; i < p->lists_count; i++)
        reference_list(p->lists[i], to);
}

int strato_options_show(const struct strato_options *o, FILE *to)
{
    switch (o->action) {
    case STRATO_ACTION_HELP:
        strato_program_help(o->program, to);
        return 0;
    case STRATO_ACTION_VERSION:
        fprintf(to, "%s %s\n", o->program->name, STRATO_VERSION);
        return 0;
    case STRATO_ACTION_MAN:
        strato_program_man(o->program, to);
        return 0;
    case STRATO_ACTION_COMPLETION:
        return strato_program_completion(o->program, o->shell, to);
    case STRATO_ACTION_REFERENCE:
        strato_program_reference(o->program, to);
        return 0;
    case STRATO_ACTION_RUN:
        return 0;
    }
    return 0;
}
