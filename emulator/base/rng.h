/* Seeded randomness. Every entity draws from a stream of its own, named after it, so that adding a device
 * does not reshuffle the others. Generator: xoshiro256** seeded by splitmix64 (Blackman and Vigna, 2018). */
#ifndef ROAMLAB_RNG_H
#define ROAMLAB_RNG_H

#include <stdint.h>

struct rng {
    uint64_t state[4];
};

/* The stream of entity `name` number `index` under the run's seed. */
void rng_init(struct rng *rng, uint64_t seed, const char *name, uint64_t index);
uint64_t rng_u64(struct rng *rng);
double rng_unit(struct rng *rng);                    /* in [0, 1) */
uint64_t rng_below(struct rng *rng, uint64_t bound); /* in [0, bound), bound > 0 */
double rng_exponential(struct rng *rng, double mean);

/* One round of splitmix64: a strong mix of 64 bits, for hashing small integers. */
static inline uint64_t rng_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

#endif
