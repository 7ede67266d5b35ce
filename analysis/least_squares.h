/* Linear least squares with coefficients that are not negative, for a few regressors: every subset of them is solved by its normal equations, and
 * the best solution without a negative coefficient is taken (Lawson74, "Solving least squares problems", chapter 23; exact for so few). */
#ifndef ROAMLAB_LEAST_SQUARES_H
#define ROAMLAB_LEAST_SQUARES_H

#include <stdbool.h>
#include <stddef.h>

enum { REGRESSORS_MAX = 3 };

struct least_squares_row {
    double regressors[REGRESSORS_MAX], value;
    double weight; /* of its square */
};

struct least_squares {
    double coefficients[REGRESSORS_MAX];
    /* Whether the rows tell this regressor from those before it; one that they do not has the coefficient 0. */
    bool determined[REGRESSORS_MAX];
    double rms; /* of what the fit leaves, not weighted */
};

/* `count` regressors. Zeros without rows. */
struct least_squares least_squares_fit(const struct least_squares_row *rows, size_t n, int count);

#endif
