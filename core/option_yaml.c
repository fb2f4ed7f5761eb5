/*
 * option_yaml.c - libyaml's document tree against the option table.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/option_yaml.h"

#include "core/nearest.h"
#include "core/option_private.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

int strato_yaml_complain(struct strato_yaml *y, const yaml_node_t *at, const char *format, ...)
{
    va_list arguments;
    size_t used;

    snprintf(y->error->text, sizeof y->error->text, "%s:%zu:%zu: ", y->path, at->start_mark.line + 1,
             at->start_mark.column + 1);
    used = strlen(y->error->text);
    va_start(arguments, format);
    vsnprintf(y->error->text + used, sizeof y->error->text - used, format, arguments);
    va_end(arguments);
    return STRATO_ECONFIG;
}

const char *strato_yaml_scalar(const yaml_node_t *node)
{
    /* A NUL inside would hide the rest from every string function behind this. */
    if (!node || node->type != YAML_SCALAR_NODE ||
        strlen((const char *)node->data.scalar.value) != node->data.scalar.length)
        return NULL;
    return (const char *)node->data.scalar.value;
}

static bool is_null(const yaml_node_t *node)
{
    const char *text = strato_yaml_scalar(node);

    return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int read_file(const char *path, char **ret_text, size_t *ret_bytes)
{
    FILE *file = fopen(path, "rbe");
    char *text = NULL;
    size_t bytes;
    int rc = STRATO_EIO;

    if (!file)
        return errno == ENOENT ? STRATO_ENOENT : STRATO_EIO;
    text = malloc(STRATO_YAML_BYTES_MAX + 1);
    if (!text) {
        rc = STRATO_ENOMEM;
        goto out;
    }
    bytes = fread(text, 1, STRATO_YAML_BYTES_MAX + 1, file);
    if (ferror(file) || bytes > STRATO_YAML_BYTES_MAX)
        goto out;
    *ret_text = text;
    *ret_bytes = bytes;
    text = NULL;
    rc = 0;
out:
    free(text);
    fclose(file);
    return rc;
}

static int unknown_key(struct strato_yaml *y, struct strato_options *o, const yaml_node_t *key,
                       const char *const *nested_keys)
{
    struct strato_nearest n = strato_nearest_begin(strato_text(strato_yaml_scalar(key)));

    for (size_t i = 0; i < strato__options_count(o->program); i++)
        if (!(strato__options_at(o->program, i)->is & (STRATO_OPTION_HIDDEN | STRATO_OPTION_FLAG_ONLY)))
            strato_nearest_offer(&n, strato_text(strato__options_at(o->program, i)->name));
    for (; nested_keys && *nested_keys; nested_keys++)
        strato_nearest_offer(&n, strato_text(*nested_keys));
    if (n.best.bytes) {
        char guess[STRATO_NEAREST_BYTES_MAX + 1];

        snprintf(guess, sizeof guess, "%.*s", (int)n.best.bytes, (const char *)n.best.data);
        for (char *c = guess; *c; c++)
            *c = *c == '-' ? '_' : *c;
        return strato_yaml_complain(y, key, "unknown key \"%.100s\" (did you mean %s?)", strato_yaml_scalar(key),
                                    guess);
    }
    return strato_yaml_complain(y, key, "unknown key \"%.100s\"; %s --dump-reference lists them",
                                strato_yaml_scalar(key), o->program->name);
}

/* A sequence becomes "a,b", so a list reads alike in a flag and in a file. */
static int sequence_text(struct strato_yaml *y, const yaml_node_t *value, char *text, size_t bytes)
{
    size_t used = 0;

    text[0] = '\0';
    for (yaml_node_item_t *item = value->data.sequence.items.start; item < value->data.sequence.items.top; item++) {
        yaml_node_t *node = yaml_document_get_node(&y->document, *item);
        const char *scalar = strato_yaml_scalar(node);

        if (!scalar || strchr(scalar, ','))
            return strato_yaml_complain(y, node, "a list takes plain values without commas");
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? "," : "", scalar);
        if (used >= bytes)
            return strato_yaml_complain(y, value, "the list is longer than %zu bytes", bytes);
    }
    return 0;
}

static int set_row(struct strato_yaml *y, struct strato_options *o, const struct strato_option *row,
                   const yaml_node_t *value)
{
    char place[400], list[4096];
    const char *text = strato_yaml_scalar(value);
    struct strato_option_error why;
    int rc;

    if (row->kind == STRATO_OPTION_LIST && value->type == YAML_SEQUENCE_NODE) {
        rc = sequence_text(y, value, list, sizeof list);
        if (rc < 0)
            return rc;
        text = list;
    }
    if (!text)
        return strato_yaml_complain(y, value, "%s wants a plain value", row->name);
    if (is_null(value))
        text = "";
    snprintf(place, sizeof place, "%.300s:%zu:%zu", y->path, value->start_mark.line + 1, value->start_mark.column + 1);
    rc = strato_options_set(o, row->name, text, STRATO_ORIGIN_FILE, place, &why);
    if (rc == STRATO_EINVAL) {
        *y->error = why;
        return STRATO_ECONFIG;
    }
    return rc;
}

