#include "number_tally.h"
#include "mem.h"

#include <stdlib.h>

void number_tally_add(struct number_tally *tally, int32_t number)
{
    size_t i = 0;
    if (number_set_add(&tally->set, number))
        return;
    while (i < tally->repeat_count && tally->repeats[i].number != number)
        i++;
    if (i == tally->repeat_count) {
        tally->repeats = mem_resize(tally->repeats, ++tally->repeat_count * sizeof *tally->repeats);
        tally->repeats[i] = (struct number_repeat){number, 1};
    }
    tally->repeats[i].times++;
}

static int by_number(const void *a, const void *b)
{
    const struct number_repeat *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

void number_tally_sort(struct number_tally *tally)
{
    if (tally->repeat_count > 1)
        qsort(tally->repeats, tally->repeat_count, sizeof *tally->repeats, by_number);
}

void number_tally_free(struct number_tally *tally)
{
    number_set_free(&tally->set);
    free(tally->repeats);
}
