/* What carrier stream says inside its TLS connection: frames of a type, a job's number and a payload, integers big-endian.
 *
 *     type u8 | job u32 | length u32 | payload
 *
 * A job is one stretch of bytes: the files of the job one after the other, each behind a head (stream_content.h), cut into slices of
 * STREAM_SLICE_BYTES. Every slice is a zstd frame of its own (RFC 8878), so that a connection that was cut goes on at any slice. */
#ifndef ROAMLAB_STREAM_WIRE_H
#define ROAMLAB_STREAM_WIRE_H

#include "buf.h"
#include "err.h"

enum stream_type {
    /* sender to receiver */
    STREAM_HELLO, /* the sender's session u64: jobs are numbered within it */
    STREAM_WARM,  /* padding that opens the congestion window */
    STREAM_OFFER, /* a new job: the folder in which it shall land */
    STREAM_AGAIN, /* the same of a job that was offered before; answered by HAVE, or VERDICT if it has ended */
    STREAM_SLICE, /* a zstd frame */
    STREAM_END,   /* SHA-256 of all slices' contents; answered by VERDICT */
    STREAM_DROP,  /* the job is called off, or its verdict has arrived: forget it */
    STREAM_FETCH, /* of carrier registry: what to pull from where (registry_fetch.h); answered by VERDICT */
    /* receiver to sender */
    STREAM_WARMED,  /* the answer to HELLO: all padding before it has arrived */
    STREAM_HAVE,    /* u64: how much of the job has arrived intact */
    STREAM_VERDICT, /* status u32 (0, or an errno), then words */
    STREAM_TYPES
};

enum {
    STREAM_HEAD = 9,
    STREAM_SLICE_BYTES = 1024 * 1024,
    STREAM_PAYLOAD_MAX = 1280 * 1024,
    STREAM_DIGEST = 32
};

struct stream_frame {
    enum stream_type type;
    uint32_t job, length;
};

void stream_head_encode(const struct stream_frame *frame, uint8_t out[STREAM_HEAD]);
/* -EPROTO: no frame of this protocol, or too long. */
int stream_head_decode(const uint8_t bytes[STREAM_HEAD], struct stream_frame *frame, struct err *e);

/* Appends a whole frame. */
void stream_frame_add(struct buf *out, enum stream_type type, uint32_t job, const void *payload,
                      size_t length);
void stream_frame_add_u64(struct buf *out, enum stream_type type, uint32_t job, uint64_t value);
void stream_verdict_add(struct buf *out, uint32_t job, const struct err *e); /* a good one if e->code is 0 */
/* Fills `e` from a VERDICT's payload; its status, 0 or -errno. */
int stream_verdict_read(const uint8_t *payload, size_t length, struct err *e);

#endif
