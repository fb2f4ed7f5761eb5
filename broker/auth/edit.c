/*
 * edit.c - by line: where the YAML reader says that an entry begins and ends.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/auth/edit.h"

#include "core/option_yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { ENTRY_BYTES = 4096, INDENT = 2 };

/* What is to be known about the old text. Lines count from 0; `to` is exclusive. */
struct place {
    const char *name;
    bool has_section, is_flow, is_known;
    size_t section_line;        /* of the key `keys` */
    bool is_section_empty;      /* keys: with nothing, ~ or {} */
    size_t entries_end, indent; /* line behind the last entry; column of the first */
    size_t from, to;            /* of the known one */
};

/* A block ends, for libyaml, where the next thing begins; all else ends in its own last line. */
static size_t end_line(const yaml_node_t *node)
{
    bool is_block = node->type == YAML_MAPPING_NODE && node->data.mapping.style != YAML_FLOW_MAPPING_STYLE;

    return is_block || node->end_mark.column == 0 ? node->end_mark.line : node->end_mark.line + 1;
}

static void see_section(struct place *p, struct strato_yaml *y, const yaml_node_t *key, yaml_node_t *value)
{
    p->has_section = true;
    p->section_line = key->start_mark.line;
    p->is_section_empty =
        value->type != YAML_MAPPING_NODE || value->data.mapping.pairs.start == value->data.mapping.pairs.top;
    p->is_flow = value->type == YAML_MAPPING_NODE && value->data.mapping.style == YAML_FLOW_MAPPING_STYLE;
    if (p->is_section_empty)
        return;
    for (yaml_node_pair_t *pair = value->data.mapping.pairs.start; pair < value->data.mapping.pairs.top; pair++) {
        yaml_node_t *name = yaml_document_get_node(&y->document, pair->key);
        yaml_node_t *entry = yaml_document_get_node(&y->document, pair->value);
        const char *text = strato_yaml_scalar(name);

        if (pair == value->data.mapping.pairs.start)
            p->indent = name->start_mark.column;
        p->entries_end = end_line(entry);
        if (text && strcmp(text, p->name) == 0) {
            p->is_known = true;
            p->from = name->start_mark.line;
            p->to = end_line(entry);
        }
    }
}

static int find_place(void *arg, struct strato_yaml *y, yaml_node_t *root)
{
    struct place *p = arg;

    if (!root || root->type != YAML_MAPPING_NODE) /* checked before: nothing but comments */
        return 0;
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);
        const char *name = strato_yaml_scalar(key);

        if (name && strcmp(name, "keys") == 0)
            see_section(p, y, key, yaml_document_get_node(&y->document, pair->value));
    }
    p->is_flow |= root->data.mapping.style == YAML_FLOW_MAPPING_STYLE;
    return 0;
}

static int examine(struct strato_bytes text, struct place *p, struct strato_option_error *error)
{
    struct auth_keys *keys = NULL;
    int rc = auth_keys_parse("keys file", text, &keys, error);

    auth_keys_drop(keys);
    if (rc == 0)
        rc = strato_yaml_text("keys file", (const char *)text.data, text.bytes, find_place, p, error);
    if (rc == 0 && p->is_flow && !p->is_section_empty) {
        snprintf(error->text, sizeof error->text,
                 "keys: is written as {...}; write each key on a line of its own, so that it can be edited");
        rc = STRATO_ECONFIG;
    }
    return rc;
}

static void write_entry(FILE *to, size_t indent, const struct auth_entry *e)
{
    char key[STRATO_KEY_CHARS + 1];

    strato_key_print(e->key, key);
    fprintf(to, "%*s%s: {key: '%s', roles: [", (int)indent, "", e->name, key);
    for (size_t i = 0; i < e->roles_count; i++)
        fprintf(to, "%s%s", i ? ", " : "", e->roles[i]);
    fputc(']', to);
    if (e->rate_per_s)
        fprintf(to, ", rate: %u", e->rate_per_s);
    if (e->connections)
        fprintf(to, ", connections: %u", e->connections);
    fputs("}\n", to);
}

