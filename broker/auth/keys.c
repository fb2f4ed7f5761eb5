/*
 * keys.c - from YAML to principals; built-in roles stand last.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/auth/keys.h"

#include "core/envelope.h"
#include "core/glob.h"
#include "core/nearest.h"
#include "core/option_yaml.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <xxhash.h>

struct auth_keys {
    atomic_uint references;
    struct auth_role **roles; /* each its own: principals point at them */
    size_t roles_count;
    struct auth_principal *principals; /* by key, ascending */
    size_t count;
    struct auth_principals all; /* the same, for those who only look */
};

static const struct builtin {
    const char *name; /* NULL behind the last */
    unsigned verbs;   /* on every channel */
} builtins[5];

/* ---- life ----------------------------------------------------------------------------------------- */

static void role_free(struct auth_role *role)
{
    for (size_t i = 0; i < role->grants_count; i++) {
        free(role->grants[i].channel);
        free(role->grants[i].topic);
    }
    free(role->grants);
    free(role->name);
    free(role);
}

static void principal_fini(struct auth_principal *principal)
{
    free(principal->name);
    free(principal->roles);
}

struct auth_keys *auth_keys_hold(struct auth_keys *keys)
{
    atomic_fetch_add(&keys->references, 1);
    return keys;
}

void auth_keys_drop(struct auth_keys *keys)
{
    if (!keys || atomic_fetch_sub(&keys->references, 1) > 1)
        return;
    for (size_t i = 0; i < keys->roles_count; i++)
        role_free(keys->roles[i]);
    for (size_t i = 0; i < keys->count; i++)
        principal_fini(&keys->principals[i]);
    free(keys->roles);
    free(keys->principals);
    free(keys);
}

uint64_t auth_keys_fingerprint(const char *path)
{
    FILE *file = fopen(path, "rbe");
    uint8_t block[4096];
    uint64_t hash = 1;
    size_t got;

    if (!file)
        return 0;
    while ((got = fread(block, 1, sizeof block, file)) > 0)
        hash = XXH3_64bits_withSeed(block, got, hash);
    if (ferror(file))
        hash = 0;
    fclose(file);
    return hash;
}

/* ---- asking --------------------------------------------------------------------------------------- */

const struct auth_principals *auth_keys_all(const struct auth_keys *keys)
{
    return &keys->all;
}

const struct auth_principal *auth_keys_named(const struct auth_keys *keys, struct strato_bytes name)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strato_bytes_is(name, keys->principals[i].name))
            return &keys->principals[i];
    return NULL;
}

/* ---- roles ---------------------------------------------------------------------------------------- */

static struct auth_role *role_find(const struct auth_keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->roles_count; i++)
        if (strcmp(keys->roles[i]->name, name) == 0)
            return keys->roles[i];
    return NULL;
}

static int role_add(struct auth_keys *keys, const char *name, size_t grants, struct auth_role **ret_role)
{
    struct auth_role **roles = realloc(keys->roles, (keys->roles_count + 1) * sizeof(struct auth_role *));
    struct auth_role *role;

    if (!roles)
        return STRATO_ENOMEM;
    keys->roles = roles;
    role = calloc(1, sizeof *role);
    if (!role)
        return STRATO_ENOMEM;
    role->name = strdup(name);
    role->grants = calloc(grants + 1, sizeof *role->grants);
    if (!role->name || !role->grants) {
        role_free(role);
        return STRATO_ENOMEM;
    }
    keys->roles[keys->roles_count++] = role;
    *ret_role = role;
    return 0;
}

