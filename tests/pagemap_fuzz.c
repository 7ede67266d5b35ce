/* Pagemaps from wherever: what is decoded is decoded again, the same, from what it is encoded as. */
#include "pagemap.h"

#include <stdlib.h>

static bool same(const struct pagemap *a, const struct pagemap *b)
{
    bool same = a->id == b->id && a->count == b->count;
    for (size_t i = 0; same && i < a->count; i++)
        same = a->runs[i].address == b->runs[i].address && a->runs[i].pages == b->runs[i].pages &&
               a->runs[i].flags == b->runs[i].flags;
    return same;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pagemap map = {0}, again = {0};
    struct buf bytes = BUF_INIT;
    uint64_t pages, offset;
    if (pagemap_decode(data, size, &map, NULL) == 0) {
        pagemap_find(&map, size, &pages, &offset);
        pagemap_encode(&map, &bytes);
        if (pagemap_decode(bytes.data, bytes.len, &again, NULL) < 0 || !same(&map, &again))
            abort();
    }
    pagemap_free(&map);
    pagemap_free(&again);
    buf_free(&bytes);
    return 0;
}