/* Copy the text without lines from..to, and with the entry before line `at`. */
static void rewrite(FILE *to, struct strato_bytes text, const struct place *p, size_t at,
                    const struct auth_entry *entry)
{
    const char *from = (const char *)text.data, *end = from + text.bytes;
    size_t indent = p->indent ? p->indent : INDENT, line = 0;
    bool replaces_section = entry && p->has_section && p->is_section_empty;

    for (; from < end; line++) {
        const char *stop = memchr(from, '\n', (size_t)(end - from));
        size_t length = stop ? (size_t)(stop - from) + 1 : (size_t)(end - from);

        if (entry && p->has_section && line == at && !replaces_section)
            write_entry(to, indent, entry);
        if (replaces_section && line == p->section_line) {
            fputs("keys:\n", to);
            write_entry(to, indent, entry);
        } else if (!(p->is_known && line >= p->from && line < p->to)) {
            fwrite(from, 1, length, to);
            if (!stop)
                fputc('\n', to);
        }
        from += length;
    }
    if (entry && !p->has_section)
        fputs("keys:\n", to);
    if (entry && !replaces_section && (!p->has_section || line <= at))
        write_entry(to, indent, entry);
}

static int edit(struct strato_bytes text, struct place *p, const struct auth_entry *entry, char **ret_text,
                struct strato_option_error *error)
{
    struct auth_keys *keys = NULL;
    char *made = NULL;
    size_t bytes = 0;
    FILE *to = open_memstream(&made, &bytes);
    int rc;

    if (!to)
        return STRATO_ENOMEM;
    rewrite(to, text, p, p->entries_end, entry);
    rc = fclose(to) == 0 ? auth_keys_parse("new keys file", strato_bytes(made, bytes), &keys, error) : STRATO_ENOMEM;
    auth_keys_drop(keys);
    if (rc < 0)
        free(made);
    else
        *ret_text = made;
    return rc;
}

int auth_edit_allow(struct strato_bytes text, const struct auth_entry *entry, char **ret_text,
                    struct strato_option_error *ret_error)
{
    struct place p = { .name = entry->name };
    int rc = examine(text, &p, ret_error);

    return rc < 0 ? rc : edit(text, &p, entry, ret_text, ret_error);
}

int auth_edit_revoke(struct strato_bytes text, const char *name, char **ret_text, struct strato_option_error *ret_error)
{
    struct place p = { .name = name };
    int rc = examine(text, &p, ret_error);

    if (rc < 0)
        return rc;
    if (!p.is_known) {
        snprintf(ret_error->text, sizeof ret_error->text, "no key has the name %.64s", name);
        return STRATO_ENOENT;
    }
    return edit(text, &p, NULL, ret_text, ret_error);
}

/* ---- files ---------------------------------------------------------------------------------------- */

int auth_edit_read(const char *path, char **ret_text, bool *ret_is_new)
{
    FILE *file = fopen(path, "rbe");
    char *text;
    size_t got;

    *ret_is_new = !file && errno == ENOENT;
    if (!file && errno != ENOENT)
        return STRATO_EIO;
    text = malloc(STRATO_YAML_BYTES_MAX + 1);
    if (!text) {
        if (file)
            fclose(file);
        return STRATO_ENOMEM;
    }
    got = file ? fread(text, 1, STRATO_YAML_BYTES_MAX + 1, file) : 0;
    if (file)
        fclose(file);
    if (got > STRATO_YAML_BYTES_MAX) {
        free(text);
        errno = EFBIG;
        return STRATO_EIO;
    }
    text[got] = '\0';
    *ret_text = text;
    return 0;
}

static int write_all(int fd, const char *text)
{
    size_t left = strlen(text);

    while (left > 0) {
        ssize_t done = write(fd, text, left);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return STRATO_EIO;
        text += done;
        left -= (size_t)done;
    }
    return fsync(fd) == 0 ? 0 : STRATO_EIO;
}

int auth_edit_write(const char *path, const char *text)
{
    char fresh[4096];
    struct stat old;
    bool is_there = stat(path, &old) == 0;
    int fd, rc, error;

    if (snprintf(fresh, sizeof fresh, "%s.XXXXXX", path) >= (int)sizeof fresh) {
        errno = ENAMETOOLONG;
        return STRATO_EIO;
    }
    fd = mkostemp(fresh, O_CLOEXEC);
    if (fd < 0)
        return STRATO_EIO;
    rc = write_all(fd, text);
    if (rc == 0 && fchmod(fd, is_there ? old.st_mode & 07777 : 0644) < 0)
        rc = STRATO_EIO;
    if (is_there && fchown(fd, old.st_uid, old.st_gid) < 0) {
        /* somebody else's file: the new one is ours, with the same mode */
    }
    if (close(fd) < 0 || (rc == 0 && rename(fresh, path) < 0))
        rc = STRATO_EIO;
    if (rc < 0) {
        error = errno;
        unlink(fresh);
        errno = error;
    }
    return rc;
}
