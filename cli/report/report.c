/*
 * report.c - the two files on disk.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/report/report.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/errors.h"

enum { PATH_BYTES = 4096 };

static int failed(char *detail, size_t bytes, const char *path)
{
    if (detail)
        snprintf(detail, bytes, "%s: %s", path, strerror(errno));
    return STRATO_EIO;
}

/* mkdir -p */
static int make_folder(const char *dir, char *detail, size_t detail_bytes)
{
    char path[PATH_BYTES];

    if (snprintf(path, sizeof path, "%s", dir) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return failed(detail, detail_bytes, dir);
    }
    for (char *slash = strchr(path + 1, '/');; slash = strchr(slash + 1, '/')) {
        if (slash)
            *slash = '\0';
        if (mkdir(path, 0777) < 0 && errno != EEXIST)
            return failed(detail, detail_bytes, path);
        if (!slash)
            return 0;
        *slash = '/';
    }
}

static int write_file(const char *dir, const char *name, const char *text, size_t bytes, char *detail,
                      size_t detail_bytes)
{
    char path[PATH_BYTES], draft[PATH_BYTES + 8];
    FILE *file;
    bool is_written;

    if (snprintf(path, sizeof path, "%s/%s", dir, name) >= (int)sizeof path) {
        errno = ENAMETOOLONG;
        return failed(detail, detail_bytes, dir);
    }
    snprintf(draft, sizeof draft, "%s.part", path);
    file = fopen(draft, "we");
    if (!file)
        return failed(detail, detail_bytes, draft);
    is_written = fwrite(text, 1, bytes, file) == bytes;
    is_written = fclose(file) == 0 && is_written; /* a full disk may show only here */
    if (!is_written || rename(draft, path) < 0) {
        int rc = failed(detail, detail_bytes, path);

        unlink(draft);
        return rc;
    }
    return 0;
}

int report_write(const char *dir, const struct report_run *run, char *ret_detail, size_t detail_bytes)
{
    char *page = NULL, *json = NULL;
    size_t page_bytes = 0;
    FILE *out;
    int rc;

    out = open_memstream(&page, &page_bytes);
    json = report_json(run);
    if (!out || !json) {
        rc = STRATO_ENOMEM;
        goto out;
    }
    report_page(out, run);
    rc = fclose(out) == 0 ? 0 : STRATO_ENOMEM;
    out = NULL;
    if (rc == 0)
        rc = make_folder(dir, ret_detail, detail_bytes);
    if (rc == 0)
        rc = write_file(dir, "report.html", page, page_bytes, ret_detail, detail_bytes);
    if (rc == 0)
        rc = write_file(dir, "result.json", json, strlen(json), ret_detail, detail_bytes);
out:
    if (out)
        fclose(out);
    free(page);
    free(json);
    return rc;
}
