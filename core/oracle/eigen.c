/*
 * eigen.c - eigenvalues and eigenvectors of a symmetric matrix: Householder's reduction, then implicit QL.
 *
 * The classical pair (Martin, Reinsch, Wilkinson 1968; Bowdler et al. 1968), laid out so that vectors are rows and
 * the inner loops run along them. Strict: + - * / and sqrt in one order.
 *
 * SPDX-License-Identifier: MIT
 */
#include "core/oracle/search_private.h"
#include "core/oracle/strict_math.h"

enum { SWEEPS_MAX = 60 }; /* per eigenvalue; two or three are usual */

static double hypotenuse(double a, double b)
{
    return sqrt(a * a + b * b);
}

/* Makes a tridiagonal: d its diagonal, e what is below it (e[0] = 0). a's rows become the orthogonal matrix Q with
 * Q a Q^T tridiagonal. */
static void reduce(double *v, uint32_t n, double *d, double *e)
{
#define V(i, j)                                                                                                        \
    v[(size_t)(j)*n + (i)] /* columns lie in a row: the matrix is symmetric, and the loops run down columns */
    for (uint32_t j = 0; j < n; j++)
        d[j] = V(n - 1, j);
    for (uint32_t i = n - 1; i > 0; i--) {
        double scale = 0, h = 0;

        for (uint32_t k = 0; k < i; k++)
            scale += fabs(d[k]);
        if (scale == 0.0) {
            e[i] = d[i - 1];
            for (uint32_t j = 0; j < i; j++) {
                d[j] = V(i - 1, j);
                V(i, j) = 0;
                V(j, i) = 0;
            }
        } else {
            double f, g, hh;

            for (uint32_t k = 0; k < i; k++) {
                d[k] /= scale;
                h += d[k] * d[k];
            }
            f = d[i - 1];
            g = f > 0 ? -sqrt(h) : sqrt(h);
            e[i] = scale * g;
            h -= f * g;
            d[i - 1] = f - g;
            for (uint32_t j = 0; j < i; j++)
                e[j] = 0;
            for (uint32_t j = 0; j < i; j++) {
                f = d[j];
                V(j, i) = f;
                g = e[j] + V(j, j) * f;
                for (uint32_t k = j + 1; k < i; k++) {
                    g += V(k, j) * d[k];
                    e[k] += V(k, j) * f;
                }
                e[j] = g;
            }
            f = 0;
            for (uint32_t j = 0; j < i; j++) {
                e[j] /= h;
                f += e[j] * d[j];
            }
            hh = f / (h + h);
            for (uint32_t j = 0; j < i; j++)
                e[j] -= hh * d[j];
            for (uint32_t j = 0; j < i; j++) {
                f = d[j];
                g = e[j];
                for (uint32_t k = j; k < i; k++)
                    V(k, j) -= f * e[k] + g * d[k];
                d[j] = V(i - 1, j);
                V(i, j) = 0;
            }
        }
        d[i] = h;
    }
    for (uint32_t i = 0; i + 1 < n; i++) { /* gather the reflections */
        double h = d[i + 1];

        V(n - 1, i) = V(i, i);
        V(i, i) = 1;
        if (h != 0.0) {
            for (uint32_t k = 0; k <= i; k++)
                d[k] = V(k, i + 1) / h;
            for (uint32_t j = 0; j <= i; j++) {
                double g = 0;

                for (uint32_t k = 0; k <= i; k++)
                    g += V(k, i + 1) * V(k, j);
                for (uint32_t k = 0; k <= i; k++)
                    V(k, j) -= g * d[k];
            }
        }
        for (uint32_t k = 0; k <= i; k++)
            V(k, i + 1) = 0;
    }
    for (uint32_t j = 0; j < n; j++) {
        d[j] = V(n - 1, j);
        V(n - 1, j) = 0;
    }
    V(n - 1, n - 1) = 1;
    e[0] = 0;
}

/* Vectors i and i + 1, a row each, turn by (c, s). */
static void rotate(double *v, uint32_t n, uint32_t i, double c, double s)
{
    double *low = &V(0, i), *high = &V(0, i + 1);

    for (uint32_t k = 0; k < n; k++) {
        double h = high[k];

        high[k] = s * low[k] + c * h;
        low[k] = c * low[k] - s * h;
    }
}

/* One implicit QL step on l..m. */
static void sweep(double *v, uint32_t n, double *d, double *e, uint32_t l, uint32_t m, double *shift)
{
    double g = d[l], p = (d[l + 1] - g) / (2.0 * e[l]), r = hypotenuse(p, 1.0), next, c = 1, c2 = 1, c3 = 1, s = 0,
           s2 = 0, before = e[l + 1];

    r = p < 0 ? -r : r;
    d[l] = e[l] / (p + r);
    d[l + 1] = e[l] * (p + r);
    next = d[l + 1];
    g -= d[l];
    for (uint32_t i = l + 2; i < n; i++)
        d[i] -= g;
    *shift += g;
    p = d[m];
    for (uint32_t i = m; i-- > l;) {
        double h;

        c3 = c2;
        c2 = c;
        s2 = s;
        g = c * e[i];
        h = c * p;
        r = hypotenuse(p, e[i]);
        e[i + 1] = s * r;
        s = e[i] / r;
        c = p / r;
        p = c * d[i] - s * g;
        d[i + 1] = h + s * (c * g + s * d[i]);
        rotate(v, n, i, c, s);
    }
    p = -s * s2 * c3 * before * e[l] / next;
    e[l] = s * p;
    d[l] = c * p;
}

void search_eigen(double *a, uint32_t n, double *ret_values, double *room)
{
    double *d = ret_values, *e = room, shift = 0, largest = 0;

    reduce(a, n, d, e);
    for (uint32_t i = 1; i < n; i++)
        e[i - 1] = e[i];
    e[n - 1] = 0;
    for (uint32_t l = 0; l < n; l++) {
        double size = fabs(d[l]) + fabs(e[l]);
        uint32_t m = l;

        largest = size > largest ? size : largest;
        while (m + 1 < n && fabs(e[m]) > 0x1p-52 * largest)
            m++;
        for (int i = 0; m > l && i < SWEEPS_MAX && fabs(e[l]) > 0x1p-52 * largest; i++)
            sweep(a, n, d, e, l, m, &shift);
        d[l] += shift;
        e[l] = 0;
    }
}
#undef V
