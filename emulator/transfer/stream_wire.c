#include "stream_wire.h"

#include <errno.h>
#include <string.h>

void stream_head_encode(const struct stream_frame *frame, uint8_t out[STREAM_HEAD])
{
    struct buf head = BUF_INIT;
    buf_add_u8(&head, (uint8_t)frame->type);
    buf_add_be32(&head, frame->job);
    buf_add_be32(&head, frame->length);
    memcpy(out, head.data, STREAM_HEAD);
    buf_free(&head);
}

int stream_head_decode(const uint8_t bytes[STREAM_HEAD], struct stream_frame *frame, struct err *e)
{
    struct reader r = reader_over(bytes, STREAM_HEAD);
    frame->type = reader_u8(&r);
    frame->job = reader_be32(&r);
    frame->length = reader_be32(&r);
    if (frame->type >= STREAM_TYPES || frame->length > STREAM_PAYLOAD_MAX)
        return err_set(e, EPROTO, "stream: a frame of type %d with %u bytes", (int)frame->type,
                       frame->length);
    return 0;
}

void stream_frame_add(struct buf *out, enum stream_type type, uint32_t job, const void *payload,
                      size_t length)
{
    uint8_t head[STREAM_HEAD];
    stream_head_encode(&(struct stream_frame){type, job, (uint32_t)length}, head);
    buf_add(out, head, sizeof head);
    buf_add(out, payload, length);
}

void stream_frame_add_u64(struct buf *out, enum stream_type type, uint32_t job, uint64_t value)
{
    struct buf payload = BUF_INIT;
    buf_add_be64(&payload, value);
    stream_frame_add(out, type, job, payload.data, payload.len);
    buf_free(&payload);
}

void stream_verdict_add(struct buf *out, uint32_t job, const struct err *e)
{
    struct buf payload = BUF_INIT;
    buf_add_be32(&payload, (uint32_t)e->code);
    buf_add(&payload, e->text, e->code ? strlen(e->text) : 0);
    stream_frame_add(out, STREAM_VERDICT, job, payload.data, payload.len);
    buf_free(&payload);
}

int stream_verdict_read(const uint8_t *payload, size_t length, struct err *e)
{
    struct reader r = reader_over(payload, length);
    uint32_t code = reader_be32(&r);
    size_t words = reader_left(&r);
    if (r.short_read || code > 4095)
        return err_set(e, EPROTO, "stream: a verdict that is none");
    if (code == 0)
        return 0;
    return err_set(e, (int)code, "%.*s", (int)(words < sizeof e->text ? words : sizeof e->text - 1),
                   (const char *)reader_take(&r, words));
}
