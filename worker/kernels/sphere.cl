/* sphere.cl - -sum(x^2). Reference: core/oracle/sphere.c. SPDX-License-Identifier: MIT */
float sphere_row_f32(global const float *row, uint dim)
{
    float16 lanes = (float16)(0.0f);
    uint i = 0;

    for (; i + 16 <= dim; i += 16) {
        float16 x = vload16(0, row + i);

        lanes = fma(x, x, lanes);
    }
    if (i < dim) {
        float16 x = strict_tail_f32(row + i, dim - i);

        lanes = fma(x, x, lanes); /* missing lanes are 0 */
    }
    return 0.0f - strict_fold_f32(lanes);
}

kernel void sphere(global const float *rows, global float *values, uint count, uint dim)
{
    size_t id = get_global_id(0);

    if (id < count)
        values[id] = sphere_row_f32(rows + id * dim, dim);
}

#ifdef STRATO_HAS_F64
kernel void sphere_f64(global const double *rows, global double *values, uint count, uint dim)
{
    size_t id = get_global_id(0);
    global const double *row = rows + id * dim;
    double16 lanes = (double16)(0.0);
    uint i = 0;

    if (id >= count)
        return;
    for (; i + 16 <= dim; i += 16) {
        double16 x = vload16(0, row + i);

        lanes = fma(x, x, lanes);
    }
    if (i < dim) {
        double16 x = strict_tail_f64(row + i, dim - i);

        lanes = fma(x, x, lanes); /* missing lanes are 0 */
    }
    values[id] = 0.0 - strict_fold_f64(lanes);
}
#endif
