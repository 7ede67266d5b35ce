#include "shadowing.h"
#include "mem.h"
#include "rng.h"

#include <assert.h>
#include <complex.h>
#include <math.h>
#include <stdlib.h>

enum {
    SIDE = 256, /* a power of two */
    SAMPLES = SIDE * SIDE,
    PER_DISTANCE = 8, /* samples to a correlation distance */
    BLOCK = 2,        /* samples to the side of a block, of which the greatest value is known */
    BLOCKS = SIDE / BLOCK,
    MOST = 3, /* standard deviations */
};

/* Of a spot's numbers to a sample. */
#define SAMPLE (1u << 24)
static_assert((uint64_t)SIDE * SAMPLE == (uint64_t)1 << 32, "a spot's numbers wrap around with the square");

struct shadowing {
    double spots_per_m, most_db;
    uint64_t seed;
    float field[SAMPLES]; /* decibels */
    float greatest[BLOCKS * BLOCKS];
};

/* The field is closed in itself. */
static const float *sample(const struct shadowing *shadowing, uint32_t u, uint32_t v)
{
    return &shadowing->field[v % SIDE * SIDE + u % SIDE];
}

/* --- drawing the field --------------------------------------------------------------------------------- */

/* Cooley and Tukey's fast Fourier transform of the n values in[0], in[stride], ...; n is a power of two,
 * roots are those of unity for SIDE. */
static void transform(const double complex *in, double complex *out, int n, int stride,
                      const double complex *roots)
{
    if (n == 1) {
        out[0] = in[0];
        return;
    }
    transform(in, out, n / 2, 2 * stride, roots);
    transform(in + stride, out + n / 2, n / 2, 2 * stride, roots);
    for (int k = 0; k < n / 2; k++) {
        double complex even = out[k], odd = roots[k * (SIDE / n)] * out[k + n / 2];
        out[k] = even + odd;
        out[k + n / 2] = even - odd;
    }
}

/* Of a whole square, in place: columns become rows twice, so the order of the samples stays. */
static void transform_square(double complex *square)
{
    autofree double complex *turned = mem_alloc_array(SAMPLES, sizeof *turned);
    double complex roots[SIDE];
    for (int i = 0; i < SIDE; i++)
        roots[i] = cexp(-2i * M_PI * i / SIDE);
    for (int i = 0; i < SIDE; i++)
        transform(square + i, turned + i * SIDE, SIDE, SIDE, roots);
    for (int i = 0; i < SIDE; i++)
        transform(turned + i, square + i * SIDE, SIDE, SIDE, roots);
}

static double correlation(double samples)
{
    return exp(-samples / PER_DISTANCE);
}

/* Of a sample with itself: so much above 1 that the variance is 1 on average over the places between four
 * samples, which interpolation lessens. */
static double sample_variance(void)
{
    return (9 - 4 * correlation(1) - correlation(M_SQRT2)) / 4;
}

/* Of each sample with the first, the shorter way round. */
static void fill_covariance(double complex *square)
{
    for (int i = 0; i < SAMPLES; i++) {
        int x = i % SIDE, y = i / SIDE;
        square[i] = correlation(hypot(x < SIDE / 2 ? x : SIDE - x, y < SIDE / 2 ? y : SIDE - y));
    }
    square[0] = sample_variance();
}

static double complex draw_pair(struct rng *rng)
{
    double radius = sqrt(2 * rng_exponential(rng, 1));
    return radius * cexp(2i * M_PI * rng_unit(rng));
}

/* White noise, coloured by the root of the covariance's spectrum; its real part is the field. */
static void draw_field(double complex *square, struct rng *rng)
{
    fill_covariance(square);
    transform_square(square);
    for (int i = 0; i < SAMPLES; i++)
        square[i] = sqrt(fmax(creal(square[i]), 0)) * draw_pair(rng);
    transform_square(square);
}

