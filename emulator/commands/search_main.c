#include "buf.h"
#include "command_line.h"
#include "commands.h"
#include "files.h"
#include "interrupt.h"
#include "mem.h"
#include "scenario_draw.h"
#include "search_work.h"
#include "shrink.h"
#include "trial.h"
#include "workers.h"

#include <getopt.h>
#include <unistd.h>

static const char HELP[] =
    "usage: roamlab search [OPTIONS]\n"
    "\n"
    "Looks for faults that break the protocol: draws a scenario from each seed, with lost, doubled and delayed messages, links\n"
    "that are cut or slow, hosts that stop or restart, clocks that drift and jump, operations that fail or hang, containers with\n"
    "and without a volume, runs it in virtual time and checks every invariant that its strategy grants. Prints the seeds in which\n"
    "one does not hold, and the share of seeds that reached each rare situation.\n"
    "\n"
    "  --seeds N     how many seeds (default 1000)\n"
    "  --from SEED   the first one (default 1)\n"
    "  --jobs N      so many processes at once (default: as many as processors)\n"
    "  --no-restarts hosts neither restart nor lose their power\n"
    "  --shrink      reduces the first scenario that breaks to the smallest one that does\n"
    "  -o DIR        writes scenarios that break there, seed-N.json: roamlab run plays them and judges them the same way, but for what\n"
    "                is held back or hindered before all has come to rest\n"
    "\n"
    "Exit status: 0 nothing broke; 1 something did; 2 usage; 4 a run crashed; 130, 143 interrupted.\n";

enum { SHOWN_MAX = 10 };

struct command {
    struct search search;
    bool shrink;
    const char *folder;
};

/* --- the command line ---------------------------------------------------------------------------------------------------------- */

static int take_option(void *context, int option, char *value)
{
    struct command *c = context;
    switch (option) {
    case 'n':
        return command_number("search", "--seeds", value, 1, 1000000000, &c->search.seeds);
    case 'f':
        return command_number("search", "--from", value, 0, INT64_MAX / 2, &c->search.first);
    case 'j':
        return command_count("search", "--jobs", value, WORKERS_MAX, &c->search.jobs);
    case 'r':
        c->search.restarts = false;
        return 0;
    case 'S':
        c->shrink = true;
        return 0;
    case 'o':
        c->folder = value;
        return 0;
    default:
        return 2; /* getopt has said what is wrong */
    }
}

static const struct option options[] = {
    {"seeds", required_argument, NULL, 'n'},
    {"from", required_argument, NULL, 'f'},
    {"jobs", required_argument, NULL, 'j'},
    {"shrink", no_argument, NULL, 'S'},
    {"no-restarts", no_argument, NULL, 'r'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* --- what broke ---------------------------------------------------------------------------------------------------------------- */

static int write_scenario(const char *folder, const char *name, struct buf *text, struct err *e)
{
    autofree char *path = mem_printf("%s/%s.json", folder, name);
    int status = files_make_folder(folder, 0755, e);
    if (status == 0)
        status = files_write(path, buf_text(text), e);
    if (status == 0)
        printf("  roamlab run %s\n", path);
    return status;
}

static void print_complaints(const char *name, struct scenario *s)
{
    struct trial trial = {0};
    trial_run(&trial, s, s->seed);
    for (int i = 0; i < trial.complaint_count; i++)
        printf("%s, %s: %s\n", name, s->migration.strategy->name, trial.complaints[i]);
    trial_free(&trial);
}

static int show_broken(const struct command *c, uint64_t seed, struct err *e)
{
    struct buf text = BUF_INIT;
    int status = 0;
    autofree char *name = mem_printf("seed-%llu", (unsigned long long)seed);
    struct scenario *s = search_scenario(seed, c->search.restarts, e);
    scenario_draw(seed, c->search.restarts, &text);
    print_complaints(name, s);
    if (c->folder)
        status = write_scenario(c->folder, name, &text, e);
    buf_free(&text);
    scenario_free(s);
    return status;
}

static void show_shrinking(int trials)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\rroamlab: search: %d smaller scenarios tried", trials);
}

static int show_shrunk(const struct command *c, uint64_t seed, struct err *e)
{
    struct buf text = BUF_INIT;
    int status = 0;
    autofree char *name = mem_printf("seed-%llu-shrunk", (unsigned long long)seed);
    scenario_draw(seed, c->search.restarts, &text);
    printf("%s: the smallest of %d scenarios tried\n", name, shrink_scenario(&text, show_shrinking));
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\n");
    if (c->folder)
        status = write_scenario(c->folder, name, &text, e);
    else
        fputs(buf_text(&text), stdout);
    buf_free(&text);
    return status;
}

static int show_all_broken(const struct command *c, struct err *e)
{
    const struct search *search = &c->search;
    int status = 0;
    for (int i = 0; i < search->broken_kept && i < SHOWN_MAX && status == 0; i++)
        status = show_broken(c, search->broken_seeds[i], e);
    for (int i = SHOWN_MAX; i < search->broken_kept; i++)
        printf("%s%llu", i == SHOWN_MAX ? "and seeds " : ", ", (unsigned long long)search->broken_seeds[i]);
    if (search->broken_kept > SHOWN_MAX)
        printf("%s\n", search->broken > SEARCH_BROKEN_KEPT ? ", …" : "");
    if (status == 0 && c->shrink && search->broken_kept && !interrupt_signal())
        status = show_shrunk(c, search->broken_seeds[0], e);
    return status;
}

/* --- the search ---------------------------------------------------------------------------------------------------------------- */

static void show_progress(uint64_t tried, uint64_t seeds)
{
    if (isatty(STDERR_FILENO))
        fprintf(stderr, "\rroamlab: search: %llu of %llu seeds%s", (unsigned long long)tried,
                (unsigned long long)seeds, tried == seeds ? "\n" : "");
}

static void print_totals(const struct search *search)
{
    printf("%llu seeds from %llu in %.1f s (%.0f a second): %llu tolerated, %llu declared, %llu broken\n",
           (unsigned long long)search->tried, (unsigned long long)search->first, search->seconds,
           (double)search->tried / search->seconds,
           (unsigned long long)(search->tried - search->declared - search->broken),
           (unsigned long long)search->declared, (unsigned long long)search->broken);
    for (int i = 0; i < SITUATIONS && search->tried; i++)
        printf("  %6.2f %%  %s\n", 100.0 * (double)search->reached[i] / (double)search->tried,
               situation_text((enum situation)i));
}

static int go(struct command *c)
{
    struct err e = ERR_INIT;
    interrupt_catch();
    int status = search_run(&c->search, &e);
    print_totals(&c->search);
    if (status == 0)
        status = show_all_broken(c, &e);
    if (interrupt_signal())
        return 128 + interrupt_signal();
    if (status < 0)
        return command_failed(&e, 4);
    return c->search.broken > 0;
}

int search_main(int argc, char **argv)
{
    struct command c = {
        .search = {.first = 1,
                   .seeds = 1000,
                   .jobs = workers_processors(),
                   .restarts = true,
                   .progress = show_progress}};
    int status = command_take_options("search", argc, argv, HELP, "o:h", options, take_option, &c);
    if (status < 0 && optind != argc)
        status = command_usage("search", "it takes no arguments");
    return status < 0 ? go(&c) : status;
}
