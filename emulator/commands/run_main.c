#include "buf.h"
#include "command_line.h"
#include "commands.h"
#include "figures.h"
#include "interrupt.h"
#include "inventory.h"
#include "junit.h"
#include "live.h"
#include "mem.h"
#include "play.h"
#include "report.h"
#include "report_data.h"
#include "result_folder.h"
#include "scenario_move.h"
#include "summary.h"
#include "version.h"
#include "workers.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char HELP[] =
    "usage: roamlab run [OPTIONS] SCENARIO\n"
    "\n"
    "Runs a scenario and keeps the result in a folder: events.db (SQLite), events.log (Kim22's text form),\n"
    "result.json, figures/, report.html. Prints a summary.\n"
    "\n"
    "  --world sim|real   virtual time (default), or real Docker hosts in network namespaces of this machine (root)\n"
    "  -o DIR             result folder (default results/NAME-TIMESTAMP, with -2, -3, … if that is there); must not hold a\n"
    "                     result yet\n"
    "  --seed N           instead of the scenario's\n"
    "  --repeat N         repetitions, with seeds counted up; instead of the scenario's\n"
    "  --jobs N           virtual time: so many repetitions at once; the result is the same (default 1)\n"
    "  --set PATH=VALUE   changes a value of the scenario: links.0.rtt_ms=100, migration.strategy=c-migr; repeatable\n"
    "  --log MODE         virtual time: which events are kept: full (default), sampled (one device in log_every), aggregate\n"
    "  --driver NAME      real world: the link driver, kernel or userspace; default: the first that can do what is asked\n"
    "  --capture          real world: one packet capture per host, DIR/HOST.pcap, and a check of what can be read in them\n"
    "  --hosts FILE       real world: which machines play the hosts, by ssh; see scenarios/README.md\n"
    "  --push             with it: copies this roamlab into ~/.local/bin of these machines first\n"
    "  --junit FILE       what must hold as test cases in JUnit's XML, for CI; written when there is a result\n"
    "  --live[=PORT]      shows one run in a browser as it happens, on 127.0.0.1 (default: a free port) until Ctrl-C, also when\n"
    "                     it has failed; virtual time begins when the page is opened and keeps wall time\n"
    "  --speed X          virtual time, with --live: X times as fast\n"
    "  --quiet            no progress and no summary\n"
    "\n"
    "Exit status: 0 good; 1 an expectation or an invariant does not hold, a migration failed that no expectation allows,\n"
    "or the run was too late to be valid; 2 usage or bad input; 3 this host lacks a privilege or a feature; 4 the run\n"
    "failed; 130, 143 interrupted.\n";

struct run {
    bool real, capture, push, quiet;
    const char *folder, *driver, *hosts, *junit;
    char *folder_made;
    bool seed_given;
    uint64_t seed;
    int repeat; /* 0 = the scenario's */
    struct command_settings settings;
    int jobs;
    struct json_object *inventory; /* owned; the settings point into it */
    struct live live;
    struct scenario *scenario;
};

/* --- the command line ---------------------------------------------------------------------------------------------------------------- */

static int take_option(void *context, int option, char *value)
{
    struct run *r = context;
    switch (option) {
    case 'w':
        return command_world("run", value, &r->real);
    case 'o':
        r->folder = value;
        return 0;
    case 's':
        r->seed_given = true;
        return command_number("run", "--seed", value, 0, INT64_MAX, &r->seed);
    case 'r':
        return command_count("run", "--repeat", value, 10000, &r->repeat);
    case 'j':
        return command_count("run", "--jobs", value, WORKERS_MAX, &r->jobs);
    case 'S':
        return command_setting("run", value, &r->settings);
    case 'l':
        return command_add_setting("run", "log", value, &r->settings);
    case 'd':
        r->driver = value;
        return 0;
    case 'c':
        r->capture = true;
        return 0;
    case 'H':
        r->hosts = value;
        return 0;
    case 'p':
        r->push = true;
        return 0;
    case 'u':
        r->junit = value;
        return 0;
    case 'L':
        return live_take_port(&r->live, "run", value);
    case 'X':
        return live_take_speed(&r->live, "run", value);
    case 'q':
        r->quiet = true;
        return 0;
    default:
        return 2;
    }
}

