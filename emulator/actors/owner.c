#include "owner.h"

#include <string.h>

void owner_write(const struct owner_record *record, struct buf *out)
{
    struct owner_record alone = *record;
    alone.leftovers = NULL;
    buf_add(out, &alone, sizeof alone);
    buf_add(out, record->leftovers, record->leftover_count * sizeof *record->leftovers);
}

bool owner_read(const void *bytes, size_t len, struct owner_record *record)
{
    if (len < sizeof *record)
        return false;
    memcpy(record, bytes, sizeof *record);
    record->leftovers = (const void *)((const uint8_t *)bytes + sizeof *record);
    return (len - sizeof *record) / sizeof *record->leftovers == record->leftover_count &&
           (len - sizeof *record) % sizeof *record->leftovers == 0;
}
