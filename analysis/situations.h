/* Situations that a fault search must have reached: rare turns of the protocol in which what is wrong shows. A watcher of one run in virtual
 * time notes which ones it came through. */
#ifndef ROAMLAB_SITUATIONS_H
#define ROAMLAB_SITUATIONS_H

#include "event.h"
#include "sim.h"

enum situation {
    SITUATION_REPLY_LOST_IN_GAP,
    SITUATION_RESEND_THROUGH_ANOTHER,
    SITUATION_RETURN_BEFORE_TOKEN,
    SITUATION_LATE_READY,
    SITUATION_STOP_LOST,
    SITUATION_HEALED_AFTER_TAKEOVER,
    SITUATION_NEVER_CAUGHT_UP,
    SITUATION_CLOCK_JUMPED,
    SITUATION_CLAIMED_IN_MIGRATION,
    SITUATION_CLAIM_MEETS_TWO,
    SITUATION_VOLUME_EARLY,
    SITUATION_VOLUME_ON_ARRIVAL,
    SITUATION_VOLUME_BROKEN_OFF,
    SITUATIONS
};

const char *situation_text(enum situation situation);

struct situations {
    struct sim_watcher watcher;
    const struct cast *cast;
    unsigned reached;       /* set of 1 << enum situation */
    struct device *devices; /* owned */
};

/* The cast outlives it. */
void situations_init(struct situations *s, const struct cast *cast);
void situations_free(struct situations *s);
void situations_hear(struct situations *s, const struct event *event);

#endif
