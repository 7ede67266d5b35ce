#include "commands.h"
#include "figures.h"
#include "json_file.h"
#include "mem.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

static const char help[] = "usage: roamlab plot [-o DIR] DIR...\n"
                           "\n"
                           "Draws the figures of each result folder into its figures/ (SVG and PNG, with the "
                           ".gp and .dat they are drawn\n"
                           "from). Of several results it also draws the migration time by strategy, into the "
                           "folder that -o names, or\n"
                           "the first result's figures/.\n";

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
        if (!is_result(folders[i], &e)) {
            err_print(&e);
            return 2;
        }
    for (int i = 0; i < count; i++) {
        if (figures_of_result(folders[i], &e) < 0)
            return failed(&e);
        printf("%s/figures\n", folders[i]);
    }
    if (count > 1 && figures_of_comparison(folders, count, out, &e) < 0)
        return failed(&e);
    if (count > 1)
        printf("%s/migration-time.svg\n", out);
    return 0;
}

int plot_main(int argc, char **argv)
{
    static const struct option options[] = {
        {"output", required_argument, NULL, 'o'}, {"help", no_argument, NULL, 'h'}, {0}};
    const char *out = NULL;
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "o:h", options, NULL)) != -1;) {
        if (option == 'o')
            out = optarg;
        else {
            fputs(help, option == 'h' ? stdout : stderr);
            return option == 'h' ? 0 : 2;
        }
    }
    if (optind == argc) {
        fputs(help, stderr);
        return 2;
    }
    autofree char *first = mem_printf("%s/figures", argv[optind]);
    return plot_folders((const char *const *)argv + optind, argc - optind, out ? out : first);
}
