#include "calibrate_runs.h"
#include "command_line.h"
#include "commands.h"
#include "json_file.h"
#include "mem.h"
#include "scenario_key.h"
#include "table.h"

#include <errno.h>
#include <getopt.h>
#include <libgen.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char HELP[] =
    "usage: roamlab calibrate -o FILE DIR… [--check DIR]…\n"
    "       roamlab calibrate --costs FILE --check DIR…\n"
    "\n"
    "Fits the costs of virtual time to the stages of real runs, for scenarios of this machine: write\n"
    "\"costs_file\": \"FILE\" into them. DIR is a result folder, also one of repetitions.\n"
    "\n"
    "Operations get a fixed time and one per megabyte, so runs of several sizes are needed; carriers get round trips of\n"
    "their own as well, so links of several round-trip times. What the runs cannot tell keeps its default, and is named.\n"
    "\n"
    "  -o FILE            where the costs go\n"
    "  --check DIR        predicts this run, which was not used for the fit, and puts it beside what was measured; repeatable\n"
    "  --costs FILE       checks these costs, without a fit; \"default\" are those without any file\n"
    "  --max-diff P%      exit status 1 if a prediction of --check is farther off\n"
    "\n"
    "Exit status: 0 good; 1 a prediction is farther off than --max-diff; 2 usage or bad input; 4 it failed.\n";

enum { FOLDERS_MAX = 256 };

struct request {
    const char *out, *costs;
    const char *check[FOLDERS_MAX];
    int check_count;
    double max_diff; /* per cent */
};

static int take_option(void *context, int option, char *value)
{
    struct request *r = context;
    switch (option) {
    case 'o':
        r->out = value;
        return 0;
    case 'k':
        r->costs = value;
        return 0;
    case 'c':
        if (r->check_count == FOLDERS_MAX)
            return command_usage("calibrate", "too many --check");
        r->check[r->check_count++] = value;
        return 0;
    case 'd':
        return command_percent("calibrate", "--max-diff", value, &r->max_diff);
    default:
        return 2;
    }
}

static int complain(const struct err *e, int status)
{
    err_print(e);
    return status;
}

/* --- fitting ------------------------------------------------------------------------------------------------------------------------ */

static int fit_all(char **folders, int count, struct calibration *calibration, struct err *e)
{
    int status = 0;
    for (int i = 0; i < count && status == 0; i++) {
        struct calibrate_runs runs;
        status = calibrate_runs_read(folders[i], &runs, e);
        if (status == 0)
            status = calibrate_runs_fit(&runs, calibration, e);
        calibrate_runs_free(&runs);
    }
    return status;
}

static int write_costs(const char *path, json_object *costs, int runs, struct err *e)
{
    autofree char *for_folder = mem_copy_string(path), *for_name = mem_copy_string(path);
    autofree char *about = mem_printf("fitted by roamlab calibrate to the results in %d folders", runs);
    json_object *file = json_object_new_object();
    json_object_object_add(file, "description", json_text(about));
    json_object_object_foreach(costs, key, value) json_object_object_add(file, key, json_object_get(value));
    int status = json_file_write(dirname(for_folder), basename(for_name), file, e);
    json_object_put(file);
    return status;
}

static int fit(const struct request *r, char **folders, int count)
{
    struct err e = ERR_INIT;
    struct scenario_cost defaults[OPERATIONS];
    struct calibration *calibration = calibration_new();
    scenario_default_costs(defaults);
    int status = fit_all(folders, count, calibration, &e);
    if (status == 0) {
        json_object *costs = calibration_json(calibration, defaults);
        printf("Fitted to the results in %d folders\n\n", count);
        calibration_print(calibration, defaults, stdout);
        status = write_costs(r->out, costs, count, &e);
        json_object_put(costs);
    }
    calibration_free(calibration);
    return status < 0 ? complain(&e, 2) : 0;
}

