#include "sweep_work.h"
#include "files.h"
#include "mem.h"
#include "play.h"
#include "scenario_move.h"
#include "workers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { PROGRESS_MS = 200 };

struct share {
    struct workers workers;
    struct sweep_work *work;
    int *runs; /* owned: those of the share that are missing */
    int count, ended;
    int64_t shown_ms;
};

struct scenario *sweep_work_scenario(const struct sweep_work *w, int point, struct err *e)
{
    struct scenario_setting settings[ARRAY_LEN(w->settings->list) + SWEEP_AXES_MAX];
    const struct sweep_grid *grid = &w->sweep->grid;
    memcpy(settings, w->settings->list, (size_t)w->settings->count * sizeof *settings);
    sweep_grid_settings(grid, point, settings + w->settings->count);
    struct scenario *s = scenario_read(w->scenario, settings, w->settings->count + grid->axis_count, e);
    if (s && scenario_hash_tracks(s, e) < 0) {
        scenario_free(steal(s));
        err_wrap(e, "%.240s", w->scenario);
    }
    autofree char *name = s ? NULL : sweep_grid_name(grid, point);
    if (!s && name[0] && e->code != EOPNOTSUPP)
        err_wrap(e, "point %d (%.200s)", point, name);
    return s;
}

/* --- a run ----------------------------------------------------------------------------------------------------------- */

static int refuse(const struct sweep *sweep, int run, struct err *e)
{
    struct err why = *e;
    autofree char *text = mem_printf("%s%s%s%s", why.text, why.hint[0] ? " (" : "", why.hint, why.hint[0] ? ")" : "");
    *e = (struct err)ERR_INIT;
    return sweep_keep_refusal(sweep, run, text, e);
}

/* What one point needs and this host lacks is a row of the table that says so: the other points go on. */
static int play_or_refuse(struct play *p, const struct sweep *sweep, int run, const char *scratch, json_object **result,
                          struct err *e)
{
    int status = play_check(p, e);
    if (status == 0)
        status = play_once(p, sweep_seed_of(sweep, run), scratch, result, e);
    if (status == 0 || play_failure_status(p, e) != 3)
        return status;
    return refuse(sweep, run, e);
}

/* What happens in a run is written on this machine's own disk; only its result goes into the sweep's folder. */
static int run_in(struct share *share, int run, struct scenario *s, const char *scratch, struct err *e)
{
    const struct sweep *sweep = share->work->sweep;
    struct play p;
    json_object *result = NULL;
    play_init(&p, s, share->work->real);
    int status = play_or_refuse(&p, sweep, run, scratch, &result, e);
    if (status == 0 && result)
        status = sweep_keep_result(sweep, run, result, e);
    json_object_put(result);
    play_free(&p);
    return status;
}

static int run_scenario(struct share *share, int run, struct scenario *s, struct err *e)
{
    const struct sweep *sweep = share->work->sweep;
    const char *base = getenv("TMPDIR");
    autofree char *scratch = mem_printf("%s/roamlab-sweep-XXXXXX", base ? base : "/tmp");
    if (strcmp(s->sha256, sweep->hashes[sweep_point_of(sweep, run)]) != 0)
        return err_set(e, EINVAL, "%s has changed since the sweep began", share->work->scenario);
    if (!mkdtemp(scratch))
        return err_errno(e, "%s", scratch);
    int status = run_in(share, run, s, scratch, e);
    files_remove(scratch, NULL);
    return status;
}

static int do_run(struct workers *workers, int index, struct err *e)
{
    struct share *share = container_of(workers, struct share, workers);
    int run = share->runs[index];
    struct scenario *s = sweep_work_scenario(share->work, sweep_point_of(share->work->sweep, run), e);
    int status = s                         ? run_scenario(share, run, s, e)
                 : e->code == EOPNOTSUPP ? refuse(share->work->sweep, run, e)
                                         : -EINVAL;
    scenario_free(s);
    return status;
}

/* --- all of them -------------------------------------------------------------------------------------------------------- */

static void show_progress(struct share *share)
{
    const struct sweep_work *w = share->work;
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    bool last = share->ended == share->count;
    if (w->quiet || !isatty(STDERR_FILENO) || (ms - share->shown_ms < PROGRESS_MS && !last))
        return;
    share->shown_ms = ms;
    fprintf(stderr, "\r\033[Kroamlab: %s: %d of %d runs%s", w->sweep->scenario, share->ended, share->count,
            last ? "\n" : "");
}

static void run_ended(struct workers *workers, int index, int status, const struct err *e)
{
    struct share *share = container_of(workers, struct share, workers);
    struct sweep_work *w = share->work;
    share->ended++;
    show_progress(share);
    if (status == 0 || status == -EINTR)
        return;
    autofree char *name = sweep_run_name(w->sweep, share->runs[index]);
    struct err why = *e;
    err_wrap(&why, "%.300s", name);
    err_print(&why);
    if (w->failed++ == 0)
        w->failure_status = play_failure_status(&(struct play){.real = false}, e);
}

static void list_missing(struct share *share)
{
    const struct sweep_work *w = share->work;
    int all = sweep_runs(w->sweep);
    share->runs = mem_alloc_array((size_t)(all / w->rank.size + 1), sizeof *share->runs);
    for (int run = w->rank.rank; run < all; run += w->rank.size) {
        json_object *result = sweep_result(w->sweep, run);
        if (!result || sweep_refusal(result)) /* what was lacking may be there now */
            share->runs[share->count++] = run;
        json_object_put(result);
    }
}

int sweep_work(struct sweep_work *w, struct err *e)
{
    struct share share = {.workers = {w->jobs, do_run, run_ended}, .work = w};
    list_missing(&share);
    w->begun = share.count;
    int status = workers_run(&share.workers, share.count, e);
    free(share.runs);
    return status;
}
