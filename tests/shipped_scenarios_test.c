/* Every scenario of scenarios/ in virtual time: what it promises under expect holds, and so does every invariant; and what
 * scenarios/README.md concludes from sweeping them. */
#include "command_output.h"
#include "commands.h"
#include "json_file.h"
#include "result.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <glob.h>

enum { LEAST = 16 };

static void run(const char *folder, const char *path)
{
    const char *const arguments[] = {"--set", "repeat=1", "-o", "@/result", path, NULL};
    if (command_output(run_main, folder, arguments) != 0) {
        autofree char *output = folder_read(folder, "output");
        fail_msg("%s: %s", path, output);
    }
}

static void test_expectations_hold(void **state)
{
    glob_t found;
    (void)state;
    assert_int_equal(glob("scenarios/*.json", 0, NULL, &found), 0);
    assert_true(found.gl_pathc > LEAST);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        if (strstr(found.gl_pathv[i], ".schema."))
            continue;
        char *folder = folder_make();
        run(folder, found.gl_pathv[i]);
        folder_remove(folder);
    }
    globfree(&found);
}

/* --- conclusions ------------------------------------------------------------------------------------------------------ */

/* The metric of a run with these settings. */
static double measure(const char *path, const char *const settings[3], const char *metric)
{
    const char *arguments[] = {"--set",     "repeat=1", "-o",        "@/result", path,        "--set",
                               settings[0], "--set",    settings[1], "--set",    settings[2], NULL};
    char *folder = folder_make();
    autofree char *made = mem_printf("%s/result", folder);
    json_object *result = NULL;
    if (command_output(run_main, folder, arguments) != 0 ||
        json_file_read(made, "result.json", &result, NULL) < 0) {
        autofree char *output = folder_read(folder, "output");
        fail_msg("%s: %s", path, output);
    }
    double value = result_metric(result, metric);
    json_object_put(result);
    folder_remove(folder);
    return value;
}

static void test_one_way_beats_another(void **state)
{
    static const struct {
        const char *path, *settings[2], *better, *worse, *metric;
        double most; /* of the worse one's value */
    } rows[] = {
        {"scenarios/policies.json",
         {"duration_s=60", "mobility.corridor.speed_mps=20"},
         "migration.policy=mdp",
         "migration.policy=follow",
         "response_ms.mean",
         0.6},
        {"scenarios/policies.json",
         {"duration_s=200", "mobility.corridor.speed_mps=2"},
         "migration.policy=mdp",
         "migration.policy=never",
         "response_ms.mean",
         0.85},
        {"scenarios/crossover.json",
         {"links.1.rate_mbit=40", "service.base_mb=1000"},
         "migration.strategy=p-migr",
         "migration.strategy=c-migr",
         "migration_s.mean",
         1},
        {"scenarios/crossover.json",
         {"links.1.rate_mbit=30", "service.base_mb=1000"},
         "migration.strategy=c-migr",
         "migration.strategy=p-migr",
         "migration_s.mean",
         1},
        {"scenarios/campus-walk.json",
         {"seed=8", "radio.roaming.threshold_dbm=-82"},
         "radio.roaming.choose=least-cost",
         "radio.roaming.choose=strongest",
         "migrations.count",
         0.75},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *better[] = {rows[i].settings[0], rows[i].settings[1], rows[i].better};
        const char *worse[] = {rows[i].settings[0], rows[i].settings[1], rows[i].worse};
        double value = measure(rows[i].path, better, rows[i].metric),
               other = measure(rows[i].path, worse, rows[i].metric);
        if (!(value <= rows[i].most * other))
            fail_msg("%s: %s is %g with %s, %g with %s", rows[i].path, rows[i].metric, value, rows[i].better,
                     other, rows[i].worse);
    }
}

/* What each megabyte of the base costs, and who is faster: the crossover's figures in scenarios/README.md. */
static void test_what_a_missing_base_costs(void **state)
{
    static const struct {
        const char *strategy, *rate, *words;
        double s_per_mb;
    } rows[] = {
        {"migration.strategy=c-migr", "links.1.rate_mbit=100", "C-Migr 0.100 s slower", 0.100},
        {"migration.strategy=p-migr", "links.1.rate_mbit=20", "0.174 s a megabyte over 20 Mbit/s", 0.174},
        {"migration.strategy=p-migr", "links.1.rate_mbit=100", "0.047 s over 100", 0.0473},
        {"migration.strategy=p-migr", "links.1.rate_mbit=1000", "0.019 s over 1000", 0.01875},
    };
    static const char path[] = "scenarios/crossover.json", metric[] = "migration_s.mean";
    autofree char *readme = folder_read("scenarios", "README.md");
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double small = measure(path, (const char *[]){rows[i].strategy, rows[i].rate, "service.base_mb=50"}, metric);
        double large = measure(path, (const char *[]){rows[i].strategy, rows[i].rate, "service.base_mb=1000"}, metric);
        if (!strstr(readme, rows[i].words))
            fail_msg("scenarios/README.md does not say \"%s\"", rows[i].words);
        assert_float_equal((large - small) / 950, rows[i].s_per_mb, 0.0005 + 0.01 * rows[i].s_per_mb);
    }
}

int main(void)
{
    setenv("PATH", "/nonexistent", 1); /* no gnuplot: figures are not what is tested, and take longest */
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_expectations_hold),
                                       cmocka_unit_test(test_one_way_beats_another),
                                       cmocka_unit_test(test_what_a_missing_base_costs)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
