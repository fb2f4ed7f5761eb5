/*
 * keypair.c - three keys of one line each.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/keypair.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

bool strato_key_name_is_good(struct strato_bytes name)
{
    if (name.bytes == 0 || name.bytes > STRATO_KEY_NAME_BYTES_MAX || strato_bytes_is(name, "local"))
        return false;
    for (size_t i = 0; i < name.bytes; i++) {
        uint8_t c = name.data[i];

        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
              c == '-'))
            return false;
    }
    return true;
}

void strato_keypair_wipe(struct strato_keypair *pair)
{
    explicit_bzero(pair, sizeof *pair);
}

static struct strato_bytes trim(struct strato_bytes text)
{
    while (text.bytes && (text.data[0] == ' ' || text.data[0] == '\t')) {
        text.data++;
        text.bytes--;
    }
    while (text.bytes && strchr(" \t\r", text.data[text.bytes - 1]) && text.data[text.bytes - 1])
        text.bytes--;
    return text;
}

static struct strato_bytes unquote(struct strato_bytes value)
{
    if (value.bytes >= 2 && (value.data[0] == '\'' || value.data[0] == '"') &&
        value.data[value.bytes - 1] == value.data[0])
        return strato_bytes(value.data + 1, value.bytes - 2);
    return value;
}

/* NULL, or what is wrong. */
static const char *set(struct strato_keypair *pair, struct strato_bytes key, struct strato_bytes value, unsigned *seen)
{
    static const char *const names[] = { "name", "public", "secret" };
    unsigned i = 0;

    while (i < 3 && !strato_bytes_is(key, names[i]))
        i++;
    if (i == 3)
        return "not one of name:, public:, secret:";
    if (*seen & 1U << i)
        return "it stands twice";
    *seen |= 1U << i;
    if (i == 0) {
        if (!strato_key_name_is_good(value))
            return "a name has 1 to 64 letters, digits and . _ - and is not \"local\"";
        memcpy(pair->name, value.data, value.bytes);
        pair->name[value.bytes] = '\0';
        return NULL;
    }
    pair->has_secret |= i == 2;
    return strato_key_parse(value, i == 1 ? pair->public_key : pair->secret_key)
               ? NULL
               : "a key is 40 characters of Z85, best in single quotes";
}

int strato_keypair_parse(struct strato_bytes text, struct strato_keypair *ret_pair, char *ret_detail,
                         size_t detail_bytes)
{
    struct strato_keypair pair = { 0 };
    const char *why = NULL;
    unsigned line = 0, seen = 0;

    while (text.bytes && !why) {
        const uint8_t *end = memchr(text.data, '\n', text.bytes);
        size_t length = end ? (size_t)(end - text.data) : text.bytes;
        struct strato_bytes row = trim(strato_bytes(text.data, length));
        const uint8_t *colon = row.bytes ? memchr(row.data, ':', row.bytes) : NULL;

        line++;
        text = strato_bytes(text.data + length + (end != NULL), text.bytes - length - (end != NULL));
        if (row.bytes == 0 || row.data[0] == '#')
            continue;
        why = "not \"name: value\"";
        if (colon)
            why = set(&pair, strato_bytes(row.data, (size_t)(colon - row.data)),
                      unquote(trim(strato_bytes(colon + 1, row.bytes - (size_t)(colon - row.data) - 1))), &seen);
    }
    if (!why && !(seen & 2))
        why = "public: is missing";
    if (why) {
        snprintf(ret_detail, detail_bytes, "line %u: %s", line, why);
        strato_keypair_wipe(&pair);
        return STRATO_ECONFIG;
    }
    *ret_pair = pair;
    strato_keypair_wipe(&pair);
    return 0;
}

