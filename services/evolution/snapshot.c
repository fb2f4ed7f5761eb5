/*
 * snapshot.c - one msgpack array in a fixed order; its first two items say what it is and which version.
 *
 * Genes, fitness and ids travel as they lie in memory, little-endian.
 *
 * SPDX-License-Identifier: MIT
 */
#include "services/evolution/snapshot.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "core/cursor.h"
#include "services/evolution/problem.h"

#define SNAPSHOT_MARK "strato evolution"
enum {
    SNAPSHOT_VERSION = 2,
    SNAPSHOT_ITEMS = 29,
    SNAPSHOT_ITEMS_V1 = 27, /* of version 1: no algorithm (it was ga), no state of a search */
};

void evolution_snapshot_write(const struct evolution_run *run, struct strato_writer *w)
{
    const struct evolution_settings *s = &run->settings;
    const struct evolution_breeding *b = &s->breeding;
    const struct strato_population *now = &run->now;

    assert(!run->is_fold_due); /* asks are served one by one, and a step ends folded */
    strato_writer_array(w, SNAPSHOT_ITEMS);
    strato_writer_text(w, SNAPSHOT_MARK);
    strato_writer_u64(w, SNAPSHOT_VERSION);
    strato_writer_u64(w, s->algorithm);
    strato_writer_text(w, s->problem->name);
    strato_writer_u64(w, s->type);
    strato_writer_u64(w, s->size);
    strato_writer_u64(w, s->dim);
    strato_writer_f64(w, s->low);
    strato_writer_f64(w, s->high);
    strato_writer_bin(w, s->params);
    strato_writer_bin(w, s->data);
    strato_writer_u64(w, b->seed);
    strato_writer_u64(w, b->strategy);
    strato_writer_u64(w, b->tournament_size);
    strato_writer_u64(w, b->mutation.kind);
    strato_writer_f64(w, b->mutation.rate);
    strato_writer_f64(w, b->mutation.parameter);
    strato_writer_f64(w, b->crossover_rate);
    strato_writer_u64(w, b->elite_count);
    strato_writer_u64(w, run->generation);
    strato_writer_u64(w, run->births);
    strato_writer_u64(w, run->asked);
    strato_writer_bool(w, run->has_best);
    strato_writer_f64(w, run->best);
    strato_writer_bin(w, strato_bytes(now->genes, now->stride_bytes * now->size));
    strato_writer_bin(w, strato_bytes(now->fitness, sizeof(*now->fitness) * now->size));
    strato_writer_bin(w, strato_bytes(now->is_known, sizeof(*now->is_known) * now->size));
    strato_writer_bin(w, strato_bytes(now->ids, sizeof(*now->ids) * now->size));
    strato_writer_bin(w, strato_bytes(run->search.state, sizeof(*run->search.state) * run->search.doubles));
}

/* A reader that remembers its first failure, so that the list of items reads like the one above. */
struct reader {
    struct strato_cursor c;
    int rc;
};

static uint64_t read_u64(struct reader *r, uint64_t max)
{
    uint64_t value = 0;

    if (r->rc == 0)
        r->rc = strato_cursor_u64(&r->c, max, &value);
    return value;
}

static double read_f64(struct reader *r)
{
    double value = 0;

    if (r->rc == 0)
        r->rc = strato_cursor_f64(&r->c, &value);
    return value;
}

static struct strato_bytes read_bin(struct reader *r)
{
    struct strato_bytes value = STRATO_BYTES_NONE;

    if (r->rc == 0)
        r->rc = strato_cursor_bin(&r->c, SIZE_MAX, &value);
    return value;
}

static struct strato_bytes read_settings(struct reader *r, struct evolution_settings *s)
{
    struct strato_bytes name = STRATO_BYTES_NONE;
    struct evolution_breeding *b = &s->breeding;

    if (r->rc == 0)
        r->rc = strato_cursor_str(&r->c, EVOLUTION_NAME_BYTES_MAX, &name);
    s->type = (enum strato_gene_type)read_u64(r, STRATO_GENES_F64);
    s->size = (uint32_t)read_u64(r, STRATO_POPULATION_SIZE_MAX);
    s->dim = (uint32_t)read_u64(r, STRATO_POPULATION_DIM_MAX);
    s->low = read_f64(r);
    s->high = read_f64(r);
    s->params = read_bin(r);
    s->data = read_bin(r);
    b->seed = read_u64(r, UINT64_MAX);
    b->strategy = (enum strato_selection_strategy)read_u64(r, STRATO_SELECT_ELITIST);
    b->tournament_size = (uint32_t)read_u64(r, UINT32_MAX);
    b->mutation.kind = (enum strato_mutation_kind)read_u64(r, STRATO_MUTATE_POLYNOMIAL);
    b->mutation.rate = read_f64(r);
    b->mutation.parameter = read_f64(r);
    b->crossover_rate = read_f64(r);
    b->elite_count = (uint32_t)read_u64(r, UINT32_MAX);
    return name;
}

