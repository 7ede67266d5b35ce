#include "nfs_file.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAGIC 0x524c4e31u /* "RLN1" */

static void add_text(struct buf *out, const char *text, size_t max)
{
    size_t len = strnlen(text, max);
    buf_add_be16(out, (uint16_t)len);
    buf_add(out, text, len);
}

static bool take_text(struct reader *r, char *out, size_t size)
{
    size_t len = reader_be16(r);
    const uint8_t *text = len < size ? reader_take(r, len) : NULL;
    if (!text || memchr(text, '\0', len))
        return false;
    memcpy(out, text, len);
    out[len] = '\0';
    return true;
}

/* 1: the part begins as it must; 0: nobody has written it; -EPROTO. */
static int part_begins(struct reader *r, struct err *e)
{
    static const uint32_t unwritten = 0;
    uint32_t magic = reader_left(r) >= sizeof magic ? reader_be32(r) : unwritten;
    if (magic == unwritten)
        return 0;
    return magic == MAGIC ? 1 : err_set(e, EPROTO, "nfs: a file that is no job");
}

void nfs_offer_encode(const struct nfs_offer *offer, struct buf *out)
{
    buf_add_be32(out, MAGIC);
    buf_add_be64(out, offer->available);
    buf_add_u8(out, offer->complete);
    buf_add(out, offer->digest, sizeof offer->digest);
    add_text(out, offer->folder, sizeof offer->folder / 2);
}

int nfs_offer_decode(const uint8_t *bytes, size_t len, struct nfs_offer *offer, struct err *e)
{
    struct reader r = reader_over(bytes, len);
    int status = part_begins(&r, e);
    if (status <= 0)
        return status;
    offer->available = reader_be64(&r);
    offer->complete = reader_u8(&r) == 1;
    const uint8_t *digest = reader_take(&r, sizeof offer->digest);
    if (!digest || !take_text(&r, offer->folder, sizeof offer->folder))
        return err_set(e, EPROTO, "nfs: what the sender says of a job cannot be read");
    memcpy(offer->digest, digest, sizeof offer->digest);
    return 1;
}

void nfs_receipt_encode(const struct nfs_receipt *receipt, struct buf *out)
{
    buf_add_be32(out, MAGIC);
    buf_add_be64(out, receipt->taken);
    buf_add_be64(out, receipt->wire_bytes);
    buf_add_u8(out, receipt->ended);
    buf_add_be32(out, (uint32_t)receipt->err.code);
    add_text(out, receipt->err.text, sizeof receipt->err.text);
}

int nfs_receipt_decode(const uint8_t *bytes, size_t len, struct nfs_receipt *receipt, struct err *e)
{
    struct reader r = reader_over(bytes, len);
    int status = part_begins(&r, e);
    if (status <= 0)
        return status;
    *receipt = (struct nfs_receipt){.taken = reader_be64(&r)};
    receipt->wire_bytes = reader_be64(&r);
    receipt->ended = reader_u8(&r) == 1;
    uint32_t code = reader_be32(&r);
    if (!take_text(&r, receipt->err.text, sizeof receipt->err.text) || code > INT16_MAX)
        return err_set(e, EPROTO, "nfs: what the receiver says of a job cannot be read");
    receipt->err.code = (int)code;
    return 1;
}
