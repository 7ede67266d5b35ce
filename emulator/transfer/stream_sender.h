/* The sending side of carrier stream: one thread per peer keeps the connection, warms it, and sends the slices of its jobs in turn.
 *
 * A connection that breaks under jobs is opened again, and each job goes on from what has arrived; three cuts with nothing new arrived
 * between them, a connection that cannot be opened, or on which no byte moves for the progress time-out, fails them. */
#ifndef ROAMLAB_STREAM_SENDER_H
#define ROAMLAB_STREAM_SENDER_H

#include "transfer.h"

struct stream_sender;
struct stream_content;

enum stream_parcel_state {
    STREAM_PARCEL_NEW,
    STREAM_PARCEL_SENDING,
    STREAM_PARCEL_SENT,
    STREAM_PARCEL_ENDED
};

/* One job as the thread sees it. */
struct stream_parcel {
    struct stream_parcel *next;
    struct transfer_job *job;       /* the loop's; NULL = called off */
    const void *lane;               /* its bytes follow those of older ones of this lane; NULL = none */
    char *folder;                   /* at the peer; owned */
    struct stream_content *content; /* owned */
    uint64_t wire_bytes;
    struct err err; /* valid when ended; code 0 = good */

    /* the thread's own */
    uint32_t number;
    enum stream_parcel_state state;
    bool offered;
    bool waits;       /* for what it grows by */
    uint64_t arrived; /* as the receiver said after the last cut */
    int cuts;         /* in a row, with nothing new arrived between them */
};

/* The outcome of attempts to connect since the last collection; count 0 = none. */
struct stream_attempts {
    int count;
    struct transfer_warming warming;
    struct err err; /* of the last one; code 0 = good */
};

/* Connects at once. NULL and `e` on failure. */
struct stream_sender *stream_sender_new(const struct transfer_settings *settings,
                                        const struct transfer_host *host, struct err *e);
/* Ends the thread and with it all parcels. NULL-safe. */
void stream_sender_free(struct stream_sender *sender);
/* Readable when something is to be collected. */
int stream_sender_fd(const struct stream_sender *sender);

/* Takes the parcel over: job, folder and content are set. */
void stream_sender_submit(struct stream_sender *sender, struct stream_parcel *parcel);
/* Calls the job's parcel off; what is in flight still passes. Harmless if there is none. */
void stream_sender_drop(struct stream_sender *sender, const struct transfer_job *job);
/* News for the loop, one kind at a time: attempts to connect, or (they are zero) a parcel that ended, to be freed by the caller. */
struct stream_parcel *stream_sender_collect(struct stream_sender *sender, struct stream_attempts *attempts);
void stream_parcel_free(struct stream_parcel *parcel); /* NULL-safe */

#endif