/* The role of a name, written or built in; *ret_role NULL = neither. */
static int role_get(struct auth_keys *keys, const char *name, struct auth_role **ret_role)
{
    int rc;

    *ret_role = role_find(keys, name);
    for (const struct builtin *b = builtins; b->name && !*ret_role; b++) {
        if (strcmp(b->name, name) != 0)
            continue;
        rc = role_add(keys, name, 1, ret_role);
        if (rc < 0)
            return rc;
        (*ret_role)->grants[0] = (struct auth_grant){ .channel = strdup(">"), .verbs = b->verbs };
        (*ret_role)->grants_count = 1;
        return (*ret_role)->grants[0].channel ? 0 : STRATO_ENOMEM;
    }
    return 0;
}

static int unknown_verb(struct strato_yaml *y, const yaml_node_t *node, const char *text)
{
    struct strato_nearest n = strato_nearest_begin(strato_text(text));

    for (unsigned i = 0; i < AUTH_VERBS_COUNT; i++)
        strato_nearest_offer(&n, strato_text(auth_verb_name((enum auth_verb)(1U << i))));
    return strato_yaml_complain(
        y, node, "unknown verb \"%.60s\"%s%.*s%s: publish, consume, request, serve, observe, block, admin", text,
        n.best.bytes ? " (did you mean " : "", (int)n.best.bytes, n.best.bytes ? (const char *)n.best.data : "",
        n.best.bytes ? "?)" : "");
}

static int read_verbs(struct strato_yaml *y, yaml_node_t *value, struct auth_grant *grant)
{
    if (value->type != YAML_SEQUENCE_NODE || value->data.sequence.items.start == value->data.sequence.items.top)
        return strato_yaml_complain(y, value, "verbs is a list, e.g. [publish, consume]");
    for (yaml_node_item_t *item = value->data.sequence.items.start; item < value->data.sequence.items.top; item++) {
        yaml_node_t *node = yaml_document_get_node(&y->document, *item);
        const char *text = strato_yaml_scalar(node);
        unsigned verb = text ? auth_verb_parse(strato_text(text)) : 0;

        if (!verb)
            return text ? unknown_verb(y, node, text) : strato_yaml_complain(y, node, "a verb is plain text");
        grant->verbs |= verb;
    }
    return 0;
}

static int read_glob(struct strato_yaml *y, const yaml_node_t *value, const char *what, size_t bytes_max, char **to)
{
    const char *text = strato_yaml_scalar(value);

    if (!text || !strato_glob_is_valid(strato_text(text), bytes_max))
        return strato_yaml_complain(y, value,
                                    "%s is a name or a glob of at most %zu bytes ('jobs.*', '>'): no empty segment, > "
                                    "only at the end",
                                    what, bytes_max);
    *to = strdup(text);
    return *to ? 0 : STRATO_ENOMEM;
}

static int read_grant(struct strato_yaml *y, yaml_node_t *node, struct auth_grant *grant)
{
    int rc = 0;

    if (node->type != YAML_MAPPING_NODE)
        return strato_yaml_complain(y, node, "a grant is a map: {channel: gpu, verbs: [publish, request]}");
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && rc == 0;
         pair++) {
        yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);
        yaml_node_t *value = yaml_document_get_node(&y->document, pair->value);
        const char *name = strato_yaml_scalar(key);

        if (strato_yaml_is_repeated(y, node, pair))
            return strato_yaml_complain(y, key, "key \"%.60s\" stands twice", name);
        if (name && strcmp(name, "channel") == 0)
            rc = read_glob(y, value, "channel", STRATO_NAME_BYTES_MAX + 1, &grant->channel);
        else if (name && strcmp(name, "topic") == 0)
            rc = read_glob(y, value, "topic", STRATO_TOPIC_BYTES_MAX, &grant->topic);
        else if (name && strcmp(name, "verbs") == 0)
            rc = read_verbs(y, value, grant);
        else
            return strato_yaml_complain(y, key, "unknown key \"%.60s\": a grant has channel, topic and verbs",
                                        name ? name : "");
    }
    if (rc == 0 && (!grant->channel || !grant->verbs))
        return strato_yaml_complain(y, node, "a grant needs channel and verbs: {channel: gpu, verbs: [publish]}");
    return rc;
}

