/* The parts of a sweep: axes and points, the folder, the table. */
#include "folder.h"
#include "interrupt.h"
#include "json_file.h"
#include "sweep_figures.h"
#include "sweep_merge.h"
#include "version.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

/* --- axes and points -------------------------------------------------------------------------------------------------- */

static const struct {
    const char *text, *values; /* values joined by blanks, or */
    const char *error;         /* a part of what is said */
} axes[] = {
    {"a=1", "1", NULL},
    {"a.b=p-migr,c-migr", "p-migr c-migr", NULL},
    {"a=1:3:1", "1 2 3", NULL},
    {"a=0.1:0.5:0.1", "0.1 0.2 0.3 0.4 0.5", NULL},
    {"a=10:1:-3", "10 7 4 1", NULL},
    {"a=1:2:0.7", "1 1.7", NULL},
    {"a=5:5:1", "5", NULL},
    {"a=1,10:30:10,100", "1 10 20 30 100", NULL},
    {"a=-1:1:1", "-1 0 1", NULL},
    {"a={\"x\":1,\"y\":[2,3]},4", "{\"x\":1,\"y\":[2,3]} 4", NULL},
    {"a=\"b,\\\",c\",d", "\"b,\\\",c\" d", NULL},
    {"a=1:2", "1:2", NULL},
    {"a=b=c", "b=c", NULL},
    {"a", NULL, "is not an axis"},
    {"=1", NULL, "is not an axis"},
    {"a=", NULL, "empty value"},
    {"a=1,", NULL, "empty value"},
    {"a=,1", NULL, "empty value"},
    {"a=1:2:0", NULL, "1:2:0 is not a range"},
    {"a=1:2:-1", NULL, "1:2:-1 is not a range"},
    {"a=0:1e9:1", NULL, "is not a range"},
};

static void test_axes(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(axes); i++) {
        struct sweep_grid grid = {0};
        struct buf values = BUF_INIT;
        struct err e = ERR_INIT;
        int status = sweep_grid_add(&grid, axes[i].text, &e);
        assert_int_equal(status, axes[i].error ? -EINVAL : 0);
        if (axes[i].error && !strstr(e.text, axes[i].error))
            fail_msg("%s: %s", axes[i].text, e.text);
        for (int k = 0; status == 0 && k < grid.axes[0].count; k++)
            buf_printf(&values, "%s%s", k ? " " : "", grid.axes[0].values[k]);
        if (status == 0)
            assert_string_equal(buf_text(&values), axes[i].values);
        buf_free(&values);
        sweep_grid_free(&grid);
    }
}

static void test_points(void **state)
{
    (void)state;
    struct sweep_grid grid = {0};
    struct scenario_setting settings[2];
    struct err e = ERR_INIT;
    assert_int_equal(sweep_grid_points(&grid), 1);
    assert_int_equal(sweep_grid_add(&grid, "a=1,2", &e), 0);
    assert_int_equal(sweep_grid_add(&grid, "b=x,y,z", &e), 0);
    assert_int_equal(sweep_grid_add(&grid, "a=3", &e), -EINVAL);
    assert_int_equal(sweep_grid_add(&grid, "c=0:900000:1", &e), -EINVAL);
    assert_int_equal(sweep_grid_points(&grid), 6);
    sweep_grid_settings(&grid, 4, settings);
    assert_string_equal(settings[0].value, "2");
    assert_string_equal(settings[1].value, "y");
    autofree char *name = sweep_grid_name(&grid, 2);
    assert_string_equal(name, "a=1 b=z");
    const char *text = "a=2 b=y c=3";
    assert_int_equal(sweep_grid_find(&grid, &text), 4);
    assert_string_equal(text, "c=3");
    assert_int_equal(sweep_grid_find(&grid, &text), -1);
    assert_int_equal(sweep_grid_first(&grid, 4, 1), 3);
    assert_int_equal(sweep_grid_first(&grid, 4, 0), 1);
    sweep_grid_free(&grid);
}

/* --- the folder ---------------------------------------------------------------------------------------------------------- */

static char **list(int count, const char *const *texts)
{
    char **copy = mem_alloc_array((size_t)count + 1, sizeof *copy);
    for (int i = 0; i < count; i++)
        copy[i] = mem_copy_string(texts[i]);
    return copy;
}

