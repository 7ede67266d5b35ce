/* The service's state: pages in memory, pages in a file of the container layer and in the files of its volume, the digest
 * chain, and the last replies.
 *
 * Everything here is deterministic given the requests (protocol 1 and 2): no clock, no randomness. Memory is
 * anonymous, so that a checkpoint carries it; the file is read and written through one descriptor and never
 * mapped, so that its content travels with the container layer only. The volume's
 * files are opened for each page: a checkpoint holds none of them. Those that are there at the start are kept. */
#ifndef ROAMLAB_SERVICE_STATE_H
#define ROAMLAB_SERVICE_STATE_H

#include "err.h"
#include "statechain.h"

#include <stdbool.h>
#include <stdint.h>

struct service_state {
    uint64_t seed;
    struct state_size size;
    uint32_t window;
    const char *volume; /* folder; the caller's */
    uint32_t first, next;    /* the numbers that it began with, and that it executes next */
    uint64_t chain;          /* after next - 1 */
    uint8_t *memory;         /* size.pages[STATE_MEMORY] × STATE_PAGE bytes, mapped; owned */
    int file;                /* size.pages[STATE_LAYER] × STATE_PAGE bytes; owned */
    char *canary;            /* what the canary's file holds (canary.h); owned */
    uint64_t *cached_chains; /* of the last `window` numbers, at number % window; owned */
};

/* Maps the memory, writes the file `path` (its folder must exist), the volume's files and beside each the canary's, and sets the chain to its
 * start. */
int service_state_open(struct service_state *s, const char *path, uint32_t mud, struct err *e);

/* What has executed nothing begins at `number`; what is before it is answered with the chain of the start. */
void service_state_begin_anew(struct service_state *s, uint32_t number);

/* Executes request `next`: folds the old contents of the pages it touches into the chain and rewrites
 * them. */
int service_state_execute(struct service_state *s, const uint8_t *payload, size_t len, struct err *e);

/* The chain after `number`, if it is one of the last `window` executed. */
bool service_state_cached(const struct service_state *s, uint32_t number, uint64_t *chain);

/* Over every byte of memory and files and their places; changes nothing. */
int service_state_checksum(const struct service_state *s, uint64_t *checksum, struct err *e);

#endif
