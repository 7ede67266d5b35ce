#include "play.h"
#include "installation.h"
#include "interrupt.h"
#include "judge.h"
#include "logrepo.h"
#include "mem.h"
#include "nfs_client.h"
#include "scenario_move.h"
#include "workers.h"
#include "world_sim.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { FACTS_MAX = 16 };

static bool expects_packet_check(const struct scenario *s)
{
    for (int i = 0; s && i < s->expect_count; i++)
        if (strncmp(s->expects[i].metric, "packet_check.", 13) == 0)
            return true;
    return false;
}

void play_init(struct play *p, struct scenario *s, bool real)
{
    *p = (struct play){
        .scenario = s, .real = real, .capture = real && expects_packet_check(s), .program = installation_service()};
    uname(&p->kernel);
}

void play_free(struct play *p)
{
    free(p->program);
}

static void ignore_progress(void *context, const char *what)
{
    (void)context, (void)what;
}

static struct world_real_options real_options(const struct play *p, const char *folder)
{
    return (struct world_real_options){.program = p->program,
                                       .driver = p->driver,
                                       .capture = p->capture ? folder : NULL,
                                       .folder = folder,
                                       .checked = p->checked,
                                       .progress = p->progress ? p->progress : ignore_progress,
                                       .context = p->context};
}

int play_check(struct play *p, struct err *e)
{
    struct world_real_options real = real_options(p, NULL);
    int status = p->real ? world_real_check(p->scenario, &real, &p->facts, e) : 0;
    p->checked = status == 0 && p->scenario;
    return status;
}

/* --- one run --------------------------------------------------------------------------------------------------------- */

static struct simtime start_date(const struct play *p)
{
    struct timespec now = {0};
    if (p->real)
        clock_gettime(CLOCK_REALTIME, &now);
    return simtime_add(simtime_s(now.tv_sec), simtime_ns(now.tv_nsec));
}

static int run_sim(struct play *p, uint64_t seed, struct logrepo *repo, struct trial *trial, struct err *e)
{
    struct judge judge;
    judge_init(&judge, trial, p->scenario);
    int status = world_sim_run(p->scenario, seed, repo, &judge.witness, e);
    judge_free(&judge);
    return status;
}

static int run_world(struct play *p, uint64_t seed, const char *folder, struct logrepo *repo, struct trial *trial,
                     struct err *e)
{
    struct world_real_options real = real_options(p, folder);
    return p->real ? world_real_run(p->scenario, seed, &real, repo, &p->facts, e)
                   : run_sim(p, seed, repo, trial, e);
}

struct hearers {
    const struct play *play;
    struct result_listener *result; /* NULL: reads the repository afterwards */
};

static void hear(void *hearers, const struct event *event)
{
    const struct hearers *h = hearers;
    if (h->result)
        result_hear(h->result, event);
    if (h->play->hear)
        h->play->hear(h->play->hearer, event);
}

/* The real world's events come from several hosts in no order: all are kept, and put in order afterwards. */
static bool keeps_all(const struct play *p)
{
    return p->real || p->scenario->log.mode == LOG_FULL;
}

/* What happened is in the repository, also of a run that failed. */
static int run_and_keep(struct play *p, uint64_t seed, const char *folder, struct result_listener *listener,
                        struct trial *trial, struct err *e)
{
    struct logrepo *repo;
    struct err close_err = ERR_INIT;
    struct hearers hearers = {p, listener};
    int status = logrepo_open(folder, start_date(p), &repo, e);
    if (status < 0)
        return status;
    logrepo_describe(repo, "scenario", p->scenario->name, NULL);
    logrepo_describe(repo, "document", p->scenario->text, NULL);
    logrepo_describe(repo, "world", p->real ? "real" : "sim", NULL);
    if (listener) {
        logrepo_describe(repo, "log", log_mode_name((int)p->scenario->log.mode), NULL);
        logrepo_choose(repo, &p->scenario->log);
    }
    if (listener || p->hear)
        logrepo_listen(repo, hear, &hearers);
    status = run_world(p, seed, folder, repo, trial, e);
    autofree char *paths = track_paths_text(p->scenario->paths);
    if (paths)
        logrepo_describe(repo, "paths", paths, NULL);
    p->events_received = logrepo_received(repo);
    if (logrepo_close(repo, &close_err) < 0 && status == 0) {
        *e = close_err;
        status = -close_err.code;
    }
    return status;
}

static int add_text(struct result_fact *facts, int n, const char *key, const char *text)
{
    facts[n] = (struct result_fact){.key = key, .text = text};
    return n + 1;
}

static int add_number(struct result_fact *facts, int n, const char *key, double number)
{
    facts[n] = (struct result_fact){.key = key, .number = number};
    return n + 1;
}

