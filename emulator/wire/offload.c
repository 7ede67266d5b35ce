#include "offload.h"

#include "mem.h"
#include "statechain.h"

#include <errno.h>

enum { MAGIC = 0x524c };

static const char *const type_names[OFFLOAD_TYPES] = {
    [OFFLOAD_REQUEST] = "SVCQ",  [OFFLOAD_REPLY] = "SVCR",        [OFFLOAD_EDGE_READY] = "ES-READY",
    [OFFLOAD_BYE] = "BYEE",      [OFFLOAD_ATTACH] = "ATTACH",     [OFFLOAD_MIGRATE] = "MIGRATE",
    [OFFLOAD_CANCEL] = "CANCEL", [OFFLOAD_FETCH] = "FETCH",       [OFFLOAD_REPLAY] = "REPLAY",
    [OFFLOAD_PROBE] = "PROBE",   [OFFLOAD_ACTIVATE] = "ACTIVATE", [OFFLOAD_STOP] = "STOP",
    [OFFLOAD_CUT] = "CUT",       [OFFLOAD_LOGGED] = "LOGGED",     [OFFLOAD_REPLAYED] = "REPLAYED",
    [OFFLOAD_PROBED] = "PROBED", [OFFLOAD_FAILED] = "FAILED",     [OFFLOAD_INSTALL] = "INSTALL",
    [OFFLOAD_REMOVE] = "REMOVE", [OFFLOAD_ACK] = "ACK",           [OFFLOAD_LOAD] = "LOAD",
    [OFFLOAD_CLAIM] = "CLAIM",   [OFFLOAD_OWNED] = "OWNED",       [OFFLOAD_DELEGATE] = "DELEGATE",
    [OFFLOAD_PREPULL] = "PREPULL",
};

const char *offload_type_name(uint8_t type)
{
    return type < OFFLOAD_TYPES && type_names[type] ? type_names[type] : "?";
}

static void encode_payload(const struct offload *o, uint64_t seed, uint32_t len, struct buf *out)
{
    if (o->payload) {
        buf_add(out, o->payload->bytes, len);
        return;
    }
    buf_reserve(out, len);
    statechain_payload(seed, o->mud, o->number, out->data + out->len, len);
    out->len += len;
}

void offload_encode(const struct offload *o, uint64_t seed, struct buf *out)
{
    uint32_t len = o->payload ? o->payload->len : o->payload_len;
    buf_reserve(out, OFFLOAD_HEADER_BYTES + (size_t)len);
    buf_add_be16(out, MAGIC);
    buf_add(out, (uint8_t[]){OFFLOAD_VERSION, o->type, o->flags, o->hops, o->acked, o->peer.role}, 6);
    buf_add_be32(out, o->mud);
    buf_add_be32(out, o->sequence);
    buf_add_be32(out, o->migration);
    buf_add_be32(out, o->number);
    buf_add_be32(out, o->until);
    buf_add_be32(out, (uint32_t)o->status);
    buf_add_be32(out, o->peer.index);
    buf_add_be64(out, o->digest);
    buf_add_be64(out, o->checksum);
    buf_add_be32(out, len);
    encode_payload(o, seed, len, out);
}

static void read_fields(struct reader *r, struct offload *o)
{
    o->type = reader_u8(r);
    o->flags = reader_u8(r);
    o->hops = reader_u8(r);
    o->acked = reader_u8(r);
    o->peer.role = reader_u8(r);
    o->mud = reader_be32(r);
    o->sequence = reader_be32(r);
    o->migration = reader_be32(r);
    o->number = reader_be32(r);
    o->until = reader_be32(r);
    o->status = (int32_t)reader_be32(r);
    o->peer.index = reader_be32(r);
    o->digest = reader_be64(r);
    o->checksum = reader_be64(r);
    o->payload_len = reader_be32(r);
}

static int check_fields(const struct offload *o, size_t left, struct err *e)
{
    if (o->type == 0 || o->type >= OFFLOAD_TYPES)
        return err_set(e, EPROTO, "offload message: unknown type %u", o->type);
    const char *name = offload_type_name(o->type);
    if (o->flags >= OFFLOAD_FLAGS_END)
        return err_set(e, EPROTO, "offload message %s: unknown flags 0x%02x", name, o->flags);
    if (o->acked >= OFFLOAD_TYPES || (o->type == OFFLOAD_ACK) != (o->acked != 0))
        return err_set(e, EPROTO, "offload message %s: acknowledges type %u", name, o->acked);
    if (o->peer.role > PARTY_EDGE || (o->peer.role == PARTY_NONE && o->peer.index != 0))
        return err_set(e, EPROTO, "offload message %s: no party %u:%u", name, o->peer.role, o->peer.index);
    if (o->payload_len > OFFLOAD_PAYLOAD_MAX || o->payload_len != left)
        return err_set(e, EPROTO, "offload message %s: announces %u payload bytes, has %zu, at most %d", name,
                       o->payload_len, left, OFFLOAD_PAYLOAD_MAX);
    return 0;
}

int offload_decode(const void *bytes, size_t len, struct offload *o, struct err *e)
{
    struct reader r = reader_over(bytes, len);
    *o = (struct offload){0};
    if (len < OFFLOAD_HEADER_BYTES)
        return err_set(e, EPROTO, "offload message: %zu bytes, the header alone has %d", len,
                       OFFLOAD_HEADER_BYTES);
    if (reader_be16(&r) != MAGIC)
        return err_set(e, EPROTO, "offload message: does not begin with \"RL\"");
    uint8_t version = reader_u8(&r);
    if (version != OFFLOAD_VERSION)
        return err_set(e, EPROTO, "offload message: version %u, this side speaks %d", version,
                       OFFLOAD_VERSION);
    struct offload fields = {0};
    read_fields(&r, &fields);
    int status = check_fields(&fields, reader_left(&r), e);
    if (status < 0)
        return status;
    *o = fields;
    if (o->payload_len > 0)
        o->payload = blob_new(reader_take(&r, o->payload_len), o->payload_len);
    return 0;
}
