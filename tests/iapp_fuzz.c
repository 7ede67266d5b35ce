/* IAPP packets and, within them or as the whole input, context blocks: decoded, encoded and decoded again they agree. */
#include "iapp.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_equal(const struct buf *a, const struct buf *b)
{
    if (a->len != b->len || memcmp(a->data, b->data, a->len) != 0)
        abort();
}

static void fuzz_context(const uint8_t *data, size_t size)
{
    struct iapp_context context, second;
    struct buf once = BUF_INIT, twice = BUF_INIT;
    if (iapp_context_decode(data, size, &context, NULL) < 0)
        return;
    if (iapp_context_encode(&context, SIZE_MAX, &once) != context.request_count)
        abort();
    if (iapp_context_decode(once.data, once.len, &second, NULL) < 0 ||
        second.request_count != context.request_count)
        abort();
    iapp_context_encode(&second, SIZE_MAX, &twice);
    check_equal(&once, &twice);
    iapp_context_free(&context);
    iapp_context_free(&second);
    buf_free(&once);
    buf_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct iapp packet;
    struct buf again = BUF_INIT;
    fuzz_context(data, size);
    if (iapp_decode(data, size, &packet, NULL) < 0)
        return 0;
    if (iapp_packet_bytes(data, size, NULL) != (int)size)
        abort();
    fuzz_context(packet.context, packet.context_len);
    if (packet.context_len <= IAPP_CONTEXT_MAX) {
        if (iapp_encode(&packet, &again, NULL) < 0 || again.len != size)
            abort();
        struct iapp second;
        if (iapp_decode(again.data, again.len, &second, NULL) < 0 || second.command != packet.command ||
            second.context_len != packet.context_len || second.timeout != packet.timeout)
            abort();
    }
    buf_free(&again);
    return 0;
}
