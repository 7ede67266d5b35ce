/* What actors say to each other. A message is a value: the receiver of a `struct msg` may read it during the call and
 * takes a reference of what it keeps. How it travels (802.11 frame, IAPP packet, offload datagram, or a timer in
 * virtual time) is the port's business. */
#ifndef ROAMLAB_MSG_H
#define ROAMLAB_MSG_H

#include "iapp.h"
#include "offload.h"

enum msg_type {
    MSG_ASSOCIATION_REQUEST,    /* MUD → AP, IEEE 802.11 */
    MSG_ASSOCIATION_RESPONSE,   /* AP → MUD; status 0 = accepted */
    MSG_REASSOCIATION_REQUEST,  /* MUD → AP; `other` = the AP it comes from */
    MSG_REASSOCIATION_RESPONSE,
    MSG_DISASSOCIATION,         /* MUD → AP */
    MSG_MOVE_NOTIFY,            /* new AP → old AP, IAPP */
    MSG_MOVE_RESPONSE,          /* old AP → new AP; status = enum iapp_status; token if 0, else `other` = who to ask instead */
    MSG_OFFLOAD,                /* everything else: see offload.h */
    MSG_TYPES
};

struct msg {
    enum msg_type type;
    struct party from, to;
    uint32_t mud;                     /* index of the device it is about */
    uint32_t sequence;                /* the device's association sequence */
    int32_t status;
    struct party other;
    const struct iapp_context *token; /* MOVE_RESPONSE */
    struct offload offload;           /* OFFLOAD */
};

/* Every kind of message has a number: its type, and an offload message's behind those. */
enum { MSG_KINDS = MSG_OFFLOAD + OFFLOAD_TYPES - OFFLOAD_REQUEST };
int msg_kind(const struct msg *m);
/* "MOVE-notify", "STOP", …; NULL behind the last. */
const char *msg_kind_name(int kind);

/* As Kim22's log writes it: "REASSOCIATION REQUEST", "SVCQ 12", "ES-READY"; control messages by name and number. */
void msg_text(const struct msg *m, char *out, unsigned out_size);

#endif
