/*
 * market.c - the CSV reader.
 *
 * SPDX-License-Identifier: MIT
 */
#include "cli/report/market.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/errors.h"

enum { COLUMNS = 1 + STRATO_STRATEGY_MARKETS, FIELDS_MAX = 64 };

struct reader {
    const char *path;
    size_t line;
    int column_of[FIELDS_MAX]; /* which of COLUMNS a field is; -1 = none */
    int fields;
    char *detail;
    size_t detail_bytes;
};

static int wrong(struct reader *r, const char *what)
{
    if (r->detail)
        snprintf(r->detail, r->detail_bytes, "%s:%zu: %s", r->path, r->line, what);
    return STRATO_ESCHEMA;
}

static int column_named(const char *name)
{
    if (strcmp(name, "time") == 0)
        return 0;
    for (uint32_t m = 0; m < STRATO_STRATEGY_MARKETS; m++)
        if (strcmp(name, strato_strategy_market_name(m)) == 0)
            return 1 + (int)m;
    return -1;
}

static int read_names(struct reader *r, char *line)
{
    unsigned seen = 0;
    char *field;

    while ((field = strsep(&line, ",")) != NULL) {
        int column;

        if (r->fields == FIELDS_MAX)
            return wrong(r, "more than 64 columns");
        field[strcspn(field, "\r\n")] = '\0';
        column = column_named(field);
        if (column >= 0 && (seen >> column & 1U))
            return wrong(r, "a column stands twice");
        r->column_of[r->fields++] = column;
        if (column >= 0)
            seen |= 1U << column;
    }
    return seen == (1U << COLUMNS) - 1 ? 0 : wrong(r, "the first line must name the columns time, DAX, SMI, CAC, FTSE");
}

static int read_row(struct reader *r, char *line, double row[COLUMNS])
{
    int fields = 0;
    char *field, *end;

    while ((field = strsep(&line, ",")) != NULL) {
        if (fields == r->fields)
            return wrong(r, "more fields than column names");
        if (r->column_of[fields] >= 0) {
            double value = strtod(field, &end);

            if (end == field || (*end != '\0' && *end != '\r' && *end != '\n') || !isfinite(value) || value <= 0)
                return wrong(r, "a field is no number above 0");
            row[r->column_of[fields]] = value;
        }
        fields++;
    }
    return fields == r->fields ? 0 : wrong(r, "fewer fields than column names");
}

static int append(struct market *m, size_t *capacity, const double row[COLUMNS])
{
    if (m->days == *capacity) {
        size_t more = *capacity ? *capacity * 2 : 2048;
        double *time = realloc(m->time, more * sizeof *time);
        double *closes;

        if (time)
            m->time = time;
        closes = time ? realloc(m->closes, more * STRATO_STRATEGY_MARKETS * sizeof *closes) : NULL;
        if (!closes)
            return STRATO_ENOMEM;
        m->closes = closes;
        *capacity = more;
    }
    m->time[m->days] = row[0];
    memcpy(m->closes + (size_t)m->days * STRATO_STRATEGY_MARKETS, row + 1, STRATO_STRATEGY_MARKETS * sizeof *row);
    m->days++;
    return 0;
}

static int read_rows(struct reader *r, FILE *file, struct market *m)
{
    size_t capacity = 0, line_bytes = 0;
    double row[COLUMNS] = { 0 };
    char *line = NULL;
    int rc = 0;

    while (rc == 0 && getline(&line, &line_bytes, file) >= 0) {
        r->line++;
        if (r->line == 1) {
            rc = read_names(r, line);
        } else if (line[strspn(line, " \r\n")] != '\0') {
            rc = m->days < STRATO_STRATEGY_DAYS_MAX ? read_row(r, line, row)
                                                    : wrong(r, "more days than a back-test takes");
            if (rc == 0 && m->days > 0 && row[0] <= m->time[m->days - 1])
                rc = wrong(r, "the days are not in order");
            if (rc == 0)
                rc = append(m, &capacity, row);
        }
    }
    if (rc == 0 && m->days < STRATO_STRATEGY_DAYS_MIN)
        rc = wrong(r, "too few days: a back-test needs 600");
    free(line);
    return rc;
}

int market_load(const char *path, struct market *ret_market, char *ret_detail, size_t detail_bytes)
{
    struct reader reader = { .path = path, .detail = ret_detail, .detail_bytes = detail_bytes };
    struct market market = { 0 };
    FILE *file = fopen(path, "re");
    int rc;

    if (!file) {
        if (ret_detail)
            snprintf(ret_detail, detail_bytes, "%s: %s", path, strerror(errno));
        return errno == ENOENT ? STRATO_ENOENT : STRATO_EIO;
    }
    rc = read_rows(&reader, file, &market);
    if (rc == 0)
        *ret_market = market;
    else
        market_fini(&market);
    fclose(file);
    return rc;
}

void market_fini(struct market *market)
{
    free(market->time);
    free(market->closes);
    *market = (struct market){ 0 };
}
