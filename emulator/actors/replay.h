/* The replay buffer (Kim22: T6, T7) and every other list of requests that wait for something: each number stands in it once,
 * in ascending order, with its payload and what is known of its execution. */
#ifndef ROAMLAB_REPLAY_H
#define ROAMLAB_REPLAY_H

#include "offload.h"
#include "simtime.h"

struct replay_entry {
    uint32_t number;
    uint32_t payload_len;
    struct blob *payload;       /* one reference, or NULL (virtual time) */
    bool delivered;             /* sent on to the live container; false: held */
    bool delivered_again;       /* more than once: its reply measures nothing */
    bool answered;              /* its reply has passed: source_digest is valid */
    bool replay_sent, replayed; /* to the new container; replayed: target_digest is valid */
    uint64_t source_digest, target_digest;
    struct simtime delivered_at;
};

struct replay_log {
    struct replay_entry *entries; /* owned */
    size_t len, capacity;
};

void replay_free(struct replay_log *log);
/* Into an empty one. */
void replay_copy(struct replay_log *to, const struct replay_log *from);
/* The entry of that request, added if it is new. Valid until the next add or drop. */
struct replay_entry *replay_add(struct replay_log *log, const struct offload *request);
struct replay_entry *replay_find(const struct replay_log *log, uint32_t number);
/* Drops entries up to and including `number`; with `answered_only`, just those whose reply has passed. */
void replay_drop_through(struct replay_log *log, uint32_t number, bool answered_only);
void replay_drop(struct replay_log *log, uint32_t number);
/* The first number ≥ from that is missing below the highest one in the log; false if there is no gap. */
bool replay_gap(const struct replay_log *log, uint32_t from, uint32_t *missing);
/* The highest number, or -1. */
int64_t replay_last(const struct replay_log *log);
/* The entry as a message of that type; the payload stays the log's. */
struct offload replay_message(const struct replay_entry *entry, uint8_t type, uint32_t mud, uint32_t sequence);

#endif
