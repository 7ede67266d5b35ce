#include "command_line.h"
#include "commands.h"
#include "compare.h"
#include "json_file.h"
#include "response_curve.h"
#include "result.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char HELP[] =
    "usage: roamlab compare [--all] [--max-diff P%] BASE NEW\n"
    "\n"
    "Shows the numbers of two results side by side, with the difference of the second against the first in\n"
    "per cent; without --all only those that differ, then how far their response times are apart. Of repetitions, migrations are means over those that\n"
    "went through the same stages.\n"
    "\n"
    "With --max-diff, every metric that is more than P per cent of BASE's value away from it, or that only one of both\n"
    "has, is named behind the table, and the exit status is 1.\n";

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

/* "5" or "5%"; NAN = not given. */
static bool read_percent(const char *text, double *percent)
{
    char *end = NULL;
    *percent = text ? strtod(text, &end) : NAN;
    return !text || (end != text && (!*end || !strcmp(end, "%")) && isfinite(*percent) && *percent >= 0);
}

static int compare_folders(const char *const *folders, bool all, double percent)
{
    struct err e = ERR_INIT;
    json_object *results[2] = {NULL, NULL};
    int status = 0, moved = 0;
    for (int i = 0; i < 2 && status == 0; i++)
        status = json_file_read(folders[i], "result.json", &results[i], &e);
    if (status < 0)
        err_print(&e);
    else if (compare_print(results[0], results[1], folders[0], folders[1], all, stdout) == 0)
        puts("no number differs");
    if (status == 0)
        compare_curves(folders, results);
    if (status == 0 && isfinite(percent))
        moved = compare_moved(results[0], results[1], percent, stdout);
    json_object_put(results[0]);
    json_object_put(results[1]);
    return status < 0 ? 2 : moved > 0;
}

int compare_main(int argc, char **argv)
{
    bool all = false;
    double percent;
    const char *max_diff = NULL;
    const struct command_options options = {.flag = "all", .flag_given = &all, .option = "max-diff", .value = &max_diff};
    int status = command_options("compare", argc, argv, HELP, &options);
    if (status >= 0)
        return status;
    if (argc - optind != 2)
        return command_usage("compare", "two result folders are needed");
    if (!read_percent(max_diff, &percent))
        return command_bad_value("compare", "--max-diff wants a number of per cent", max_diff);
    const char *const folders[] = {argv[optind], argv[optind + 1]};
    return compare_folders(folders, all, percent);
}
