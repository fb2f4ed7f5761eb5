/* rastrigin.cl - -sum(x^2 + 10 - 10 cos(2 pi x)). Reference: core/oracle/rastrigin.c. SPDX-License-Identifier: MIT */
float16 rastrigin_term_f32(float16 x)
{
    return fma(x, x, fma((float16)(-10.0f), strict_cos_turn_f32(x), (float16)(10.0f)));
}

float rastrigin_row_f32(global const float *row, uint dim)
{
    float16 lanes = (float16)(0.0f);
    uint i = 0;

    for (; i + 16 <= dim; i += 16)
        lanes += rastrigin_term_f32(vload16(0, row + i));
    if (i < dim)
        lanes += strict_keep_f32(rastrigin_term_f32(strict_tail_f32(row + i, dim - i)), dim - i);
    return 0.0f - strict_fold_f32(lanes);
}

kernel void rastrigin(global const float *rows, global float *values, uint count, uint dim)
{
    size_t id = get_global_id(0);

    if (id < count)
        values[id] = rastrigin_row_f32(rows + id * dim, dim);
}

#ifdef STRATO_HAS_F64
double16 rastrigin_term_f64(double16 x)
{
    return fma(x, x, fma((double16)(-10.0), strict_cos_turn_f64(x), (double16)(10.0)));
}

kernel void rastrigin_f64(global const double *rows, global double *values, uint count, uint dim)
{
    size_t id = get_global_id(0);
    global const double *row = rows + id * dim;
    double16 lanes = (double16)(0.0);
    uint i = 0;

    if (id >= count)
        return;
    for (; i + 16 <= dim; i += 16)
        lanes += rastrigin_term_f64(vload16(0, row + i));
    if (i < dim)
        lanes += strict_keep_f64(rastrigin_term_f64(strict_tail_f64(row + i, dim - i)), dim - i);
    values[id] = 0.0 - strict_fold_f64(lanes);
}
#endif
