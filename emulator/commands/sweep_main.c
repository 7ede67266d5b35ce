#include "commands.h"
#include "interrupt.h"
#include "mem.h"
#include "metric.h"
#include "play.h"
#include "scenario_move.h"
#include "sweep_merge.h"
#include "sweep_work.h"
#include "workers.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char HELP[] =
    "usage: roamlab sweep [OPTIONS] -o DIR SCENARIO\n"
    "       roamlab sweep [--metric NAME]… --merge DIR\n"
    "\n"
    "Runs a scenario at every combination of values of some keys, with several seeds each, and sums up: DIR/table.csv and\n"
    "table.json (n, mean, 95 % confidence interval, minimum and maximum of each metric at each point), DIR/stages.csv (where the\n"
    "time of each point's first migration goes) and DIR/figures.\n"
    "The same command again does only what is missing.\n"
    "\n"
    "  --vary PATH=V1,V2,…        values of a key, as --set has them; repeatable: the first is the figures' x axis, others\n"
    "                             make curves\n"
    "  --vary PATH=FROM:TO:STEP   the same, as a range with both ends; forms may be mixed: 1,2,5:50:5. Without --vary, what\n"
    "                             the scenario's key sweep says\n"
    "  --seeds N                  runs at each point, with seeds counted up; default: the scenario's repeat\n"
    "  --seed N                   the first seed, instead of the scenario's\n"
    "  --metric NAME              repeatable; default: the scenario's, or requests.lost, response_ms.mean and .p95, migration_s.mean\n"
    "  --set PATH=VALUE           changes a value of the scenario at all points; repeatable\n"
    "  --jobs N                   runs at a time; default: as many as there are processors, 1 below mpirun and srun\n"
    "  --world sim|real           real: one run at a time, as root\n"
    "  -o DIR                     the sweep's folder\n"
    "  --merge DIR                sums up what is in DIR, whole or not\n"
    "  --quiet                    no progress and no table on the terminal\n"
    "\n"
    "Many machines: mpirun roamlab sweep …, srun, or a Slurm array, with DIR on a file system that all of them see. Each takes\n"
    "its share of the runs; the last one to finish sums up. What a lost machine has not done, the same command does.\n"
    "Runs work in TMPDIR. Expectations are judged run by run.\n"
    "\n"
    "Exit status: 0 good; 1 an expectation or an invariant does not hold in some run; 2 usage or bad input; 3 this host lacks\n"
    "a privilege or a feature; 4 a run failed, or --merge found some missing; 130, 143 interrupted: finished runs are kept.\n"
    "Of many machines, the one that sums up says 1.\n";

static const char *const default_metrics[] = {"requests.lost", "response_ms.mean", "response_ms.p95",
                                              "migration_s.mean"};
enum { METRICS_MAX = 64 };

struct request {
    const char *folder, *scenario, *merge;
    bool real, quiet, seed_given;
    uint64_t seed;
    int seeds, jobs; /* 0 = not said */
    struct command_settings settings;
    const char *metrics[METRICS_MAX];
    int metric_count;
    struct sweep_grid grid;
};

/* --- the command line ---------------------------------------------------------------------------------------------------- */

static int take_axis(struct request *r, const char *text)
{
    struct err e = ERR_INIT;
    if (sweep_grid_add(&r->grid, text, &e) == 0)
        return 0;
    err_wrap(&e, "sweep: --vary %.100s", text);
    return command_failed(&e, 2);
}

static int take_metric(struct request *r, const char *name)
{
    if (!metric_exists(name))
        return command_bad_value("sweep", "there is no metric", name);
    if (r->metric_count == METRICS_MAX)
        return command_usage("sweep", "too many --metric");
    r->metrics[r->metric_count++] = name;
    return 0;
}

static int take_option(void *context, int option, char *value)
{
    struct request *r = context;
    switch (option) {
    case 'v':
        return take_axis(r, value);
    case 'n':
        return command_count("sweep", "--seeds", value, SWEEP_SEEDS_MAX, &r->seeds);
    case 's':
        r->seed_given = true;
        return command_number("sweep", "--seed", value, 0, INT64_MAX, &r->seed);
    case 'm':
        return take_metric(r, value);
    case 'S':
        return command_setting("sweep", value, &r->settings);
    case 'j':
        return command_count("sweep", "--jobs", value, WORKERS_MAX, &r->jobs);
    case 'w':
        return command_world("sweep", value, &r->real);
    case 'o':
        r->folder = value;
        return 0;
    case 'M':
        r->merge = value;
        return 0;
    case 'q':
        r->quiet = true;
        return 0;
    default:
        return 2;
    }
}

