/* The first byte chooses the way, the next two sender and receiver. What is accepted is of that device, and encoded again it is
 * understood as the same. */
#include "codec.h"
#include "actor.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct party party_from(uint8_t byte)
{
    return (struct party){.role = (uint8_t)(PARTY_MUD + byte % 3), .index = byte / 3 % 4};
}

static void check_same(const struct msg *a, const struct msg *b)
{
    if (a->type != b->type || a->mud != b->mud || a->sequence != b->sequence ||
        a->offload.payload_len != b->offload.payload_len || !party_equal(a->other, b->other) ||
        !a->token != !b->token)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct codec_received once, twice;
    struct buf again = BUF_INIT;
    if (size < 3)
        return 0;
    enum codec_way way = (enum codec_way)(data[0] % 3);
    struct party from = party_from(data[1]), to = party_from(data[2]);
    if (codec_decode(way, from, to, data + 3, size - 3, &once, NULL) == 0) {
        bool on_air = way == CODEC_AIR && (from.role == PARTY_MUD) != (to.role == PARTY_MUD);
        if (on_air && once.m.mud != (from.role == PARTY_MUD ? from : to).index)
            abort();
        if (codec_way_of(&once.m) == way && codec_encode(&once.m, 0, &again, NULL) == 0) {
            if (codec_decode(way, from, to, again.data, again.len, &twice, NULL) < 0)
                abort();
            check_same(&once.m, &twice.m);
            codec_received_free(&twice);
        }
    }
    codec_received_free(&once);
    buf_free(&again);
    return 0;
}
