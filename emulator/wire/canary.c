#include "canary.h"
#include "rng.h"

#include <stdio.h>
#include <string.h>

static void choose(struct rng *rng, const char *kind, char out[CANARY_LENGTH + 1])
{
    int len = snprintf(out, CANARY_LENGTH + 1, CANARY_MARK "%s-", kind);
    for (; len < CANARY_LENGTH; len++)
        out[len] = (char)('a' + rng_below(rng, 26));
    out[len] = '\0';
}

void canary_make(struct canary *canary, uint64_t seed, uint32_t mud)
{
    struct rng rng;
    rng_init(&rng, seed, "canary", mud);
    choose(&rng, "file", canary->name);
    choose(&rng, "user", canary->id);
    choose(&rng, "pass", canary->password);
}

void canary_contents(const struct canary *canary, char out[CANARY_CONTENTS_MAX])
{
    snprintf(out, CANARY_CONTENTS_MAX, "ID: %s\nPassword: %s\n", canary->id, canary->password);
}
