/*
 * cmd_key.c - strato key new, show, allow, revoke and ls: key pairs, and the keys file that says who is let in.
 *
 * Files only: no broker is asked, so this works before there is one. A secret is written to a file of mode 0600 and
 * nowhere else: never on a command line, in the output or in a message.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/auth/edit.h"
#include "cli/emit.h"
#include "cli/table.h"
#include "cli/verbs.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

struct key_config {
    struct cli_common common;
    char *out, *keys;
    struct strato_option_list roles;
    uint32_t rate, connections;
    bool dry_run;
};

#define AT(field) STRATO_OPTION_AT(struct key_config, field)
#define KEYS_ROW                                                                                                       \
    {                                                                                                                  \
        .name = "keys", AT(keys), .kind = STRATO_OPTION_STRING, .value = "FILE", .complete = "file",                   \
        .initial = "/etc/stratoswarm/keys.yaml", .doc = "The keys file, as stratod has it in its own --keys."          \
    }
#define DRY_ROW                                                                                                        \
    {                                                                                                                  \
        .name = "dry-run", AT(dry_run), .kind = STRATO_OPTION_FLAG,                                                    \
        .doc = "Print the file that it would be, and "                                                                 \
               "change nothing."                                                                                       \
    }

/* ---- new and show ---------------------------------------------------------------------------------- */

static const struct strato_option new_rows[] = {
    { .name = "out",
      .letter = 'o',
      AT(out),
      .kind = STRATO_OPTION_STRING,
      .value = "FILE",
      .complete = "file",
      .doc = "Where to put the pair instead of NAME.key; a file that is there is never overwritten." },
};

static int write_secret(const struct cli *cli, const char *path, const char *text, size_t bytes)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600), error;
    bool is_written;

    if (fd < 0 && errno == EEXIST)
        return cli_fail(cli, CLI_FAILED,
                        "%s is there already; a secret is not overwritten: move it away, or give --out", path);
    if (fd < 0)
        return cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(errno));
    /* The umask may have taken more away than it should, or (a mount option) less. */
    is_written = fchmod(fd, 0600) == 0 && write(fd, text, bytes) == (ssize_t)bytes && fsync(fd) == 0;
    error = errno;
    if (close(fd) == 0 && is_written)
        return CLI_OK;
    unlink(path);
    return cli_fail(cli, CLI_FAILED, "%s: %s", path, strerror(error));
}

static void print_pair(const struct cli *cli, const char *file, const struct strato_keypair *pair)
{
    char text[STRATO_KEYPAIR_TEXT_BYTES], key[STRATO_KEY_CHARS + 1];
    struct strato_keypair shown = *pair;
    struct emit j = { .to = stdout };

    memset(shown.secret_key, 0, sizeof shown.secret_key);
    shown.has_secret = false;
    strato_key_print(shown.public_key, key);
    if (!cli_wants_json(cli)) {
        strato_keypair_print(&shown, text);
        fputs(text, stdout);
        return;
    }
    emit_object(&j, NULL);
    emit_text(&j, "name", *shown.name ? shown.name : NULL);
    emit_text(&j, "public", key);
    emit_text(&j, "file", file);
    emit_bool(&j, "has_secret", pair->has_secret);
    emit_object_end(&j);
    emit_end(&j);
}

static int run_new(struct cli *cli, const void *verb_config)
{
    const struct key_config *config = verb_config;
    char path[STRATO_KEY_NAME_BYTES_MAX + 8], text[STRATO_KEYPAIR_TEXT_BYTES], key[STRATO_KEY_CHARS + 1];
    const char *name = cli->operands[0], *file = config->out ? config->out : path;
    struct strato_keypair pair = { .has_secret = true };
    size_t bytes;
    int code;

    if (!strato_key_name_is_good(strato_text(name)))
        return cli_fail(cli, CLI_USAGE, "a key's name has 1 to 64 letters, digits and . _ - and is not \"local\"");
    if (sodium_init() < 0)
        return cli_fail(cli, CLI_FAILED, "no randomness to make keys of");
    snprintf(path, sizeof path, "%s.key", name);
    snprintf(pair.name, sizeof pair.name, "%s", name);
    crypto_box_keypair(pair.public_key, pair.secret_key); /* Curve25519, what CURVE uses */
    bytes = strato_keypair_print(&pair, text);
    code = write_secret(cli, file, text, bytes);
    sodium_memzero(text, sizeof text);
    if (code == CLI_OK) {
        print_pair(cli, file, &pair);
        strato_key_print(pair.public_key, key);
        cli_say(cli, "pair written to %s; to let it in: strato key allow %s '%s' --role agent", file, name, key);
    }
    strato_keypair_wipe(&pair);
    return code;
}

