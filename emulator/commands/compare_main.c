#include "commands.h"
#include "compare.h"
#include "json_file.h"

#include <getopt.h>
#include <string.h>

static const char help[] = "usage: roamlab compare [--all] DIR DIR\n"
                           "\n"
                           "Shows the numbers of two results side by side, with the difference of the second "
                           "against the first in per\n"
                           "cent; without --all only those that differ.\n";

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
    static const struct option options[] = {
        {"all", no_argument, NULL, 'a'}, {"help", no_argument, NULL, 'h'}, {0}};
    bool all = false;
    optind = 0;
    for (int option; (option = getopt_long(argc, argv, "ah", options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (option != 'a') {
            fputs(help, stderr);
            return 2;
        }
        all = true;
    }
    if (argc - optind != 2) {
        fputs(help, stderr);
        return 2;
    }
    const char *const folders[] = {argv[optind], argv[optind + 1]};
    return compare_folders(folders, all);
}
