#include "least_squares.h"

#include <math.h>
#include <string.h>

/* Regressors that vary together to this share of their size are one. */
static const double ALIKE = 1e-6;

struct normal {
    double a[REGRESSORS_MAX][REGRESSORS_MAX], b[REGRESSORS_MAX];
};

static struct normal normal_equations(const struct least_squares_row *rows, size_t n, int count)
{
    struct normal m = {0};
    for (size_t r = 0; r < n; r++)
        for (int i = 0; i < count; i++) {
            for (int k = 0; k < count; k++)
                m.a[i][k] += rows[r].weight * rows[r].regressors[i] * rows[r].regressors[k];
            m.b[i] += rows[r].weight * rows[r].regressors[i] * rows[r].value;
        }
    return m;
}

/* Cholesky's pivots: what is left of a regressor's length when those before it are taken out. */
static void find_determined(struct normal m, int count, bool *determined)
{
    for (int i = 0; i < count; i++) {
        double length = m.a[i][i];
        for (int k = 0; k < i; k++)
            if (determined[k])
                length -= m.a[k][i] * m.a[k][i] / m.a[k][k];
        determined[i] = length > ALIKE * m.a[i][i];
        /* a[i] becomes the regressor without those before it, against those behind it */
        for (int j = i; j < count; j++)
            for (int k = 0; k < i; k++)
                if (determined[k])
                    m.a[i][j] -= m.a[k][i] * m.a[k][j] / m.a[k][k];
    }
}

/* Gauss-Jordan over the regressors of `subset`; the others are 0. False if they cannot be told apart. */
static bool solve(struct normal m, int count, unsigned subset, double *x)
{
    memset(x, 0, REGRESSORS_MAX * sizeof *x);
    for (int i = 0; i < count; i++) {
        if (!(subset >> i & 1))
            continue;
        if (!(m.a[i][i] > 0))
            return false;
        for (int r = 0; r < count; r++) {
            double factor = r == i || !(subset >> r & 1) ? 0 : m.a[r][i] / m.a[i][i];
            for (int k = 0; k < count; k++)
                m.a[r][k] -= factor * m.a[i][k];
            m.b[r] -= factor * m.b[i];
        }
    }
    for (int i = 0; i < count; i++)
        if (subset >> i & 1)
            x[i] = m.b[i] / m.a[i][i];
    return true;
}

static double left_over(const struct least_squares_row *rows, size_t n, int count, const double *x,
                        bool weighted)
{
    double sum = 0;
    for (size_t r = 0; r < n; r++) {
        double left = rows[r].value;
        for (int i = 0; i < count; i++)
            left -= x[i] * rows[r].regressors[i];
        sum += left * left * (weighted ? rows[r].weight : 1);
    }
    return sum;
}

static bool is_allowed(const double *x, unsigned subset, const bool *determined)
{
    for (int i = 0; i < REGRESSORS_MAX; i++)
        if (subset >> i & 1 && (!determined[i] || !(x[i] >= 0)))
            return false;
    return true;
}

struct least_squares least_squares_fit(const struct least_squares_row *rows, size_t n, int count)
{
    struct least_squares fit = {0};
    struct normal m = normal_equations(rows, n, count);
    if (n == 0)
        return fit;
    find_determined(m, count, fit.determined);
    double least = left_over(rows, n, count, fit.coefficients, true);
    for (unsigned subset = 1; subset < 1U << count; subset++) {
        double x[REGRESSORS_MAX];
        if (!solve(m, count, subset, x) || !is_allowed(x, subset, fit.determined))
            continue;
        double left = left_over(rows, n, count, x, true);
        if (left < least) {
            least = left;
            memcpy(fit.coefficients, x, sizeof x);
        }
    }
    fit.rms = sqrt(left_over(rows, n, count, fit.coefficients, false) / (double)n);
    return fit;
}
