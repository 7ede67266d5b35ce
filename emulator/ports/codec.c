#include "codec.h"
#include "actor.h"
#include "dot11.h"
#include "tzsp.h"

#include <errno.h>

static const char SSID[] = "roamlab";

/* --- air --- */

static const struct {
    enum msg_type type;
    enum dot11_kind kind;
} management[] = {
    {MSG_ASSOCIATION_REQUEST, DOT11_ASSOCIATION_REQUEST},
    {MSG_ASSOCIATION_RESPONSE, DOT11_ASSOCIATION_RESPONSE},
    {MSG_REASSOCIATION_REQUEST, DOT11_REASSOCIATION_REQUEST},
    {MSG_REASSOCIATION_RESPONSE, DOT11_REASSOCIATION_RESPONSE},
    {MSG_DISASSOCIATION, DOT11_DISASSOCIATION},
};
enum { MANAGEMENT_KINDS = sizeof management / sizeof management[0] };

static void fill_management(const struct msg *m, struct dot11 *frame)
{
    for (int i = 0; i < MANAGEMENT_KINDS; i++)
        if (management[i].type == m->type)
            frame->kind = management[i].kind;
    frame->capability = DOT11_CAPABILITY_ESS;
    frame->listen_interval = 10;
    frame->current_ap = mac_of(m->other);
    frame->status = m->status ? DOT11_REFUSED : DOT11_SUCCESS;
    frame->aid = m->status ? 0 : (uint16_t)(m->mud % DOT11_AID_MAX + 1);
    frame->reason = DOT11_REASON_LEAVING_BSS;
    frame->facts = (struct dot11_facts){true, true, m->mud, m->sequence};
    dot11_set_cell(frame, SSID);
}

static int encode_air(const struct msg *m, uint64_t seed, struct buf *out, struct err *e)
{
    bool to_ap = m->to.role == PARTY_AP;
    struct dot11 frame = {
        .destination = mac_of(m->to), .source = mac_of(m->from), .bssid = mac_of(to_ap ? m->to : m->from)};
    struct buf payload = BUF_INIT, bytes = BUF_INIT;
    if (m->type == MSG_OFFLOAD) {
        frame.kind = to_ap ? DOT11_DATA_TO_AP : DOT11_DATA_FROM_AP;
        offload_encode(&m->offload, seed, &payload);
        frame.payload = payload.data;
        frame.payload_len = payload.len;
    } else {
        fill_management(m, &frame);
    }
    int status = dot11_encode(&frame, &bytes, e);
    if (status == 0)
        tzsp_encode(bytes.data, bytes.len, out);
    buf_free(&payload);
    buf_free(&bytes);
    return status;
}

static int take_management(const struct dot11 *frame, struct msg *m, struct err *e)
{
    if (!frame->facts.present)
        return err_set(e, EPROTO, "802.11 %s without roamlab's element", dot11_kind_name(frame->kind));
    for (int i = 0; i < MANAGEMENT_KINDS; i++)
        if (management[i].kind == frame->kind)
            m->type = management[i].type;
    m->mud = frame->facts.mud;
    m->sequence = frame->facts.sequence;
    m->status = frame->status;
    m->other = mac_party(frame->current_ap);
    return 0;
}

static int take_offload(const void *bytes, size_t len, struct msg *m, struct err *e)
{
    int status = offload_decode(bytes, len, &m->offload, e);
    m->type = MSG_OFFLOAD;
    m->mud = m->offload.mud;
    m->sequence = m->offload.sequence;
    return status;
}

static int decode_air(const void *bytes, size_t len, struct msg *m, struct err *e)
{
    const uint8_t *frame_bytes;
    size_t frame_len;
    struct dot11 frame;
    int status = tzsp_decode(bytes, len, &frame_bytes, &frame_len, e);
    if (status == 0)
        status = dot11_decode(frame_bytes, frame_len, &frame, e);
    if (status < 0)
        return status;
    if (!mac_equal(frame.source, mac_of(m->from)) || !mac_equal(frame.destination, mac_of(m->to)))
        return err_set(e, EPROTO, "802.11 frame with the addresses of others");
    bool data = frame.kind == DOT11_DATA_TO_AP || frame.kind == DOT11_DATA_FROM_AP;
    status = data ? take_offload(frame.payload, frame.payload_len, m, e) : take_management(&frame, m, e);
    if (status == 0 && m->mud != (m->from.role == PARTY_MUD ? m->from : m->to).index)
        return err_set(e, EPROTO, "802.11 %s about another device", dot11_kind_name(frame.kind));
    return status;
}