static int read_text(int fd, char *text, size_t *ret_bytes)
{
    size_t used = 0;
    ssize_t got;

    do {
        got = read(fd, text + used, STRATO_KEYPAIR_FILE_BYTES_MAX + 1 - used);
        if (got > 0)
            used += (size_t)got;
    } while ((got > 0 && used <= STRATO_KEYPAIR_FILE_BYTES_MAX) || (got < 0 && errno == EINTR));
    *ret_bytes = used;
    return got < 0 ? STRATO_EIO : used > STRATO_KEYPAIR_FILE_BYTES_MAX ? STRATO_ECONFIG : 0;
}

/* Our own file: nobody else at all. Root's file that we may read by our group, as orchestrators mount secrets: no others. */
static bool is_open_to_others(const struct stat *file)
{
    mode_t others = file->st_uid == 0 && geteuid() != 0 ? 037 : 077;

    return (file->st_mode & others) != 0;
}

static int judge(const char *path, const struct stat *file, bool wants_secret, const struct strato_keypair *pair,
                 char *detail, size_t detail_bytes)
{
    if (wants_secret && !pair->has_secret) {
        snprintf(detail, detail_bytes, "%.200s holds a public key only; this needs the file with the secret", path);
        return STRATO_ECONFIG;
    }
    if (pair->has_secret && is_open_to_others(file)) {
        snprintf(detail, detail_bytes, "%.200s holds a secret and others may read it (mode %04o): chmod 600 %.200s",
                 path, (unsigned)file->st_mode & 07777, path);
        return STRATO_ECONFIG;
    }
    return 0;
}

int strato_keypair_read(const char *path, bool wants_secret, struct strato_keypair *ret_pair, char *ret_detail,
                        size_t detail_bytes)
{
    char text[STRATO_KEYPAIR_FILE_BYTES_MAX + 1], why[128] = "longer than 4 KiB, so no key file";
    struct strato_keypair pair;
    struct stat file;
    size_t bytes = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc; /* NONBLOCK: a FIFO must not hang us */

    if (fd < 0) {
        rc = errno == ENOENT ? STRATO_ENOENT : STRATO_EIO;
        snprintf(ret_detail, detail_bytes, "%.200s: %s", path,
                 rc == STRATO_ENOENT ? "no such file (strato key new makes one)" : strerror(errno));
        return rc;
    }
    rc = fstat(fd, &file) < 0 || !S_ISREG(file.st_mode) ? STRATO_EIO : read_text(fd, text, &bytes);
    close(fd);
    if (rc == STRATO_EIO) {
        snprintf(ret_detail, detail_bytes, "%.200s: cannot be read as a file", path);
        return rc;
    }
    rc = rc < 0 ? rc : strato_keypair_parse(strato_bytes(text, bytes), &pair, why, sizeof why);
    explicit_bzero(text, sizeof text);
    if (rc < 0) {
        snprintf(ret_detail, detail_bytes, "%.200s: %s", path, why);
        return rc;
    }
    rc = judge(path, &file, wants_secret, &pair, ret_detail, detail_bytes);
    if (rc == 0)
        *ret_pair = pair;
    strato_keypair_wipe(&pair);
    return rc;
}

size_t strato_keypair_print(const struct strato_keypair *pair, char ret_text[STRATO_KEYPAIR_TEXT_BYTES])
{
    char key[STRATO_KEY_CHARS + 1];
    int used = 0;

    if (*pair->name)
        used = snprintf(ret_text, STRATO_KEYPAIR_TEXT_BYTES, "name: %s\n", pair->name);
    strato_key_print(pair->public_key, key);
    used += snprintf(ret_text + used, STRATO_KEYPAIR_TEXT_BYTES - (size_t)used, "public: '%s'\n", key);
    if (pair->has_secret) {
        strato_key_print(pair->secret_key, key);
        used += snprintf(ret_text + used, STRATO_KEYPAIR_TEXT_BYTES - (size_t)used, "secret: '%s'\n", key);
        explicit_bzero(key, sizeof key);
    }
    return (size_t)used;
}
