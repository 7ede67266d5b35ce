#include "iapp.h"

#include "mem.h"

#include <errno.h>
#include <stdlib.h>

/* Element identifiers of our context block, version 1. VERSION stands first. */
enum {
    VERSION = 1,
    USER = 2,
    ANCHOR = 3,
    MIGRATION = 4,
    NEXT = 5,
    REQUEST = 6,
    CUT_SHORT = 7,
    ASK_INSTEAD = 8
};
enum {
    CONTEXT_VERSION = 1,
    USER_OFFLOADING = 1,
    ELEMENT_HEAD = 4,
    REQUEST_HEAD = 8,
    CUT_SHORT_BYTES = 4,
    ROOM_MIN = 100
};

static void add_head(struct buf *out, uint16_t id, size_t len)
{
    buf_add_be16(out, id);
    buf_add_be16(out, (uint16_t)len);
}

static void add_party(struct buf *out, struct party party)
{
    buf_add_u8(out, party.role);
    buf_add_be32(out, party.index);
}

/* Everything but the log: at most 58 bytes, with CUT_SHORT 62. */
static void add_facts(const struct iapp_context *c, struct buf *out)
{
    add_head(out, VERSION, 1);
    buf_add_u8(out, CONTEXT_VERSION);
    add_head(out, USER, 9);
    buf_add_u8(out, c->offloading ? USER_OFFLOADING : 0);
    buf_add_be32(out, c->mud);
    buf_add_be32(out, c->sequence);
    add_head(out, ANCHOR, 10);
    add_party(out, c->anchor_edge);
    add_party(out, c->anchor_ap);
    add_head(out, MIGRATION, 5);
    buf_add_be32(out, c->migration);
    buf_add_u8(out, c->phase);
    if (c->ask_instead.role != PARTY_NONE) {
        add_head(out, ASK_INSTEAD, 5);
        add_party(out, c->ask_instead);
    }
    if (c->has_next) {
        add_head(out, NEXT, 4);
        buf_add_be32(out, c->next_number);
    }
}

static size_t request_bytes(const struct iapp_request *request)
{
    return ELEMENT_HEAD + REQUEST_HEAD + (request->payload ? request->payload->len : 0);
}

/* A request carries the length of its payload and, unless that is synthetic, the payload. */
static void add_request(const struct iapp_request *request, struct buf *out)
{
    const struct blob *payload = request->payload;
    add_head(out, REQUEST, request_bytes(request) - ELEMENT_HEAD);
    buf_add_be32(out, request->number);
    buf_add_be32(out, payload ? payload->len : request->payload_len);
    if (payload)
        buf_add(out, payload->bytes, payload->len);
}

size_t iapp_context_encode(const struct iapp_context *c, size_t room, struct buf *out)
{
    size_t begin = out->len, i = 0;
    if (room < ROOM_MIN)
        room = ROOM_MIN;
    add_facts(c, out);
    while (i < c->request_count &&
           out->len - begin + request_bytes(&c->requests[i]) + CUT_SHORT_BYTES <= room)
        add_request(&c->requests[i++], out);
    if (c->log_cut_short || i < c->request_count)
        add_head(out, CUT_SHORT, 0);
    return i;
}

static struct party read_party(struct reader *r)
{
    uint8_t role = reader_u8(r);
    return (struct party){role, reader_be32(r)};
}

static int read_request(struct reader *r, struct iapp_context *c, struct err *e)
{
    uint32_t number = reader_be32(r), len = reader_be32(r);
    size_t carried = reader_left(r);
    if (r->short_read || len > OFFLOAD_PAYLOAD_MAX || (carried != 0 && carried != len))
        return err_set(e, EPROTO, "IAPP context: request %u announces %u bytes, has %zu", number, len,
                       carried);
    if (c->request_count > 0 && number <= c->requests[c->request_count - 1].number)
        return err_set(e, EPROTO, "IAPP context: request %u is out of order", number);
    iapp_context_add(c, number, carried ? blob_new(reader_take(r, carried), len) : NULL, len);
    return 0;
}