static int read_role(struct auth_keys *keys, struct strato_yaml *y, yaml_node_t *key, yaml_node_t *value)
{
    const char *name = strato_yaml_scalar(key);
    struct auth_role *role;
    size_t grants;
    int rc;

    if (!name || !strato_key_name_is_good(strato_text(name)))
        return strato_yaml_complain(y, key, "a role's name has 1 to 64 letters, digits and . _ -");
    if (value->type != YAML_SEQUENCE_NODE)
        return strato_yaml_complain(y, value, "a role is a list of grants: - {channel: gpu, verbs: [publish]}");
    if (keys->roles_count >= AUTH_ROLES_MAX)
        return strato_yaml_complain(y, key, "at most %d roles", AUTH_ROLES_MAX);
    grants = (size_t)(value->data.sequence.items.top - value->data.sequence.items.start);
    if (grants > AUTH_GRANTS_MAX)
        return strato_yaml_complain(y, value, "role %s has more than %d grants", name, AUTH_GRANTS_MAX);
    rc = role_add(keys, name, grants, &role);
    for (size_t i = 0; i < grants && rc == 0; i++)
        rc = read_grant(y, yaml_document_get_node(&y->document, value->data.sequence.items.start[i]),
                        &role->grants[role->grants_count++]);
    return rc;
}

/* ---- keys ----------------------------------------------------------------------------------------- */

static int unknown_role(struct auth_keys *keys, struct strato_yaml *y, const yaml_node_t *node, const char *text)
{
    struct strato_nearest n = strato_nearest_begin(strato_text(text));

    for (size_t i = 0; i < keys->roles_count; i++)
        strato_nearest_offer(&n, strato_text(keys->roles[i]->name));
    for (const struct builtin *b = builtins; b->name; b++)
        strato_nearest_offer(&n, strato_text(b->name));
    return strato_yaml_complain(
        y, node, "no role \"%.60s\"%s%.*s%s", text, n.best.bytes ? " (did you mean " : "", (int)n.best.bytes,
        n.best.bytes ? (const char *)n.best.data : "",
        n.best.bytes ? "?)" : "; roles: defines one, and admin, agent, service, observer are built in");
}

static int read_roles_of(struct auth_keys *keys, struct strato_yaml *y, yaml_node_t *value, struct auth_principal *p)
{
    size_t count = value->type == YAML_SEQUENCE_NODE
                       ? (size_t)(value->data.sequence.items.top - value->data.sequence.items.start)
                       : 0;

    if (count == 0 || count > AUTH_KEY_ROLES_MAX)
        return strato_yaml_complain(y, value, "roles is a list of 1 to %d names, e.g. [agent]", AUTH_KEY_ROLES_MAX);
    p->roles = calloc(count, sizeof(struct auth_role *));
    if (!p->roles)
        return STRATO_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *node = yaml_document_get_node(&y->document, value->data.sequence.items.start[i]);
        const char *text = strato_yaml_scalar(node);
        struct auth_role *role = NULL;
        int rc = text ? role_get(keys, text, &role) : 0;

        if (rc < 0)
            return rc;
        if (!role)
            return unknown_role(keys, y, node, text ? text : "");
        p->roles[p->roles_count++] = role;
    }
    return 0;
}

static int read_number(struct strato_yaml *y, const yaml_node_t *value, const char *what, uint32_t max, uint32_t *to)
{
    const char *text = strato_yaml_scalar(value);
    char *end = NULL;
    unsigned long number = text && *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;

    if (!end || *end || number == 0 || number > max)
        return strato_yaml_complain(y, value, "%s is a number, 1 to %u", what, max);
    *to = (uint32_t)number;
    return 0;
}

static int read_public(struct strato_yaml *y, const yaml_node_t *value, struct auth_principal *p)
{
    const char *text = strato_yaml_scalar(value);

    return text && strato_key_parse(strato_text(text), p->key)
               ? 0
               : strato_yaml_complain(
                     y, value, "key is a public key: 40 characters of Z85 in single quotes (strato key show FILE)");
}

