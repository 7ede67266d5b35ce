/* The access point (AP): MUD management (association, reassociation, IAPP both sides), packet forwarder, replay buffer,
 * switch, log reporter (Kim22).
 *
 * For each device one AP at a time decides: the holder of its token {anchor, association sequence, migration, requests that
 * wait}. The anchor is the edge with the live container. The token moves in IAPP's MOVE-response; until it arrives, the new AP
 * holds the device's requests.
 *
 * ap.c is the table, ap_receive.c the way in; ap_token.c association and token; ap_forward.c the packet forwarder; ap_switch.c what the
 * holder does to bring the container after the device (migrate, catch up, switch, commit). */
#ifndef ROAMLAB_AP_H
#define ROAMLAB_AP_H

#include "actor.h"
#include "courier.h"
#include "map.h"
#include "replay.h"

enum ap_state {
    AP_ABSENT,         /* knows nothing of the device */
    AP_ATTACHING,      /* first association: its container is being started; requests are held */
    AP_AWAITING_TOKEN, /* reassociated here: MOVE-notify sent; requests are held */
    AP_SERVING,        /* holder; requests go to the anchor */
    AP_MIGRATING,      /* holder; the anchor migrates to where the policy says; requests are forwarded and copied */
    AP_CATCHING_UP,    /* the new container is up: copies are replayed to it */
    AP_SWITCHING,      /* new requests are held; both containers are probed */
    AP_ACTIVATING,     /* the probes agree: the new container is told to serve; its answer is the commit */
    AP_MOVED,          /* the token went on to another AP; late replies are sent after it */
    AP_STATES
};

enum ap_event {
    AP_EV_ASSOCIATE,
    AP_EV_REASSOCIATE,
    AP_EV_DISASSOCIATE,
    AP_EV_MOVE_NOTIFY,
    AP_EV_TOKEN,     /* MOVE-response, successful */
    AP_EV_NO_TOKEN,  /* MOVE-response: ask another AP, or nobody */
    AP_EV_REQUEST,   /* from the device */
    AP_EV_REPLY,
    AP_EV_ATTACHED,  /* ES-READY: the fresh container runs */
    AP_EV_READY,     /* ES-READY: the migrated container runs */
    AP_EV_CUT,
    AP_EV_LOGGED,
    AP_EV_FETCHED,   /* acknowledgement of a FETCH: everything logged has been sent */
    AP_EV_REPLAYED,
    AP_EV_PROBED,
    AP_EV_ACTIVATED,
    AP_EV_FAILED,    /* an edge, or the courier, gives the migration up */
    AP_EV_TICK,      /* the client's alarm */
    AP_EV_BYE,
    AP_EV_DELEGATE,  /* the anchor wants to be rid of the container */
    AP_EV_OWNED,     /* an edge says whether it has the device's container */
    AP_EVENTS
};

/* What a container answered to PROBE. */
struct ap_probe {
    bool known;
    uint32_t next;
    uint64_t chain, checksum;
};

/* What the switch knows; reset for each migration. */
struct ap_switch {
    bool cut_known;
    uint32_t cut;               /* the snapshot holds everything below this number */
    bool fetched;               /* the source edge has sent what it logged */
    uint32_t next_replay;       /* numbers below have been sent to the new container */
    uint32_t replays;           /* answered */
    uint32_t last_backlog, growths; /* a replay log that does not shrink over three windows fails */
    struct simtime last_progress;   /* when the new container last answered */
    uint32_t last;              /* the source executes everything below this number, nothing above */
    struct ap_probe source, target;
    struct simtime replay_begin, hold_begin;
};

struct ap_client {
    struct ap *ap;
    uint32_t mud;
    enum ap_state state;
    bool associated;
    uint32_t sequence;          /* highest association sequence known */
    uint32_t token_sequence;    /* of the newest token that was held here: an older one is a copy that came late */
    struct party anchor_edge;
    struct party anchor_ap;     /* the AP that forwarded requests go through; PARTY_NONE: they go to the edge directly */
    struct party target;        /* migrating: where to */
    bool judged;                /* a migration was begun since the token came: the policy has had its say */
    int32_t failure;            /* why the last one failed that was begun here; 0 = it did not */
    uint32_t migration;         /* the last one begun for this device */
    uint32_t retries;           /* made since the handoff */
    bool delegated;             /* the anchor has said where to, not the policy */
    bool retry_pending;         /* SERVING: the alarm begins another migration */
    struct party next_ap;       /* MOVED: where the token went, or who knew better; PARTY_NONE = unknown */
    struct party asked;         /* AWAITING_TOKEN: whom we ask for it */
    uint32_t referrals;         /* to others, since the association */
    struct party successor;     /* who asked us for the token before we had it */
    uint32_t successor_sequence;
    struct ap_claim *claim;     /* owned: AWAITING_TOKEN, and the edges are asked for it; else NULL */
    struct party disowned;      /* whose token is worth nothing since the claim, unless he knows of a newer association */
    bool claimed;               /* they all have answered, just now */
    struct iapp_context *granted; /* owned: the token as given away, to be given again if the answer was lost */
    struct party granted_to;
    struct replay_log log;      /* unanswered requests; while migrating also every copy after the cut */
    struct ap_switch sw;
    struct simtime forward_rtt, forward_rtt_min, forward_rtt_mean; /* of requests to the anchor and back; 0 = unknown. The mean is
                                                                      smoothed as in RFC 6298 */
    struct alarm alarm;
};