static const struct option options[] = {
    {"vary", required_argument, NULL, 'v'},
    {"seeds", required_argument, NULL, 'n'},
    {"seed", required_argument, NULL, 's'},
    {"metric", required_argument, NULL, 'm'},
    {"set", required_argument, NULL, 'S'},
    {"jobs", required_argument, NULL, 'j'},
    {"world", required_argument, NULL, 'w'},
    {"merge", required_argument, NULL, 'M'},
    {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* -1 = go on, else the exit status. */
static int parse(struct request *r, int argc, char **argv)
{
    int status = command_take_options("sweep", argc, argv, HELP, "o:", options, take_option, r);
    if (status >= 0)
        return status;
    if (r->merge && optind == argc)
        return -1;
    if (r->merge || optind + 1 != argc)
        return command_usage("sweep", r->merge         ? "--merge takes no scenario"
                                      : optind == argc ? "no scenario given"
                                                       : "more than one scenario given");
    if (!r->folder)
        return command_usage("sweep", "-o DIR is needed");
    if (r->real && r->jobs > 1)
        return command_usage("sweep", "real runs go one at a time: no --jobs");
    r->scenario = argv[optind];
    return -1;
}

/* --- what is swept ---------------------------------------------------------------------------------------------------------- */

static void name_settings(struct sweep *s, const struct command_settings *settings)
{
    s->settings = mem_alloc_array((size_t)settings->count + 1, sizeof *s->settings);
    for (; s->setting_count < settings->count; s->setting_count++)
        s->settings[s->setting_count] = mem_printf("%s=%s", settings->list[s->setting_count].path,
                                                   settings->list[s->setting_count].value);
}

static char **copy_texts(const char *const *texts, int count)
{
    char **copy = mem_alloc_array((size_t)count + 1, sizeof *copy);
    for (int i = 0; i < count; i++)
        copy[i] = mem_copy_string(texts[i]);
    return copy;
}

static void name_metrics(struct sweep *s, const char *const *names, int count)
{
    s->metrics = copy_texts(names, count);
    s->metric_count = count;
}

static void name_what_to_compare(struct sweep *s, const struct scenario_sweep *own)
{
    s->against = own->against ? mem_copy_string(own->against) : NULL;
    s->papers = copy_texts((const char *const *)own->papers, own->paper_count);
    s->paper_count = own->paper_count;
}

/* What files of tracks are read for differs only with these keys: the first point speaks for the others. */
static bool reads_other_tracks(const struct sweep_grid *grid)
{
    static const char *const keys[] = {"mobility", "muds", "radio"};
    for (int i = 0; i < grid->axis_count; i++)
        for (size_t k = 0; k < ARRAY_LEN(keys); k++)
            if (!strncmp(grid->axes[i].path, keys[k], strlen(keys[k])))
                return true;
    return false;
}

/* In place of the hash of a point whose values, each of them good, do not go together. */
static const char IMPOSSIBLE[] = "impossible";

/* Every point is checked before anything is created. */
static int check_points(struct sweep *s, const struct sweep_work *w, struct err *e)
{
    int points = sweep_grid_points(&s->grid), status = 0, possible = 0;
    s->hashes = mem_alloc_array((size_t)points, sizeof *s->hashes);
    for (; s->hash_count < points && status == 0; s->hash_count++) {
        struct scenario *point = sweep_work_scenario(w, s->hash_count, e);
        if (!point && e->code != EOPNOTSUPP)
            return -EINVAL;
        if (!point) {
            s->hashes[s->hash_count] = mem_copy_string(IMPOSSIBLE);
            continue;
        }
        possible++;
        s->hashes[s->hash_count] = mem_copy_string(point->sha256);
        if (possible == 1 || reads_other_tracks(&s->grid))
            status = scenario_move(point, s->seed, e);
        scenario_free(point);
    }
    return status == 0 && possible == 0 ? -EINVAL : status;
}

/* What the command line leaves open, the scenario says. */
static int take_grid(struct sweep *s, struct request *r, const struct scenario_sweep *own, struct err *e)
{
    bool told = r->grid.axis_count > 0;
    int status = 0;
    s->grid = r->grid;
    r->grid = (struct sweep_grid){0};
    for (int i = 0; !told && i < own->vary_count && status == 0; i++)
        status = sweep_grid_add(&s->grid, own->vary[i], e);
    return status;
}

static void choose_metrics(struct sweep *s, const struct request *r, const struct scenario_sweep *own)
{
    if (r->metric_count)
        name_metrics(s, r->metrics, r->metric_count);
    else if (own->metric_count)
        name_metrics(s, (const char *const *)own->metrics, own->metric_count);
    else
        name_metrics(s, default_metrics, ARRAY_LEN(default_metrics));
}

static int describe(struct request *r, struct sweep *s, const struct sweep_work *w, struct err *e)
{
    struct scenario *base = scenario_read(r->scenario, r->settings.list, r->settings.count, e);
    if (!base)
        return -EINVAL;
    s->folder = mem_copy_string(r->folder);
    s->world = mem_copy_string(r->real ? "real" : "sim");
    s->scenario = mem_copy_string(base->name);
    s->seed = r->seed_given ? r->seed : base->seed;
    s->seeds = r->seeds ? r->seeds : (int)base->repeat;
    name_settings(s, &r->settings);
    choose_metrics(s, r, &base->sweep);
    name_what_to_compare(s, &base->sweep);
    int status = take_grid(s, r, &base->sweep, e);
    scenario_free(base);
    long runs = (long)sweep_grid_points(&s->grid) * s->seeds;
    if (status == 0 && runs > SWEEP_POINTS_MAX)
        status = err_set(e, EINVAL, "sweep: %ld runs are more than %d", runs, SWEEP_POINTS_MAX);
    return status < 0 ? status : check_points(s, w, e);
}

/* --- doing it ----------------------------------------------------------------------------------------------------------------- */

/* Exit status 4 says that there is no table of all runs, or no figures but for want of gnuplot. */
static int sum_up(const struct sweep *s, bool partial, bool quiet)
{
    struct err e = ERR_INIT;
    struct sweep_table t;
    int merged = sweep_merge(s, partial, &t, &e), missing = sweep_runs(s) - t.runs;
    int status = t.bad_runs ? 1 : 0;
    if (merged < 0)
        err_print(&e);
    if (!quiet && (missing == 0 || partial))
        sweep_table_print(s, &t, stdout);
    if (missing && partial)
        fprintf(stderr, "roamlab: %s: %d of %d runs are missing\n", s->folder, missing, sweep_runs(s));
    if ((merged < 0 && merged != -ENOENT) || (missing && partial))
        status = 4;
    if (missing && !partial) { /* others are still at work, and judge */
        if (!quiet)
            printf("%s: this share is done; %d of %d runs are missing\n", s->folder, missing, sweep_runs(s));
        status = 0;
    }
    sweep_table_free(&t);
    return status;
}

static int merge(const struct request *r)
{
    struct err e = ERR_INIT;
    struct sweep s;
    int status = sweep_read(r->merge, &s, &e);
    if (status == 0 && r->metric_count) {
        while (s.metric_count)
            free(s.metrics[--s.metric_count]);
        free(s.metrics);
        name_metrics(&s, r->metrics, r->metric_count);
    }
    status = status < 0 ? command_failed(&e, 2) : sum_up(&s, true, r->quiet);
    sweep_free(&s);
    return status;
}

static int interrupted(const struct sweep *s)
{
    fprintf(stderr,
            "%sroamlab: sweep: interrupted; finished runs are kept in %s, the same command does the others\n",
            isatty(STDERR_FILENO) ? "\n" : "", s->folder);
    return 128 + interrupt_signal();
}

static int work(struct sweep *s, struct sweep_work *w)
{
    struct err e = ERR_INIT;
    int status = sweep_claim(s, &e);
    if (status < 0)
        return command_failed(&e, status == -EEXIST ? 2 : 4);
    interrupt_catch();
    status = sweep_work(w, &e);
    if (status == -EINTR && interrupt_signal())
        return interrupted(s);
    if (status < 0)
        return command_failed(&e, 4);
    if (w->failed) {
        fprintf(stderr,
                "roamlab: sweep: %d of %d runs failed (roamlab sweep --merge %s sums up the others)\n",
                w->failed, w->begun, s->folder);
        return w->failure_status;
    }
    /* What a process that is alone has not done, nobody does. Of several, who had nothing to do leaves the summing up to
     * the others, of whom the first always does it. */
    return w->begun || w->rank.rank == 0 ? sum_up(s, w->rank.size == 1, w->quiet) : 0;
}

/* mpirun and srun have started a process for each processor already; a task of an array has its own processors. */
static int default_jobs(const struct rank *rank)
{
    return rank->one_a_processor ? 1 : workers_processors();
}

static int check_host(const struct request *r, const struct rank *rank, struct err *e)
{
    struct play p;
    if (!r->real)
        return 0;
    if (rank->size > 1)
        return err_set(e, EINVAL, "sweep: real runs go one at a time: not below %s", rank->launcher);
    play_init(&p, NULL, true);
    int status = play_check(&p, e);
    play_free(&p);
    return status;
}

static int go(struct request *r)
{
    struct err e = ERR_INIT;
    struct sweep s = {0};
    struct sweep_work w = {
        .sweep = &s, .scenario = r->scenario, .settings = &r->settings, .real = r->real, .quiet = r->quiet};
    int status = rank_read(&w.rank, &e);
    if (status == 0)
        status = describe(r, &s, &w, &e);
    w.jobs = r->real ? 1 : r->jobs ? r->jobs : default_jobs(&w.rank);
    if (status < 0)
        status = command_failed(&e, 2);
    else if (check_host(r, &w.rank, &e) < 0)
        status = command_failed(&e, e.code == EINVAL ? 2 : 3);
    else
        status = work(&s, &w);
    sweep_free(&s);
    return status;
}

int sweep_main(int argc, char **argv)
{
    struct request r = {0};
    int status = parse(&r, argc, argv);
    if (status < 0)
        status = r.merge ? merge(&r) : go(&r);
    sweep_grid_free(&r.grid);
    return status;
}
