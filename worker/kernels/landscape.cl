/*
 * landscape.cl - BBOB and the classics, one row to a work-item. The functions themselves are the text that the C
 * reference compiles too: core/oracle/landscape_functions.h. `room` holds 2 * dim doubles a row.
 *
 * SPDX-License-Identifier: MIT
 */
#ifdef STRATO_HAS_F64
kernel void landscape(global const float *rows, global double *values, global const double *table,
                      global double *room, uint count, uint dim, uint function)
{
    size_t id = get_global_id(0);
    global double *a = room + id * 2 * dim;

    if (id >= count)
        return;
    for (uint i = 0; i < dim; i++)
        a[i] = (double)rows[id * dim + i];
    values[id] = 0.0 - landscape_value(function, table, a, a + dim, dim);
}

kernel void landscape_f64(global const double *rows, global double *values, global const double *table,
                          global double *room, uint count, uint dim, uint function)
{
    size_t id = get_global_id(0);
    global double *a = room + id * 2 * dim;

    if (id >= count)
        return;
    for (uint i = 0; i < dim; i++)
        a[i] = rows[id * dim + i];
    values[id] = 0.0 - landscape_value(function, table, a, a + dim, dim);
}
#endif
