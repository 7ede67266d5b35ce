#include "dot11.h"

#include "mem.h"

#include <errno.h>
#include <string.h>

/* Frame control, 9.2.4.1: first byte version, type and subtype; second byte flags. */
enum { TO_DS = 0x01, FROM_DS = 0x02, MORE_FRAGMENTS = 0x04, RETRY = 0x08, PROTECTED = 0x40, ORDER = 0x80 };
enum { ELEMENT_SSID = 0, ELEMENT_RATES = 1, ELEMENT_MORE_RATES = 50, ELEMENT_VENDOR = 221 };
enum { RATES_IN_FIRST = 8, AID_MARK = 0xc000, FACTS_VERSION = 1, FACTS_OFFLOADING = 1 };

static const uint8_t llc_snap[8] = {0xaa, 0xaa, 0x03, 0, 0, 0, DOT11_ETHERTYPE >> 8, DOT11_ETHERTYPE & 0xff};
static const uint8_t facts_head[5] = {0x02, 0x52, 0x4c, 0x01, FACTS_VERSION}; /* OUI, our type, version */

static const struct kind {
    const char *name;
    uint8_t type, ds;
} kinds[DOT11_KINDS] = {
    [DOT11_ASSOCIATION_REQUEST] = {"ASSOCIATION REQUEST", 0x00, 0},
    [DOT11_ASSOCIATION_RESPONSE] = {"ASSOCIATION RESPONSE", 0x10, 0},
    [DOT11_REASSOCIATION_REQUEST] = {"REASSOCIATION REQUEST", 0x20, 0},
    [DOT11_REASSOCIATION_RESPONSE] = {"REASSOCIATION RESPONSE", 0x30, 0},
    [DOT11_DISASSOCIATION] = {"DISASSOCIATION", 0xa0, 0},
    [DOT11_DATA_TO_AP] = {"DATA TO AP", 0x08, TO_DS},
    [DOT11_DATA_FROM_AP] = {"DATA FROM AP", 0x08, FROM_DS},
};

const char *dot11_kind_name(enum dot11_kind kind)
{
    return (unsigned)kind < DOT11_KINDS ? kinds[kind].name : "?";
}

void dot11_set_cell(struct dot11 *frame, const char *ssid)
{
    static const uint8_t rates[] = {0x82, 0x84, 0x8b, 0x96, 12, 18, 24, 36, 48, 72, 96, 108};
    frame->ssid_len = (uint8_t)strnlen(ssid, DOT11_SSID_MAX);
    memcpy(frame->ssid, ssid, frame->ssid_len);
    frame->rate_count = sizeof rates;
    memcpy(frame->rates, rates, sizeof rates);
}

static bool is_request(enum dot11_kind kind)
{
    return kind == DOT11_ASSOCIATION_REQUEST || kind == DOT11_REASSOCIATION_REQUEST;
}

static bool is_response(enum dot11_kind kind)
{
    return kind == DOT11_ASSOCIATION_RESPONSE || kind == DOT11_REASSOCIATION_RESPONSE;
}

static bool is_data(enum dot11_kind kind)
{
    return kind == DOT11_DATA_TO_AP || kind == DOT11_DATA_FROM_AP;
}

/* What addresses 1 to 3 mean depends on the direction: 9.3.2.1, table 9-26; management frames 9.3.3.2. */
static void order_addresses(struct dot11 *f, struct mac *order[3])
{
    order[0] = f->kind == DOT11_DATA_TO_AP ? &f->bssid : &f->destination;
    order[1] = f->kind == DOT11_DATA_FROM_AP ? &f->bssid : &f->source;
    order[2] = f->kind == DOT11_DATA_TO_AP     ? &f->destination
               : f->kind == DOT11_DATA_FROM_AP ? &f->source
                                               : &f->bssid;
}

/* --- encoding --- */

static void add_header(const struct dot11 *f, struct buf *out)
{
    struct dot11 copy = *f;
    struct mac *order[3];
    order_addresses(&copy, order);
    buf_add_u8(out, kinds[f->kind].type);
    buf_add_u8(out, (uint8_t)(kinds[f->kind].ds | (f->retry ? RETRY : 0)));
    buf_add_le16(out, f->duration);
    for (int i = 0; i < 3; i++)
        mac_add(out, *order[i]);
    buf_add_le16(out, (uint16_t)(f->sequence_number << 4));
}

