/* Correlated log-normal shadowing (Gudmundson, "Correlation model for shadow fading in mobile radio systems",
 * Electronics Letters 27(23), 1991): over the plane a Gaussian field in decibels with correlation exp(-d /
 * correlation_m), one for each access point.
 *
 * One square of 32 by 32 correlation distances, closed in itself, is drawn from the seed with exactly that
 * correlation (circulant embedding: Dietrich and Newsam 1997). Between its samples, eight to a correlation
 * distance, it is interpolated; beyond three standard deviations it is cut, so that there is a distance at
 * which nothing is heard any more. Every access point sees it from an origin and with an orientation of its
 * own. */
#ifndef ROAMLAB_SHADOWING_H
#define ROAMLAB_SHADOWING_H

#include <stdint.h>

struct shadowing;

struct shadowing *shadowing_open(double sigma_db, double correlation_m, uint64_t seed);
void shadowing_free(struct shadowing *shadowing); /* NULL is fine */

/* A place in the square that is drawn: the whole number range is its side, so that arithmetic closes it in
 * itself. */
struct shadowing_spot {
    uint32_t u, v;
};

struct shadowing_spot shadowing_spot(const struct shadowing *shadowing, double x_m, double y_m);

/* The value there in the field of access point `id`; where it is less than least_db, perhaps something else
 * that is, which is quicker. -INFINITY asks for the value whatever it is. */
double shadowing_db(const struct shadowing *shadowing, uint32_t id, struct shadowing_spot spot,
                    double least_db);

double shadowing_most_db(const struct shadowing *shadowing);

#endif