/* --- checking ----------------------------------------------------------------------------------------------------------------------- */

struct check {
    const char *costs; /* NULL = the defaults */
    struct table table;
    double most_off; /* per cent */
};

static int check_one(struct check *c, const char *folder, struct err *e)
{
    struct calibrate_runs runs;
    struct calibrate_prediction p = {0};
    int status = calibrate_runs_read(folder, &runs, e);
    if (status == 0)
        status = calibrate_runs_predict(&runs, c->costs, &p, e);
    if (status == 0) {
        double percent = 100 * (p.predicted_s - p.measured_s) / p.measured_s;
        c->most_off = fmax(c->most_off, isnan(percent) ? INFINITY : fabs(percent));
        table_add(&c->table, "%s", p.what);
        table_add(&c->table, "%zu", p.runs);
        table_add(&c->table, "%.2f", p.measured_s);
        table_add(&c->table, "%.2f", p.predicted_s);
        table_add(&c->table, "%+.1f %%", percent);
        table_add(&c->table, "%s", p.most_off);
    }
    calibrate_prediction_free(&p);
    calibrate_runs_free(&runs);
    return status;
}

static int check_all(const struct request *r, const char *costs)
{
    static const char *const heads[] = {"not used for the fit", "n",          "measured s",
                                        "predicted s",          "difference", "farthest off"};
    struct err e = ERR_INIT;
    struct check c = {.costs = costs};
    int status = 0;
    table_init(&c.table, "lrrrrl");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        table_add(&c.table, "%s", heads[i]);
    for (int i = 0; i < r->check_count && status == 0; i++)
        status = check_one(&c, r->check[i], &e);
    printf("\nMigrations, medians of n\n\n");
    table_print(&c.table, 2, stdout);
    if (status < 0)
        return complain(&e, 2);
    printf("\n  at most %.1f %% off\n", c.most_off);
    return c.most_off > r->max_diff;
}

/* A prediction of what was fitted says nothing. */
static const char *used_for_both(const struct request *r, char **folders, int count)
{
    for (int i = 0; i < r->check_count; i++)
        for (int k = 0; k < count; k++) {
            autofree char *a = realpath(r->check[i], NULL), *b = realpath(folders[k], NULL);
            if (a && b && !strcmp(a, b))
                return r->check[i];
        }
    return NULL;
}

static int go(const struct request *r, char **folders, int count)
{
    const char *costs = r->costs ? r->costs : r->out;
    int status = count ? fit(r, folders, count) : 0;
    if (status || r->check_count == 0)
        return status;
    if (r->costs && !strcmp(r->costs, "default"))
        return check_all(r, NULL);
    autofree char *path = realpath(costs, NULL);
    if (!path)
        return command_bad_value("calibrate", strerror(errno), costs);
    return check_all(r, path);
}

int calibrate_main(int argc, char **argv)
{
    static const struct option options[] = {{"help", no_argument, NULL, 'h'},
                                            {"costs", required_argument, NULL, 'k'},
                                            {"check", required_argument, NULL, 'c'},
                                            {"max-diff", required_argument, NULL, 'd'},
                                            {0}};
    struct request r = {.max_diff = INFINITY};
    int status = command_take_options("calibrate", argc, argv, HELP, "o:", options, take_option, &r);
    if (status >= 0)
        return status;
    char **folders = argv + optind;
    int count = argc - optind;
    if (r.costs && r.out)
        return command_usage("calibrate", "--costs checks costs that are there: no -o");
    if (r.costs && count)
        return command_usage("calibrate", "--costs fits nothing: name folders with --check");
    if (!r.costs && (count == 0 || !r.out))
        return command_usage("calibrate", "-o FILE and result folders to fit are needed");
    const char *both = used_for_both(&r, folders, count);
    if (both)
        return command_bad_value("calibrate", "fitted and checked, which says nothing", both);
    return go(&r, folders, count);
}
