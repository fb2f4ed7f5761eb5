/*
 * problem.c - the checks that a population must pass before it is born.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/evolution/problem.h"

#include <stdio.h>
#include <xxhash.h>

#include "core/cursor.h"
#include "core/errors.h"

/* Families by their first and last, so that the list stays readable. */
static int no_such_problem(struct strato_bytes name, char *detail, size_t detail_bytes)
{
    uint32_t count;
    const struct strato_problem *rows = strato_problems(&count);
    int used = snprintf(detail, detail_bytes, "no problem %.*s; there are", (int)name.bytes, (const char *)name.data);

    for (uint32_t i = 0; i < count && used > 0 && (size_t)used < detail_bytes; i++) {
        bool is_first = i == 0 || !rows[i].capability || rows[i - 1].capability != rows[i].capability;
        bool is_last = i + 1 == count || rows[i + 1].capability != rows[i].capability;

        if (rows[i].capability && !is_first && !is_last)
            continue;
        used += snprintf(detail + used, detail_bytes - (size_t)used, "%s %s",
                         i == 0     ? ""
                         : is_first ? ","
                                    : " to",
                         rows[i].name);
    }
    return STRATO_ENOENT;
}

static int read_params(struct evolution_settings *s, char *detail, size_t detail_bytes)
{
    struct strato_cursor c = strato_cursor_over(s->params);
    struct strato_bytes key;
    uint32_t pairs = 0;
    double value;
    int rc = s->params.bytes ? strato_cursor_map(&c, 64, &pairs) : 0;

    for (; rc == 0 && pairs > 0; pairs--) {
        rc = strato_cursor_str(&c, EVOLUTION_NAME_BYTES_MAX, &key);
        if (rc < 0)
            break;
        rc = strato_cursor_f64(&c, &value);
        if (rc < 0) {
            snprintf(detail, detail_bytes, "param %.*s is not a number", (int)key.bytes, (const char *)key.data);
            return STRATO_EINVAL;
        }
        rc = strato_problem_param(s->problem, &s->ready_params, key, value);
        if (rc < 0)
            snprintf(detail, detail_bytes,
                     rc == STRATO_ENOENT ? "%s has no param %.*s" : "%s: param %.*s is out of its range",
                     s->problem->name, (int)key.bytes, (const char *)key.data);
    }
    return rc < 0 ? STRATO_EINVAL : 0;
}

void evolution_data_hash(struct strato_bytes data, char ret_hash[EVOLUTION_HASH_BYTES + 1])
{
    XXH128_hash_t hash = XXH3_128bits(data.data, data.bytes);

    snprintf(ret_hash, EVOLUTION_HASH_BYTES + 1, "%016llx%016llx", (unsigned long long)hash.high64,
             (unsigned long long)hash.low64);
}

int evolution_problem_prepare(struct strato_bytes name, struct evolution_settings *settings, char *detail,
                              size_t detail_bytes)
{
    struct evolution_settings s = *settings;
    int rc;

    s.ready_params = (struct strato_problem_params)STRATO_PROBLEM_PARAMS_DEFAULTS;
    s.ready_data = NULL;
    s.data_hash[0] = '\0';
    s.problem = strato_problem_find(name);
    if (!s.problem)
        return no_such_problem(name, detail, detail_bytes);
    if (s.dim < s.problem->dim_min || s.dim > s.problem->dim_max) {
        snprintf(detail, detail_bytes, "%s takes %u to %u genes, not %u: set dim", s.problem->name, s.problem->dim_min,
                 s.problem->dim_max, s.dim);
        return STRATO_EINVAL;
    }
    rc = read_params(&s, detail, detail_bytes);
    if (rc < 0)
        return rc;
    if (s.data.bytes > EVOLUTION_DATA_BYTES_MAX) {
        snprintf(detail, detail_bytes, "the data set has %zu bytes; at most %zu travel in one message", s.data.bytes,
                 EVOLUTION_DATA_BYTES_MAX);
        return STRATO_ELIMIT;
    }
    if (!s.problem->needs_data && s.data.bytes) {
        snprintf(detail, detail_bytes, "%s takes no data: leave it out", s.problem->name);
        return STRATO_EINVAL;
    }
    rc = strato_problem_data_new(s.problem, &s.ready_params, s.dim, s.data, &s.ready_data);
    if (rc < 0) {
        if (s.problem->needs_data)
            snprintf(detail, detail_bytes, "%s needs data: %s", s.problem->name, s.problem->data_doc);
        else
            snprintf(detail, detail_bytes, "%s cannot be made ready: %s", s.problem->name, strato_strerror(rc));
        return rc;
    }
    if (s.problem->needs_data)
        evolution_data_hash(s.data, s.data_hash);
    *settings = s;
    return 0;
}

int evolution_batch_evaluate(const struct evolution_batch *batch, double *ret_values)
{
    const struct evolution_settings *s = batch->settings;
    const struct strato_rows rows = { .type = s->type, .count = batch->count, .dim = s->dim, .genes = batch->genes };

    return strato_problem_evaluate(s->problem, &s->ready_params, s->ready_data, &rows, ret_values);
}
