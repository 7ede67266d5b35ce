/* Policies: whether a device that has moved is followed by its container. Rows of one table, pure functions. */
#ifndef ROAMLAB_POLICY_H
#define ROAMLAB_POLICY_H

#include <stdbool.h>
#include <stdint.h>

struct policy {
    const char *name, *help;
    /* The device is at the access point of edge `here`, its container at edge `anchor` (another one). */
    bool (*migrate)(uint32_t here, uint32_t anchor);
};

const struct policy *policy_of(const char *name); /* NULL if there is none of that name */
const struct policy *policy_at(int i);            /* the i-th, NULL behind the last */

#endif
