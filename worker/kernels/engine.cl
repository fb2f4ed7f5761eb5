/*
 * engine.cl - one generation of the genetic algorithm on the device: elites, then a child to a work-item.
 *
 * Same bits as services/evolution/breed.c with tournament selection and the references of core/oracle: the same
 * draws, double arithmetic where it has double, and a child that is no other than its first parent keeps that one's
 * fitness. Rows are padded to 16 genes. worker/tasks/engine.c lays out `settings` and checks all sizes.
 *
 * SPDX-License-Identifier: MIT
 */
#ifdef STRATO_HAS_F64
enum {
    ENGINE_SEED, ENGINE_SIZE, ENGINE_DIM, ENGINE_STRIDE, ENGINE_ELITES, ENGINE_TOURNAMENT, ENGINE_CROSSOVER, ENGINE_RATE,
    ENGINE_KIND, ENGINE_PARAMETER, ENGINE_FUNCTION
};
#define ENGINE_ELITES_MAX       16
#define ENGINE_TOURNAMENT_MAX   8
#define ENGINE_LOCAL            64
#define ENGINE_STREAM_SELECT    2
#define ENGINE_STREAM_CROSSOVER 3
#define ENGINE_STREAM_MASK      4
#define ENGINE_STREAM_MUTATE    5

