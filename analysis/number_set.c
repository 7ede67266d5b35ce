#include "number_set.h"
#include "mem.h"

#include <stdlib.h>
#include <string.h>

/* Index of the first run that begins behind the number. */
static size_t run_behind(const struct number_set *set, int32_t number)
{
    size_t low = 0, high = set->len;
    if (set->len && set->runs[set->len - 1].first <= number)
        return set->len; /* the usual case */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (set->runs[middle].first <= number)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const struct number_run *number_set_run_of(const struct number_set *set, int32_t number)
{
    size_t behind = run_behind(set, number);
    return behind > 0 && number <= set->runs[behind - 1].last ? &set->runs[behind - 1] : NULL;
}

static void insert(struct number_set *set, size_t at, int32_t number)
{
    if (set->len == set->capacity) {
        set->capacity = set->capacity ? 2 * set->capacity : 1;
        set->runs = mem_resize(set->runs, set->capacity * sizeof *set->runs);
    }
    memmove(&set->runs[at + 1], &set->runs[at], (set->len++ - at) * sizeof *set->runs);
    set->runs[at] = (struct number_run){number, number};
}

static void join(struct number_set *set, size_t at)
{
    set->runs[at].last = set->runs[at + 1].last;
    set->len--;
    memmove(&set->runs[at + 1], &set->runs[at + 2], (set->len - at - 1) * sizeof *set->runs);
}

bool number_set_add(struct number_set *set, int32_t number)
{
    size_t behind = run_behind(set, number);
    struct number_run *before = behind ? &set->runs[behind - 1] : NULL,
                      *after = behind < set->len ? &set->runs[behind] : NULL;
    if (before && number <= before->last)
        return false;
    bool continues = before && before->last == number - 1, leads = after && after->first - 1 == number;
    set->count++;
    if (continues)
        before->last = number;
    else if (leads)
        after->first = number;
    else
        insert(set, behind, number);
    if (continues && leads)
        join(set, behind - 1);
    return true;
}

void number_set_free(struct number_set *set)
{
    free(set->runs);
    *set = (struct number_set){0};
}
