/* Where the time of a sweep's migrations goes: stages.csv and the figures of stages. */
#include "folder.h"
#include "json_file.h"
#include "sweep_figures.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

enum { SEEDS = 2 };

/* Each point's hash is "h". */
static struct sweep make_sweep(const char *folder, const char *const *axes, int count)
{
    struct sweep s = {.folder = mem_copy_string(folder),
                      .world = mem_copy_string("sim"),
                      .scenario = mem_copy_string("x"),
                      .seed = 1,
                      .seeds = SEEDS};
    struct err e = ERR_INIT;
    for (int i = 0; i < count; i++)
        assert_int_equal(sweep_grid_add(&s.grid, axes[i], &e), 0);
    s.hash_count = sweep_grid_points(&s.grid);
    s.hashes = mem_alloc_array((size_t)s.hash_count, sizeof *s.hashes);
    for (int i = 0; i < s.hash_count; i++)
        s.hashes[i] = mem_copy_string("h");
    assert_int_equal(sweep_claim(&s, &e), 0);
    return s;
}

/* A migration from 3 s on: a freeze, and a transfer of `seconds`, which begins before the freeze is over. */
static void keep(const struct sweep *s, int run, double seconds, const char *outcome)
{
    struct err e = ERR_INIT;
    autofree char *text = mem_printf(
        "{\"scenario\": {\"sha256\": \"h\"}, \"seed\": %d, \"invariants\": {\"ok\": true, \"broken\": []}, "
        "\"drift_ms\": {\"valid\": true}, \"expectations\": [], \"migrations\": [{\"begin_s\": 3, \"total_s\": %g, "
        "\"outcome\": \"%s\", \"stages\": [{\"name\": \"freeze\", \"begin_s\": 3, \"seconds\": 0.5, \"bytes\": 0}, "
        "{\"name\": \"send memory\", \"begin_s\": 3.25, \"seconds\": %g, \"bytes\": 1000}]}]}",
        run % SEEDS + 1, seconds + 0.5, outcome, seconds);
    json_object *result = json_tokener_parse(text);
    assert_non_null(result);
    assert_int_equal(sweep_keep_result(s, run, result, &e), 0);
    json_object_put(result);
}

static void write_and_draw(const struct sweep *s)
{
    struct err e = ERR_INIT;
    struct sweep_table t;
    autofree char *figures = mem_printf("%s/figures", s->folder);
    sweep_table_make(s, &t);
    int written = sweep_table_write(s, &t, s->folder, &e), drawn = sweep_figures(s, &t, figures, &e);
    if (written < 0 || (drawn < 0 && drawn != -ENOENT))
        fail_msg("%s", e.text);
    sweep_table_free(&t);
}

static void assert_holds(const char *folder, const char *name, const char *words)
{
    autofree char *text = folder_read(folder, name);
    assert_non_null(text);
    if (!strstr(text, words))
        fail_msg("%s lacks %s: %s", name, words, text);
}

/* Two runs, one run, none that migrated: means, and a row that stays empty. */
static void each_point_is_a_row(void **state)
{
    static const char *const axes[] = {"links.0.rate_mbit=5,20", "migration.strategy=p-migr,c-migr"};
    struct sweep s = make_sweep(*state, axes, ARRAY_LEN(axes));
    keep(&s, 0, 1, "finished");
    keep(&s, 1, 2, "finished");
    keep(&s, 4, 4, "failed");
    write_and_draw(&s);
    autofree char *csv = folder_read(*state, "stages.csv");
    assert_string_equal(csv,
                        "point,links.0.rate_mbit,migration.strategy,means_of,stage,begin_s,seconds,bytes\n"
                        "0,5,p-migr,2,freeze,0,0.5,0\n"
                        "0,5,p-migr,2,send memory,0.25,1.5,1000\n"
                        "2,20,p-migr,1,freeze,0,0.5,0\n"
                        "2,20,p-migr,1,send memory,0.25,4,1000\n");
    autofree char *data = folder_read(*state, "figures/stages.dat");
    assert_string_equal(data, "# row begin_s end_s kind stage\n"
                              "0 0.000000 0.500000 source \"freeze\"\n"
                              "0 0.250000 1.750000 transfer \"send memory\"\n"
                              "2 0.000000 0.500000 source \"freeze\"\n"
                              "2 0.250000 4.250000 transfer \"send memory\"\n"
                              "\n\n# row total_s last_s label\n"
                              "0 2.000000 2.000000 \"2 s\"\n"
                              "2 4.500000 4.500000 \"4.5 s, failed\"\n");
    assert_holds(*state, "figures/stages.gp",
                 "tics_y = '\"5 · p-migr\" 0, \"5 · c-migr\" 1, \"20 · p-migr\" 2, \"20 · c-migr\" 3'\n");
    assert_holds(*state, "figures/stages.gp", "figure_note = 'means of n = 1 to 2 runs");
    sweep_free(&s);
}

/* More than a figure can hold: one for each combination of numbers. */
static void many_points_are_several_figures(void **state)
{
    static const char *const axes[] = {"migration.strategy=a,b,c,d,e,f,g", "links.0.rate_mbit=5,20,80",
                                       "migration.carrier=scp,nfs"};
    struct sweep s = make_sweep(*state, axes, ARRAY_LEN(axes));
    for (int point = 0; point < 42; point++)
        keep(&s, SEEDS * point, 1 + point, "finished");
    write_and_draw(&s);
    assert_holds(*state, "figures/stages-2.gp",
                 "figure_note = 'links 0 rate 20 Mbit/s; one run at each point");
    assert_holds(*state, "figures/stages-2.gp", "figure_y = 'migration strategy · migration carrier'\n");
    assert_holds(*state, "figures/stages-2.dat", "\n13 40.500000 40.500000 \"40.5 s\"\n"); /* g by nfs: point 39 */
    assert_null(folder_read(*state, "figures/stages-4.gp"));
    sweep_free(&s);
}

static void without_a_migration_there_is_nothing_to_draw(void **state)
{
    static const char *const axes[] = {"migration.strategy=none"};
    struct sweep s = make_sweep(*state, axes, ARRAY_LEN(axes));
    write_and_draw(&s);
    assert_null(folder_read(*state, "figures/stages.gp"));
    sweep_free(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(each_point_is_a_row),
        IN_FOLDER(many_points_are_several_figures),
        IN_FOLDER(without_a_migration_there_is_nothing_to_draw),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
