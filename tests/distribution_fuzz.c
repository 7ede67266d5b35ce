/* Distribution tables from arbitrary bytes. */
#include "distribution.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = ERR_INIT;
    struct link_table *table = table_parse("fuzz", (const char *)data, size, &e);
    if (table && (table->count == 0 || table->count > TABLE_VALUES_MAX))
        abort();
    if (!table && e.code == 0)
        abort();
    free(table);
    return 0;
}