bool strato_yaml_is_repeated(struct strato_yaml *y, const yaml_node_t *map, const yaml_node_pair_t *pair)
{
    const char *key = strato_yaml_scalar(yaml_document_get_node(&y->document, pair->key));

    for (const yaml_node_pair_t *other = map->data.mapping.pairs.start; other < pair && key; other++) {
        const char *text = strato_yaml_scalar(yaml_document_get_node(&y->document, other->key));

        if (text && strcmp(text, key) == 0)
            return true;
    }
    return false;
}

struct reader {
    struct strato_options *o;
    strato_yaml_nested_fn *nested;
    void *arg;
    const char *const *nested_keys;
};

static int read_pair(struct strato_yaml *y, const struct reader *r, const yaml_node_t *root,
                     const yaml_node_pair_t *pair)
{
    yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);
    yaml_node_t *value = yaml_document_get_node(&y->document, pair->value);
    const char *name = strato_yaml_scalar(key);
    const struct strato_option *row;
    int rc;

    if (!name)
        return strato_yaml_complain(y, key, "a key must be plain text");
    if (strato_yaml_is_repeated(y, root, pair))
        return strato_yaml_complain(y, key, "key \"%.100s\" stands twice", name);
    row = strato_options_find(r->o, name);
    if (row && !(row->is & STRATO_OPTION_FLAG_ONLY))
        return set_row(y, r->o, row, value);
    rc = r->nested ? r->nested(r->arg, y, name, value) : STRATO_ENOENT;
    return rc == STRATO_ENOENT ? unknown_key(y, r->o, key, r->nested_keys) : rc;
}

static int read_document(void *arg, struct strato_yaml *y, yaml_node_t *root)
{
    const struct reader *r = arg;
    int rc = 0;

    if (!root || is_null(root)) /* an empty file sets nothing */
        return 0;
    if (root->type != YAML_MAPPING_NODE)
        return strato_yaml_complain(y, root, "the file must be a map of keys and values");
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top && rc == 0;
         pair++)
        rc = read_pair(y, r, root, pair);
    return rc;
}

static int syntax_error(const char *path, const yaml_parser_t *parser, struct strato_option_error *error)
{
    snprintf(error->text, sizeof error->text, "%s:%zu:%zu: not valid YAML: %s", path, parser->problem_mark.line + 1,
             parser->problem_mark.column + 1, parser->problem ? parser->problem : "unreadable");
    return parser->error == YAML_MEMORY_ERROR ? STRATO_ENOMEM : STRATO_ECONFIG;
}

static int only_one_document(yaml_parser_t *parser, struct strato_yaml *y)
{
    yaml_document_t next;
    bool is_last;

    if (!yaml_parser_load(parser, &next))
        return syntax_error(y->path, parser, y->error);
    is_last = yaml_document_get_root_node(&next) == NULL;
    if (!is_last)
        strato_yaml_complain(y, yaml_document_get_root_node(&next), "a second document; one file holds one");
    yaml_document_delete(&next);
    return is_last ? 0 : STRATO_ECONFIG;
}

int strato_yaml_text(const char *path, const char *text, size_t bytes, strato_yaml_root_fn *fn, void *arg,
                     struct strato_option_error *ret_error)
{
    struct strato_yaml y = { .path = path, .error = ret_error };
    yaml_parser_t parser;
    int rc;

    if (!yaml_parser_initialize(&parser))
        return STRATO_ENOMEM;
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, bytes);
    if (!yaml_parser_load(&parser, &y.document)) {
        rc = syntax_error(path, &parser, ret_error);
    } else {
        yaml_node_t *root = yaml_document_get_root_node(&y.document);

        rc = fn(arg, &y, root);
        if (rc == 0 && root)
            rc = only_one_document(&parser, &y);
        yaml_document_delete(&y.document);
    }
    yaml_parser_delete(&parser);
    return rc;
}

int strato_yaml_file(const char *path, strato_yaml_root_fn *fn, void *arg, struct strato_option_error *ret_error)
{
    char *text = NULL;
    size_t bytes = 0;
    int rc = read_file(path, &text, &bytes);

    if (rc < 0)
        snprintf(ret_error->text, sizeof ret_error->text, "%s: %s", path,
                 rc == STRATO_ENOENT ? "no such file" : "cannot be read, or longer than 1 MiB");
    else
        rc = strato_yaml_text(path, text, bytes, fn, arg, ret_error);
    free(text);
    return rc;
}

int strato_options_yaml(struct strato_options *o, const char *path, strato_yaml_nested_fn *nested, void *arg,
                        const char *const *nested_keys, struct strato_option_error *ret_error)
{
    struct reader r = { o, nested, arg, nested_keys };

    return strato_yaml_file(path, read_document, &r, ret_error);
}
