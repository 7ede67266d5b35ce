/* The cloud's supervision of the services at its edge servers (KimS22): must-run services are delegated to a neighbouring edge server,
 * images recalled, containers that exceed their allowance stopped.
 *
 * A delegation is asked of the access point that decides for the device (OFFLOAD_DELEGATE): it migrates the container as the strategy does,
 * though the device stays where it is, so that every request is answered meanwhile. A recalled image's containers, and those that exceed
 * their allowance, are stopped, and their devices declared unavailable; what migrates at that moment is stopped when it has ended. */
#ifndef ROAMLAB_SUPERVISION_H
#define ROAMLAB_SUPERVISION_H

#include "simtime.h"

#include <stdbool.h>
#include <stdint.h>

enum supervision_action { SUPERVISION_DELEGATE, SUPERVISION_RECALL, SUPERVISION_ACTIONS };

/* What is done at a time; edge servers carry it out. */
struct supervision_order {
    enum supervision_action action;
    struct simtime at;
    uint32_t edge, to; /* DELEGATE: everything that runs at `edge`, or is on its way there, goes to `to` */
};

/* What a container may use of its edge server; 0 = as much as it likes. */
struct supervision_allowance {
    uint64_t memory_bytes;
    double cpus;             /* on average between two looks */
    double requests_per_s;   /* executed; the same */
    struct simtime interval; /* between two looks */
};

struct supervision {
    struct supervision_order *orders; /* in the order of time */
    int order_count;
    struct supervision_allowance allowance;
};

static inline bool supervision_guards(const struct supervision_allowance *a)
{
    return a->memory_bytes || a->cpus > 0 || a->requests_per_s > 0;
}

/* "delegate", "recall"; NULL behind the last. */
const char *supervision_action_name(int action);

#endif
