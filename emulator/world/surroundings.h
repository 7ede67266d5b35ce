/* What decisions know of a scenario before it begins: what lies between access points and edge servers, what edge servers have, and
 * where the policy `mdp` migrates. Links are taken as they are at the start of the run, with nobody on them. */
#ifndef ROAMLAB_SURROUNDINGS_H
#define ROAMLAB_SURROUNDINGS_H

#include "follow_model.h"
#include "layout.h"
#include "policy.h"
#include "scenario.h"

struct surroundings {
    struct placement_site *
        *sites; /* owned: [host][edge], NULL where no access point is, or nobody looks around */
    int host_count;
    struct placement_edge *edges; /* owned, with their hearers */
    int edge_count;
    struct follow_model model;    /* of policy `mdp` */
};

/* Fills `rules`, which refer to what stands here. */
void surroundings_init(struct surroundings *around, const struct scenario *s, const struct layout *l,
                       struct policy_rules *rules);
void surroundings_free(struct surroundings *around);

#endif
