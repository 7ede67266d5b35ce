/* What owner_read() accepts is as long as what owner_write() makes of it. */
#include "owner.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct owner_record record;
    struct buf bytes = BUF_INIT, again = BUF_INIT;
    buf_add(&bytes, data, size); /* aligned */
    if (owner_read(bytes.data, bytes.len, &record)) {
        owner_write(&record, &again);
        if (again.len != size)
            abort();
    }
    buf_free(&bytes);
    buf_free(&again);
    return 0;
}
