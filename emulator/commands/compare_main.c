#include "command_line.h"
#include "commands.h"
#include "compare.h"
#include "json_file.h"
#include "mem.h"
#include "paper_table.h"
#include "response_curve.h"
#include "result.h"

#include <getopt.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char HELP[] =
    "usage: roamlab compare [--all] [--max-diff P%] BASE NEW\n"
    "       roamlab compare --paper DIR…\n"
    "\n"
    "Shows the numbers of two results side by side, with the difference of the second against the first in per cent; without\n"
    "--all only those that differ. Then how far their response times are apart. Of repetitions, migrations are means over\n"
    "those that went through the same stages.\n"
    "\n"
    "With --max-diff, every metric that is more than P per cent of BASE's value away from it, or that only one of both\n"
    "has, is named behind the table, and the exit status is 1.\n"
    "\n"
    "With --paper, a table of the figures of papers that the scenarios quote (expect.N.paper) beside those of the results, in the\n"
    "columns sim and real, with the half width of the 95 % confidence interval and the number of repetitions.\n"
    "\n"
    "Exit status: 0 good; 1 a metric is farther off than --max-diff; 2 usage or no result.\n";

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

static int compare_with_papers(const char *const *folders, size_t count)
{
    struct err e = ERR_INIT;
    json_object **results = mem_alloc_array(count, sizeof(json_object *));
    int status = 0;
    for (size_t i = 0; i < count && status == 0; i++)
        status = json_file_read(folders[i], "result.json", &results[i], &e);
    if (status < 0)
        err_print(&e);
    else if (paper_table_print(results, count, stdout) == 0)
        puts("none of these scenarios quotes a paper's figure");
    for (size_t i = 0; i < count; i++)
        json_object_put(results[i]);
    free(results);
    return status < 0 ? 2 : 0;
}

struct request {
    bool all, paper;
    double max_diff; /* per cent; NAN = not given */
};

static int take_option(void *context, int option, char *value)
{
    struct request *request = context;
    switch (option) {
    case 'a':
        request->all = true;
        return 0;
    case 'p':
        request->paper = true;
        return 0;
    case 'd':
        return command_percent("compare", "--max-diff", value, &request->max_diff);
    default:
        return 2;
    }
}

int compare_main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"all", no_argument, NULL, 'a'},
                                            {"paper", no_argument, NULL, 'p'},
                                            {"max-diff", required_argument, NULL, 'd'},
                                            {0}};
    struct request request = {.max_diff = NAN};
    int status = command_take_options("compare", argc, argv, HELP, "", options, take_option, &request);
    if (status >= 0)
        return status;
    const char *const *folders = (const char *const *)argv + optind;
    if (request.paper && optind == argc)
        return command_usage("compare", "--paper wants result folders");
    if (request.paper)
        return compare_with_papers(folders, (size_t)(argc - optind));
    if (argc - optind != 2)
        return command_usage("compare", "two result folders are needed");
    return compare_folders(folders, request.all, request.max_diff);
}
