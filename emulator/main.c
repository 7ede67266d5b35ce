/* roamlab: one table of commands. */
#include "commands.h"
#include "mem.h"
#include "version.h"

#include <string.h>

static const struct {
    const char *name;
    int (*main)(int argc, char **argv);
    const char *help;
} commands[] = {
    {"run", run_main, "run a scenario, in virtual time or for real"},
    {"sweep", sweep_main, "run a scenario at many points and sum up, also by mpirun and Slurm"},
    {"search", search_main, "look for faults that break the protocol, in virtual time"},
    {"check", check_main, "validate scenario files"},
    {"plot", plot_main, "draw the figures of results"},
    {"report", report_main, "write results as pages for a browser"},
    {"compare", compare_main, "put two results side by side"},
    {"calibrate", calibrate_main, "fit virtual time's costs to real runs, and check its predictions"},
    {"explain", explain_main, "what a metric, a key or a kind of event means"},
    {"export", export_main, "a run's events for Perfetto or as CSV, its packets for Wireshark"},
    {"import", import_main, "turn a log into a result, tracks into who is at which access point when"},
    {"link", link_main, "shape interfaces that exist, without a scenario"},
    {"bench", bench_main, "measure on this machine, figures beside their targets"},
    {"doctor", doctor_main, "what this host can do, and what mends what it cannot"},
    {"clean", clean_main, "remove what crashed runs left"},
    {"agent", agent_main, "play one host's roles (used by run)"},
};

static void print_help(FILE *out)
{
    fputs("usage: roamlab COMMAND …\n\nA testbed for service migration in mobile edge computing.\n\n", out);
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        fprintf(out, "  %-9s %s\n", commands[i].name, commands[i].help);
    fputs("\nroamlab COMMAND --help says more; roamlab --version names the version.\n", out);
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "";
    for (size_t i = 0; i < ARRAY_LEN(commands); i++)
        if (!strcmp(name, commands[i].name)) {
            autofree char *who = mem_printf("roamlab: %s", name);
            argv[1] = who;
            return commands[i].main(argc - 1, argv + 1);
        }
    if (!strcmp(name, "--version")) {
        printf("roamlab %s\n", ROAMLAB_VERSION);
        return 0;
    }
    if (!strcmp(name, "--help") || !strcmp(name, "-h") || !strcmp(name, "help")) {
        print_help(stdout);
        return 0;
    }
    if (*name)
        fprintf(stderr, "roamlab: no command \"%s\" (see roamlab --help)\n", name);
    else
        print_help(stderr);
    return 2;
}
