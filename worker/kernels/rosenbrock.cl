/* rosenbrock.cl - -sum(100 (x[i+1] - x[i]^2)^2 + (1 - x[i])^2). Reference: core/oracle/rosenbrock.c. SPDX-License-Identifier: MIT */
float16 rosenbrock_term_f32(float16 x, float16 next)
{
    float16 bend = fma(-x, x, next);
    float16 rest = (float16)(1.0f) - x;

    return fma((float16)(100.0f) * bend, bend, rest * rest);
}

float rosenbrock_row_f32(global const float *row, uint dim)
{
    float16 lanes = (float16)(0.0f);
    uint pairs = dim > 0 ? dim - 1 : 0;
    uint i = 0;

    for (; i + 16 <= pairs; i += 16)
        lanes += rosenbrock_term_f32(vload16(0, row + i), vload16(0, row + i + 1));
    if (i < pairs)
        lanes += strict_keep_f32(rosenbrock_term_f32(strict_tail_f32(row + i, pairs - i),
                                                     strict_tail_f32(row + i + 1, pairs - i)),
                                 pairs - i);
    return 0.0f - strict_fold_f32(lanes);
}

kernel void rosenbrock(global const float *rows, global float *values, uint count, uint dim)
{
    size_t id = get_global_id(0);

    if (id < count)
        values[id] = rosenbrock_row_f32(rows + id * dim, dim);
}

#ifdef STRATO_HAS_F64
double16 rosenbrock_term_f64(double16 x, double16 next)
{
    double16 bend = fma(-x, x, next);
    double16 rest = (double16)(1.0) - x;

    return fma((double16)(100.0) * bend, bend, rest * rest);
}

kernel void rosenbrock_f64(global const double *rows, global double *values, uint count, uint dim)
{
    size_t id = get_global_id(0);
    global const double *row = rows + id * dim;
    double16 lanes = (double16)(0.0);
    uint pairs = dim > 0 ? dim - 1 : 0;
    uint i = 0;

    if (id >= count)
        return;
    for (; i + 16 <= pairs; i += 16)
        lanes += rosenbrock_term_f64(vload16(0, row + i), vload16(0, row + i + 1));
    if (i < pairs)
        lanes += strict_keep_f64(rosenbrock_term_f64(strict_tail_f64(row + i, pairs - i),
                                                     strict_tail_f64(row + i + 1, pairs - i)),
                                 pairs - i);
    values[id] = 0.0 - strict_fold_f64(lanes);
}
#endif
