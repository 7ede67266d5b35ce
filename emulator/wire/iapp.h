/* Inter-Access Point Protocol, IEEE Std 802.11F-2003: what APs tell each other about a MUD that moves.
 *
 * A packet is a 6-byte header {version 0, command, identifier be16, length be16 with the header} and, in
 * network byte order:
 *
 *     address length 6, reserved or status, MAC, sequence be16     every packet; then
 *     context length be16, context                                 MOVE-notify, MOVE-response
 *     current AP's MAC, context length be16, context, timeout be16 CACHE-notify
 *     nothing                                                      ADD-notify, CACHE-response
 *
 * The security blocks (commands 3 and 4) are not spoken. The context block is a list of information elements
 * {identifier be16, length be16, bytes}; ours carry the token of the migration protocol: who owns the MUD,
 * and its replay log. */
#ifndef ROAMLAB_IAPP_H
#define ROAMLAB_IAPP_H

#include "mac.h"

enum iapp_command {
    IAPP_ADD_NOTIFY = 0,
    IAPP_MOVE_NOTIFY = 1,
    IAPP_MOVE_RESPONSE = 2,
    IAPP_CACHE_NOTIFY = 5,
    IAPP_CACHE_RESPONSE = 6,
};

/* Of MOVE-responses; a CACHE-response has 0, or 1 = stale. */
enum iapp_status { IAPP_SUCCESSFUL = 0, IAPP_DENIED = 1, IAPP_STALE_MOVE = 2 };

enum {
    IAPP_PORT = 3517,
    IAPP_HEADER_BYTES = 6,
    IAPP_PACKET_MAX = 65535,
    IAPP_CONTEXT_MAX = IAPP_PACKET_MAX - IAPP_HEADER_BYTES - 20, /* fits a CACHE-notify, and so all */
};

struct iapp {
    uint8_t command;     /* enum iapp_command */
    uint16_t identifier; /* a response repeats its request's */
    struct mac station;
    uint16_t sequence;     /* low 16 bits of the association sequence; the context has all of it */
    uint8_t status;        /* responses */
    struct mac current_ap; /* CACHE-notify */
    uint16_t timeout;      /* CACHE-notify: seconds the context may be kept */
    /* MOVE-*, CACHE-notify. Borrowed: the caller's when encoding, in the packet's bytes when decoded. */
    const uint8_t *context;
    size_t context_len;
};

/* "MOVE-notify", … ; "?" if unknown. */
const char *iapp_command_name(uint8_t command);

/* Appends the packet. 0 or -EMSGSIZE (context above IAPP_CONTEXT_MAX), then nothing is appended. */
int iapp_encode(const struct iapp *packet, struct buf *out, struct err *e);
/* Reads one packet that fills the bytes exactly. 0 or -EPROTO with the reason. */
int iapp_decode(const void *bytes, size_t len, struct iapp *packet, struct err *e);
/* The packet at the head of a TCP stream: its length in bytes (which may be more than len: wait for the
 * rest), 0 if not even the header is there yet, or -EPROTO if this can be no packet and the connection is
 * lost. */
int iapp_packet_bytes(const void *stream, size_t len, struct err *e);

/* --- the context block --- */

/* One request of the replay log. A NULL payload means synthetic bytes (virtual time) of payload_len. */
struct iapp_request {
    uint32_t number;
    uint32_t payload_len;
    struct blob *payload; /* one reference owned by the context */
};

struct iapp_context {
    bool offloading;          /* "this MUD is an offloading user" */
    uint32_t mud;             /* index */
    struct party anchor_edge; /* the edge with the live container, PARTY_NONE while there is none */
    struct party anchor_ap;   /* the AP that it is reached through, PARTY_NONE: it is reached directly */
    uint32_t sequence;        /* association sequence */
    uint32_t migration;       /* id of the running migration, 0 = none */
    uint8_t phase;            /* of that migration: the AP's own enum */
    struct party ask_instead; /* in a MOVE-response that is not 0: the AP that knows more, or PARTY_NONE */
    bool has_next;
    uint32_t next_number;          /* if has_next: the first request that the replay log lacks */
    bool log_cut_short;            /* the log was longer than a packet: the MUD's resends fill the gap */
    struct iapp_request *requests; /* owned: the replay log, in ascending order of number */
    size_t request_count;
};

/* Appends the context block, at most `room` bytes (a room below 100 is taken as 100). Requests go in as long
 * as they fit, in order; at the first that does not, the log ends and is marked as cut short. Returns how
 * many requests went in. */
size_t iapp_context_encode(const struct iapp_context *context, size_t room, struct buf *out);
/* Reads a context block; an empty one is a station that is no offloading user. Unknown elements are skipped.
 * On success the context is the caller's to free, on failure it holds nothing. 0 or -EPROTO and why. */
int iapp_context_decode(const void *bytes, size_t len, struct iapp_context *context, struct err *e);
/* Appends a request to the log; takes over the reference to payload (which may be NULL). */
void iapp_context_add(struct iapp_context *context, uint32_t number, struct blob *payload,
                      uint32_t payload_len);
/* Frees the log and clears the context. */
void iapp_context_free(struct iapp_context *context);

#endif
