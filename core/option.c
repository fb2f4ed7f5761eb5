/*
 * option.c - the table against its sources: defaults, arguments, environment, one value by name.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/option_private.h"

#include "core/nearest.h"

#include <assert.h>
#include <ctype.h>
#include <stdarg.h>
#include <stdlib.h>

static void error_set(struct strato_option_error *error, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void error_set(struct strato_option_error *error, const char *format, ...)
{
    va_list arguments;

    if (!error)
        return;
    va_start(arguments, format);
    vsnprintf(error->text, sizeof error->text, format, arguments);
    va_end(arguments);
}

static bool name_is(const char *name, const char *text, size_t length)
{
    for (size_t i = 0; i < length; i++) {
        char a = text[i] == '_' ? '-' : text[i];

        if (name[i] != a)
            return false;
    }
    return name[length] == '\0';
}

static int row_index(const struct strato_program *p, const char *text, size_t length)
{
    for (size_t i = 0; i < strato__options_count(p); i++)
        if (name_is(strato__options_at(p, i)->name, text, length))
            return (int)i;
    return -1;
}

static int letter_index(const struct strato_program *p, char letter)
{
    for (size_t i = 0; i < strato__options_count(p); i++)
        if (strato__options_at(p, i)->letter == letter)
            return (int)i;
    return -1;
}

static void spell(const char *name, char *to, size_t bytes, char dash, bool is_upper)
{
    size_t i = 0;

    for (; name[i] && i + 1 < bytes; i++) {
        char c = name[i] == '-' ? dash : name[i];

        to[i] = (char)(is_upper ? toupper((unsigned char)c) : c);
    }
    if (bytes)
        to[i] = '\0';
}

void strato__option_environment_name(const struct strato_program *p, const struct strato_option *row, char *name,
                                     size_t bytes)
{
    const char *prefix = p->environment ? p->environment : "STRATO_";
    size_t used = strlen(prefix);

    assert(used < bytes);
    memcpy(name, prefix, used);
    spell(row->name, name + used, bytes - used, '_', true);
}

void strato__option_key(const struct strato_option *row, char *name, size_t bytes)
{
    spell(row->name, name, bytes, '_', false);
}

int strato_options_open(struct strato_options *o, const struct strato_program *program, void *config,
                        size_t config_bytes)
{
    size_t count = strato__options_count(program);
    char wanted[256];
    int rc = 0;

    memset(config, 0, config_bytes);
    *o = (struct strato_options){ .program = program, .config = config };
    o->values = calloc(count + 1, sizeof *o->values);
    if (!o->values)
        return STRATO_ENOMEM;
    for (size_t i = 0; i < count && rc == 0; i++) {
        const struct strato_option *row = strato__options_at(program, i);

        assert(row->offset + row->bytes <= config_bytes);
        if (row->initial)
            rc = strato__option_store(row, (char *)config + row->offset, row->initial, false, wanted, sizeof wanted);
        assert(rc != STRATO_EINVAL); /* a default that its own row refuses */
    }
    if (rc < 0)
        strato_options_fini(o);
    return rc;
}

void strato_options_fini(struct strato_options *o)
{
    for (size_t i = 0; o->values && i < strato__options_count(o->program); i++) {
        strato__option_release(strato__options_at(o->program, i), o->config);
        free(o->values[i].place);
    }
    free(o->values);
    free(o->operands);
    *o = (struct strato_options){ 0 };
}

/* `called` is the name as the user wrote it: --max-message, STRATO_MAX_MESSAGE, max_message. */
static int set_at(struct strato_options *o, size_t i, const char *text, enum strato_option_origin origin,
                  const char *place, const char *called, struct strato_option_error *ret_error)
{
    const struct strato_option *row = strato__options_at(o->program, i);
    struct strato_option_value *value = &o->values[i];
    bool appends = origin == STRATO_ORIGIN_FLAG && value->origin == origin;
    void *field = (char *)o->config + row->offset;
    uint64_t scratch;
    char *copy = NULL;
    char wanted[256];
    int rc;

    if (origin < value->origin) { /* judged all the same: a wrong value below a good one is still wrong */
        if (row->kind == STRATO_OPTION_STRING || row->kind == STRATO_OPTION_LIST)
            return 0;
        field = &scratch;
    }
    if (place && *place) {
        copy = strdup(place);
        if (!copy)
            return STRATO_ENOMEM;
    }
    rc = strato__option_store(row, field, text, appends, wanted, sizeof wanted);
    if (rc < 0) {
        if (rc == STRATO_EINVAL)
            error_set(ret_error, "%s%s%s wants %s, not \"%.100s\"", place ? place : "", place ? ": " : "", called,
                      wanted, text);
        free(copy);
        return rc;
    }
    if (origin < value->origin) {
        free(copy);
        return 0;
    }
    free(value->place);
    value->place = copy;
    value->origin = origin;
    return 0;
}