/* --- token --- */

static int encode_token(const struct msg *m, struct buf *out, struct err *e)
{
    /* A notify and a refusal carry a context too: the whole sequence, and whom to ask instead. */
    struct iapp_context bare = {
        .offloading = true, .mud = m->mud, .sequence = m->sequence, .ask_instead = m->other};
    struct buf context = BUF_INIT;
    iapp_context_encode(m->token ? m->token : &bare, IAPP_CONTEXT_MAX, &context);
    struct iapp packet = {.command = m->type == MSG_MOVE_NOTIFY ? IAPP_MOVE_NOTIFY : IAPP_MOVE_RESPONSE,
                          .identifier = (uint16_t)m->sequence,
                          .station = mac_of(party_mud(m->mud)),
                          .sequence = (uint16_t)m->sequence,
                          .status = (uint8_t)m->status,
                          .context = context.data,
                          .context_len = context.len};
    int status = iapp_encode(&packet, out, e);
    buf_free(&context);
    return status;
}

static int decode_token(const void *bytes, size_t len, struct codec_received *received, struct err *e)
{
    struct iapp packet;
    struct msg *m = &received->m;
    int status = iapp_decode(bytes, len, &packet, e);
    if (status < 0)
        return status;
    if (packet.command != IAPP_MOVE_NOTIFY && packet.command != IAPP_MOVE_RESPONSE)
        return err_set(e, EPROTO, "IAPP %s is not expected here", iapp_command_name(packet.command));
    status = iapp_context_decode(packet.context, packet.context_len, &received->token, e);
    if (status < 0)
        return status;
    if (!received->token.offloading)
        return err_set(e, EPROTO, "IAPP %s: no offloading user", iapp_command_name(packet.command));
    if (!mac_equal(packet.station, mac_of(party_mud(received->token.mud))))
        return err_set(e, EPROTO, "IAPP %s: context about another device", iapp_command_name(packet.command));
    m->type = packet.command == IAPP_MOVE_NOTIFY ? MSG_MOVE_NOTIFY : MSG_MOVE_RESPONSE;
    m->mud = received->token.mud;
    m->sequence = received->token.sequence;
    m->status = packet.status;
    m->other = received->token.ask_instead;
    m->token = m->type == MSG_MOVE_RESPONSE && packet.status == IAPP_SUCCESSFUL ? &received->token : NULL;
    return 0;
}

/* --- all --- */

enum codec_way codec_way_of(const struct msg *m)
{
    if (m->type == MSG_MOVE_NOTIFY || m->type == MSG_MOVE_RESPONSE)
        return CODEC_TOKEN;
    return m->from.role == PARTY_MUD || m->to.role == PARTY_MUD ? CODEC_AIR : CODEC_DATAGRAM;
}

int codec_encode(const struct msg *m, uint64_t seed, struct buf *out, struct err *e)
{
    switch (codec_way_of(m)) {
    case CODEC_AIR:
        return encode_air(m, seed, out, e);
    case CODEC_TOKEN:
        return encode_token(m, out, e);
    case CODEC_DATAGRAM:
        break;
    }
    offload_encode(&m->offload, seed, out);
    return 0;
}

int codec_decode(enum codec_way way, struct party from, struct party to, const void *bytes, size_t len,
                 struct codec_received *received, struct err *e)
{
    *received = (struct codec_received){.m = {.from = from, .to = to}};
    switch (way) {
    case CODEC_AIR:
        return decode_air(bytes, len, &received->m, e);
    case CODEC_TOKEN:
        return decode_token(bytes, len, received, e);
    case CODEC_DATAGRAM:
        break;
    }
    return take_offload(bytes, len, &received->m, e);
}

void codec_received_free(struct codec_received *received)
{
    blob_unref(received->m.offload.payload);
    iapp_context_free(&received->token);
}
