/* Scenarios that the reader must refuse, with an error that names what is wrong. */
#ifndef ROAMLAB_SCENARIO_REFUSAL_H
#define ROAMLAB_SCENARIO_REFUSAL_H

#include "edited.h"
#include "scenario_fixture.h"

struct refusal {
    const char *old, *new; /* replaced in the good text */
    const char *expected;  /* a part of the error */
};

struct refusals {
    const struct refusal *rows;
    size_t count;
};

static inline void assert_error(const char *text, size_t len, const struct scenario_setting *setting,
                                const char *expected)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_parse("x.json", text, len, setting, setting != NULL, &e);
    autofree char *whole = mem_printf("%s (%s)", e.text, e.hint);
    if (s)
        fail_msg("accepted, expected: %s", expected);
    if (strncmp(whole, "x.json: ", 8) != 0 || !strstr(whole, expected))
        fail_msg("is:       %s\nexpected: %s", whole, expected);
    assert_true(e.code > 0);
}

static inline void assert_refused(const struct refusal *refusal)
{
    autofree char *text = edited(good, refusal->old, refusal->new);
    assert_error(text, strlen(text), NULL, refusal->expected);
}

#endif
