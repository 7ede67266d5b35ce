/* IEEE 802.11 frames between MUD and AP, as bytes and as a struct (clauses of IEEE Std 802.11-2016).
 *
 * Kinds: association and reassociation (request, response), disassociation, and data to or from the AP
 * (9.3.2.1, 9.3.3). Data frames carry one offload message (offload.h) behind LLC/SNAP with EtherType 0x88B5,
 * the one that IEEE 802 sets aside for local experiments. What 802.11 has no field for, the association
 * sequence and the mark of an offloading user, rides in a vendor-specific element (9.4.2.26) under a locally
 * administered OUI. Frames carry no FCS, as TZSP expects.
 *
 * Not spoken: fragments, protected frames, QoS data, four-address frames; the decoder refuses them by name.
 * Elements that it does not know are skipped. */
#ifndef ROAMLAB_DOT11_H
#define ROAMLAB_DOT11_H

#include "mac.h"

enum dot11_kind {
    DOT11_ASSOCIATION_REQUEST,
    DOT11_ASSOCIATION_RESPONSE,
    DOT11_REASSOCIATION_REQUEST,
    DOT11_REASSOCIATION_RESPONSE,
    DOT11_DISASSOCIATION,
    DOT11_DATA_TO_AP,   /* to DS */
    DOT11_DATA_FROM_AP, /* from DS */
    DOT11_KINDS
};

/* 9.4.1.7, 9.4.1.9: the ones that roamlab uses. */
enum dot11_reason { DOT11_REASON_LEAVING_BSS = 8, DOT11_REASON_NOT_ASSOCIATED = 7 };
enum dot11_status {
    DOT11_SUCCESS = 0,
    DOT11_REFUSED = 1,                /* unspecified failure */
    DOT11_NO_FORMER_ASSOCIATION = 11, /* reassociation denied: the former association cannot be confirmed */
    DOT11_AP_FULL = 17,
};
/* 9.4.1.4 */
enum dot11_capability { DOT11_CAPABILITY_ESS = 0x0001, DOT11_CAPABILITY_SHORT_PREAMBLE = 0x0020 };

enum {
    DOT11_HEADER_BYTES = 24,
    DOT11_MSDU_MAX = 2304, /* 9.2.4.7.1, table 9-19; LLC/SNAP counts */
    DOT11_PAYLOAD_MAX = DOT11_MSDU_MAX - 8,
    DOT11_OFFLOAD_PAYLOAD_MAX = DOT11_PAYLOAD_MAX - OFFLOAD_HEADER_BYTES, /* of a request or reply on air */
    DOT11_SSID_MAX = 32,
    DOT11_RATES_MAX = 16,
    DOT11_AID_MAX = 2007,
    DOT11_SEQUENCE_NUMBERS = 4096,
    DOT11_ETHERTYPE = 0x88b5,
};

/* The vendor-specific element. */
struct dot11_facts {
    bool present;
    bool offloading;   /* "I am an offloading user" */
    uint32_t mud;      /* index */
    uint32_t sequence; /* association sequence, design of the migration protocol */
};

struct dot11 {
    enum dot11_kind kind;
    bool retry;
    uint16_t duration;        /* µs the medium is taken for after this frame */
    uint16_t sequence_number; /* of the transmitter, 0 to 4095 */
    struct mac destination, source, bssid;
    /* management */
    uint16_t capability;
    uint16_t listen_interval;               /* requests; beacon intervals */
    struct mac current_ap;                  /* reassociation request */
    uint16_t status;                        /* responses */
    uint16_t aid;                           /* responses: 1 to 2007, 0 = none */
    uint16_t reason;                        /* disassociation */
    uint8_t ssid_len, ssid[DOT11_SSID_MAX]; /* requests */
    /* requests, responses: 500 kbit/s units, top bit = basic rate */
    uint8_t rate_count, rates[DOT11_RATES_MAX];
    struct dot11_facts facts;
    /* data: borrowed, from the caller when encoding, from the frame's bytes when decoded */
    const uint8_t *payload;
    size_t payload_len;
};

/* "ASSOCIATION REQUEST", … as the log says it; "?" if unknown. */
const char *dot11_kind_name(enum dot11_kind kind);
/* Fills in the SSID (cut at 32 bytes) and the twelve rates of an 802.11g cell (clause 18). */
void dot11_set_cell(struct dot11 *frame, const char *ssid);

/* Appends the frame. 0 or -EMSGSIZE (payload above DOT11_PAYLOAD_MAX), then nothing is appended. */
int dot11_encode(const struct dot11 *frame, struct buf *out, struct err *e);
/* Reads one frame that fills the bytes exactly. 0 or -EPROTO with the reason. */
int dot11_decode(const void *bytes, size_t len, struct dot11 *frame, struct err *e);

#endif
