/* vadd.cl - sum = a + b. Reference: core/oracle/vadd.c. SPDX-License-Identifier: MIT */
kernel void vadd(global const float *a, global const float *b, global float *sum, uint n)
{
    size_t i = get_global_id(0);

    if (i < n)
        sum[i] = a[i] + b[i];
}
