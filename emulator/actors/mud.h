/* The mobile user device (MUD): mobility management, offloading request generator, log reporter (Kim22).
 *
 * It follows its visits from access point to access point, asks one request after the other at a steady rate, resends what stays
 * unanswered (RFC 6298, same number) and checks every reply's digest against the chain that it computes itself. While it is not
 * associated it sends and hears nothing: requests wait. An outage that is still on when no request is generated any more is for good;
 * the device then names what it sent and will never see answered. */
#ifndef ROAMLAB_MUD_H
#define ROAMLAB_MUD_H

#include "actor.h"
#include "statechain.h"
#include "visit.h"

enum mud_state {
    MUD_AWAY,         /* not yet associated for the first time */
    MUD_ROAMING,      /* between two access points: scanning, authenticating */
    MUD_ASSOCIATING,  /* (re)association request sent */
    MUD_ASSOCIATED,
    MUD_DISCONNECTED, /* no access point is heard: an outage */
    MUD_FINISHED,
    MUD_STATES
};

struct mud_options {
    struct simtime period;       /* between two requests */
    uint32_t request_bytes;
    uint32_t window;             /* unanswered requests allowed */
    struct simtime until;        /* no new request from then on */
    const struct visit *visits;  /* the caller's, must outlive the MUD; the first is at an access point, by time; may be none */
    int visit_count;
    struct statechain_history *history; /* of the service's state: for the digest chain; the caller's */
};

struct mud_request {
    uint64_t digest;             /* the chain that the reply must carry */
    struct simtime first_sent, resend_at, wait;
    uint32_t times_sent;
    bool answered;
};

struct mud {
    struct actor actor;
    struct mud_options options;
    enum mud_state state;
    struct party ap, former_ap;  /* the one it is at or heading for; the last that accepted it */
    uint32_t sequence;           /* grows with every (re)association */
    struct simtime silent_since; /* of the present handoff or outage */
    int next_visit;
    struct alarm move, association, generate, resend;
    bool ready;                  /* its container runs: requests may start */
    struct simtime generation_start;
    uint32_t due;                /* requests generated: numbers below are due */
    uint32_t sent;               /* numbers below have been sent at least once */
    uint32_t oldest;             /* lowest unanswered number */
    uint32_t answered;
    struct mud_request *requests; /* owned; ring of `window`, by number */
    struct statechain_model expected;
    struct simtime srtt, rttvar, rto;
    bool rtt_measured;
    void (*finished)(struct mud *mud); /* may be NULL */
};

void mud_init(struct mud *mud, struct port *port, const struct rules *rules, uint32_t index, const struct mud_options *options);
void mud_free(struct mud *mud);
/* Sets the first alarm; everything else follows from it. */
void mud_start(struct mud *mud);
void mud_receive(struct mud *mud, const struct msg *m);
/* The run's patience is over: reports what was sent and answered as it stands. */
void mud_give_up(struct mud *mud);

/* mud_visits.c; handlers like those of mud.c */
/* Sets the alarm for the next visit, if that begins at a time. */
void mud_wait_for_next_visit(struct mud *mud);
void mud_request_association(struct mud *mud);
void mud_arrive_first(struct mud *mud, const struct msg *m);
void mud_leave(struct mud *mud, const struct msg *m);
/* No access point is heard from now on; and again. */
/* With the same access point, which has forgotten the device. */
void mud_associate_anew(struct mud *mud, const struct msg *m);
void mud_lose(struct mud *mud, const struct msg *m);
void mud_return_into_reach(struct mud *mud, const struct msg *m);
void mud_report_handoff(struct mud *mud, const struct msg *m);
void mud_report_outage(struct mud *mud);

/* mud_requests.c */
/* Counts the request that is due now, if the generator still runs, and sets its alarm for the next. */
void mud_generate(struct mud *mud);
void mud_set_generate_alarm(struct mud *mud);
/* Sends what is due and fits into the window. True if the next request waits for a visit, which begins now. */
bool mud_send_due(struct mud *mud);
/* Sends again what has waited too long (RFC 6298). */
void mud_resend(struct mud *mud);
/* Call when an access point has accepted the device: what is unanswered is resent at the latest when the present time-out is over. */
void mud_end_back_off(struct mud *mud);
void mud_take_reply(struct mud *mud, const struct offload *reply);
/* Reports every request that was sent and not answered as abandoned. */
void mud_abandon(struct mud *mud);

#endif
