#include "commands.h"
#include "figures.h"
#include "interrupt.h"
#include "logrepo.h"
#include "mem.h"
#include "result.h"
#include "summary.h"
#include "world_real.h"
#include "world_sim.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

static const char HELP[] =
    "usage: roamlab run [OPTIONS] SCENARIO\n"
    "\n"
    "Runs a scenario and keeps the result in a folder: events.db (SQLite), events.log (Kim22's text form),\n"
    "result.json, figures/. Prints a summary.\n"
    "\n"
    "  --world sim|real   virtual time (default), or real Docker hosts in network namespaces of this machine (root)\n"
    "  -o DIR             result folder (default results/NAME-TIMESTAMP); must not hold a result yet\n"
    "  --seed N           instead of the scenario's\n"
    "  --repeat N         repetitions, with seeds counted up; instead of the scenario's\n"
    "  --set PATH=VALUE   changes a value of the scenario: links.0.rtt_ms=100, migration.strategy=c-migr; repeatable\n"
    "  --capture          real world: one packet capture per host, DIR/HOST.pcap\n"
    "  --quiet            no progress and no summary\n"
    "\n"
    "Exit status: 0 good; 1 an expectation or an invariant does not hold; 2 usage or bad input; 3 this host lacks a\n"
    "privilege or a feature; 4 the run failed; 130, 143 interrupted.\n";

/* A timer that was later than this, in one of a hundred cases, makes a real run invalid. */
enum { DRIFT_BOUND_MS = 50, SETTINGS_MAX = 256 };

struct run {
    bool real, capture, quiet;
    const char *folder;
    char *folder_made, *program;
    bool seed_given;
    uint64_t seed;
    uint32_t repeat; /* 0 = the scenario's */
    struct scenario_setting settings[SETTINGS_MAX];
    int setting_count;
    struct scenario *scenario;
    struct utsname kernel;
    struct world_real_facts facts;
};

/* --- the command line ---------------------------------------------------------------------------------------------------------------- */

static int usage(const char *what, const char *value)
{
    fprintf(stderr, "roamlab: run: %s%s%s (see roamlab run --help)\n", what, value ? ": " : "", value ? value : "");
    return 2;
}

static bool parse_number(const char *text, uint64_t max, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *out <= max;
}

/* Splits PATH=VALUE in place. */
static int parse_setting(struct run *r, char *text)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return usage("--set wants PATH=VALUE", text);
    if (r->setting_count == SETTINGS_MAX)
        return usage("too many --set", NULL);
    *equals = '\0';
    r->settings[r->setting_count++] = (struct scenario_setting){text, equals + 1};
    return 0;
}

static int take_option(struct run *r, int option, char *value)
{
    uint64_t number;
    switch (option) {
    case 'w':
        r->real = !strcmp(value, "real");
        return r->real || !strcmp(value, "sim") ? 0 : usage("--world is sim or real", value);
    case 'o':
        r->folder = value;
        return 0;
    case 's':
        r->seed_given = true;
        return parse_number(value, INT64_MAX, &r->seed) ? 0 : usage("--seed wants a whole number", value);
    case 'r':
        if (!parse_number(value, 10000, &number) || number == 0)
            return usage("--repeat wants a number from 1 to 10000", value);
        r->repeat = (uint32_t)number;
        return 0;
    case 'S':
        return parse_setting(r, value);
    case 'c':
        r->capture = true;
        return 0;
    case 'q':
        r->quiet = true;
        return 0;
    default:
        return 2; /* getopt has said what is wrong */
    }
}

static const struct option options[] = {
    {"world", required_argument, NULL, 'w'}, {"seed", required_argument, NULL, 's'},
    {"repeat", required_argument, NULL, 'r'}, {"set", required_argument, NULL, 'S'},
    {"capture", no_argument, NULL, 'c'},      {"quiet", no_argument, NULL, 'q'},
    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
};