static int run_show(struct cli *cli, const void *verb_config)
{
    struct strato_keypair pair;
    char detail[512];
    int rc = strato_keypair_read(cli->operands[0], false, &pair, detail, sizeof detail);

    (void)verb_config;
    if (rc < 0)
        return cli_fail(cli, rc == STRATO_ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "%s", detail);
    print_pair(cli, cli->operands[0], &pair);
    strato_keypair_wipe(&pair);
    return CLI_OK;
}

/* ---- allow and revoke ------------------------------------------------------------------------------ */

static const struct strato_option allow_rows[] = {
    { .name = "role",
      .letter = 'r',
      AT(roles),
      .kind = STRATO_OPTION_LIST,
      .value = "ROLE",
      .initial = "agent",
      .doc = "What it may do: roles of the keys file, or admin, agent, service, observer." },
    { .name = "rate",
      AT(rate),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .max = 1000000000,
      .doc = "Messages that it may send a second; 0 for no limit." },
    { .name = "connections",
      AT(connections),
      .kind = STRATO_OPTION_UINT,
      .value = "N",
      .max = 65536,
      .doc = "Connections that it may have at once; 0 for the 64 of every key." },
    KEYS_ROW,
    DRY_ROW,
};

static const struct strato_option revoke_rows[] = { KEYS_ROW, DRY_ROW };
static const struct strato_option ls_rows[] = { KEYS_ROW };

static int read_key(const struct cli *cli, const char *text, uint8_t *key)
{
    struct strato_keypair pair;
    char detail[512];
    int rc;

    if (strato_key_parse(strato_text(text), key))
        return CLI_OK;
    rc = strato_keypair_read(text, false, &pair, detail, sizeof detail);
    if (rc == STRATO_ENOENT)
        return cli_fail(cli, CLI_USAGE,
                        "\"%.60s\" is no public key (40 characters of Z85, in single quotes) and no file "
                        "that has one",
                        text);
    if (rc < 0)
        return cli_fail(cli, CLI_USAGE, "%s", detail);
    memcpy(key, pair.public_key, sizeof pair.public_key);
    strato_keypair_wipe(&pair);
    return CLI_OK;
}

static int report(const struct cli *cli, const char *operation, const char *name, const struct key_config *config)
{
    struct emit j = { .to = stdout };

    if (cli_wants_json(cli)) {
        emit_object(&j, NULL);
        emit_text(&j, "operation", operation);
        emit_text(&j, "name", name);
        emit_text(&j, "keys", config->keys);
        emit_bool(&j, "dry_run", config->dry_run);
        emit_object_end(&j);
        emit_end(&j);
    }
    if (!config->dry_run)
        cli_say(cli, "%s: %s; a broker with this file sees it within a second", config->keys, name);
    return CLI_OK;
}

/* What became of the text: shown, or put in the file's place. Frees it. */
static int finish(const struct cli *cli, const char *operation, const struct key_config *config, char *text)
{
    int rc = 0;

    if (config->dry_run && !cli_wants_json(cli))
        fputs(text, stdout);
    if (!config->dry_run)
        rc = auth_edit_write(config->keys, text);
    free(text);
    if (rc < 0)
        return cli_fail(cli, CLI_FAILED, "%s: %s", config->keys, strerror(errno));
    return report(cli, operation, cli->operands[0], config);
}