int strato_options_set(struct strato_options *o, const char *name, const char *text, enum strato_option_origin origin,
                       const char *place, struct strato_option_error *ret_error)
{
    int i = row_index(o->program, name, strlen(name));
    struct strato_nearest n = strato_nearest_begin(strato_text(name));

    if (i >= 0)
        return set_at(o, (size_t)i, text, origin, place, name, ret_error);
    for (size_t k = 0; k < strato__options_count(o->program); k++)
        strato_nearest_offer(&n, strato_text(strato__options_at(o->program, k)->name));
    error_set(ret_error, "unknown key \"%.100s\"%s%.*s%s", name, n.best.bytes ? " (did you mean " : "",
              (int)n.best.bytes, n.best.bytes ? (const char *)n.best.data : "", n.best.bytes ? "?)" : "");
    return STRATO_ENOENT;
}

int strato_options_environment(struct strato_options *o, struct strato_option_error *ret_error)
{
    for (size_t i = 0; i < strato__options_count(o->program); i++) {
        const struct strato_option *row = strato__options_at(o->program, i);
        char name[STRATO__OPTION_NAME_BYTES];
        const char *text;
        int rc;

        if (row->is & STRATO_OPTION_FLAG_ONLY)
            continue;
        strato__option_environment_name(o->program, row, name, sizeof name);
        text = getenv(name);
        if (!text)
            continue;
        rc = set_at(o, i, text, STRATO_ORIGIN_ENVIRONMENT, name, name, ret_error);
        if (rc == STRATO_EINVAL) { /* the place would say the name twice */
            char wanted[256];

            strato__option_wanted(row, wanted, sizeof wanted);
            error_set(ret_error, "environment %s wants %s, not \"%.100s\"", name, wanted, text);
        }
        if (rc < 0)
            return rc;
    }
    return 0;
}

/* ---- arguments ------------------------------------------------------------------------------------ */

const struct strato_option strato__option_actions[] = {
    { .name = "help", .letter = 'h', .doc = "Show this help and leave." },
    { .name = "version", .letter = 'V', .doc = "Show the version and leave." },
    { .name = "dump-man", .is = STRATO_OPTION_HIDDEN, .doc = "Print the man page." },
    { .name = "dump-completion",
      .value = "SHELL",
      .is = STRATO_OPTION_HIDDEN,
      .doc = "Print completion for bash, zsh or fish." },
    { .name = "dump-reference", .is = STRATO_OPTION_HIDDEN, .doc = "Print the configuration reference." },
};
const size_t strato__option_actions_count = sizeof strato__option_actions / sizeof strato__option_actions[0];

struct arguments {
    struct strato_options *o;
    char *const *argv;
    int argc, at;
    struct strato_option_error *error;
};

static const struct {
    const char *name;
    char letter;
    enum strato_option_action action;
} actions[] = {
    { "help", 'h', STRATO_ACTION_HELP },
    { "version", 'V', STRATO_ACTION_VERSION },
    { "dump-man", 0, STRATO_ACTION_MAN },
    { "dump-completion", 0, STRATO_ACTION_COMPLETION },
    { "dump-reference", 0, STRATO_ACTION_REFERENCE },
};

/* The option's value: behind '=', or the next word. NULL with an error if there is none. */
static const char *argument_value(struct arguments *a, const char *behind, const char *called, const char *value_name)
{
    if (behind)
        return behind;
    if (a->at + 1 < a->argc)
        return a->argv[++a->at];
    error_set(a->error, "%s wants a value: %s %s", called, called, value_name ? value_name : "VALUE");
    return NULL;
}

static int argument_set(struct arguments *a, size_t i, const char *behind, const char *called)
{
    const struct strato_option *row = strato__options_at(a->o->program, i);
    const char *text = "yes";

    if (row->kind != STRATO_OPTION_FLAG) {
        text = argument_value(a, behind, called, row->value);
        if (!text)
            return STRATO_EINVAL;
    } else if (behind) {
        text = behind;
    }
    return set_at(a->o, i, text, STRATO_ORIGIN_FLAG, NULL, called, a->error);
}

static int argument_action(struct arguments *a, enum strato_option_action action, const char *behind)
{
    const char *shell = "";

    if (action == STRATO_ACTION_COMPLETION) {
        shell = argument_value(a, behind, "--dump-completion", "bash|zsh|fish");
        if (!shell)
            return STRATO_EINVAL;
    }
    snprintf(a->o->shell, sizeof a->o->shell, "%s", shell);
    a->o->action = action;
    return 1;
}

static int argument_unknown(struct arguments *a, const char *word, size_t length)
{
    const struct strato_program *p = a->o->program;
    struct strato_nearest n = strato_nearest_begin(strato_bytes(word, length));

    for (size_t i = 0; i < strato__options_count(p); i++)
        if (!(strato__options_at(p, i)->is & (STRATO_OPTION_HIDDEN | STRATO_OPTION_NO_FLAG)))
            strato_nearest_offer(&n, strato_text(strato__options_at(p, i)->name));
    for (size_t i = 0; i < 2; i++)
        strato_nearest_offer(&n, strato_text(actions[i].name));
    if (n.best.bytes)
        error_set(a->error, "unknown option --%.*s (did you mean --%.*s?)", (int)length, word, (int)n.best.bytes,
                  (const char *)n.best.data);
    else
        error_set(a->error, "unknown option --%.*s; %s --help lists them", (int)length, word, p->name);
    return STRATO_EINVAL;
}