static void add_element(struct buf *out, uint8_t id, const void *bytes, size_t len)
{
    buf_add_u8(out, id);
    buf_add_u8(out, (uint8_t)len);
    buf_add(out, bytes, len);
}

static void add_rates(const struct dot11 *f, struct buf *out)
{
    size_t first = f->rate_count < RATES_IN_FIRST ? f->rate_count : RATES_IN_FIRST;
    if (first > 0)
        add_element(out, ELEMENT_RATES, f->rates, first);
    if (f->rate_count > first)
        add_element(out, ELEMENT_MORE_RATES, f->rates + first, f->rate_count - first);
}

static void add_facts(const struct dot11_facts *facts, struct buf *out)
{
    if (!facts->present)
        return;
    buf_add_u8(out, ELEMENT_VENDOR);
    buf_add_u8(out, sizeof facts_head + 9);
    buf_add(out, facts_head, sizeof facts_head);
    buf_add_u8(out, facts->offloading ? FACTS_OFFLOADING : 0);
    buf_add_be32(out, facts->mud);
    buf_add_be32(out, facts->sequence);
}

static void add_fixed_fields(const struct dot11 *f, struct buf *out)
{
    if (f->kind == DOT11_DISASSOCIATION) {
        buf_add_le16(out, f->reason);
        return;
    }
    buf_add_le16(out, f->capability);
    if (is_response(f->kind)) {
        buf_add_le16(out, f->status);
        buf_add_le16(out, f->aid ? f->aid | AID_MARK : 0);
        return;
    }
    buf_add_le16(out, f->listen_interval);
    if (f->kind == DOT11_REASSOCIATION_REQUEST)
        mac_add(out, f->current_ap);
}

int dot11_encode(const struct dot11 *f, struct buf *out, struct err *e)
{
    if (is_data(f->kind) && f->payload_len > DOT11_PAYLOAD_MAX)
        return err_set(e, EMSGSIZE, "802.11 data frame: %zu bytes, an MSDU has room for %d", f->payload_len,
                       DOT11_PAYLOAD_MAX);
    add_header(f, out);
    if (is_data(f->kind)) {
        buf_add(out, llc_snap, sizeof llc_snap);
        buf_add(out, f->payload, f->payload_len);
        return 0;
    }
    add_fixed_fields(f, out);
    if (is_request(f->kind))
        add_element(out, ELEMENT_SSID, f->ssid, f->ssid_len);
    if (f->kind != DOT11_DISASSOCIATION)
        add_rates(f, out);
    add_facts(&f->facts, out);
    return 0;
}

/* --- decoding --- */

static int read_control(struct reader *r, struct dot11 *f, struct err *e)
{
    uint8_t type = reader_u8(r), flags = reader_u8(r);
    if (flags & (MORE_FRAGMENTS | PROTECTED | ORDER))
        return err_set(e, EPROTO, "802.11 frame: %s frames are not spoken here",
                       flags & MORE_FRAGMENTS ? "fragmented"
                       : flags & PROTECTED    ? "protected"
                                              : "ordered");
    f->retry = flags & RETRY;
    for (int kind = 0; kind < DOT11_KINDS; kind++)
        if (kinds[kind].type == type && kinds[kind].ds == (flags & (TO_DS | FROM_DS))) {
            f->kind = (enum dot11_kind)kind;
            return 0;
        }
    return err_set(e, EPROTO, "802.11 frame: frame control %02x %02x is none of ours", type, flags);
}

static int read_header(struct reader *r, struct dot11 *f, struct err *e)
{
    int status = read_control(r, f, e);
    if (status < 0)
        return status;
    struct mac *order[3];
    order_addresses(f, order);
    f->duration = reader_le16(r);
    for (int i = 0; i < 3; i++)
        *order[i] = mac_read(r);
    uint16_t control = reader_le16(r);
    f->sequence_number = control >> 4;
    return control & 15 ? err_set(e, EPROTO, "802.11 frame: fragments are not spoken here") : 0;
}

