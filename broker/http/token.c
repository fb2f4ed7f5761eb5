/*
 * token.c - the bearer token that /metrics and /api ask for.
 *
 * SPDX-License-Identifier: MIT
 */
#include "broker/http/token.h"

#include "core/errors.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

static int check_token(const char *path, char *token, char *detail, size_t detail_bytes)
{
    size_t chars = strcspn(token, "\r\n");

    if (token[chars + strspn(token + chars, "\r\n")] != '\0' || strcspn(token, " \t") < chars) {
        snprintf(detail, detail_bytes, "%s: one line without blanks is wanted", path);
        return STRATO_ECONFIG;
    }
    token[chars] = '\0';
    if (chars < HTTP_TOKEN_CHARS_MIN || chars > HTTP_TOKEN_CHARS_MAX) {
        snprintf(detail, detail_bytes, "%s: a token has %d to %d characters: openssl rand -hex 32 makes a good one",
                 path, HTTP_TOKEN_CHARS_MIN, HTTP_TOKEN_CHARS_MAX);
        return STRATO_ECONFIG;
    }
    return 0;
}

int http_token_read(const char *path, char ret_token[HTTP_TOKEN_CHARS_MAX + 1], char *detail, size_t detail_bytes)
{
    char token[HTTP_TOKEN_CHARS_MAX + 4] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;
    ssize_t bytes;
    int rc;

    if (fd < 0) {
        snprintf(detail, detail_bytes, "%s cannot be read: %s", path, strerror(errno));
        return STRATO_ENOENT;
    }
    bytes = fstat(fd, &status) == 0 ? read(fd, token, sizeof token - 1) : -1;
    close(fd);
    if (bytes < 0) {
        snprintf(detail, detail_bytes, "%s cannot be read: %s", path, strerror(errno));
        return STRATO_EIO;
    }
    if (status.st_mode & 077) {
        snprintf(detail, detail_bytes, "%s is open to others (mode %04o): chmod 600 it", path,
                 (unsigned)(status.st_mode & 07777));
        return STRATO_ECONFIG;
    }
    rc = check_token(path, token, detail, detail_bytes);
    if (rc == 0)
        memcpy(ret_token, token, strlen(token) + 1);
    sodium_memzero(token, sizeof token);
    return rc;
}

bool http_token_fits(const char *token, const char *authorization)
{
    size_t chars = strlen(token);

    if (!authorization || strncasecmp(authorization, "Bearer ", 7) != 0 || strlen(authorization + 7) != chars)
        return false;
    return sodium_memcmp(authorization + 7, token, chars) == 0;
}
