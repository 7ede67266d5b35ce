/* Scenarios from text, and their runs in virtual time. Whatever goes wrong fails the test. */
#ifndef ROAMLAB_SIMULATED_RUN_H
#define ROAMLAB_SIMULATED_RUN_H

#include "folder.h"
#include "run_record.h"
#include "world_sim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static inline struct scenario *scenario_with(const char *text, const struct scenario_setting *settings, int count)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_parse("x.json", text, strlen(text), settings, count, &e);
    if (!s)
        fail_msg("%s (%s)", e.text, e.hint);
    return s;
}

static inline struct scenario *scenario_from(const char *text)
{
    return scenario_with(text, NULL, 0);
}

/* Leaves the events in the folder. The witness may be NULL. */
static inline void simulate_before(struct scenario *s, uint64_t seed, const char *folder, struct world_sim_witness *witness)
{
    struct err e = ERR_INIT;
    struct logrepo *repo = NULL;
    if (logrepo_open(folder, SIMTIME_ZERO, &repo, &e) < 0 || world_sim_run(s, seed, repo, witness, &e) < 0 ||
        logrepo_close(repo, &e) < 0)
        fail_msg("%s", e.text);
}

static inline void simulate(struct scenario *s, uint64_t seed, const char *folder)
{
    simulate_before(s, seed, folder, NULL);
}

static inline void simulate_record(struct scenario *s, struct run_record *record)
{
    struct err e = ERR_INIT;
    char *folder = folder_make();
    simulate(s, 1, folder);
    if (run_record_read(folder, record, &e) < 0)
        fail_msg("%s", e.text);
    folder_remove(folder);
}

/* The events as text; free() it. */
static inline char *simulate_log(struct scenario *s, uint64_t seed)
{
    char *folder = folder_make();
    simulate(s, seed, folder);
    char *text = folder_read(folder, "events.log");
    assert_non_null(text);
    folder_remove(folder);
    return text;
}

#endif
