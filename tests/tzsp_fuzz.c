/* The frame that tzsp_decode() finds lies within the datagram and survives being wrapped again. */
#include "tzsp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *frame, *second;
    size_t len, second_len;
    struct buf again = BUF_INIT;
    if (tzsp_decode(data, size, &frame, &len, NULL) < 0)
        return 0;
    if (frame < data || frame + len != data + size)
        abort();
    tzsp_encode(frame, len, &again);
    if (tzsp_decode(again.data, again.len, &second, &second_len, NULL) < 0 || second_len != len ||
        memcmp(second, frame, len) != 0)
        abort();
    buf_free(&again);
    return 0;
}