/* -1 = go on, else the exit status. */
static int parse(struct run *r, int argc, char **argv)
{
    int option;
    optind = 0;
    while ((option = getopt_long(argc, argv, "o:h", options, NULL)) != -1) {
        if (option == 'h') {
            fputs(HELP, stdout);
            return 0;
        }
        int status = take_option(r, option, optarg);
        if (status)
            return status;
    }
    if (optind + 1 != argc)
        return usage(optind == argc ? "no scenario given" : "more than one scenario given", NULL);
    if (r->capture && !r->real)
        return usage("--capture needs --world real: virtual time has no packets", NULL);
    struct err e = ERR_INIT;
    r->scenario = scenario_read(argv[optind], r->settings, r->setting_count, &e);
    if (r->scenario)
        return -1;
    err_print(&e);
    return 2;
}

/* --- one repetition ------------------------------------------------------------------------------------------------------------------- */

static void show_progress(void *context, const char *what)
{
    const struct run *r = context;
    if (!r->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "roamlab: %s: %s\n", r->scenario->name, what);
}

static struct simtime start_date(const struct run *r)
{
    struct timespec now = {0};
    if (r->real)
        clock_gettime(CLOCK_REALTIME, &now);
    return simtime_add(simtime_s(now.tv_sec), simtime_ns(now.tv_nsec));
}

static int play(struct run *r, uint64_t seed, const char *folder, struct logrepo *repo, struct err *e)
{
    struct world_real_options real = {.program = r->program,
                                      .capture = r->capture ? folder : NULL,
                                      .folder = folder,
                                      .progress = show_progress,
                                      .context = r};
    return r->real ? world_real_run(r->scenario, seed, &real, repo, &r->facts, e)
                   : world_sim_run(r->scenario, seed, repo, e);
}

/* Everything that happened is in the repository, also of a run that failed. */
static int play_and_keep(struct run *r, uint64_t seed, const char *folder, struct err *e)
{
    struct logrepo *repo;
    struct err close_err = ERR_INIT;
    int status = logrepo_open(folder, start_date(r), &repo, e);
    if (status < 0)
        return status;
    logrepo_describe(repo, "scenario", r->scenario->name, NULL);
    logrepo_describe(repo, "world", r->real ? "real" : "sim", NULL);
    status = play(r, seed, folder, repo, e);
    if (logrepo_close(repo, &close_err) < 0 && status == 0) {
        *e = close_err;
        status = -close_err.code;
    }
    return status;
}

enum { FACTS_MAX = 16 };

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

static int list_facts(const struct run *r, struct result_fact *facts)
{
    int n = add_text(facts, 0, "kernel", r->kernel.release);
    n = add_number(facts, n, "cpus", (double)sysconf(_SC_NPROCESSORS_ONLN));
    n = add_text(facts, n, "link_driver", r->real ? r->facts.link_driver : "model");
    if (!r->real)
        return n;
    n = add_text(facts, n, "docker", r->facts.runtime.docker_version);
    n = add_text(facts, n, "runc", r->facts.runtime.runc_version);
    n = add_text(facts, n, "criu", r->facts.runtime.criu_version);
    n = add_number(facts, n, "zstd3_ratio_base", r->facts.base_ratio);
    n = add_number(facts, n, "zstd3_ratio_layer", r->facts.layer_ratio);
    n = add_number(facts, n, "zstd3_ratio_memory", r->facts.memory_ratio);
    n = add_number(facts, n, "messages_not_understood", (double)r->facts.errors);
    return r->capture ? add_number(facts, n, "capture_dropped", (double)r->facts.capture_dropped) : n;
}

static void describe(const struct run *r, uint64_t seed, struct result_fact *facts, struct result_input *input)
{
    *input = (struct result_input){.world = r->real ? "real" : "sim",
                                   .scenario = r->scenario,
                                   .seed = seed,
                                   .drift = r->facts.lateness,
                                   .drift_valid = r->facts.lateness.p99.ns <= simtime_ms(DRIFT_BOUND_MS).ns,
                                   .environment = facts,
                                   .environment_count = list_facts(r, facts)};
}