/* Two points, "h0" and "h1", and three seeds from 7. */
static struct sweep make_sweep(const char *folder)
{
    static const char *const metrics[] = {"migration_s.mean", "requests.lost"},
                             *const hashes[] = {"h0", "h1"}, *const settings[] = {"x=\"a, b\""};
    struct sweep s = {.folder = mem_copy_string(folder),
                      .world = mem_copy_string("sim"),
                      .scenario = mem_copy_string("x"),
                      .settings = list(1, settings),
                      .setting_count = 1,
                      .hashes = list(2, hashes),
                      .hash_count = 2,
                      .seed = 7,
                      .seeds = 3,
                      .metrics = list(2, metrics),
                      .metric_count = 2};
    struct err e = ERR_INIT;
    assert_int_equal(sweep_grid_add(&s.grid, "p.rate_mbit=10,\"2,0\"", &e), 0);
    return s;
}

static void replace(char **text, const char *with)
{
    free(*text);
    *text = mem_copy_string(with);
}

static void another_grid(struct sweep *s)
{
    struct err e = ERR_INIT;
    sweep_grid_free(&s->grid);
    assert_int_equal(sweep_grid_add(&s->grid, "p.rate_mbit=10,30", &e), 0);
}

static void another_scenario(struct sweep *s)
{
    replace(&s->scenario, "y");
}

static void another_world(struct sweep *s)
{
    replace(&s->world, "real");
}

static void another_setting(struct sweep *s)
{
    replace(&s->settings[0], "x=2");
}

static void another_file(struct sweep *s)
{
    replace(&s->hashes[1], "h2");
}

static void another_seed(struct sweep *s)
{
    s->seed = 8;
}

static void more_seeds(struct sweep *s)
{
    s->seeds = 4;
}

static void another_metric(struct sweep *s)
{
    replace(&s->metrics[0], "response_ms.max");
}

static const struct {
    void (*change)(struct sweep *s);
    const char *refused; /* by these words; NULL: not */
} claims[] = {
    {another_grid, "--vary"},
    {another_scenario, "another scenario: x"},
    {another_world, "another world"},
    {another_setting, "--set"},
    {another_file, "file"},
    {another_seed, "first seed"},
    {more_seeds, NULL},
    {another_metric, NULL},
};

static void test_a_folder_belongs_to_one_sweep(void **state)
{
    struct err e = ERR_INIT;
    struct sweep first = make_sweep(*state);
    for (size_t i = 0; i < ARRAY_LEN(claims); i++) {
        struct sweep s = make_sweep(*state);
        assert_int_equal(sweep_claim(&first, &e), 0);
        claims[i].change(&s);
        e = (struct err)ERR_INIT;
        assert_int_equal(sweep_claim(&s, &e), claims[i].refused ? -EEXIST : 0);
        if (claims[i].refused && !strstr(e.text, claims[i].refused))
            fail_msg("%s", e.text);
        sweep_free(&s);
    }
    sweep_free(&first);
}

static void test_what_is_claimed_is_read_again(void **state)
{
    struct err e = ERR_INIT;
    struct sweep s = make_sweep(*state), again;
    assert_int_equal(sweep_claim(&s, &e), 0);
    autofree char *written = folder_read(*state, "sweep.json");
    if (sweep_read(*state, &again, &e) < 0 || sweep_claim(&again, &e) < 0)
        fail_msg("%s", e.text);
    autofree char *rewritten = folder_read(*state, "sweep.json");
    assert_string_equal(rewritten, written);
    sweep_free(&again);
    folder_write(*state, "sweep.json", "{\"seeds\": 3, \"vary\": [\"a=1,2\"], \"sha256\": [\"h0\"]}");
    assert_int_equal(sweep_read(*state, &again, &e), -EINVAL);
    sweep_free(&again);
    sweep_free(&s);
}

/* --- results and the table ------------------------------------------------------------------------------------------------- */