static int read_version(struct reader *r, struct err *e)
{
    uint8_t version = reader_u8(r);
    return version == CONTEXT_VERSION ? 0
                                      : err_set(e, EPROTO, "IAPP context: version %u, this side speaks %d",
                                                version, CONTEXT_VERSION);
}

static int read_anchor(struct reader *r, struct iapp_context *c, struct err *e)
{
    c->anchor_edge = read_party(r);
    c->anchor_ap = read_party(r);
    bool edge_good = c->anchor_edge.role == PARTY_EDGE || c->anchor_edge.role == PARTY_NONE;
    bool ap_good = c->anchor_ap.role == PARTY_AP || c->anchor_ap.role == PARTY_NONE;
    return edge_good && ap_good ? 0
                                : err_set(e, EPROTO, "IAPP context: anchor has roles %u and %u",
                                          c->anchor_edge.role, c->anchor_ap.role);
}

static int read_ask_instead(struct reader *r, struct iapp_context *c, struct err *e)
{
    c->ask_instead = read_party(r);
    return c->ask_instead.role == PARTY_AP
               ? 0
               : err_set(e, EPROTO, "IAPP context: role %u is no AP to ask", c->ask_instead.role);
}

static int read_element(uint16_t id, struct reader *r, struct iapp_context *c, struct err *e)
{
    switch (id) {
    case VERSION:
        return read_version(r, e);
    case USER:
        c->offloading = reader_u8(r) & USER_OFFLOADING;
        c->mud = reader_be32(r);
        c->sequence = reader_be32(r);
        break;
    case ANCHOR:
        return read_anchor(r, c, e);
    case MIGRATION:
        c->migration = reader_be32(r);
        c->phase = reader_u8(r);
        break;
    case ASK_INSTEAD:
        return read_ask_instead(r, c, e);
    case NEXT:
        c->has_next = true;
        c->next_number = reader_be32(r);
        break;
    case REQUEST:
        return read_request(r, c, e);
    case CUT_SHORT:
        c->log_cut_short = true;
        break;
    }
    return 0;
}

static int read_elements(struct reader *r, struct iapp_context *c, struct err *e)
{
    bool first = true;
    while (reader_left(r) > 0) {
        uint16_t id = reader_be16(r), len = reader_be16(r);
        const uint8_t *bytes = reader_take(r, len);
        if (!bytes)
            return err_set(e, EPROTO, "IAPP context: element %u ends behind the block", id);
        if (first && id != VERSION)
            return err_set(e, EPROTO, "IAPP context: element %u where the version must stand", id);
        struct reader element = reader_over(bytes, len);
        int status = read_element(id, &element, c, e);
        if (status == 0 && element.short_read)
            status = err_set(e, EPROTO, "IAPP context: element %u has only %u bytes", id, len);
        if (status < 0)
            return status;
        first = false;
    }
    return 0;
}

int iapp_context_decode(const void *bytes, size_t len, struct iapp_context *context, struct err *e)
{
    struct reader r = reader_over(bytes, len);
    *context = (struct iapp_context){0};
    int status = read_elements(&r, context, e);
    if (status < 0)
        iapp_context_free(context);
    return status;
}

/* The array doubles at every power of two, so no capacity needs to be kept. */
void iapp_context_add(struct iapp_context *c, uint32_t number, struct blob *payload, uint32_t payload_len)
{
    size_t count = c->request_count;
    if ((count & (count - 1)) == 0)
        c->requests = mem_resize(c->requests, (count ? 2 * count : 1) * sizeof *c->requests);
    c->requests[c->request_count++] = (struct iapp_request){number, payload_len, payload};
}

void iapp_context_free(struct iapp_context *c)
{
    for (size_t i = 0; i < c->request_count; i++)
        blob_unref(c->requests[i].payload);
    free(c->requests);
    *c = (struct iapp_context){0};
}
