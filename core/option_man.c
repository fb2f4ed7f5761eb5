/*
 * option_man.c - the table as a man page, in mdoc(7).
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/option_private.h"

#include <ctype.h>

/* roff reads a leading dot or quote as a request and a backslash as an escape anywhere; mdoc reads short
 * capitalised words on macro lines as macros, so macro arguments are quoted. */
static void prose(const char *text, size_t length, FILE *to)
{
    bool at_line_start = true;

    for (size_t i = 0; i < length; i++) {
        char c = text[i];

        if (at_line_start && (c == '.' || c == '\''))
            fputs("\\&", to);
        if (c == '\\')
            fputs("\\e", to);
        else if (c == '-' && i + 1 < length && text[i + 1] == '-')
            fputs("\\-", to);
        else
            fputc(c, to);
        at_line_start = c == '\n';
        /* mandoc wants each sentence on a line of its own. */
        if (c == '.' && i + 1 < length && text[i + 1] == ' ' && i > 1 && islower((unsigned char)text[i - 1])) {
            fputc('\n', to);
            at_line_start = true;
            i++;
        }
    }
    fputc('\n', to);
}

static void paragraphs(const char *text, FILE *to)
{
    while (*text) {
        const char *end = strstr(text, "\n\n");
        size_t length = end ? (size_t)(end - text) : strlen(text);

        prose(text, length, to);
        text += length;
        if (*text)
            fputs(".Pp\n", to);
        while (*text == '\n')
            text++;
    }
}

static void quoted(const char *text, FILE *to)
{
    fputc('"', to);
    for (; *text; text++) {
        if (*text == '"')
            fputs("\\(dq", to);
        else if (*text == '\\')
            fputs("\\e", to);
        else
            fputc(*text, to);
    }
    fputc('"', to);
}

static void row_item(const struct strato_program *p, const struct strato_option *row, FILE *to)
{
    char variable[STRATO__OPTION_NAME_BYTES];

    fputs(".It ", to);
    if (row->letter)
        fprintf(to, "Fl %c , ", row->letter);
    fprintf(to, "Fl \\-%s", row->name);
    if (row->value) {
        fputs(" Ar ", to);
        quoted(row->value, to);
    }
    fputc('\n', to);
    paragraphs(row->doc, to);
    if (row->choices) {
        fputs("One of\n.Li ", to);
        quoted(row->choices, to);
        fputs(" .\n", to);
    }
    if (row->initial && *row->initial) {
        fputs("The default is\n.Li ", to);
        quoted(row->initial, to);
        fputs(" .\n", to);
    }
    if (row->kind != STRATO_OPTION_FLAG && !(row->is & STRATO_OPTION_FLAG_ONLY) && row->doc) {
        strato__option_environment_name(p, row, variable, sizeof variable);
        fprintf(to, "Environment:\n.Ev %s .\n", variable);
    }
}

static void title(const char *name, FILE *to)
{
    for (; *name; name++)
        fputc(*name == ' ' ? '-' : toupper((unsigned char)*name), to);
}

static void page_name(const char *name, FILE *to)
{
    for (; *name; name++)
        fputc(*name == ' ' ? '-' : *name, to);
}

static void options(const struct strato_program *p, FILE *to)
{
    fputs("The options are:\n.Bl -tag -width Ds\n", to);
    for (size_t i = 0; i < strato__options_count(p); i++) {
        const struct strato_option *row = strato__options_at(p, i);

        if (!(row->is & STRATO_OPTION_HIDDEN))
            row_item(p, row, to);
    }
    fputs(".It Fl h , Fl \\-help\nShow help and leave.\n.It Fl V , Fl \\-version\nShow the version and leave.\n.El\n",
          to);
}

static void verbs(const struct strato_program *p, FILE *to)
{
    fputs(".Pp\nThe verbs are:\n.Bl -tag -width Ds\n", to);
    for (size_t i = 0; i < p->verbs_count; i++) {
        const char *last = strrchr(p->verbs[i]->name, ' ');

        fprintf(to, ".It Cm %s\n", last ? last + 1 : p->verbs[i]->name);
        prose(p->verbs[i]->summary, strlen(p->verbs[i]->summary), to);
    }
    fputs(".El\n", to);
}

/* Keys that only the file has. */
static void list(const struct strato_program *p, FILE *to)
{
    fprintf(to, ".Sh ENTRIES OF %s\n", p->name);
    paragraphs(p->doc, to);
    fputs(".Bl -tag -width Ds\n", to);
    for (size_t i = 0; i < p->options_count; i++) {
        char key[STRATO__OPTION_NAME_BYTES];

        strato__option_key(&p->options[i], key, sizeof key);
        fprintf(to, ".It Cm %s\n", key);
        paragraphs(p->options[i].doc, to);
        if (p->options[i].initial && *p->options[i].initial)
            fprintf(to, "The default is\n.Li \"%s\" .\n", p->options[i].initial);
    }
    fputs(".El\n", to);
}

static void exits(const char *lines, FILE *to)
{
    fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", to);
    while (*lines) {
        size_t left = strcspn(lines, "\t\n"), all = strcspn(lines, "\n");

        fprintf(to, ".It %.*s\n", (int)left, lines);
        if (all > left)
            prose(lines + left + 1, all - left - 1, to);
        lines += all + (lines[all] == '\n');
    }
    fputs(".El\n", to);
}

static void examples(const struct strato_program *p, FILE *to)
{
    fputs(".Sh EXAMPLES\n", to);
    for (size_t i = 0; i < p->examples_count; i++) {
        if (i > 0)
            fputs(".Pp\n", to);
        prose(p->examples[i].doc, strlen(p->examples[i].doc), to);
        fputs(".Pp\n.Dl ", to);
        prose(p->examples[i].command, strlen(p->examples[i].command), to);
    }
}

void strato_program_man(const struct strato_program *p, FILE *to)
{
    bool is_daemon = p->verbs_count == 0 && p->name[0] && p->name[strlen(p->name) - 1] == 'd' && !strchr(p->name, ' ');

    /* No date: a page that is the same for the same source can be compared and reproduced. */
    fputs(".\\\" Generated by --dump-man from the option table; edit that instead.\n.Dd $Mdocdate$\n.Dt ", to);
    title(p->name, to);
    fprintf(to, " %d\n.Os Stratoswarm\n.Sh NAME\n.Nm ", is_daemon ? 8 : 1);
    page_name(p->name, to);
    fprintf(to, "\n.Nd %s\n.Sh SYNOPSIS\n.Nm %s\n.Op Ar OPTION ...\n", p->summary, p->name);
    if (p->verbs_count > 0)
        fputs(".Ar VERB\n.Op Ar ARGUMENT ...\n", to);
    else if (p->operands)
        fprintf(to, ".Ar %s\n", p->operands);
    fputs(".Sh DESCRIPTION\n", to);
    if (p->doc)
        paragraphs(p->doc, to);
    if (p->doc)
        fputs(".Pp\n", to);
    options(p, to);
    if (p->verbs_count > 0)
        verbs(p, to);
    for (size_t i = 0; i < p->lists_count; i++)
        list(p->lists[i], to);
    if (p->exits)
        exits(p->exits, to);
    if (p->examples_count > 0)
        examples(p, to);
}