uint4 engine_random(ulong seed, uint individual, uint block, uint generation, uint stream)
{
    uint c0 = individual, c1 = block, c2 = generation, c3 = stream;
    uint k0 = (uint)seed, k1 = (uint)(seed >> 32);

    for (uint round = 0; round < 10; round++) {
        ulong p0 = (ulong)0xD2511F53u * c0, p1 = (ulong)0xCD9E8D57u * c2;

        c0 = (uint)(p1 >> 32) ^ c1 ^ k0;
        c1 = (uint)p1;
        c2 = (uint)(p0 >> 32) ^ c3 ^ k1;
        c3 = (uint)p0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (uint4)(c0, c1, c2, c3);
}

/* Blocks block..block + 15 at once: words of 64 genes, lane by block. @return the least of them. */
uint engine_random_64(ulong seed, uint individual, uint block, uint generation, uint stream, uint *ret_words)
{
    uint16 c0 = (uint16)(individual);
    uint16 c1 = (uint16)(block) + (uint16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    uint16 c2 = (uint16)(generation), c3 = (uint16)(stream);
    uint k0 = (uint)seed, k1 = (uint)(seed >> 32);
    uint16 least;
    uint8 eight;
    uint4 four;

    for (uint round = 0; round < 10; round++) {
        ulong16 p0 = convert_ulong16(c0) * (ulong16)(0xD2511F53ul), p1 = convert_ulong16(c2) * (ulong16)(0xCD9E8D57ul);

        c0 = convert_uint16(p1 >> 32) ^ c1 ^ (uint16)(k0);
        c1 = convert_uint16(p1 & (ulong16)(0xFFFFFFFFul));
        c2 = convert_uint16(p0 >> 32) ^ c3 ^ (uint16)(k1);
        c3 = convert_uint16(p0 & (ulong16)(0xFFFFFFFFul));
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    vstore16(c0, 0, ret_words);
    vstore16(c1, 1, ret_words);
    vstore16(c2, 2, ret_words);
    vstore16(c3, 3, ret_words);
    least = min(min(c0, c1), min(c2, c3));
    eight = min(least.lo, least.hi);
    four = min(eight.lo, eight.hi);
    return min(min(four.x, four.y), min(four.z, four.w));
}

/* Does a stand before b? NaN last, equals by row. */
bool engine_before(double a, uint a_row, double b, uint b_row)
{
    bool is_better = b != b ? a == a : a > b;
    bool is_worse = a != a ? b == b : b > a;

    return is_better || (!is_worse && a_row < b_row);
}

/* What both parents are drawn with, four blocks each, lanes 0..3 and 4..7. */
void engine_draws(ulong seed, uint row, uint generation, uint *ret_words)
{
    uint8 c0 = (uint8)(2 * row) + (uint8)(0, 0, 0, 0, 1, 1, 1, 1), c1 = (uint8)(0, 1, 2, 3, 0, 1, 2, 3);
    uint8 c2 = (uint8)(generation), c3 = (uint8)(ENGINE_STREAM_SELECT);
    uint k0 = (uint)seed, k1 = (uint)(seed >> 32);

    for (uint round = 0; round < 10; round++) {
        ulong8 p0 = convert_ulong8(c0) * (ulong8)(0xD2511F53ul), p1 = convert_ulong8(c2) * (ulong8)(0xCD9E8D57ul);

        c0 = convert_uint8(p1 >> 32) ^ c1 ^ (uint8)(k0);
        c1 = convert_uint8(p1 & (ulong8)(0xFFFFFFFFul));
        c2 = convert_uint8(p0 >> 32) ^ c3 ^ (uint8)(k1);
        c3 = convert_uint8(p0 & (ulong8)(0xFFFFFFFFul));
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    vstore8(c0, 0, ret_words);
    vstore8(c1, 1, ret_words);
    vstore8(c2, 2, ret_words);
    vstore8(c3, 3, ret_words);
}

/* The best of a draw without replacement: Floyd's, as selection.c. `words` as engine_draws() left them, from the first
 * lane of this parent. */
uint engine_parent(global const ulong *s, global const double *fitness, const uint *words)
{
    uint size = (uint)s[ENGINE_SIZE], k = (uint)s[ENGINE_TOURNAMENT], best = 0;
    uint drawn[ENGINE_TOURNAMENT_MAX];

    for (uint i = 0; i < k; i++) {
        uint last = size - k + i, at = i % 2 * 16 + i / 2, row;

        row = (uint)mul_hi((ulong)words[at + 8] << 32 | words[at], (ulong)last + 1);
        for (uint j = 0; j < i; j++)
            row = drawn[j] == row ? last : row; /* `last` is never among the earlier ones */
        drawn[i] = row;
        best = i == 0 || engine_before(fitness[row], row, fitness[best], best) ? row : best;
    }
    return best;
}

/* child := first up to the cut, second from there. @return whether it is other than the first. */
bool engine_cross(global const float *first, global const float *second, global float *child, uint cut, uint stride)
{
    int16 differs = (int16)(0);

    for (uint i = 0; i < stride; i += 16) {
        float16 a = vload16(0, first + i), c = a;

        if (i + 16 > cut) {
            int16 lane = (int16)((int)i) + (int16)(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);

            c = select(a, vload16(0, second + i), lane >= (int16)((int)cut));
            differs |= as_int16(a) ^ as_int16(c);
        }
        vstore16(c, 0, child + i);
    }
    return any(differs != (int16)(0));
}

double engine_change(global const ulong *s, uint4 words, uint lane)
{
    double parameter = as_double(s[ENGINE_PARAMETER]);
    uint word = lane == 0 ? words.x : lane == 1 ? words.y : lane == 2 ? words.z : words.w;

    if (s[ENGINE_KIND] == 0)
        return parameter * normal_deviate(lane < 2 ? words.x : words.z, lane < 2 ? words.y : words.w, lane & 1);
    if (s[ENGINE_KIND] == 1)
        return parameter * (2.0 * normal_uniform(word) - 1.0);
    return normal_polynomial(normal_uniform(word), parameter);
}

bool engine_mutate(global const ulong *s, global float *child, uint row, uint generation)
{
    uint dim = (uint)s[ENGINE_DIM];
    bool is_changed = false;
    uint words[64];

    for (uint start = 0; s[ENGINE_RATE] > 0 && start < dim; start += 64) {
        uint genes = dim - start < 64 ? dim - start : 64;

        if (!((ulong)engine_random_64(s[ENGINE_SEED], row, start / 4, generation, ENGINE_STREAM_MASK, words) <
              s[ENGINE_RATE]))
            continue;
        for (uint g = 0; g < genes; g++) {
            uint gene = start + g;
            float before = child[gene], after;

            if (!((ulong)words[g % 4 * 16 + g / 4] < s[ENGINE_RATE]))
                continue;
            after = (float)((double)before +
                            engine_change(s, engine_random(s[ENGINE_SEED], row, gene / 4, generation, ENGINE_STREAM_MUTATE),
                                          gene % 4));
            child[gene] = after;
            is_changed = is_changed || after != before;
        }
    }
    return is_changed;
}

double engine_fitness(global const ulong *s, global const float *row)
{
    uint dim = (uint)s[ENGINE_DIM];

    if (s[ENGINE_FUNCTION] == 0)
        return (double)sphere_row_f32(row, dim);
    if (s[ENGINE_FUNCTION] == 1)
        return (double)rosenbrock_row_f32(row, dim);
    return (double)rastrigin_row_f32(row, dim);
}

/* births: children of this call that were born before this generation. evaluations: one counter. */
kernel void engine_generation(global const float *parents, global const double *fitness, global const uint *origins,
                              global float *children, global double *child_fitness, global uint *child_origins,
                              global const uint *elites, global const ulong *settings, global uint *evaluations,
                              uint generation, uint births)
{
    uint row = (uint)get_global_id(0), stride = (uint)settings[ENGINE_STRIDE], elite_count = (uint)settings[ENGINE_ELITES];
    uint size = (uint)settings[ENGINE_SIZE], dim = (uint)settings[ENGINE_DIM];
    global float *child = children + (size_t)row * stride;
    uint first, second = 0, cut = stride;
    bool is_new;

    if (row >= size)
        return;
    if (row < elite_count) {
        first = elites[row];
    } else {
        uint4 words = engine_random(settings[ENGINE_SEED], row, 0, generation, ENGINE_STREAM_CROSSOVER);

        uint draws[32];

        engine_draws(settings[ENGINE_SEED], row, generation, draws);
        first = engine_parent(settings, fitness, draws);
        second = engine_parent(settings, fitness, draws + 4);
        if (dim >= 2 && (ulong)words.x < settings[ENGINE_CROSSOVER])
            cut = 1 + (uint)mul_hi((ulong)words.z << 32 | words.y, (ulong)dim - 1);
    }
    is_new = engine_cross(parents + (size_t)first * stride, parents + (size_t)second * stride, child, cut, stride);
    if (row >= elite_count)
        is_new = engine_mutate(settings, child, row, generation) || is_new;
    child_fitness[row] = is_new ? engine_fitness(settings, child) : fitness[first];
    child_origins[row] = row < elite_count ? origins[first] : size + births + (row - elite_count);
    if (is_new)
        atomic_inc(evaluations);
}

/* The best rows, in order. One group. */
kernel __attribute__((reqd_work_group_size(ENGINE_LOCAL, 1, 1))) void
engine_elites(global const double *fitness, global const ulong *settings, global uint *elites)
{
    local uint lists[ENGINE_LOCAL * ENGINE_ELITES_MAX];
    local uint *own = lists + get_local_id(0) * ENGINE_ELITES_MAX;
    uint size = (uint)settings[ENGINE_SIZE], wanted = (uint)settings[ENGINE_ELITES], count = 0;

    for (uint row = (uint)get_local_id(0); row < size; row += ENGINE_LOCAL) {
        uint at = count;

        if (count == wanted && !engine_before(fitness[row], row, fitness[own[count - 1]], own[count - 1]))
            continue;
        if (count < wanted)
            count++;
        else
            at = count - 1;
        while (at > 0 && engine_before(fitness[row], row, fitness[own[at - 1]], own[at - 1])) {
            own[at] = own[at - 1];
            at--;
        }
        own[at] = row;
    }
    for (uint i = count; i < wanted; i++)
        own[i] = size; /* nobody */
    barrier(CLK_LOCAL_MEM_FENCE);
    if (get_local_id(0) != 0)
        return;
    for (uint place = 0; place < wanted; place++) {
        uint best = size, from = 0;

        for (uint l = 0; l < ENGINE_LOCAL; l++) {
            uint row = lists[l * ENGINE_ELITES_MAX];

            if (row < size && (best == size || engine_before(fitness[row], row, fitness[best], best))) {
                best = row;
                from = l;
            }
        }
        elites[place] = best;
        for (uint i = 0; i + 1 < wanted; i++) /* that list moves up */
            lists[from * ENGINE_ELITES_MAX + i] = lists[from * ENGINE_ELITES_MAX + i + 1];
        lists[from * ENGINE_ELITES_MAX + wanted - 1] = size;
    }
}
#endif