struct ap {
    struct actor actor;
    struct party edge;          /* the edge server it is wired to */
    uint32_t host;              /* that it is on; the world's to fill in, as the next */
    double x_m, y_m;            /* where it is, 0 if nobody said; the world's to fill in, as the next */
    const struct placement_site *sites; /* every edge server as seen from here; the world's, NULL if no decision looks around */
    struct placement_load *loads;       /* owned: of every edge server, NULL as long as none has told its load */
    bool restarted;             /* it may have known devices; the world's to fill in */
    struct courier courier;
    struct map clients;         /* MUD → struct ap_client, owned */
};

void ap_init(struct ap *ap, struct port *port, const struct rules *rules, uint32_t index, uint32_t edge);
void ap_free(struct ap *ap);
void ap_receive(struct ap *ap, const struct msg *m);
/* It ends: no alarm rings any more. */
void ap_silence(struct ap *ap);
/* True while a migration that this AP decides on is under way, or a control message waits for its acknowledgement. */
bool ap_busy(const struct ap *ap);

/* Between the ap files. */
typedef void ap_handler(struct ap_client *client, const struct msg *m);
struct ap_client *ap_client_of(struct ap *ap, uint32_t mud);
void ap_handle(struct ap_client *client, enum ap_event event, const struct msg *m);
void ap_enter_state(struct ap_client *client, enum ap_state state, enum ap_event event);
/* Sends a request of the log to the anchor: to the own edge, through the anchor's AP, or directly. */
void ap_forward(struct ap_client *client, struct replay_entry *entry);
/* Sends every held request on. */
void ap_release_held(struct ap_client *client);
void ap_relay_to_mud(struct ap_client *client, const struct msg *m);
void ap_measure_forwarding(struct ap_client *client, const struct replay_entry *entry, const struct msg *reply);

ap_handler ap_attach, ap_associate_again, ap_reassociate, ap_disassociate, ap_give_token;
ap_handler ap_call_off_and_give_token, ap_remember_successor, ap_give_token_again, ap_adopt_token, ap_ask_elsewhere, ap_attached;
void ap_free_granted(struct ap_client *client);
/* The container is there now; what was measured of the way to the former one is forgotten. */
void ap_set_anchor(struct ap_client *client, struct party edge);

ap_handler ap_hold_request, ap_serve_request, ap_serve_reply, ap_reply_before_token, ap_send_after_token, ap_bye;
/* A request that another access point forwards, a reply that the edge owes another one. */
void ap_pass_to_edge(struct ap *ap, const struct msg *m);
void ap_pass_to_forwarder(struct ap *ap, const struct msg *m);

/* ap_claim.c */
/* Asks every edge whose the device's container is; in AWAITING_TOKEN. */
void ap_claim(struct ap_client *client);
void ap_end_claim(struct ap_client *client);
/* A MOVE-response that no token is awaited from. */
void ap_hear_disowned(struct ap_client *client, const struct msg *m);
void ap_give_up_token(struct ap_client *client, enum ap_event event);
void ap_dismiss(struct ap_client *client, const struct msg *m);
void ap_disclaim(struct ap_client *client, const struct msg *m);
ap_handler ap_take_owned, ap_anchor_is_empty;

/* ap_migrate.c */
bool ap_migration_runs(const struct ap_client *client);
/* The edge server where the policy wants the container; client->anchor_edge PARTY_NONE = it is to be started. */
struct party ap_choose_edge(const struct ap_client *client);
/* Begins a migration if the policy wants one. */
bool ap_follow(struct ap_client *client, enum ap_event event);
/* Nothing that was asked for the present migration is asked again. */
void ap_drop_questions(struct ap_client *client);
/* Calls off what runs: the device has moved on (status 0) or something failed (-errno). */
void ap_call_off(struct ap_client *client, int32_t status);
/* Calls off, notes why, goes back to the anchor. */
void ap_fail(struct ap_client *client, int32_t status, const char *why);
/* A control message about the present migration. */
struct offload ap_control(const struct ap_client *client, uint8_t type);
/* The source does not answer CANCEL: nobody else tells the target. */
void ap_remove_at_target(struct ap_client *client, const struct msg *cancel);
ap_handler ap_delegate, ap_delegate_elsewhere, ap_acknowledge, ap_retry_migration, ap_migration_failed, ap_look_after_source;

/* ap_replay.c */
/* Replays what can be replayed, and begins the switch when the rest fits into the hold. */
void ap_catch_up(struct ap_client *client);
/* In order, without gaps, at most a window at a time. */
void ap_replay_what_is_there(struct ap_client *client);
/* Sends again what the new container has not answered. */
void ap_replay_again(struct ap_client *client);
/* Asks the source edge for what it has logged since the cut. */
void ap_fetch(struct ap_client *client);
/* A reply of the old container: relayed, and its digest kept in the log. The entry, or NULL. */
struct replay_entry *ap_take_answer(struct ap_client *client, const struct msg *m);
/* A copy whose digests from both containers are known must have the same. Returns false after a failure. */
bool ap_compare(struct ap_client *client, const struct replay_entry *entry);
/* False when the source has stopped at the cut (cold). */
bool ap_source_still_serves(const struct ap_client *client);
/* Are the copies replayed to the new container? */
bool ap_replays(const struct ap_client *client);
/* How long requests may be held. */
struct simtime ap_hold_limit(const struct ap_client *client);
ap_handler ap_take_cut, ap_take_ready, ap_take_logged, ap_take_fetched, ap_take_replayed, ap_copy_request, ap_copy_reply,
    ap_catch_up_tick;

/* ap_switch.c */
void ap_begin_switch(struct ap_client *client);
ap_handler ap_hold_in_switch, ap_reply_in_switch, ap_take_probed, ap_commit, ap_switch_tick;

#endif