static int read_key_map(struct auth_keys *keys, struct strato_yaml *y, yaml_node_t *node, struct auth_principal *p)
{
    bool has_key = false;
    int rc = 0;

    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top && rc == 0;
         pair++) {
        yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);
        yaml_node_t *value = yaml_document_get_node(&y->document, pair->value);
        const char *name = strato_yaml_scalar(key);

        if (strato_yaml_is_repeated(y, node, pair))
            return strato_yaml_complain(y, key, "key \"%.60s\" stands twice", name);
        if (name && strcmp(name, "key") == 0) {
            has_key = true;
            rc = read_public(y, value, p);
        } else if (name && strcmp(name, "roles") == 0) {
            rc = read_roles_of(keys, y, value, p);
        } else if (name && strcmp(name, "rate") == 0) {
            rc = read_number(y, value, "rate", 1000000000, &p->rate_per_s);
        } else if (name && strcmp(name, "connections") == 0) {
            rc = read_number(y, value, "connections", 65536, &p->connections_max);
        } else {
            return strato_yaml_complain(y, key, "unknown key \"%.60s\": a key has key, roles, rate and connections",
                                        name ? name : "");
        }
    }
    if (rc == 0 && (!has_key || !p->roles))
        return strato_yaml_complain(y, node, "%s needs key and roles: {key: '...', roles: [agent]}", p->name);
    return rc;
}

static int read_key(struct auth_keys *keys, struct strato_yaml *y, yaml_node_t *key, yaml_node_t *value)
{
    struct auth_principal *p = &keys->principals[keys->count];
    const char *name = strato_yaml_scalar(key);

    if (!name || !strato_key_name_is_good(strato_text(name)))
        return strato_yaml_complain(y, key, "a key's name has 1 to 64 letters, digits and . _ - and is not \"local\"");
    if (value->type != YAML_MAPPING_NODE)
        return strato_yaml_complain(y, value, "%s is a map: {key: '...', roles: [agent]}", name);
    keys->count++; /* counted first: what is half read is freed */
    p->connections_max = AUTH_CONNECTIONS_DEFAULT;
    p->name = strdup(name);
    return p->name ? read_key_map(keys, y, value, p) : STRATO_ENOMEM;
}

static int by_key(const void *a, const void *b)
{
    return memcmp(((const struct auth_principal *)a)->key, ((const struct auth_principal *)b)->key, STRATO_KEY_BYTES);
}

static int sort_keys(struct auth_keys *keys, struct strato_yaml *y, const yaml_node_t *node)
{
    qsort(keys->principals, keys->count, sizeof *keys->principals, by_key);
    for (size_t i = 1; i < keys->count; i++)
        if (by_key(&keys->principals[i - 1], &keys->principals[i]) == 0)
            return strato_yaml_complain(y, node, "%s and %s have the same key; one key is one name",
                                        keys->principals[i - 1].name, keys->principals[i].name);
    return 0;
}

typedef int entry_fn(struct auth_keys *keys, struct strato_yaml *y, yaml_node_t *key, yaml_node_t *value);

static int read_entries(struct auth_keys *keys, struct strato_yaml *y, yaml_node_t *map, entry_fn *read)
{
    int rc = 0;

    for (yaml_node_pair_t *pair = map->data.mapping.pairs.start; pair < map->data.mapping.pairs.top && rc == 0;
         pair++) {
        yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);

        if (strato_yaml_is_repeated(y, map, pair))
            return strato_yaml_complain(y, key, "\"%.64s\" stands twice", strato_yaml_scalar(key));
        rc = read(keys, y, key, yaml_document_get_node(&y->document, pair->value));
    }
    return rc;
}

static bool is_empty(const yaml_node_t *node)
{
    const char *text = strato_yaml_scalar(node);

    return text && (!*text || strcmp(text, "~") == 0 || strcmp(text, "null") == 0);
}