static int list_facts(const struct play *p, struct result_fact *facts)
{
    int n = add_text(facts, 0, "kernel", p->kernel.release);
    n = add_number(facts, n, "cpus", (double)sysconf(_SC_NPROCESSORS_ONLN));
    n = add_text(facts, n, "link_driver", p->real ? p->facts.link_driver : "model");
    if (!p->real)
        return n;
    n = add_text(facts, n, "docker", p->facts.runtime.docker_version);
    n = add_text(facts, n, "runc", p->facts.runtime.runc_version);
    n = add_text(facts, n, "criu", p->facts.runtime.criu_version);
    n = add_text(facts, n, "dirty_tracking", p->facts.runtime.dirty_tracking);
    if (p->scenario->migration.nfs_host >= 0)
        n = add_text(facts, n, "nfs_client", nfs_client_choose(p->scenario->migration.nfs_client)->name);
    n = add_number(facts, n, "zstd3_ratio_base", p->facts.base_ratio);
    n = add_number(facts, n, "zstd3_ratio_layer", p->facts.layer_ratio);
    n = add_number(facts, n, "zstd3_ratio_memory", p->facts.memory_ratio);
    n = add_number(facts, n, "messages_not_understood", (double)p->facts.errors);
    return p->capture ? add_number(facts, n, "capture_dropped", (double)p->facts.capture_dropped) : n;
}

static void describe(const struct play *p, uint64_t seed, const struct trial *trial, struct result_fact *facts,
                     struct result_input *input)
{
    *input = (struct result_input){.world = p->real ? "real" : "sim",
                                   .scenario = p->scenario,
                                   .seed = seed,
                                   .command = p->command,
                                   .drift = p->facts.lateness,
                                   .clocks = p->facts.clocks,
                                   .clock_count = p->facts.clock_count,
                                   .events_received = p->events_received,
                                   .events_reported = p->real ? p->facts.events_reported : p->events_received,
                                   .complaints = (const char *const *)trial->complaints,
                                   .complaint_count = trial->complaint_count,
                                   .environment = facts,
                                   .environment_count = list_facts(p, facts)};
}

/* A capture that cannot be read leaves the run's result as it is, without the check. */
static bool check_packets(const struct play *p, uint64_t seed, const char *folder, struct packet_check *check)
{
    struct err e = ERR_INIT;
    if (packet_check_run(check, folder, p->scenario, seed, &e) < 0) {
        err_print(&e);
        return false;
    }
    if (check->leak_count)
        fprintf(stderr, "roamlab: carrier %s: %s can be read on the links (see packet_check in %s/result.json)\n",
                p->scenario->migration.carrier, packet_check_readable(check), folder);
    return true;
}

int play_once(struct play *p, uint64_t seed, const char *folder, json_object **result, struct err *e)
{
    struct result_fact facts[FACTS_MAX];
    struct result_input input;
    struct packet_check check = PACKET_CHECK_INIT;
    struct trial trial = {0};
    struct result_listener *listener = keeps_all(p) ? NULL : result_listen(p->scenario);
    int status = scenario_move(p->scenario, seed, e);
    if (status == 0)
        status = run_and_keep(p, seed, folder, listener, &trial, e);
    describe(p, seed, &trial, facts, &input);
    if (status == 0 && p->capture && check_packets(p, seed, folder, &check))
        input.packet_check = &check;
    if (status == 0)
        status = listener ? result_of_listener(listener, folder, &input, result, e)
                          : result_of_run(folder, &input, result, e);
    result_listener_free(listener);
    packet_check_free(&check);
    trial_free(&trial);
    return status;
}

/* --- repetitions ------------------------------------------------------------------------------------------------------- */

struct repetitions {
    struct workers workers;
    struct play *play;
    uint64_t seed;
    const char *folder;
    int count, status;
    struct err err;
};

static char *name_repetition(const struct repetitions *r, int index)
{
    return mem_printf("repetition %d of %d", index + 1, r->count);
}

static int repetition(struct workers *workers, int index, struct err *e)
{
    struct repetitions *r = container_of(workers, struct repetitions, workers);
    autofree char *folder = mem_printf("%s/rep-%d", r->folder, index + 1);
    autofree char *what = name_repetition(r, index);
    if (r->status < 0)
        return 0;
    if (r->play->progress)
        r->play->progress(r->play->context, what);
    return play_once(r->play, r->seed + (uint64_t)index, folder, NULL, e);
}

static void repetition_ended(struct workers *workers, int index, int status, const struct err *e)
{
    struct repetitions *r = container_of(workers, struct repetitions, workers);
    if (status == 0 || r->status < 0)
        return;
    autofree char *what = name_repetition(r, index);
    r->status = status;
    r->err = *e;
    err_wrap(&r->err, "%s", what);
}

int play_repetitions(struct play *p, uint64_t seed, int count, int jobs, const char *folder,
                     json_object **result, struct err *e)
{
    struct repetitions r = {.workers = {p->real ? 1 : jobs, repetition, repetition_ended},
                            .play = p,
                            .seed = seed,
                            .folder = folder,
                            .count = count};
    struct result_fact facts[FACTS_MAX];
    struct result_input input;
    int status = workers_run(&r.workers, count, e);
    if (r.status < 0) {
        *e = r.err;
        return r.status;
    }
    if (status < 0)
        return status;
    describe(p, seed, &(struct trial){0}, facts, &input);
    return result_of_repetitions(folder, count, &input, result, e);
}

int play_failure_status(const struct play *p, const struct err *e)
{
    struct world_real_facts facts = {0};
    struct world_real_options real = real_options(p, NULL);
    if (e->code == EINTR && interrupt_signal())
        return 128 + interrupt_signal();
    if (p->real && world_real_check(p->scenario, &real, &facts, NULL) < 0)
        return 3;
    return e->code == EEXIST ? 2 : e->code == EOPNOTSUPP ? 3 : 4;
}