static json_object *result(const char *hash, int seed, const char *migration, int lost)
{
    autofree char *text = mem_printf(
        "{\"scenario\": {\"sha256\": \"%s\"}, \"seed\": %d, \"requests\": {\"lost\": %d}, \"migrations\": [], "
        "\"migration_s\": {\"mean\": %s}, \"invariants\": {\"ok\": true, \"broken\": []}, \"drift_ms\": {\"valid\": true}, "
        "\"expectations\": [{\"metric\": \"requests.lost\", \"bound\": {\"max\": 0}, \"value\": %d, \"holds\": %s}]}",
        hash, seed, lost, migration, lost, lost ? "false" : "true");
    json_object *o = json_tokener_parse(text);
    assert_non_null(o);
    return o;
}

static void keep(const struct sweep *s, int run, const char *hash, int seed, const char *migration, int lost)
{
    struct err e = ERR_INIT;
    json_object *o = result(hash, seed, migration, lost);
    assert_int_equal(sweep_keep_result(s, run, o, &e), 0);
    json_object_put(o);
}

static bool is_there(const struct sweep *s, int run)
{
    json_object *o = sweep_result(s, run);
    json_object_put(o);
    return o != NULL;
}

static void test_only_the_run_s_own_result_counts(void **state)
{
    struct err e = ERR_INIT;
    struct sweep s = make_sweep(*state);
    assert_int_equal(sweep_claim(&s, &e), 0);
    assert_false(is_there(&s, 4));
    keep(&s, 4, "h1", 8, "1", 0);
    assert_true(is_there(&s, 4));
    keep(&s, 4, "h0", 8, "1", 0);
    assert_false(is_there(&s, 4));
    keep(&s, 4, "h1", 7, "1", 0);
    assert_false(is_there(&s, 4));
    folder_write(*state, "runs/00001-seed-8.json", "{\"scenario\": {\"sha2");
    assert_false(is_there(&s, 4));
    sweep_free(&s);
}

static const char csv[] =
    "point,p.rate_mbit,runs,bad_runs,"
    "migration_s.mean n,migration_s.mean mean,migration_s.mean ci95,migration_s.mean min,"
    "migration_s.mean max,requests.lost n,requests.lost mean,requests.lost ci95,requests.lost min,"
    "requests.lost max,refused\n"
    "0,10,3,1,3,2,2.484165,1,3,3,0.666667,2.868467,0,2,\n"
    "1,\"\"\"2,0\"\"\",1,0,0,,,,,1,0,,0,0,\n";

/* Of 1, 2, 3: 2 ± 4.3027 · 1 / √3; of 0, 0, 2: ⅔ ± 4.3027 · 1.1547 / √3. */
static void test_table(void **state)
{
    struct err e = ERR_INIT;
    struct sweep s = make_sweep(*state);
    struct sweep_table t;
    assert_int_equal(sweep_claim(&s, &e), 0);
    keep(&s, 2, "h0", 9, "1", 0);
    keep(&s, 0, "h0", 7, "3", 0);
    keep(&s, 1, "h0", 8, "2", 2);
    keep(&s, 3, "h1", 7, "null", 0);
    sweep_table_make(&s, &t);
    assert_int_equal(t.runs, 4);
    assert_int_equal(sweep_table_write(&s, &t, *state, &e), 0);
    autofree char *written = folder_read(*state, "table.csv");
    assert_string_equal(written, csv);
    json_object *json = NULL;
    assert_int_equal(json_file_read(*state, "table.json", &json, &e), 0);
    assert_string_equal(json_text_at(json, "bad_runs.0.why.0"), "requests.lost is 2, must be at most 0");
    assert_float_equal(json_number_at(json, "bad_runs.0.seed"), 8, 0);
    json_object_put(json);
    sweep_table_free(&t);
    sweep_free(&s);
}