static const struct option options[] = {
    {"world", required_argument, NULL, 'w'}, {"seed", required_argument, NULL, 's'},
    {"repeat", required_argument, NULL, 'r'}, {"set", required_argument, NULL, 'S'},
    {"log", required_argument, NULL, 'l'},    {"capture", no_argument, NULL, 'c'},      {"quiet", no_argument, NULL, 'q'},
    {"jobs", required_argument, NULL, 'j'},   {"driver", required_argument, NULL, 'd'}, {"junit", required_argument, NULL, 'u'},
    {"hosts", required_argument, NULL, 'H'},  {"push", no_argument, NULL, 'p'},
    {"live", optional_argument, NULL, 'L'},   {"speed", required_argument, NULL, 'X'}, {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* -1 = go on, else the exit status. */
static int parse(struct run *r, int argc, char **argv)
{
    int status = command_take_options("run", argc, argv, HELP, "o:", options, take_option, r);
    if (status >= 0)
        return status;
    if (optind + 1 != argc)
        return command_usage("run", optind == argc ? "no scenario given" : "more than one scenario given");
    if (r->capture && !r->real)
        return command_usage("run", "--capture needs --world real: virtual time has no packets");
    if (r->driver && !r->real)
        return command_usage("run", "--driver needs --world real");
    if ((r->hosts || r->push) && !r->real)
        return command_usage("run", "--hosts and --push need --world real");
    if (r->hosts && !(r->inventory = inventory_take(r->hosts, argv[optind], "run", &r->settings)))
        return 2;
    if (r->live.percent && (!r->live.wanted || r->real))
        return command_usage("run", "--speed needs --live and virtual time");
    struct err e = ERR_INIT;
    r->scenario = scenario_read(argv[optind], r->settings.list, r->settings.count, &e);
    if (r->scenario)
        return -1;
    return command_failed(&e, 2);
}

/* --- the run ------------------------------------------------------------------------------------------------------------------------- */

static void show_progress(void *context, const char *what)
{
    const struct run *r = context;
    if (!r->quiet && isatty(STDERR_FILENO))
        fprintf(stderr, "roamlab: %s: %s\n", r->scenario->name, what);
}

static int show(struct run *r, json_object *result)
{
    struct err e = ERR_INIT;
    if (figures_of_result(r->folder, &e) < 0)
        err_print(&e);
    struct err of_report = ERR_INIT;
    if (report_write(r->folder, &of_report) < 0)
        err_print(&of_report);
    if (!r->quiet)
        summary_print(result, r->folder, stdout);
    int status = interrupt_signal() ? 128 + interrupt_signal() : result_exit_status(result);
    struct err of_junit = ERR_INIT;
    if (r->junit && junit_write(r->junit, result, &of_junit) < 0) {
        err_print(&of_junit);
        status = 4;
    }
    json_object_put(result);
    return status;
}

/* --- the command that does it again ---------------------------------------------------------------------------------------------------- */

/* One word for a shell. */
static void add_word(struct buf *out, const char *word)
{
    bool plain = *word && !word[strspn(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_./=:,+-")];
    buf_printf(out, plain ? " " : " '");
    for (const char *c = word; *c; c++)
        buf_printf(out, !plain && *c == '\'' ? "'\\''" : "%c", *c);
    buf_printf(out, plain ? "" : "'");
}

static char *command_again(const struct run *r)
{
    struct buf line = BUF_INIT;
    buf_printf(&line, "roamlab run --world %s --seed %llu --repeat %u", r->real ? "real" : "sim",
               (unsigned long long)r->scenario->seed, r->scenario->repeat);
    for (int i = 0; i < r->settings.count; i++) {
        autofree char *setting = mem_printf("%s=%s", r->settings.list[i].path, r->settings.list[i].value);
        buf_printf(&line, " --set");
        add_word(&line, setting);
    }
    if (r->capture)
        buf_printf(&line, " --capture");
    if (r->driver) {
        buf_printf(&line, " --driver");
        add_word(&line, r->driver);
    }
    add_word(&line, r->scenario->path);
    char *text = mem_copy_string(buf_text(&line));
    buf_free(&line);
    return text;
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

static int begin_live(struct run *r, struct play *p, struct err *e)
{
    const struct scenario *s = r->scenario;
    json_object *known = json_object_new_object(), *scenario = json_object_new_object();
    json_object_object_add(scenario, "name", json_object_new_string(s->name));
    json_object_object_add(known, "scenario", scenario);
    json_object_object_add(known, "world", json_object_new_string(r->real ? "real" : "sim"));
    json_object_object_add(known, "seed", json_object_new_int64((int64_t)s->seed));
    json_object_object_add(known, "roamlab", json_object_new_string(ROAMLAB_VERSION));
    autofree char *paths = track_paths_text(s->paths);
    json_object *data = report_data_at_start(known, s->text, paths);
    int status = live_begin(&r->live, data, r->folder, !r->real, e);
    json_object_put(data);
    p->hear = live_hear;
    p->hearer = &r->live;
    return status;
}

static int play(struct run *r, struct play *p)
{
    struct err e = ERR_INIT;
    json_object *result = NULL;
    const struct scenario *s = r->scenario;
    interrupt_catch();
    if (r->push && inventory_push(s, &e) < 0)
        return command_failed(&e, e.code == EINTR ? 128 + interrupt_signal() : 4);
    if (play_check(p, &e) < 0)
        return command_failed(&e, e.code == EINVAL ? 2 : e.code == EINTR ? 128 + interrupt_signal() : 3);
    if (!r->folder && !(r->folder = r->folder_made = result_folder_make(s->name, &e)))
        return command_failed(&e, 4);
    if (r->live.wanted && begin_live(r, p, &e) < 0) {
        err_print(&e);
        if (r->folder_made)
            rmdir(r->folder_made);
        return 2;
    }
    int status = s->repeat == 1 ? play_once(p, s->seed, r->folder, &result, &e)
                                : play_repetitions(p, s->seed, (int)s->repeat, r->jobs, r->folder, &result, &e);
    if (status == 0) {
        status = show(r, result);
        live_stay(&r->live, "finished");
        return status;
    }
    err_print(&e);
    status = play_failure_status(p, &e);
    live_stay(&r->live, "failed");
    return status;
}

static int go(struct run *r)
{
    struct err e = ERR_INIT;
    struct play p;
    if (r->seed_given)
        r->scenario->seed = r->seed;
    if (r->repeat)
        r->scenario->repeat = (uint32_t)r->repeat;
    if (r->live.wanted && r->scenario->repeat != 1)
        return command_usage("run", "--live shows one run: add --repeat 1");
    if ((r->folder && holds_result(r->folder, &e)) || scenario_move(r->scenario, r->scenario->seed, &e) < 0)
        return command_failed(&e, 2);
    play_init(&p, r->scenario, r->real);
    p.capture |= r->capture;
    p.driver = r->driver;
    autofree char *command = command_again(r);
    p.command = command;
    p.progress = show_progress;
    p.context = r;
    int status = play(r, &p);
    live_free(&r->live);
    play_free(&p);
    return status;
}

int run_main(int argc, char **argv)
{
    struct run r = {.jobs = 1};
    int status = parse(&r, argc, argv);
    if (status < 0)
        status = go(&r);
    scenario_free(r.scenario);
    json_object_put(r.inventory);
    free(r.folder_made);
    return status;
}
