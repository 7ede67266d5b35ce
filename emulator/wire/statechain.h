/* State that can be caught lying: what a request does to the service's state, and the digest that proves it.
 *
 * The service keeps pages of 4096 bytes in memory, in a file of its container layer and, if it has a volume, in the files of
 * its folder. Page content is a pure function of (seed, area, page, version); version 0 is how the service starts, and request n rewrites
 * the pages that the seed chooses for n with version n + 1. Before rewriting, the old bytes are read and
 * folded into the chain:
 *
 *     chain' = fold(chain, n, payload, old bytes of every page touched)
 *
 * The MUD follows the same chain from versions alone, without the pages; a page that was zeroed, a file that
 * is older than the memory, or a request executed twice gives another digest. Nothing here reads a clock or
 * keeps hidden state.
 *
 * How the fold can be known without the page: it is a chain of steps that are one-to-one both in the state
 * and in the word read, so the last word of a page is chosen to make the fold a value drawn from (seed, area,
 * page, version). Any single changed word changes the fold for certain, anything else but for one chance in
 * 2^64. Synthetic payloads work the same way. The fold is a check against faults, not against forgers. */
#ifndef ROAMLAB_STATECHAIN_H
#define ROAMLAB_STATECHAIN_H

#include <stddef.h>
#include <stdint.h>

enum {
    STATE_PAGE = 4096,
    STATE_MEMORY_TOUCHED = 4,
    STATE_LAYER_TOUCHED = 2,
    STATE_VOLUME_TOUCHED = 2,
    STATE_TOUCHED = 8,
    STATE_HOT = 8,
    STATE_FILE_PAGES = 256, /* of each file of the volume; the last one may have fewer */
};
enum state_area { STATE_MEMORY, STATE_LAYER, STATE_VOLUME, STATE_AREAS };

/* Pages in each area. */
struct state_size {
    uint32_t pages[STATE_AREAS];
};

struct statechain_touch {
    enum state_area area;
    uint32_t page;
};

/* Fills one page with content like testdata.h's: with zstd -3, 20 MB of memory pages shrink to a fifth and of
 * layer or volume pages to a quarter, as real checkpoints and container layers do. */
void statechain_page(uint64_t seed, enum state_area area, uint32_t page, uint32_t version,
                     uint8_t out[STATE_PAGE]);
/* The fold of a page's bytes. */
uint64_t statechain_fold_page(const uint8_t bytes[STATE_PAGE]);
/* The same value from the version alone, without building the page. */
uint64_t statechain_fold_version(uint64_t seed, enum state_area area, uint32_t page, uint32_t version);

/* The pages that request n touches, in order; distinct pages are not guaranteed. An area of 0 pages is not
 * touched. Every second touch of an area falls into a working set of STATE_HOT pages, so that state that is
 * stale or rewritten twice shows within a few requests; the others fall anywhere. Returns how many. */
int statechain_touches(uint64_t seed, uint32_t n, const struct state_size *size, struct statechain_touch out[STATE_TOUCHED]);

/* The synthetic payload of request n of a MUD, and its fold (which the service computes from the bytes that
 * arrived). */
void statechain_payload(uint64_t seed, uint32_t mud, uint32_t n, uint8_t *out, size_t len);
uint64_t statechain_fold_payload(const uint8_t *bytes, size_t len);
uint64_t statechain_fold_synthetic_payload(uint64_t seed, uint32_t mud, uint32_t n, size_t len);

/* One step of the chain. */
uint64_t statechain_start(uint64_t seed, uint32_t mud);
uint64_t statechain_next(uint64_t chain, uint32_t n, uint64_t payload_fold, const uint64_t *page_folds,
                         int pages);

/* What the pages go through, by versions alone. The seed alone chooses the pages of request n and what they hold, so
 * all devices of a run share one history: it grows with the longest of them, 72 bytes a request, and by the pages that
 * were ever rewritten. (statechain_model.c) */
struct statechain_history;

struct statechain_history *statechain_history_new(uint64_t seed, const struct state_size *size);
void statechain_history_free(struct statechain_history *h); /* NULL-safe */

/* One device's state as its requests have left it: what the MUD expects, and what a modelled container holds. A copy is
 * another state with the same past. */
struct statechain_model {
    struct statechain_history *history; /* the caller's, shared; must outlive the model */
    uint32_t mud;
    uint32_t next;  /* the number that is executed next */
    uint64_t chain; /* after next - 1 */
};

void statechain_model_init(struct statechain_model *m, struct statechain_history *history, uint32_t mud);
/* Executes request m->next with `payload_fold`; returns the new chain. */
uint64_t statechain_model_execute(struct statechain_model *m, uint64_t payload_fold);
/* The sum over all pages of fold now - fold of version 0, mod 2^64. */
uint64_t statechain_model_checksum(const struct statechain_model *m);
/* How many different pages requests `from` to `until` - 1 rewrite, by area. */
void statechain_model_rewritten(const struct statechain_model *m, uint32_t from, uint32_t until,
                               uint64_t pages[STATE_AREAS]);
/* The bytes of the volume's files in which they are. */
uint64_t statechain_model_rewritten_files(const struct statechain_model *m, uint32_t from, uint32_t until);
/* The fold of the device's synthetic payload of that request. */
uint64_t statechain_model_payload(const struct statechain_model *m, uint32_t n, size_t len);

#endif