static int argument_long(struct arguments *a, const char *word)
{
    const struct strato_program *p = a->o->program;
    size_t length = strcspn(word, "=");
    const char *behind = word[length] ? word + length + 1 : NULL;
    char called[128];
    int i = row_index(p, word, length);

    snprintf(called, sizeof called, "--%.*s", (int)length, word);
    if (i >= 0 && !(strato__options_at(p, (size_t)i)->is & STRATO_OPTION_NO_FLAG))
        return argument_set(a, (size_t)i, behind, called);
    for (size_t k = 0; k < sizeof actions / sizeof actions[0]; k++)
        if (name_is(actions[k].name, word, length))
            return argument_action(a, actions[k].action, behind);
    if (length > 3 && memcmp(word, "no-", 3) == 0 && !behind) {
        i = row_index(p, word + 3, length - 3);
        if (i >= 0 && strato__options_at(p, (size_t)i)->kind == STRATO_OPTION_FLAG)
            return set_at(a->o, (size_t)i, "no", STRATO_ORIGIN_FLAG, NULL, called, a->error);
    }
    return argument_unknown(a, word, length);
}

/* -v, -vq, -n5, -n 5 */
static int argument_short(struct arguments *a, const char *letters)
{
    int rc = 0;

    for (; *letters && rc == 0; letters++) {
        char called[3] = { '-', *letters, '\0' };
        int i = letter_index(a->o->program, *letters);

        if (i >= 0 && strato__options_at(a->o->program, (size_t)i)->kind != STRATO_OPTION_FLAG)
            return argument_set(a, (size_t)i, letters[1] ? letters + 1 : NULL, called);
        if (i >= 0) {
            rc = argument_set(a, (size_t)i, NULL, called);
        } else if (*letters == 'h' || *letters == 'V') {
            return argument_action(a, *letters == 'h' ? STRATO_ACTION_HELP : STRATO_ACTION_VERSION, NULL);
        } else {
            error_set(a->error, "unknown option %s; %s --help lists them", called, a->o->program->name);
            return STRATO_EINVAL;
        }
    }
    return rc;
}

static int operands_check(const struct strato_options *o, struct strato_option_error *error)
{
    const struct strato_program *p = o->program;

    if (p->verbs_count > 0)
        return 0; /* the caller looks the verb up */
    if (o->operands_count > 0 && !p->operands)
        error_set(error, "unexpected \"%.100s\": %s takes no operands", o->operands[0], p->name);
    else if (o->operands_count < p->operands_min)
        error_set(error, "usage: %s [OPTION...] %s; try %s --help", p->name, p->operands, p->name);
    else if (p->operands && p->operands_max > 0 && o->operands_count > p->operands_max)
        error_set(error, "unexpected \"%.100s\"; usage: %s [OPTION...] %s", o->operands[p->operands_max], p->name,
                  p->operands);
    else
        return 0;
    return STRATO_EINVAL;
}

int strato_options_arguments(struct strato_options *o, int argc, char *const *argv,
                             struct strato_option_error *ret_error)
{
    struct arguments a = { .o = o, .argv = argv, .argc = argc, .at = 1, .error = ret_error };
    bool only_operands = false;

    free(o->operands);
    o->operands_count = 0;
    o->operands = calloc((size_t)(argc > 0 ? argc : 1), sizeof *o->operands);
    if (!o->operands)
        return STRATO_ENOMEM;
    for (; a.at < argc; a.at++) {
        const char *word = argv[a.at];
        int rc = 0;

        if (only_operands || word[0] != '-' || word[1] == '\0') {
            o->operands[o->operands_count++] = word;
            only_operands = only_operands || o->program->verbs_count > 0;
        } else if (strcmp(word, "--") == 0) {
            only_operands = true;
        } else if (word[1] == '-') {
            rc = argument_long(&a, word + 2);
        } else {
            rc = argument_short(&a, word + 1);
        }
        if (rc != 0)
            return rc;
    }
    return operands_check(o, ret_error);
}

/* ---- questions ------------------------------------------------------------------------------------ */

const struct strato_option *strato_options_find(const struct strato_options *o, const char *name)
{
    int i = row_index(o->program, name, strlen(name));

    return i < 0 ? NULL : strato__options_at(o->program, (size_t)i);
}

enum strato_option_origin strato_options_origin(const struct strato_options *o, const char *name,
                                                const char **ret_place)
{
    int i = row_index(o->program, name, strlen(name));

    if (ret_place)
        *ret_place = i >= 0 && o->values[i].place ? o->values[i].place : "";
    return i >= 0 ? o->values[i].origin : STRATO_ORIGIN_DEFAULT;
}

const char *strato_option_origin_name(enum strato_option_origin origin)
{
    static const char *const names[] = { "default", "file", "context", "environment", "flag", "program" };

    return names[origin];
}
