/* sch_netem's settings as it takes them over rtnetlink: struct tc_netem_qopt with attributes behind it. They are written
 * raw, because libnl 3.7 covers but half of them, and read back, because netem ignores what it does not know. */
#ifndef ROAMLAB_NETEM_OPTIONS_H
#define ROAMLAB_NETEM_OPTIONS_H

#include "link.h"

#include <linux/pkt_sched.h>
#include <netlink/msg.h>
#include <stdbool.h>

struct netem_settings {
    struct tc_netem_qopt options; /* latency and jitter stand below */
    int64_t latency_ns, jitter_ns;
    struct tc_netem_corr correlations;
    struct tc_netem_reorder reorder;
    struct tc_netem_corrupt corrupt;
    struct tc_netem_rate rate; /* its rate stands below */
    uint64_t rate_bytes;       /* per second */
    int loss_model;            /* NETEM_LOSS_GI, NETEM_LOSS_GE, or 0 = random */
    struct tc_netem_gimodel gi;
    struct tc_netem_gemodel ge;
    struct tc_netem_slot slot;
    uint64_t seed;
};

/* EOPNOTSUPP names the parameter that netem cannot do. The parameters have passed link_params_check. */
int netem_settings_of(const struct link_params *params, struct netem_settings *settings, struct err *e);

/* Appends TCA_OPTIONS to a request. `table` is the distribution's, NULL leaves what is there: a new netem's is uniform. */
void netem_options_put(struct nl_msg *request, const struct netem_settings *settings,
                       const struct link_table *table);
void netem_options_read(struct nlattr *options, struct netem_settings *settings);

/* The uniform distribution as a table: a netem that has had a table cannot go back to none. */
const struct link_table *netem_uniform_table(void);

/* EOPNOTSUPP names the first setting that netem did not take. The seed is not looked at. */
int netem_settings_compare(const struct netem_settings *wanted, const struct netem_settings *got,
                           struct err *e);

#endif