static int section(struct strato_yaml *y, yaml_node_t *value, const char *name, yaml_node_t **to)
{
    if (is_empty(value))
        return 0;
    if (value->type != YAML_MAPPING_NODE)
        return strato_yaml_complain(y, value, "%s is a map of names", name);
    *to = value;
    return 0;
}

/* Roles first, wherever they stand: keys speak of them. */
static int read_root(void *arg, struct strato_yaml *y, yaml_node_t *root)
{
    struct auth_keys *keys = arg;
    yaml_node_t *roles = NULL, *names = NULL;
    size_t count;
    int rc = 0;

    if (!root || is_empty(root))
        return 0; /* nobody is let in */
    if (root->type != YAML_MAPPING_NODE)
        return strato_yaml_complain(y, root, "a keys file is a map of roles: and keys:");
    for (yaml_node_pair_t *pair = root->data.mapping.pairs.start; pair < root->data.mapping.pairs.top && rc == 0;
         pair++) {
        yaml_node_t *key = yaml_document_get_node(&y->document, pair->key);
        yaml_node_t *value = yaml_document_get_node(&y->document, pair->value);
        const char *name = strato_yaml_scalar(key);
        bool is_roles = name && strcmp(name, "roles") == 0;

        if (!is_roles && !(name && strcmp(name, "keys") == 0))
            return strato_yaml_complain(y, key, "unknown key \"%.60s\": a keys file has roles and keys",
                                        name ? name : "");
        if (is_roles ? roles != NULL : names != NULL)
            return strato_yaml_complain(y, key, "%s stands twice", name);
        rc = section(y, value, name, is_roles ? &roles : &names);
    }
    if (rc == 0 && roles)
        rc = read_entries(keys, y, roles, read_role);
    if (rc < 0 || !names)
        return rc;
    count = (size_t)(names->data.mapping.pairs.top - names->data.mapping.pairs.start);
    if (count > AUTH_KEYS_MAX)
        return strato_yaml_complain(y, names, "at most %d keys", AUTH_KEYS_MAX);
    keys->principals = calloc(count + 1, sizeof *keys->principals);
    rc = keys->principals ? read_entries(keys, y, names, read_key) : STRATO_ENOMEM;
    keys->all = (struct auth_principals){ keys->principals, keys->count };
    return rc < 0 ? rc : sort_keys(keys, y, names);
}

static int read_from(const char *path, const struct strato_bytes *text, struct auth_keys **ret_keys,
                     struct strato_option_error *ret_error)
{
    struct auth_keys *keys = calloc(1, sizeof *keys);
    int rc;

    if (!keys)
        return STRATO_ENOMEM;
    atomic_init(&keys->references, 1);
    rc = text ? strato_yaml_text(path, (const char *)text->data, text->bytes, read_root, keys, ret_error)
              : strato_yaml_file(path, read_root, keys, ret_error);
    if (rc < 0)
        auth_keys_drop(keys);
    else
        *ret_keys = keys;
    return rc;
}

int auth_keys_read(const char *path, struct auth_keys **ret_keys, struct strato_option_error *ret_error)
{
    return read_from(path, NULL, ret_keys, ret_error);
}

int auth_keys_parse(const char *path, struct strato_bytes text, struct auth_keys **ret_keys,
                    struct strato_option_error *ret_error)
{
    return read_from(path, &text, ret_keys, ret_error);
}

static const struct builtin builtins[5] = {
    { "admin", (1U << AUTH_VERBS_COUNT) - 1 },
    { "agent", AUTH_PUBLISH | AUTH_CONSUME | AUTH_REQUEST },
    { "service", AUTH_PUBLISH | AUTH_CONSUME | AUTH_REQUEST | AUTH_SERVE },
    { "observer", AUTH_OBSERVE },
    { NULL, 0 },
};
