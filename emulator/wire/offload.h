/* The offloading protocol's messages: what MUDs, access points and edge servers say to each other about
 * requests, containers and migrations. Roles and steps: Kim22 (T1–T8); what the paper leaves open is
 * roamlab's own protocol.
 *
 * `struct offload` is the message as the actors see it. On the wire it is a fixed header in network byte
 * order and the payload:
 *
 *      0 magic "RL"    2 version 1      3 type          4 flags     5 hops    6 acked    7 peer's role
 *      8 mud           12 sequence      16 migration    20 number   24 until  28 status  32 peer's index
 *     36 digest be64   44 checksum be64 52 payload_len  56 payload
 *
 * Between MUD and AP it rides in 802.11 data frames, between all others in UDP datagrams. Association and
 * token messages travel as 802.11 management frames and IAPP packets instead (dot11.h, iapp.h). */
#ifndef ROAMLAB_OFFLOAD_H
#define ROAMLAB_OFFLOAD_H

#include "buf.h"
#include "err.h"

enum offload_type {
    /* data: MUD – AP – edge, forwarded AP – AP */
    OFFLOAD_REQUEST = 1, /* SVCQ: number, payload */
    OFFLOAD_REPLY, /* SVCR: number, digest = chain after it; flag CACHED if the service did not execute it
                      now; payload */
    OFFLOAD_EDGE_READY, /* ES-READY: the MUD's container runs; edge → AP → MUD, and the target edge → AP after
                           a restore */
    OFFLOAD_BYE,        /* BYEE: the MUD has no more requests; MUD → AP → anchor */
    /* AP → edge */
    OFFLOAD_ATTACH,   /* start a fresh container for this MUD */
    OFFLOAD_MIGRATE,  /* migrate to edge `peer`, report to the sending AP; supersedes an older migration */
    OFFLOAD_CANCEL,   /* call the migration to edge `peer` off */
    OFFLOAD_FETCH,    /* send what you logged after the cut, from `number` to `until` */
    OFFLOAD_REPLAY,   /* execute this copy; the reply comes back as REPLAYED */
    OFFLOAD_PROBE,    /* report next, chain, checksum once all below `number` has been executed (0 = now) */
    OFFLOAD_ACTIVATE, /* serve from now on */
    OFFLOAD_STOP,     /* the user is served elsewhere: stop and remove the container */
    /* edge → AP */
    OFFLOAD_CUT,    /* the snapshot holds everything below `number` */
    OFFLOAD_LOGGED, /* a request logged after the cut (answer to FETCH): number, digest if executed, payload */
    OFFLOAD_REPLAYED, /* number, digest */
    OFFLOAD_PROBED,   /* number = next, digest = chain, checksum over memory and file */
    OFFLOAD_FAILED,   /* the migration failed: status */
    /* edge → edge */
    OFFLOAD_INSTALL, /* everything has been sent: load, create, restore */
    OFFLOAD_REMOVE,  /* the migration was called off: remove what INSTALL made */
    /* any */
    OFFLOAD_ACK, /* acknowledges the control message whose type is in `acked` */
    /* edge → every AP, if placements weigh the load; not acknowledged, the next one makes up for it */
    OFFLOAD_LOAD, /* `number` containers are here; `until` grows with each such message */
    /* edge → AP, AP → the AP that the token went to */
    OFFLOAD_DELEGATE, /* the container shall go to edge `peer`, though the device stays */
    /* after a restart */
    OFFLOAD_CLAIM, /* AP → every edge: whose container is this device's? Nobody of an older association may speak of it any more */
    OFFLOAD_OWNED, /* edge → AP: status 0 = it is live here, `number` = next, `until` = its migration; -ENOENT, or -EOWNERDEAD = it was
                      lost here; digest = the highest migration known; `peer` = the AP that held the token. Unasked, -ESTALE = another
                      AP has claimed the device by its association `number`: older tokens are worth nothing */
    /* edge → edge; not acknowledged, INSTALL makes up for it */
    OFFLOAD_PREPULL, /* the migration will bring a container, later: pull the base image meanwhile, if it is missing */
    OFFLOAD_TYPES
};

enum offload_flags {
    OFFLOAD_CACHED = 1,   /* REPLY: answered from the reply cache, not executed */
    OFFLOAD_EXECUTED = 2, /* LOGGED: `digest` is valid */
    OFFLOAD_ANEW = 4,     /* PROBE: a container that has executed nothing begins at `number`; what is before it, another has executed,
                             and is answered with the chain of the start */
    OFFLOAD_SNAPSHOT = 8, /* INSTALL: the container begins from a snapshot, not fresh */
    OFFLOAD_BRIEF = 16,   /* PROBE: without the checksum, for which all of memory is read */
    OFFLOAD_FORGOTTEN = 32, /* CANCEL, REMOVE: whoever sends it does not know whether the migration is committed. What the target
                               has done counts: it answers STOP if it serves, or has served */
    OFFLOAD_FLAGS_END = 64, /* from this bit on there are none */
};

/* A party of the protocol, by role and index in the scenario. */
enum party_role { PARTY_NONE, PARTY_MUD, PARTY_AP, PARTY_EDGE };

struct party {
    uint8_t role;
    uint32_t index;
};

struct offload {
    uint8_t type; /* enum offload_type */
    uint8_t flags;
    uint8_t hops;  /* forwarding header: how many more forwards are allowed */
    uint8_t acked; /* ACK: the type it acknowledges */
    uint32_t mud;
    uint32_t sequence;  /* association sequence of the MUD */
    uint32_t migration; /* per MUD, counted from 1; 0 = none */
    uint32_t number;    /* request number, or as the type says */
    uint32_t until;     /* FETCH: last number wanted; INSTALL: cut, as in CUT; PROBE: its `number`, which PROBED repeats;
                           REQUEST and MIGRATE, AP → edge: the association by which the AP got the token */
    int32_t status;     /* 0, or -errno of what failed */
    struct party peer;  /* MIGRATE: target edge; INSTALL: the AP to report to; forwarded REQUEST: the AP that
                           holds the token */
    uint64_t digest;    /* the chain, see statechain.h */
    uint64_t checksum;
    uint32_t payload_len; /* bytes of payload; may be larger than `payload` holds: NULL means synthetic
                             (virtual time) */
    struct blob *payload; /* one reference owned by the message, or NULL */
};

/* "SVCQ", "SVCR", "ES-READY", "BYEE" for the paper's messages, the type's own name in capitals otherwise; "?"
 * if unknown. */
const char *offload_type_name(uint8_t type);

/* Size on the wire without payload; the largest payload a datagram carries (an 802.11 data frame carries
 * less: dot11.h). */
enum { OFFLOAD_VERSION = 1, OFFLOAD_HEADER_BYTES = 56, OFFLOAD_PAYLOAD_MAX = 60000 };

/* Appends the message, whose fields the caller keeps within the limits that offload_decode() checks. A
 * payload is written as long as its blob is; a NULL payload of payload_len > 0 bytes as the synthetic bytes
 * of statechain_payload(). */
void offload_encode(const struct offload *o, uint64_t seed, struct buf *out);
/* Reads one message that fills the bytes exactly. On success o->payload (if payload_len > 0) is a new
 * reference of the caller's, on failure *o holds nothing. 0 or -EPROTO with the reason; the content is
 * checked as far as the header can be: magic, version, type, flags, roles, lengths. */
int offload_decode(const void *bytes, size_t len, struct offload *o, struct err *e);

#endif