/* 1 s against 4 s, of which a paper says 80 % less; nothing is said of what is 0 in both. */
static void test_changes_stand_beside_a_paper_s(void **state)
{
    static const char *const papers[] = {"p.rate_mbit=\"2,0\" migration_s.mean=-80"};
    struct sweep s = make_sweep(*state);
    struct sweep_table t;
    struct err e = ERR_INIT;
    char *said = NULL;
    size_t size;
    s.against = mem_copy_string("p.rate_mbit");
    s.papers = list(1, papers);
    s.paper_count = 1;
    assert_int_equal(sweep_claim(&s, &e), 0);
    keep(&s, 0, "h0", 7, "4", 0);
    keep(&s, 3, "h1", 7, "1", 0);
    sweep_free(&s);
    assert_int_equal(sweep_read(*state, &s, &e), 0);
    sweep_table_make(&s, &t);
    assert_int_equal(sweep_table_write(&s, &t, *state, &e), 0);
    FILE *out = open_memstream(&said, &size);
    sweep_table_print(&s, &t, out);
    fclose(out);
    assert_non_null(strstr(said, " 1 (n 1), -75 %, paper -80 %  "));
    assert_null(strstr(said, "4 (n 1),"));
    assert_null(strstr(said, "0 (n 1),"));
    json_object *json = NULL;
    assert_int_equal(json_file_read(*state, "table.json", &json, &e), 0);
    json_object *cell = json_object_object_get(json_at(json, "points.1.metrics"), "migration_s.mean");
    assert_true(json_number_at(cell, "change_percent") == -75 && json_number_at(cell, "paper_percent") == -80);
    json_object_put(json);
    free(said);
    sweep_table_free(&t);
    sweep_free(&s);
}

/* What this host cannot do is a row that says why, and no bad run. */
static void test_refusals(void **state)
{
    struct err e = ERR_INIT;
    struct sweep s = make_sweep(*state);
    struct sweep_table t;
    assert_int_equal(sweep_claim(&s, &e), 0);
    keep(&s, 0, "h0", 7, "3", 0);
    assert_int_equal(sweep_keep_refusal(&s, 3, "criu: no lazy pages", &e), 0);
    json_object *kept = sweep_result(&s, 3);
    assert_string_equal(sweep_refusal(kept), "criu: no lazy pages");
    json_object_put(kept);
    sweep_table_make(&s, &t);
    assert_int_equal(t.runs, 2);
    assert_int_equal(t.refused, 1);
    assert_int_equal(t.bad_runs, 0);
    assert_null(t.rows[0].refused);
    assert_string_equal(t.rows[1].refused, "criu: no lazy pages");
    assert_int_equal(t.rows[1].cells[0].n, 0);
    assert_int_equal(sweep_table_write(&s, &t, *state, &e), 0);
    autofree char *written = folder_read(*state, "table.csv");
    assert_non_null(strstr(written, ",criu: no lazy pages\n"));
    sweep_table_free(&t);
    sweep_free(&s);
}

static void test_a_partial_sweep_is_merged_on_demand_only(void **state)
{
    struct err e = ERR_INIT;
    struct sweep s = make_sweep(*state);
    struct sweep_table t;
    assert_int_equal(sweep_claim(&s, &e), 0);
    keep(&s, 0, "h0", 7, "1", 0);
    assert_int_equal(sweep_merge(&s, false, &t, &e), 0);
    sweep_table_free(&t);
    assert_null(folder_read(*state, "table.csv"));
    int status = sweep_merge(&s, true, &t, &e);
    assert_true(status == 0 || status == -ENOENT);
    sweep_table_free(&t);
    autofree char *table = folder_read(*state, "table.csv");
    assert_non_null(table);
    sweep_free(&s);
}

static const struct {
    const char *path, *label;
} labels[] = {
    {"links.0.rate_mbit", "links 0 rate (Mbit/s)"},
    {"links.0.rtt_ms", "links 0 rtt (ms)"},
    {"migration_s.mean", "migration mean (s)"},
    {"migrations.0.longest_gap_ms", "migrations 0 longest gap (ms)"},
    {"service.base_mb", "service base (MB)"},
    {"muds.m1.requests_per_s", "muds m1 requests (1/s)"},
    {"requests.lost", "requests lost"},
    {"costs.save.ms_per_mb", "costs save (ms/MB)"},
};

static void test_labels_have_units(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(labels); i++) {
        autofree char *label = sweep_figures_label(labels[i].path);
        assert_string_equal(label, labels[i].label);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_axes),
        cmocka_unit_test(test_points),
        IN_FOLDER(test_a_folder_belongs_to_one_sweep),
        IN_FOLDER(test_what_is_claimed_is_read_again),
        IN_FOLDER(test_only_the_run_s_own_result_counts),
        IN_FOLDER(test_table),
        IN_FOLDER(test_changes_stand_beside_a_paper_s),
        IN_FOLDER(test_refusals),
        IN_FOLDER(test_a_partial_sweep_is_merged_on_demand_only),
        cmocka_unit_test(test_labels_have_units),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
