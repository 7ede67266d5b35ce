#include "command_line.h"
#include "commands.h"
#include "figures.h"
#include "json_file.h"
#include "mem.h"
#include "sweep_figures.h"

#include <errno.h>
#include <getopt.h>
#include <unistd.h>

static const char HELP[] =
    "usage: roamlab plot [-o DIR] DIR…\n"
    "\n"
    "Draws the figures of each result folder into its figures/ (SVG and PNG, with the .gp and .dat they are\n"
    "drawn from). Of several results it also draws the migration time by strategy and the response times over\n"
    "one another, into the folder that -o names, or the first result's figures/; those of the same name are\n"
    "told apart by their folders. The folder of a sweep is drawn anew by itself.\n"
    "\n"
    "Exit status: 0 good; 2 usage or no result; 3 gnuplot is missing; 4 it failed.\n";

/* Whether it is there at all: what is missing later is a program. */
static bool is_result(const char *folder, struct err *e)
{
    json_object *result = NULL;
    bool good = json_file_read(folder, "result.json", &result, e) == 0;
    json_object_put(result);
    return good;
}

static int failed(const struct err *e)
{
    err_print(e);
    return e->code == ENOENT ? 3 : e->code == ENODATA ? 2 : 4;
}

static int plot_folders(const char *const *folders, int count, const char *out)
{
    struct err e = ERR_INIT;
    for (int i = 0; i < count; i++)
        if (!is_result(folders[i], &e))
            return command_failed(&e, 2);
    for (int i = 0; i < count; i++) {
        if (figures_of_result(folders[i], &e) < 0)
            return failed(&e);
        printf("%s/figures\n", folders[i]);
    }
    if (count > 1 && figures_of_comparison(folders, count, out, &e) < 0)
        return failed(&e);
    if (count > 1)
        printf("%s/response-overlay.svg\n%s/migration-time.svg\n", out, out);
    return 0;
}

static bool is_sweep(const char *folder)
{
    autofree char *path = mem_printf("%s/sweep.json", folder);
    return access(path, F_OK) == 0;
}

static int plot_sweep(const char *folder, const char *out)
{
    struct err e = ERR_INIT;
    struct sweep s;
    struct sweep_table t;
    int status = sweep_read(folder, &s, &e);
    if (status == 0) {
        sweep_table_make(&s, &t);
        status = sweep_figures(&s, &t, out, &e);
        sweep_table_free(&t);
    }
    sweep_free(&s);
    if (status < 0)
        return failed(&e);
    puts(out);
    return 0;
}

int plot_main(int argc, char **argv)
{
    const char *out = NULL;
    int status = command_options("plot", argc, argv, HELP, &(struct command_options){.out = &out});
    if (status >= 0)
        return status;
    if (optind == argc)
        return command_usage("plot", "no result folder given");
    autofree char *first = mem_printf("%s/figures", argv[optind]);
    if (argc - optind == 1 && is_sweep(argv[optind]))
        return plot_sweep(argv[optind], out ? out : first);
    return plot_folders((const char *const *)argv + optind, argc - optind, out ? out : first);
}
