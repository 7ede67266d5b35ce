/* A set of numbers that mostly come in their order, kept as runs without holes: the numbers of a device's requests take
 * a few bytes, however many they are. */
#ifndef ROAMLAB_NUMBER_SET_H
#define ROAMLAB_NUMBER_SET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct number_run {
    int32_t first, last; /* both included */
};

struct number_set {
    struct number_run *runs; /* owned; in ascending order, never touching each other */
    size_t len, capacity;
    uint64_t count; /* of numbers */
};

/* False if it is in the set already. */
bool number_set_add(struct number_set *set, int32_t number);
/* The run that the number belongs to, or NULL. */
const struct number_run *number_set_run_of(const struct number_set *set, int32_t number);
void number_set_free(struct number_set *set);

#endif