static int repetition(struct run *r, uint64_t seed, const char *folder, json_object **result, struct err *e)
{
    struct result_fact facts[FACTS_MAX];
    struct result_input input;
    int status = play_and_keep(r, seed, folder, e);
    if (status < 0)
        return status;
    describe(r, seed, facts, &input);
    return result_of_run(folder, &input, result, e);
}

/* --- all of them ----------------------------------------------------------------------------------------------------------------------- */

static int repetitions(struct run *r, json_object **result, struct err *e)
{
    uint32_t count = r->scenario->repeat;
    struct result_fact facts[FACTS_MAX];
    struct result_input input;
    if (count == 1)
        return repetition(r, r->scenario->seed, r->folder, result, e);
    for (uint32_t i = 0; i < count; i++) {
        autofree char *folder = mem_printf("%s/rep-%u", r->folder, i + 1);
        autofree char *what = mem_printf("repetition %u of %u", i + 1, count);
        show_progress(r, what);
        int status = repetition(r, r->scenario->seed + i, folder, NULL, e);
        if (status < 0)
            return err_wrap(e, "%s", what);
    }
    describe(r, r->scenario->seed, facts, &input);
    return result_of_repetitions(r->folder, (int)count, &input, result, e);
}

/* A host that lacks something is told apart from a run that went wrong by what world_real_check says of it. */
static int status_of_failure(const struct run *r, const struct err *e)
{
    struct world_real_facts facts;
    if (e->code == EINTR && interrupt_signal())
        return 128 + interrupt_signal();
    if (r->real && world_real_check(r->program, &facts, NULL) < 0)
        return 3;
    return e->code == EEXIST ? 2 : e->code == EOPNOTSUPP ? 3 : 4;
}

static int show(struct run *r, json_object *result)
{
    struct err e = ERR_INIT;
    if (figures_of_result(r->folder, &e) < 0)
        err_print(&e);
    if (!r->quiet)
        summary_print(result, r->folder, stdout);
    int status = result_exit_status(result);
    json_object_put(result);
    return status;
}

/* The service's program lies beside this one. */
static char *find_program(void)
{
    char self[4096];
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    return mem_printf("%s/roamlab-service", dirname(self));
}

static char *default_folder(const struct scenario *s)
{
    char stamp[32];
    time_t now = time(NULL);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", localtime(&now));
    return mem_printf("results/%s-%s", s->name, stamp);
}

static bool holds_result(const char *folder, struct err *e)
{
    autofree char *result = mem_printf("%s/result.json", folder);
    if (access(result, F_OK) < 0)
        return false;
    err_set(e, EEXIST, "run: %s exists already", result);
    err_hint(e, "choose another folder with -o, or remove this one");
    return true;
}

static int go(struct run *r)
{
    struct err e = ERR_INIT;
    json_object *result = NULL;
    if (r->seed_given)
        r->scenario->seed = r->seed;
    if (r->repeat)
        r->scenario->repeat = r->repeat;
    if (!r->folder)
        r->folder = r->folder_made = default_folder(r->scenario);
    if (holds_result(r->folder, &e)) {
        err_print(&e);
        return 2;
    }
    interrupt_catch();
    if (r->real && world_real_check(r->program, &r->facts, &e) < 0) {
        err_print(&e);
        return 3;
    }
    if (repetitions(r, &result, &e) < 0) {
        err_print(&e);
        return status_of_failure(r, &e);
    }
    return show(r, result);
}

int run_main(int argc, char **argv)
{
    struct run r = {.program = find_program()};
    uname(&r.kernel);
    int status = parse(&r, argc, argv);
    if (status < 0)
        status = go(&r);
    scenario_free(r.scenario);
    free(r.folder_made);
    free(r.program);
    return status;
}