static int read_file(const struct cli *cli, const struct key_config *config, char **ret_text, bool *ret_is_new)
{
    int rc = auth_edit_read(config->keys, ret_text, ret_is_new);

    return rc < 0 ? cli_fail(cli, CLI_FAILED, "%s: %s", config->keys, strerror(errno)) : CLI_OK;
}

static int run_allow(struct cli *cli, const void *verb_config)
{
    const struct key_config *config = verb_config;
    struct auth_entry entry = { .name = cli->operands[0],
                                .roles = (const char *const *)config->roles.items,
                                .roles_count = config->roles.count,
                                .rate_per_s = config->rate,
                                .connections = config->connections };
    struct strato_option_error error = { "" };
    char *before = NULL, *after = NULL;
    bool is_new;
    int rc, code;

    if (!strato_key_name_is_good(strato_text(entry.name)))
        return cli_fail(cli, CLI_USAGE, "a key's name has 1 to 64 letters, digits and . _ - and is not \"local\"");
    code = read_key(cli, cli->operands[1], entry.key);
    if (code == CLI_OK)
        code = read_file(cli, config, &before, &is_new);
    if (code != CLI_OK)
        return code;
    rc = auth_edit_allow(strato_text(before), &entry, &after, &error);
    free(before);
    if (rc < 0)
        return cli_fail(cli, CLI_FAILED, "%s: %s", config->keys, error.text);
    return finish(cli, "allow", config, after);
}

static int run_revoke(struct cli *cli, const void *verb_config)
{
    const struct key_config *config = verb_config;
    struct strato_option_error error = { "" };
    char *before = NULL, *after = NULL;
    bool is_new;
    int rc, code = read_file(cli, config, &before, &is_new);

    if (code != CLI_OK)
        return code;
    rc = auth_edit_revoke(strato_text(before), cli->operands[0], &after, &error);
    free(before);
    if (rc < 0)
        return cli_fail(cli, rc == STRATO_ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "%s: %s", config->keys, error.text);
    return finish(cli, "revoke", config, after);
}

/* ---- ls -------------------------------------------------------------------------------------------- */

static void join_roles(const struct auth_principal *p, char *text, size_t bytes)
{
    size_t used = 0;

    text[0] = '\0';
    for (size_t i = 0; i < p->roles_count && used < bytes; i++)
        used += (size_t)snprintf(text + used, bytes - used, "%s%s", i ? "," : "", p->roles[i]->name);
}

static void print_json(const struct auth_principals *all)
{
    struct emit j = { .to = stdout };

    emit_array(&j, NULL);
    for (size_t i = 0; i < all->count; i++) {
        const struct auth_principal *p = &all->items[i];
        char key[STRATO_KEY_CHARS + 1];

        strato_key_print(p->key, key);
        emit_object(&j, NULL);
        emit_text(&j, "name", p->name);
        emit_text(&j, "public", key);
        emit_array(&j, "roles");
        for (size_t r = 0; r < p->roles_count; r++)
            emit_text(&j, NULL, p->roles[r]->name);
        emit_array_end(&j);
        emit_u64(&j, "rate", p->rate_per_s);
        emit_u64(&j, "connections", p->connections_max);
        emit_object_end(&j);
    }
    emit_array_end(&j);
    emit_end(&j);
}

static int print_table(const struct cli *cli, const struct auth_principals *all)
{
    struct table t = { .columns = 0 };
    int rc = 0;

    table_column(&t, "name", false);
    table_column(&t, "public", false);
    table_column(&t, "roles", false);
    table_column(&t, "rate", true);
    table_column(&t, "connections", true);
    for (size_t i = 0; i < all->count && rc == 0; i++) {
        const struct auth_principal *p = &all->items[i];
        char key[STRATO_KEY_CHARS + 1], roles[TABLE_CELL_BYTES];

        rc = table_row(&t);
        if (rc < 0)
            break;
        strato_key_print(p->key, key);
        join_roles(p, roles, sizeof roles);
        table_cell(&t, 0, "%s", p->name);
        table_cell(&t, 1, "%s", key);
        table_cell(&t, 2, "%s", roles);
        table_cell(&t, 3, "%u", p->rate_per_s);
        table_cell(&t, 4, "%u", p->connections_max);
    }
    if (rc == 0)
        table_print(cli, &t);
    table_fini(&t);
    return rc < 0 ? cli_fail(cli, CLI_FAILED, "%s", strato_strerror(rc)) : CLI_OK;
}

