/* What happens to packets at random on a link: the draws of link.h's steps. Pure and seeded, shared by the model
 * and our own driver, so that both worlds draw from the same code. */
#ifndef ROAMLAB_IMPAIR_H
#define ROAMLAB_IMPAIR_H

#include "link.h"
#include "rng.h"

#include <stdbool.h>

enum impair_draw { IMPAIR_LOSS, IMPAIR_DUPLICATE, IMPAIR_CORRUPT, IMPAIR_REORDER, IMPAIR_DRAWS };

enum impair_state { /* of a loss model */
                    IMPAIR_GOOD,
                    IMPAIR_BAD,         /* Gilbert–Elliott */
                    IMPAIR_BURST_GOOD,  /* Markov's 2 */
                    IMPAIR_BURST_LOST,  /* 3 */
                    IMPAIR_SINGLE_LOST, /* 4 */
};

struct impair {
    struct link_params params;
    const struct link_table *table; /* NULL = uniform */
    struct rng rng;
    double last[IMPAIR_DRAWS]; /* correlated draws */
    double deviate;            /* the last delay's standard normal one */
    enum impair_state state;
    uint32_t counter; /* packets since the last that was reordered */
};

/* Draws from stream `index` under the parameters' seed. They have passed link_params_check. */
void impair_init(struct impair *impair, const struct link_params *params, uint64_t index);
/* Takes other parameters; the stream goes on, the new seed does not count. */
void impair_change(struct impair *impair, const struct link_params *params);

/* For the next packet, in this order. A draw without a probability takes nothing from the stream. */
bool impair_duplicates(struct impair *impair);
bool impair_loses(struct impair *impair);
bool impair_corrupts(struct impair *impair);
bool impair_reorders(struct impair *impair);
int64_t impair_delay_ns(struct impair *impair);

/* How long the next slot takes to open. */
int64_t impair_slot_ns(struct impair *impair);

#endif
