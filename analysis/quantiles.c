#include "quantiles.h"
#include "mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BITS = 7, PER_POWER = 1 << BITS };

static uint32_t index_of(uint64_t value)
{
    if (value < PER_POWER)
        return (uint32_t)value;
    int shift = 63 - __builtin_clzll(value) - BITS;
    return (uint32_t)((shift + 1) << BITS) + (uint32_t)((value >> shift) - PER_POWER);
}

static int64_t middle_of(uint32_t index)
{
    if (index < PER_POWER)
        return index;
    int shift = (int)(index >> BITS) - 1;
    uint64_t low = (uint64_t)(PER_POWER + (index & (PER_POWER - 1))) << shift;
    return (int64_t)(low + (((uint64_t)1 << shift) >> 1));
}

/* Where the bucket is, or belongs. */
static uint32_t find(const struct quantiles *q, uint32_t index)
{
    uint32_t low = 0, high = q->len;
    if (q->newest < q->len && q->buckets[q->newest].index == index)
        return q->newest;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (q->buckets[middle].index < index)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void insert(struct quantiles *q, uint32_t at, uint32_t index)
{
    if (q->len == q->capacity) {
        q->capacity = q->capacity ? 2 * q->capacity : 2;
        q->buckets = mem_resize(q->buckets, q->capacity * sizeof *q->buckets);
    }
    memmove(&q->buckets[at + 1], &q->buckets[at], (q->len++ - at) * sizeof *q->buckets);
    q->buckets[at] = (struct quantiles_bucket){index, 0};
}

void quantiles_add(struct quantiles *q, int64_t value)
{
    uint32_t index = index_of(value > 0 ? (uint64_t)value : 0), at = find(q, index);
    if (at == q->len || q->buckets[at].index != index)
        insert(q, at, index);
    q->buckets[at].count++;
    q->newest = at;
    q->count++;
}

int64_t quantiles_at(const struct quantiles *q, double share)
{
    uint64_t up_to = 0, wanted = (uint64_t)ceil((double)q->count * share);
    for (uint32_t i = 0; i < q->len; i++)
        if ((up_to += q->buckets[i].count) >= wanted)
            return middle_of(q->buckets[i].index);
    return 0;
}

void quantiles_free(struct quantiles *q)
{
    free(q->buckets);
    *q = (struct quantiles){0};
}
