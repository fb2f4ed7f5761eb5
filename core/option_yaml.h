/*
 * option_yaml.h - read option values from a YAML file, with line and column in every complaint.
 *
 * The top of the file is a map; a key that is in the option table sets that option. Any other key is
 * offered to the program (nested settings such as `channels:`), and refused with the nearest name if the
 * program does not know it either. Duplicate keys, anchors to nowhere and second documents are errors.
 *
 * SPDX-License-Identifier: MIT
 */
#ifndef STRATO_CORE_OPTION_YAML_H
#define STRATO_CORE_OPTION_YAML_H

#include "core/option.h"

#include <yaml.h>

enum { STRATO_YAML_BYTES_MAX = 1 << 20 }; /* a configuration file longer than this is a mistake */

/** The file being read; for complaints of the program's own about nodes of it. */
struct strato_yaml {
    const char *path;
    yaml_document_t document;
    struct strato_option_error *error;
};

/** Write "path:line:column: ..." into the error. @return STRATO_ECONFIG, so that callers can return it. */
int strato_yaml_complain(struct strato_yaml *y, const yaml_node_t *at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/** The scalar's text, or NULL if it is none. Lives as long as the document. */
const char *strato_yaml_scalar(const yaml_node_t *node);

/** What to do with a document's root, NULL if the file is empty. */
typedef int strato_yaml_root_fn(void *arg, struct strato_yaml *y, yaml_node_t *root);
/**
 * Read the one document of a text.
 * @param path  For complaints only.
 * @return what fn returned; STRATO_ECONFIG (no YAML, or a second document; ret_error says where); STRATO_ENOMEM.
 */
int strato_yaml_text(const char *path, const char *text, size_t bytes, strato_yaml_root_fn *fn, void *arg,
                     struct strato_option_error *ret_error);
/** The same for a file. @return also STRATO_ENOENT, STRATO_EIO (unreadable, longer than STRATO_YAML_BYTES_MAX). */
int strato_yaml_file(const char *path, strato_yaml_root_fn *fn, void *arg, struct strato_option_error *ret_error);
/** Does this key stand in the map before `pair`? */
bool strato_yaml_is_repeated(struct strato_yaml *y, const yaml_node_t *map, const yaml_node_pair_t *pair);

/**
 * A key that no row has. @return 0 = taken; STRATO_ENOENT = unknown; STRATO_ECONFIG after a complaint; STRATO_ENOMEM.
 */
typedef int strato_yaml_nested_fn(void *arg, struct strato_yaml *y, const char *key, yaml_node_t *value);

/**
 * Read one file into the options, as STRATO_ORIGIN_FILE with place "path:line:column".
 * @param nested       May be NULL: every unknown key is an error.
 * @param nested_keys  NULL-terminated names that nested takes, for suggestions. May be NULL.
 * @return 0; STRATO_ENOENT (no such file); STRATO_EIO; STRATO_ECONFIG (ret_error says where and what); STRATO_ENOMEM.
 */
int strato_options_yaml(struct strato_options *o, const char *path, strato_yaml_nested_fn *nested, void *arg,
                        const char *const *nested_keys, struct strato_option_error *ret_error);
#endif
