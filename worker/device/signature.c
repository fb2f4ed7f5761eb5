/*
 * signature.c - see signature.h.
 *
 * SPDX-License-Identifier: MIT
 */
#include "worker/device/signature.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    uint32_t bytes;
} scalars[] = {
    { "char", 1 }, { "uchar", 1 }, { "short", 2 }, { "ushort", 2 }, { "half", 2 },   { "int", 4 },
    { "uint", 4 }, { "float", 4 }, { "long", 8 },  { "ulong", 8 },  { "double", 8 },
};

uint32_t signature_type_bytes(const char *type)
{
    for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++) {
        size_t length = strlen(scalars[i].name);
        const char *rest = type + length;

        if (strncmp(type, scalars[i].name, length) != 0)
            continue;
        if (*rest == '\0')
            return scalars[i].bytes;
        if (strcmp(rest, "2") == 0)
            return scalars[i].bytes * 2;
        if (strcmp(rest, "3") == 0 || strcmp(rest, "4") == 0)
            return scalars[i].bytes * 4;
        if (strcmp(rest, "8") == 0)
            return scalars[i].bytes * 8;
        if (strcmp(rest, "16") == 0)
            return scalars[i].bytes * 16;
    }
    return 0;
}

void signature_print(const struct signature *s, char *text, size_t bytes)
{
    size_t at = 0;

    text[0] = '\0';
    for (uint32_t i = 0; i < s->parameters_count && at < bytes; i++) {
        const struct parameter *p = &s->parameters[i];
        size_t length = strlen(p->type);
        bool is_pointer = length > 0 && p->type[length - 1] == '*';
        int n = snprintf(text + at, bytes - at, "%s%s%s%.*s %s%s", i ? ", " : "",
                         p->kind == PARAMETER_BUFFER  ? "global "
                         : p->kind == PARAMETER_LOCAL ? "local "
                                                      : "",
                         p->kind == PARAMETER_BUFFER && p->is_read_only ? "const " : "",
                         (int)(is_pointer ? length - 1 : length), p->type, is_pointer ? "*" : "", p->name);

        at += n > 0 ? (size_t)n : 0;
    }
}

/** One word of at most SIGNATURE_TYPE_BYTES - 1 characters; returns what follows it and the blanks behind. */
static const char *word(const char *text, char ret[SIGNATURE_TYPE_BYTES])
{
    size_t n = 0;

    while (*text == ' ')
        text++;
    while (*text && *text != ' ' && *text != ',' && *text != '*') {
        assert(n + 1 < SIGNATURE_TYPE_BYTES);
        ret[n++] = *text++;
    }
    ret[n] = '\0';
    while (*text == ' ')
        text++;
    return text;
}

static const char *parse_one(struct parameter *p, const char *text)
{
    memset(p, 0, sizeof(*p));
    p->kind = PARAMETER_VALUE;
    text = word(text, p->type);
    if (strcmp(p->type, "global") == 0 || strcmp(p->type, "local") == 0) {
        p->kind = p->type[0] == 'g' ? PARAMETER_BUFFER : PARAMETER_LOCAL;
        text = word(text, p->type);
    }
    if (strcmp(p->type, "const") == 0) {
        p->is_read_only = true;
        text = word(text, p->type);
    }
    p->bytes = p->kind == PARAMETER_VALUE ? signature_type_bytes(p->type) : 0;
    if (*text == '*') {
        strcat(p->type, "*");
        text++;
    }
    text = word(text, p->name);
    return text;
}

void signature_parse(struct signature *s, const char *name, const char *text)
{
    memset(s, 0, sizeof(*s));
    snprintf(s->name, sizeof(s->name), "%s", name);
    while (*text) {
        assert(s->parameters_count < SIGNATURE_PARAMETERS_MAX);
        text = parse_one(&s->parameters[s->parameters_count++], text);
        if (*text == ',')
            text++;
    }
}
