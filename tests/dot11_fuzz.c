/* What dot11_decode() accepts is encoded to a frame that decodes to the same frame (unknown elements are dropped once). */
#include "dot11.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void encode(const struct dot11 *frame, struct buf *out)
{
    if (dot11_encode(frame, out, NULL) < 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct dot11 frame, second;
    struct buf once = BUF_INIT, twice = BUF_INIT;
    if (dot11_decode(data, size, &frame, NULL) < 0)
        return 0;
    encode(&frame, &once);
    if (dot11_decode(once.data, once.len, &second, NULL) < 0)
        abort();
    encode(&second, &twice);
    if (once.len != twice.len || memcmp(once.data, twice.data, once.len) != 0)
        abort();
    if (frame.kind != second.kind || frame.aid != second.aid || frame.payload_len != second.payload_len ||
        frame.ssid_len != second.ssid_len || frame.rate_count != second.rate_count ||
        frame.facts.present != second.facts.present || frame.facts.mud != second.facts.mud)
        abort();
    buf_free(&once);
    buf_free(&twice);
    return 0;
}