static int run_ls(struct cli *cli, const void *verb_config)
{
    const struct key_config *config = verb_config;
    struct strato_option_error error = { "" };
    struct auth_keys *keys = NULL;
    int rc = auth_keys_read(config->keys, &keys, &error), code = CLI_OK;

    if (rc < 0)
        return cli_fail(cli, rc == STRATO_ENOENT ? CLI_NOT_FOUND : CLI_FAILED, "%s", error.text);
    if (cli_wants_json(cli))
        print_json(auth_keys_all(keys));
    else
        code = print_table(cli, auth_keys_all(keys));
    auth_keys_drop(keys);
    return code;
}

/* ---- the verbs ------------------------------------------------------------------------------------- */

static const struct strato_program_example new_examples[] = {
    { "strato key new trainer", "a pair in trainer.key, mode 0600; prints the public key" },
    { "strato key new stratod --out /etc/stratoswarm/stratod.key", "the broker's own" },
};
static const struct strato_program_example show_examples[] = {
    { "strato key show trainer.key", "its public key" },
    { "strato key show stratod.key > stratod.pub", "a file to hand to clients, for their --server-key" },
};
static const struct strato_program_example allow_examples[] = {
    { "strato key allow trainer trainer.key --role agent", "let it in; it may publish, consume and request" },
    { "strato key allow gpu1 'rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7' --role service --connections 4",
      "by its text" },
};
static const struct strato_program_example revoke_examples[] = {
    { "strato key revoke trainer", "its sessions end within a second" },
    { "strato key revoke trainer --dry-run", "what the file would be" },
};
static const struct strato_program_example ls_examples[] = {
    { "strato key ls", "who is let in, with which roles" },
    { "strato key ls --keys keys.yaml --json", "as JSON" },
};

const struct cli_verb cmd_key_new = {
    .program = { .name = "strato key new",
                 .summary = "make a key pair",
                 .operands = "NAME",
                 .operands_min = 1,
                 .operands_max = 1,
                 CLI_PROGRAM(new_rows),
                 STRATO_PROGRAM_EXAMPLES(new_examples) },
    .config_bytes = sizeof(struct key_config),
    .run = run_new,
};
const struct cli_verb cmd_key_show = {
    .program = { .name = "strato key show",
                 .summary = "print the public key of a pair",
                 .operands = "FILE",
                 .operands_min = 1,
                 .operands_max = 1,
                 CLI_PROGRAM_PLAIN,
                 STRATO_PROGRAM_EXAMPLES(show_examples) },
    .config_bytes = sizeof(struct key_config),
    .run = run_show,
};
const struct cli_verb cmd_key_allow = {
    .program = { .name = "strato key allow",
                 .summary = "let a key in, or give it other roles",
                 .operands = "NAME KEY",
                 .operands_min = 2,
                 .operands_max = 2,
                 .doc = "KEY is a public key or a file with one. The rest of the keys file stays as it was written.",
                 CLI_PROGRAM(allow_rows),
                 STRATO_PROGRAM_EXAMPLES(allow_examples) },
    .config_bytes = sizeof(struct key_config),
    .run = run_allow,
};
const struct cli_verb cmd_key_revoke = {
    .program = { .name = "strato key revoke",
                 .summary = "let a key in no more",
                 .operands = "NAME",
                 .operands_min = 1,
                 .operands_max = 1,
                 CLI_PROGRAM(revoke_rows),
                 STRATO_PROGRAM_EXAMPLES(revoke_examples) },
    .config_bytes = sizeof(struct key_config),
    .run = run_revoke,
};
const struct cli_verb cmd_key_ls = {
    .program = { .name = "strato key ls",
                 .summary = "list who is let in",
                 CLI_PROGRAM(ls_rows),
                 STRATO_PROGRAM_EXAMPLES(ls_examples) },
    .config_bytes = sizeof(struct key_config),
    .run = run_ls,
};
