/* source.c - see source.h. SPDX-License-Identifier: MIT */
#include "worker/tasks/source.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

/** A position in source whose line continuations are read over. */
struct reader {
    const char *at;
};

static void join_lines(struct reader *r)
{
    while (r->at[0] == '\\' && (r->at[1] == '\n' || (r->at[1] == '\r' && r->at[2] == '\n')))
        r->at += r->at[1] == '\n' ? 2 : 3;
}

static char peek(struct reader *r)
{
    join_lines(r);
    return *r->at;
}

static char next(struct reader *r)
{
    char c = peek(r);

    if (c)
        r->at++;
    return c;
}

/** Behind the opening quote: to behind the closing one, or to the end of the line. */
static void skip_quoted(struct reader *r, char quote)
{
    char c;

    while ((c = next(r)) && c != quote && c != '\n')
        if (c == '\\')
            next(r);
}

/** At a '/': over a comment if it is one. @return whether it was. */
static bool skip_comment(struct reader *r)
{
    struct reader ahead = *r;

    next(&ahead);
    if (peek(&ahead) == '/') {
        while (peek(&ahead) && peek(&ahead) != '\n')
            next(&ahead);
        *r = ahead;
        return true;
    }
    if (peek(&ahead) != '*')
        return false;
    next(&ahead);
    while (peek(&ahead)) {
        if (next(&ahead) == '*' && peek(&ahead) == '/') {
            next(&ahead);
            break;
        }
    }
    *r = ahead;
    return true;
}

static void read_word(struct reader *r, char *word, size_t bytes)
{
    size_t n = 0;

    while (isalnum((unsigned char)peek(r)) || peek(r) == '_') {
        char c = next(r);

        if (n + 1 < bytes)
            word[n++] = c;
    }
    word[n] = '\0';
}

static void skip_blanks(struct reader *r)
{
    for (;;) {
        if (peek(r) == ' ' || peek(r) == '\t')
            next(r);
        else if (peek(r) != '/' || !skip_comment(r))
            return;
    }
}

static const char *refused_word(const char *word)
{
    static const char *const words[] = {
        "asm", "__asm", "__asm__", "__has_include", "__has_include_next", "__has_embed"
    };

    for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
        if (strcmp(word, words[i]) == 0)
            return words[i];
    return NULL;
}

static const char *refused_directive(const char *word)
{
    if (strncmp(word, "include", 7) == 0 || strcmp(word, "__include_macros") == 0)
        return "#include";
    if (strcmp(word, "import") == 0)
        return "#import";
    return strcmp(word, "embed") == 0 ? "#embed" : NULL;
}

/** At '#', '%:' or '??=': the directive behind it. @return length of the mark, or 0 if it is none. */
static size_t directive_mark(const char *at)
{
    if (at[0] == '#')
        return 1;
    if (at[0] == '%' && at[1] == ':')
        return 2;
    return at[0] == '?' && at[1] == '?' && at[2] == '=' ? 3 : 0;
}

const char *source_refused(const char *source)
{
    struct reader r = { source };
    char word[64];

    while (peek(&r)) {
        const char *refused = NULL;
        size_t mark = directive_mark(r.at);

        if (mark > 0) {
            r.at += mark;
            skip_blanks(&r);
            read_word(&r, word, sizeof(word));
            refused = refused_directive(word);
        } else if (isalpha((unsigned char)peek(&r)) || peek(&r) == '_') {
            read_word(&r, word, sizeof(word));
            refused = refused_word(word);
        } else if (peek(&r) == '"' || peek(&r) == '\'') {
            skip_quoted(&r, next(&r));
        } else if (peek(&r) != '/' || !skip_comment(&r)) {
            next(&r);
        }
        if (refused)
            return refused;
    }
    return NULL;
}

const char *options_refused(const char *options, char *word, size_t word_bytes)
{
    bool is_value = false; /* behind a lone -D */

    while (*options) {
        size_t n = strcspn(options, " ");

        if (n > 0) {
            snprintf(word, word_bytes, "%.*s", (int)n, options);
            if (memchr(options, '"', n) || memchr(options, '\'', n) || memchr(options, '\\', n) ||
                (!is_value && strncmp(word, "-D", 2) != 0 && strncmp(word, "-cl-", 4) != 0) ||
                (is_value && word[0] == '-'))
                return word;
            is_value = strcmp(word, "-D") == 0;
        }
        options += n;
        options += *options == ' ';
    }
    return NULL;
}

void log_strip_paths(char *log)
{
    char *to = log;
    const char *from = log;

    while (*from) {
        bool is_start = from == log || strchr(" \t\n\"'(<[=", from[-1]);
        size_t n = strcspn(from, " \t\n\"'():<>[],;");
        size_t last = 0;

        if (*from != '/' || !is_start || n < 2) {
            *to++ = *from++;
            continue;
        }
        for (size_t i = 0; i < n; i++)
            if (from[i] == '/')
                last = i + 1;
        memmove(to, from + last, n - last);
        to += n - last;
        from += n;
    }
    *to = '\0';
}
