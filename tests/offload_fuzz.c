/* What offload_decode() accepts is encoded to the same bytes. */
#include "offload.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct offload message;
    struct buf again = BUF_INIT;
    if (offload_decode(data, size, &message, NULL) < 0) {
        if (message.payload)
            abort();
        return 0;
    }
    offload_encode(&message, 0, &again);
    if (again.len != size || memcmp(again.data, data, size) != 0)
        abort();
    blob_unref(message.payload);
    buf_free(&again);
    return 0;
}
