/* Numbers that should come once each: which have come, and how often those that came again. */
#ifndef ROAMLAB_NUMBER_TALLY_H
#define ROAMLAB_NUMBER_TALLY_H

#include "number_set.h"

struct number_repeat {
    int32_t number;
    int times; /* two or more */
};

/* Zeroed before its first use. */
struct number_tally {
    struct number_set set;
    struct number_repeat *repeats; /* owned; in the order in which they came again */
    size_t repeat_count;
};

void number_tally_add(struct number_tally *tally, int32_t number);
/* The repeats in the order of their numbers from now on. */
void number_tally_sort(struct number_tally *tally);
void number_tally_free(struct number_tally *tally);

#endif
