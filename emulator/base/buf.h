/* Bytes: a growable buffer to write into, a cursor to read from, and a shared immutable payload.
 *
 * Writers never fail (memory exhaustion ends the process: see mem.h). Readers never read past their end: a
 * read that does not fit returns zero and sets `short_read`, so a decoder checks once, at its end. */
#ifndef ROAMLAB_BUF_H
#define ROAMLAB_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data; /* owned; NULL while empty */
    size_t len, capacity;
};

#define BUF_INIT {0}

void buf_free(struct buf *b);
void buf_clear(struct buf *b); /* keeps the memory */
void buf_reserve(struct buf *b, size_t more);
void buf_add(struct buf *b, const void *bytes, size_t len);
void buf_add_u8(struct buf *b, uint8_t v);
void buf_add_be16(struct buf *b, uint16_t v);
void buf_add_be32(struct buf *b, uint32_t v);
void buf_add_be64(struct buf *b, uint64_t v);
void buf_add_le16(struct buf *b, uint16_t v);
void buf_printf(struct buf *b, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The contents as a C string (a NUL is kept behind the last byte, not counted in len). */
const char *buf_text(struct buf *b);
/* Drops the first n bytes. */
void buf_consume(struct buf *b, size_t n);

struct reader {
    const uint8_t *at, *end;
    bool short_read;
};

/* NULL is good for no bytes at all. */
static inline struct reader reader_over(const void *bytes, size_t len)
{
    const uint8_t *at = bytes ? bytes : (const uint8_t *)"";
    /* cppcheck-suppress pointerOutOfBounds ; NULL comes with length 0, which it cannot know */
    return (struct reader){at, at + len, false};
}

static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}

/* The next n bytes, or NULL (and short_read) if there are fewer. */
const uint8_t *reader_take(struct reader *r, size_t n);
uint8_t reader_u8(struct reader *r);
uint16_t reader_be16(struct reader *r);
uint32_t reader_be32(struct reader *r);
uint64_t reader_be64(struct reader *r);
uint16_t reader_le16(struct reader *r);

/* Immutable bytes shared by reference count: the payload of a request on its way through buffers and logs. */
struct blob {
    uint32_t references;
    uint32_t len;
    uint8_t bytes[];
};

struct blob *blob_new(const void *bytes, uint32_t len); /* one reference, the caller's */
struct blob *blob_ref(struct blob *b);                  /* NULL-safe; returns b */
void blob_unref(struct blob *b);                        /* NULL-safe */

#endif