static int read_data(struct reader *r, struct dot11 *f, struct err *e)
{
    const uint8_t *llc = reader_take(r, sizeof llc_snap);
    if (!llc || memcmp(llc, llc_snap, sizeof llc_snap) != 0)
        return err_set(e, EPROTO, "802.11 data frame: no LLC/SNAP header with EtherType %04x",
                       DOT11_ETHERTYPE);
    f->payload_len = reader_left(r);
    f->payload = reader_take(r, f->payload_len);
    return 0;
}

static int read_fixed_fields(struct reader *r, struct dot11 *f, struct err *e)
{
    if (f->kind == DOT11_DISASSOCIATION) {
        f->reason = reader_le16(r);
    } else {
        f->capability = reader_le16(r);
        if (is_response(f->kind)) {
            f->status = reader_le16(r);
            f->aid = reader_le16(r) & (uint16_t)~AID_MARK;
        } else {
            f->listen_interval = reader_le16(r);
        }
        if (f->kind == DOT11_REASSOCIATION_REQUEST)
            f->current_ap = mac_read(r);
    }
    if (r->short_read)
        return err_set(e, EPROTO, "802.11 %s: ends within its fixed fields", kinds[f->kind].name);
    if (f->aid > DOT11_AID_MAX)
        return err_set(e, EPROTO, "802.11 %s: association id %u above %d", kinds[f->kind].name, f->aid,
                       DOT11_AID_MAX);
    return 0;
}

static int read_ssid(struct dot11 *f, const uint8_t *bytes, uint8_t len, struct err *e)
{
    if (len > DOT11_SSID_MAX)
        return err_set(e, EPROTO, "802.11 %s: SSID of %u bytes", kinds[f->kind].name, len);
    memset(f->ssid, 0, sizeof f->ssid);
    memcpy(f->ssid, bytes, len);
    f->ssid_len = len;
    return 0;
}

static int read_rates(struct dot11 *f, const uint8_t *bytes, uint8_t len, struct err *e)
{
    if (len > DOT11_RATES_MAX - f->rate_count)
        return err_set(e, EPROTO, "802.11 %s: more than %d rates", kinds[f->kind].name, DOT11_RATES_MAX);
    memcpy(f->rates + f->rate_count, bytes, len);
    f->rate_count = (uint8_t)(f->rate_count + len);
    return 0;
}

/* Other vendors' elements, and other versions of ours, are skipped. */
static void read_vendor(struct dot11_facts *facts, const uint8_t *bytes, uint8_t len)
{
    if (len < sizeof facts_head + 9 || memcmp(bytes, facts_head, sizeof facts_head) != 0)
        return;
    struct reader r = reader_over(bytes + sizeof facts_head, 9);
    facts->present = true;
    facts->offloading = reader_u8(&r) & FACTS_OFFLOADING;
    facts->mud = reader_be32(&r);
    facts->sequence = reader_be32(&r);
}

static int read_element(struct reader *r, struct dot11 *f, struct err *e)
{
    uint8_t id = reader_u8(r), len = reader_u8(r);
    const uint8_t *bytes = reader_take(r, len);
    if (!bytes)
        return err_set(e, EPROTO, "802.11 %s: element %u ends behind the frame", kinds[f->kind].name, id);
    if (id == ELEMENT_SSID && is_request(f->kind))
        return read_ssid(f, bytes, len, e);
    if ((id == ELEMENT_RATES || id == ELEMENT_MORE_RATES) && f->kind != DOT11_DISASSOCIATION)
        return read_rates(f, bytes, len, e);
    if (id == ELEMENT_VENDOR)
        read_vendor(&f->facts, bytes, len);
    return 0;
}

int dot11_decode(const void *bytes, size_t len, struct dot11 *frame, struct err *e)
{
    struct reader r = reader_over(bytes, len);
    *frame = (struct dot11){0};
    if (len < DOT11_HEADER_BYTES || len > DOT11_HEADER_BYTES + DOT11_MSDU_MAX)
        return err_set(e, EPROTO, "802.11 frame: %zu bytes, must be %d to %d", len, DOT11_HEADER_BYTES,
                       DOT11_HEADER_BYTES + DOT11_MSDU_MAX);
    int status = read_header(&r, frame, e);
    if (status == 0 && is_data(frame->kind))
        return read_data(&r, frame, e);
    if (status == 0)
        status = read_fixed_fields(&r, frame, e);
    while (status == 0 && reader_left(&r) > 0)
        status = read_element(&r, frame, e);
    return status;
}
