#include "buf.h"
#include "mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *b)
{
    b->len = 0;
}

void buf_reserve(struct buf *b, size_t more)
{
    if (b->capacity - b->len >= more && b->data)
        return;
    size_t capacity = b->capacity ? b->capacity : 64;
    while (capacity - b->len < more)
        capacity *= 2;
    b->data = mem_resize(b->data, capacity);
    b->capacity = capacity;
}

void buf_add(struct buf *b, const void *bytes, size_t len)
{
    buf_reserve(b, len);
    if (len)
        memcpy(b->data + b->len, bytes, len);
    b->len += len;
}

void buf_add_u8(struct buf *b, uint8_t v)
{
    buf_add(b, &v, 1);
}

void buf_add_be16(struct buf *b, uint16_t v)
{
    buf_add(b, (uint8_t[]){(uint8_t)(v >> 8), (uint8_t)v}, 2);
}

void buf_add_be32(struct buf *b, uint32_t v)
{
    buf_add_be16(b, (uint16_t)(v >> 16));
    buf_add_be16(b, (uint16_t)v);
}

void buf_add_be64(struct buf *b, uint64_t v)
{
    buf_add_be32(b, (uint32_t)(v >> 32));
    buf_add_be32(b, (uint32_t)v);
}

void buf_add_le16(struct buf *b, uint16_t v)
{
    buf_add(b, (uint8_t[]){(uint8_t)v, (uint8_t)(v >> 8)}, 2);
}

void buf_printf(struct buf *b, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    va_end(args);
    buf_reserve(b, (size_t)len + 1);
    vsnprintf((char *)b->data + b->len, (size_t)len + 1, format, again);
    va_end(again);
    b->len += (size_t)len;
}

const char *buf_text(struct buf *b)
{
    buf_reserve(b, 1);
    b->data[b->len] = '\0';
    return (const char *)b->data;
}

void buf_consume(struct buf *b, size_t n)
{
    if (n < b->len)
        memmove(b->data, b->data + n, b->len - n);
    b->len -= n < b->len ? n : b->len;
}

const uint8_t *reader_take(struct reader *r, size_t n)
{
    if (r->short_read || reader_left(r) < n) {
        r->short_read = true;
        return NULL;
    }
    const uint8_t *bytes = r->at;
    r->at += n;
    return bytes;
}

uint8_t reader_u8(struct reader *r)
{
    const uint8_t *p = reader_take(r, 1);
    return p ? p[0] : 0;
}

uint16_t reader_be16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return p ? (uint16_t)(p[0] << 8 | p[1]) : 0;
}

uint32_t reader_be32(struct reader *r)
{
    const uint8_t *p = reader_take(r, 4);
    return p ? (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3] : 0;
}

uint64_t reader_be64(struct reader *r)
{
    if (reader_left(r) < 8)
        r->short_read = true;
    uint64_t high = reader_be32(r);
    return high << 32 | reader_be32(r);
}

uint16_t reader_le16(struct reader *r)
{
    const uint8_t *p = reader_take(r, 2);
    return p ? (uint16_t)(p[1] << 8 | p[0]) : 0;
}

struct blob *blob_new(const void *bytes, uint32_t len)
{
    struct blob *b = mem_alloc(sizeof *b + len);
    b->references = 1;
    b->len = len;
    if (len)
        memcpy(b->bytes, bytes, len);
    return b;
}

struct blob *blob_ref(struct blob *b)
{
    if (b)
        b->references++;
    return b;
}

void blob_unref(struct blob *b)
{
    if (b && --b->references == 0)
        free(b);
}
