/* The world of one run: a scenario and a port become actors. In virtual time one world holds everybody; in
 * the real world each agent holds the roles of its host. Nothing here knows which port it is. */
#ifndef ROAMLAB_WORLD_H
#define ROAMLAB_WORLD_H

#include "cast.h"
#include "scenario.h"
#include "surroundings.h"

struct world {
    const struct scenario *scenario;
    struct layout layout;
    struct cast cast;
    struct rules rules;
    bool *reach; /* owned: rules.reach */
    struct surroundings around;
};

/* Layout, rules and an empty cast; the scenario must outlive the world. `record` and `recorder` become the
 * cast's. */
void world_init(struct world *w, const struct scenario *s, uint64_t seed,
                void (*record)(struct cast *, const struct event *), void *recorder);
/* Creates the actors, each with the port of its host; NULL = that host is played elsewhere. */
void world_populate(struct world *w, struct port *const *ports);
/* The host's access points and edge servers end, and begin anew with a port; devices are on other hosts. */
void world_take_down(struct world *w, int host);
void world_bring_up(struct world *w, int host, struct port *port);
/* Sets the devices going: everything else follows. */
void world_start(struct world *w);
/* Says what the registries on a host hold when the run begins; -1: on every host. */
void world_report_registries(struct world *w, int host);
/* True when every device here is done and nothing is under way here. */
bool world_idle(const struct world *w);
/* True when nothing is under way here, whatever devices still wait for. */
bool world_at_rest(const struct world *w);
/* The run's patience is over: devices report what they have. */
void world_give_up(struct world *w);
void world_free(struct world *w);

#endif
