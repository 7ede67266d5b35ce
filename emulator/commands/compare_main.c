#include "command_line.h"
#include "commands.h"
#include "compare.h"
#include "json_file.h"

#include <getopt.h>

static const char HELP[] =
    "usage: roamlab compare [--all] DIR DIR\n"
    "\n"
    "Shows the numbers of two results side by side, with the difference of the second against the first in\n"
    "per cent; without --all only those that differ. Of repetitions, migrations are means over those that\n"
    "went through the same stages.\n";

static int compare_folders(const char *const *folders, bool all)
{
    struct err e = ERR_INIT;
    json_object *results[2] = {NULL, NULL};
    int status = 0;
    for (int i = 0; i < 2 && status == 0; i++)
        status = json_file_read(folders[i], "result.json", &results[i], &e);
    if (status < 0)
        err_print(&e);
    else if (compare_print(results[0], results[1], folders[0], folders[1], all, stdout) == 0)
        puts("no number differs");
    json_object_put(results[0]);
    json_object_put(results[1]);
    return status < 0 ? 2 : 0;
}

int compare_main(int argc, char **argv)
{
    bool all = false;
    const struct command_options options = {.flag = "all", .flag_given = &all};
    int status = command_options("compare", argc, argv, HELP, &options);
    if (status >= 0)
        return status;
    if (argc - optind != 2)
        return command_usage("compare", "two result folders are needed");
    const char *const folders[] = {argv[optind], argv[optind + 1]};
    return compare_folders(folders, all);
}