static int fill(void *to, size_t bytes, struct strato_bytes from)
{
    if (from.bytes != bytes)
        return STRATO_EINVAL;
    if (bytes > 0)
        memcpy(to, from.data, bytes);
    return 0;
}

static int read_state(struct reader *r, struct evolution_run *run, bool has_state)
{
    struct strato_population *now = &run->now;

    run->generation = read_u64(r, UINT32_MAX);
    run->births = read_u64(r, UINT64_MAX);
    run->asked = read_u64(r, UINT64_MAX);
    if (r->rc == 0)
        r->rc = strato_cursor_bool(&r->c, &run->has_best);
    run->best = read_f64(r);
    struct strato_bytes genes = read_bin(r), fitness = read_bin(r), known = read_bin(r), ids = read_bin(r);
    struct strato_bytes state = has_state ? read_bin(r) : STRATO_BYTES_NONE;

    if (r->rc < 0 || strato_cursor_left(&r->c) != 0)
        return STRATO_EINVAL;
    for (size_t i = 0; i < known.bytes; i++)
        if (known.data[i] > 1)
            return STRATO_EINVAL;
    if (fill(now->genes, now->stride_bytes * now->size, genes) < 0 ||
        fill(now->fitness, sizeof(*now->fitness) * now->size, fitness) < 0 ||
        fill(now->is_known, sizeof(*now->is_known) * now->size, known) < 0 ||
        fill(now->ids, sizeof(*now->ids) * now->size, ids) < 0 ||
        fill(run->search.state, sizeof(*run->search.state) * run->search.doubles, state) < 0)
        return STRATO_EINVAL;
    return 0;
}

int evolution_snapshot_read(struct strato_bytes bytes, struct evolution_run *ret_run, char *detail, size_t detail_bytes)
{
    struct reader r = { .c = strato_cursor_over(bytes) };
    struct evolution_settings settings = EVOLUTION_SETTINGS_DEFAULTS;
    struct evolution_run run = { 0 };
    struct strato_bytes mark = STRATO_BYTES_NONE, name;
    uint32_t items = 0;
    uint64_t version = 0;
    int rc;

    r.rc = strato_cursor_array(&r.c, SNAPSHOT_ITEMS, &items);
    if (r.rc == 0)
        r.rc = strato_cursor_str(&r.c, sizeof(SNAPSHOT_MARK), &mark);
    version = read_u64(&r, UINT64_MAX);
    if (r.rc < 0 || !strato_bytes_is(mark, SNAPSHOT_MARK) || version < 1 || version > SNAPSHOT_VERSION ||
        items != (version == 1 ? SNAPSHOT_ITEMS_V1 : SNAPSHOT_ITEMS)) {
        snprintf(detail, detail_bytes, "not a snapshot of version 1 to %d", SNAPSHOT_VERSION);
        return STRATO_EINVAL;
    }
    if (version > 1)
        settings.algorithm = (enum strato_algorithm)read_u64(&r, STRATO_ALGORITHM_COUNT - 1);
    name = read_settings(&r, &settings);
    /* a forged size must not make us allocate more than the snapshot could hold */
    if (r.rc < 0 || (uint64_t)settings.size * settings.dim * strato_gene_bytes(settings.type) > bytes.bytes) {
        snprintf(detail, detail_bytes, "the snapshot is torn or forged");
        return STRATO_EINVAL;
    }
    rc = evolution_problem_prepare(name, &settings, detail, detail_bytes);
    if (rc < 0)
        return rc;
    rc = evolution_run_init(&run, &settings);
    if (rc < 0) {
        strato_problem_data_destroy(&settings.ready_data);
        snprintf(detail, detail_bytes, "the snapshot's settings: %s", strato_strerror(rc));
        return rc;
    }
    rc = read_state(&r, &run, version > 1);
    if (rc < 0) {
        snprintf(detail, detail_bytes, "the snapshot is torn or forged");
        evolution_run_fini(&run);
        return rc;
    }
    *ret_run = run;
    return 0;
}
