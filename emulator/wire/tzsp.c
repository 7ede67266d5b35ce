#include "tzsp.h"

#include <errno.h>

enum { VERSION = 1, TYPE_RECEIVED = 0, TYPE_TRANSMIT = 1, PROTOCOL_80211 = 18, TAG_PADDING = 0, TAG_END = 1 };

void tzsp_encode(const void *frame, size_t frame_len, struct buf *out)
{
    buf_add_u8(out, VERSION);
    buf_add_u8(out, TYPE_RECEIVED);
    buf_add_be16(out, PROTOCOL_80211);
    buf_add_u8(out, TAG_END);
    buf_add(out, frame, frame_len);
}

static int skip_tags(struct reader *r, struct err *e)
{
    while (!r->short_read) {
        uint8_t tag = reader_u8(r);
        if (tag == TAG_END && !r->short_read)
            return 0;
        if (tag != TAG_PADDING)
            reader_take(r, reader_u8(r));
    }
    return err_set(e, EPROTO, "TZSP: the tags have no end");
}

int tzsp_decode(const void *bytes, size_t len, const uint8_t **frame, size_t *frame_len, struct err *e)
{
    struct reader r = reader_over(bytes, len);
    uint8_t version = reader_u8(&r), type = reader_u8(&r);
    uint16_t protocol = reader_be16(&r);
    if (r.short_read)
        return err_set(e, EPROTO, "TZSP: %zu bytes are no header", len);
    if (version != VERSION || (type != TYPE_RECEIVED && type != TYPE_TRANSMIT))
        return err_set(e, EPROTO, "TZSP: version %u, type %u is no packet", version, type);
    if (protocol != PROTOCOL_80211)
        return err_set(e, EPROTO, "TZSP: encapsulates protocol %u, not 802.11 (%d)", protocol,
                       PROTOCOL_80211);
    int status = skip_tags(&r, e);
    if (status < 0)
        return status;
    *frame_len = reader_left(&r);
    *frame = reader_take(&r, *frame_len);
    return 0;
}