static void store_field(struct shadowing *shadowing, const double complex *square, double sigma_db)
{
    double sum = 0, squares = 0;
    for (int i = 0; i < SAMPLES; i++) {
        sum += creal(square[i]);
        squares += creal(square[i]) * creal(square[i]);
    }
    double mean = sum / SAMPLES, most = shadowing->most_db;
    double scale = sigma_db * sqrt(sample_variance() / (squares / SAMPLES - mean * mean));
    for (int i = 0; i < SAMPLES; i++)
        shadowing->field[i] = (float)fmax(fmin((creal(square[i]) - mean) * scale, most), -most);
}

/* A place in a block is interpolated from samples of it and of the first beyond. */
static void store_greatest(struct shadowing *shadowing)
{
    for (int i = 0; i < BLOCKS * BLOCKS; i++) {
        float *greatest = &shadowing->greatest[i];
        *greatest = -INFINITY;
        for (int k = 0; k < (BLOCK + 1) * (BLOCK + 1); k++)
            *greatest = fmaxf(*greatest, *sample(shadowing, i % BLOCKS * BLOCK + k % (BLOCK + 1),
                                                 i / BLOCKS * BLOCK + k / (BLOCK + 1)));
    }
}

struct shadowing *shadowing_open(double sigma_db, double correlation_m, uint64_t seed)
{
    struct shadowing *shadowing = mem_alloc(sizeof *shadowing);
    autofree double complex *square = mem_alloc_array(SAMPLES, sizeof *square);
    struct rng rng;
    rng_init(&rng, seed, "shadowing", 0);
    draw_field(square, &rng);
    shadowing->spots_per_m = PER_DISTANCE * (double)SAMPLE / correlation_m;
    shadowing->most_db = MOST * sigma_db;
    shadowing->seed = rng_u64(&rng);
    store_field(shadowing, square, sigma_db);
    store_greatest(shadowing);
    return shadowing;
}

void shadowing_free(struct shadowing *shadowing)
{
    free(shadowing);
}

/* --- reading it ---------------------------------------------------------------------------------------- */

struct shadowing_spot shadowing_spot(const struct shadowing *s, double x_m, double y_m)
{
    return (struct shadowing_spot){(uint32_t)(int64_t)(x_m * s->spots_per_m),
                                   (uint32_t)(int64_t)(y_m * s->spots_per_m)};
}

/* As an access point sees it: in one of eight orientations, from an origin anywhere. */
static struct shadowing_spot view(const struct shadowing *s, uint32_t id, struct shadowing_spot spot)
{
    uint64_t own = rng_mix(s->seed ^ id);
    uint32_t u = own & 1 ? spot.u : spot.v, v = own & 1 ? spot.v : spot.u;
    u = own & 2 ? u : -u;
    v = own & 4 ? v : -v;
    return (struct shadowing_spot){u + (uint32_t)own, v + (uint32_t)(own >> 32)};
}

static double interpolate(const struct shadowing *s, struct shadowing_spot spot)
{
    uint32_t u = spot.u / SAMPLE, v = spot.v / SAMPLE;
    double right = (double)(spot.u % SAMPLE) / SAMPLE, up = (double)(spot.v % SAMPLE) / SAMPLE;
    double below = (1 - right) * *sample(s, u, v) + right * *sample(s, u + 1, v);
    double above = (1 - right) * *sample(s, u, v + 1) + right * *sample(s, u + 1, v + 1);
    return (1 - up) * below + up * above;
}

double shadowing_db(const struct shadowing *s, uint32_t id, struct shadowing_spot spot, double least_db)
{
    struct shadowing_spot own = view(s, id, spot);
    double most = s->greatest[own.v / (BLOCK * SAMPLE) * BLOCKS + own.u / (BLOCK * SAMPLE)];
    return most < least_db ? most : interpolate(s, own);
}

double shadowing_most_db(const struct shadowing *shadowing)
{
    return shadowing->most_db;
}
