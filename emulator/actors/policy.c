#include "policy.h"
#include "mem.h"

#include <string.h>

static bool follow(uint32_t here, uint32_t anchor)
{
    return here != anchor;
}

static bool never(uint32_t here, uint32_t anchor)
{
    (void)here, (void)anchor;
    return false;
}

static const struct policy policies[] = {
    {"follow", "every handoff to another edge server migrates the container (Kim22)", follow},
    {"never", "the container stays where it started", never},
};

const struct policy *policy_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(policies); i++)
        if (!strcmp(policies[i].name, name))
            return &policies[i];
    return NULL;
}

const struct policy *policy_at(int i)
{
    return i >= 0 && (size_t)i < ARRAY_LEN(policies) ? &policies[i] : NULL;
}
