#include "command_line.h"
#include "commands.h"
#include "compare.h"
#include "json_file.h"
#include "response_curve.h"
#include "result.h"

#include <getopt.h>

static const char HELP[] =
    "usage: roamlab compare [--all] DIR DIR\n"
    "\n"
    "Shows the numbers of two results side by side, with the difference of the second against the first in\n"
    "per cent; without --all only those that differ, then how far their response times are apart. Of repetitions, migrations are means over those that\n"
    "went through the same stages.\n";

/* A result without events (or with none that both have) has no curve: its numbers stand above. */
static void compare_curves(const char *const *folders, json_object *const *results)
{
    struct response_curve curves[2] = {RESPONSE_CURVE_INIT, RESPONSE_CURVE_INIT};
    int status = 0;
    for (int i = 0; i < 2 && status == 0; i++)
        status = response_curve_read(folders[i], result_repetitions(folders[i], results[i]), &curves[i], NULL, NULL);
    struct response_difference d = response_curve_compare(&curves[0], &curves[1]);
    if (status == 0 && d.count)
        printf("response time, request by request (%zu): second less first %+.1f ms on average; apart by %.1f ms "
               "(median), %.1f ms (95 %%), %.1f ms (most)\n",
               d.count, d.mean, d.p50, d.p95, d.max);
    response_curve_free(&curves[0]);
    response_curve_free(&curves[1]);
}

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
    if (status == 0)
        compare_curves(folders, results);
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
