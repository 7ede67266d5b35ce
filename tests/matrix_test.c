/* Every strategy with every carrier: in virtual time all pairs, for real those that show each strategy and each carrier once, or all of them with
 * ROAMLAB_ALL_PAIRS=1. Runs from the project's root. */
#include "folder.h"
#include "json_file.h"
#include "play.h"
#include "real_fixture.h"
#include "result.h"
#include "strategy.h"
#include "sweep_grid.h"
#include "transfer.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MATRIX "scenarios/matrix.json"

static const struct strategy *migrating_at(int *i)
{
    const struct strategy *strategy;
    while ((strategy = strategy_at((*i)++)) && !strategy->migrates)
        ;
    return strategy;
}

/* --- virtual time --------------------------------------------------------------------------------------------------------------- */

/* The run's result; NULL if the settings do not go together. */
static json_object *play(const char *scenario, const struct scenario_setting *settings, int count,
                         const char *into)
{
    struct err e = ERR_INIT;
    struct play play;
    json_object *result = NULL;
    struct scenario *s = scenario_read(scenario, settings, count, &e);
    if (!s && e.code == EOPNOTSUPP) {
        printf("%s\n", e.text);
        return NULL;
    }
    if (!s)
        fail_msg("%s", e.text);
    play_init(&play, s, false);
    if (play_once(&play, 1, into, &result, &e) < 0)
        fail_msg("%s: %s", into, e.text);
    play_free(&play);
    scenario_free(s);
    return result;
}

/* False if the two do not go together. */
static bool play_pair(const char *folder, const char *strategy, const char *carrier)
{
    const struct scenario_setting settings[] = {{"migration.strategy", strategy},
                                                {"migration.carrier", carrier}};
    autofree char *into = mem_printf("%s/%s-%s", folder, strategy, carrier);
    json_object *result = play(MATRIX, settings, ARRAY_LEN(settings), into);
    if (result && result_exit_status(result) != 0)
        fail_msg("%s by %s: %s", strategy, carrier, json_object_to_json_string(result));
    bool played = result;
    json_object_put(result);
    return played;
}

/* And every strategy with some carrier. */
static void every_pair_runs_in_virtual_time(void **state)
{
    char *folder = folder_make();
    const struct strategy *strategy;
    (void)state;
    for (int i = 0; (strategy = migrating_at(&i));) {
        int played = 0;
        for (int k = 0; carrier_at(k); k++)
            played += play_pair(folder, strategy->name, carrier_at(k)->name);
        assert_true(played > 0);
    }
    folder_remove(folder);
}

static bool axis_has(const struct sweep_axis *axis, const char *value)
{
    for (int i = 0; i < axis->count; i++)
        if (strcmp(axis->values[i], value) == 0)
            return true;
    return false;
}

static void the_shipped_matrix_is_whole(void **state)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_read(MATRIX, NULL, 0, &e);
    struct sweep_grid grid = {0};
    const struct strategy *strategy;
    (void)state;
    assert_non_null(s);
    for (int i = 0; i < s->sweep.vary_count; i++)
        assert_int_equal(sweep_grid_add(&grid, s->sweep.vary[i], &e), 0);
    for (int i = 0; (strategy = migrating_at(&i));)
        if (!axis_has(&grid.axes[0], strategy->name))
            fail_msg("%s lacks strategy %s", MATRIX, strategy->name);
    for (int k = 0; carrier_at(k); k++)
        if (!axis_has(&grid.axes[1], carrier_at(k)->name))
            fail_msg("%s lacks carrier %s", MATRIX, carrier_at(k)->name);
    sweep_grid_free(&grid);
    scenario_free(s);
}

/* --- what goes together -------------------------------------------------------------------------------------------------------- */

/* What a column of scenarios/README.md's table stands for, beside the row's strategy. */
static struct scenario_setting setting_of(const char *column)
{
    if (carrier_of(column))
        return (struct scenario_setting){"migration.carrier", column};
    if (strcmp(column, "pipeline") == 0)
        return (struct scenario_setting){"migration.pipeline", "true"};
    assert_string_equal(column, "volume");
    return (struct scenario_setting){"service.volume_mb", "1"};
}

static bool go_together(const char *strategy, const char *column)
{
    const struct scenario_setting settings[] = {{"migration.strategy", strategy}, setting_of(column)};
    struct err e = ERR_INIT;
    struct scenario *s = scenario_read(MATRIX, settings, ARRAY_LEN(settings), &e);
    assert_int_equal(e.code, s ? 0 : EOPNOTSUPP);
    scenario_free(s);
    return s;
}

enum { COLUMNS_MAX = 10 };

/* The words of a table's row; returns how many. */
static int split(char *row, char *words[COLUMNS_MAX])
{
    char *save;
    int count = 0;
    for (char *word = strtok_r(row, " |", &save); word && count < COLUMNS_MAX;
         word = strtok_r(NULL, " |", &save))
        words[count++] = word;
    return count;
}

static void check_row(char *row, char *const columns[COLUMNS_MAX], int count)
{
    char *words[COLUMNS_MAX];
    assert_int_equal(split(row, words), count);
    for (int i = 1; i < count; i++)
        if (strcmp(words[i], go_together(words[0], columns[i]) ? "yes" : "no") != 0)
            fail_msg("%s, %s: the README says %s", words[0], columns[i], words[i]);
}

static void the_readme_says_what_goes_together(void **state)
{
    autofree char *text = folder_read("scenarios", "README.md");
    char *columns[COLUMNS_MAX], *save, *line = strstr(text, "| strategy | scp |");
    int count, rows = 0;
    (void)state;
    assert_non_null(line);
    count = split(strtok_r(line, "\n", &save), columns);
    strtok_r(NULL, "\n", &save);
    for (; (line = strtok_r(NULL, "\n", &save)) && line[0] == '|'; rows++)
        check_row(line, columns, count);
    for (int i = 0; migrating_at(&i);)
        rows--;
    assert_int_equal(rows, 0);
}

/* --- a paper's claim --------------------------------------------------------------------------------------------------------- */

static double total_s(const char *folder, const char *rate_mbit, const char *strategy)
{
    const struct scenario_setting settings[] = {{"links.0.rate_mbit", rate_mbit},
                                                {"migration.strategy", strategy}};
    autofree char *into = mem_printf("%s/%s-%s", folder, rate_mbit, strategy);
    json_object *result = play("scenarios/ma19.json", settings, ARRAY_LEN(settings), into);
    double total = json_number_at(result, "migrations.0.total_s");
    json_object_put(result);
    return total;
}

/* Ma19: 80 % less handoff time at 5 Mbit/s, 56 % at 20. */
static void layered_storage_saves_what_ma19_claims(void **state)
{
    static const struct {
        const char *rate_mbit;
        double share;
    } rows[] = {{"5", 0.80}, {"20", 0.56}};
    char *folder = folder_make();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        double complete = total_s(folder, rows[i].rate_mbit, "c-migr"),
               layered = total_s(folder, rows[i].rate_mbit, "layered");
        printf("%s Mbit/s: %.2f s against %.2f s, %.0f %% less\n", rows[i].rate_mbit, layered, complete,
               100 * (1 - layered / complete));
        assert_true(1 - layered / complete >= rows[i].share);
    }
    folder_remove(folder);
}

/* --- for real ---------------------------------------------------------------------------------------------------------------------- */

static bool all_pairs(void)
{
    return getenv("ROAMLAB_ALL_PAIRS");
}

static void add_name(struct buf *names, const char *name)
{
    buf_printf(names, "%s%s", names->len ? "," : "", name);
}

static char *names_text(struct buf *names)
{
    char *text = mem_copy_string(buf_text(names));
    buf_free(names);
    return text;
}

static bool goes_with_a_volume(const struct strategy *strategy)
{
    struct strategy with;
    return strategy_add_volume(strategy, VOLUME_EARLY, &with);
}

/* Of strategies that migrate; free() it. */
static char *names_of_strategies(bool with_a_volume)
{
    struct buf names = BUF_INIT;
    const struct strategy *strategy;
    for (int i = 0; (strategy = migrating_at(&i));)
        if (goes_with_a_volume(strategy) == with_a_volume)
            add_name(&names, strategy->name);
    return names_text(&names);
}

/* Of all; free() it. */
static char *names_of_carriers(bool with_stream)
{
    struct buf names = BUF_INIT;
    for (int k = 0; carrier_at(k); k++)
        if (with_stream || strcmp(carrier_at(k)->name, "stream") != 0)
            add_name(&names, carrier_at(k)->name);
    return names_text(&names);
}

static void tell_refusals(const char *name, json_object *table)
{
    json_object *points = json_at(table, "points");
    int refused = 0;
    for (size_t i = 0; i < json_object_array_length(points); i++) {
        json_object *point = json_object_array_get_idx(points, i), *settings = json_at(point, "settings");
        const char *why = json_text_at(point, "refused");
        if (why[0])
            printf("skip: %s by %s: %s\n",
                   json_object_get_string(json_object_object_get(settings, "migration.strategy")),
                   json_object_get_string(json_object_object_get(settings, "migration.carrier")), why);
        refused += why[0] != '\0';
    }
    printf("%s: %zu pairs, %d refused\n", name, json_object_array_length(points), refused);
}

/* A machine that was too slow has shown nothing wrong. */
static bool only_late(json_object *table)
{
    json_object *bad = json_at(table, "bad_runs");
    for (size_t i = 0; i < json_object_array_length(bad); i++) {
        json_object *run = json_object_array_get_idx(bad, i);
        if (strcmp(json_text_at(run, "why.0"), "the machine was too slow") != 0)
            return false;
    }
    return true;
}

/* Readable or not, it was looked at: a run that expects something of the packet check captures by itself. */
#define CHECKED "expect.3={\"metric\": \"packet_check.contents\", \"max\": 1}"

/* A sweep of its own folder; what does not hold in a run fails the test, what this host lacks is told. `volume`: when it moves,
 * NULL if there is none. */
static void sweep_for_real(const char *name, const char *strategies, const char *carriers, const char *volume)
{
    struct err e = ERR_INIT;
    json_object *table = NULL;
    autofree char *folder = mem_printf("%s/%s", fixture_folder, name);
    autofree char *line = mem_printf(
        "%s sweep --quiet --world real --seeds 1 --vary migration.strategy=%s --vary migration.carrier=%s "
        "--set service.layer_mb=2 --set service.memory_mb=2 --set service.volume_mb=%d --set migration.volume=%s "
        "--set links.0.rate_mbit=100 --set '" CHECKED "' -o %s " MATRIX " >%s.log 2>&1 </dev/null",
        fixture_program, strategies, carriers, volume ? 1 : 0, volume ? volume : "early", folder, folder);
    autofree char *log_name = mem_printf("%s.log", name);
    int status = system(line);
    autofree char *log = folder_read(fixture_folder, log_name);
    if (json_file_read(folder, "table.json", &table, &e) < 0)
        fail_msg("%s: exit status %d: %s", name, WEXITSTATUS(status), log);
    tell_refusals(name, table);
    if (WEXITSTATUS(status) > 1 || !only_late(table))
        fail_msg("%s: exit status %d: %s", name, WEXITSTATUS(status),
                 json_object_to_json_string(json_at(table, "bad_runs")));
    json_object_put(table);
}

/* With a volume, whose files travel early and in the freeze, if one goes with it. */
static void each_strategy_runs_for_real(void **state)
{
    autofree char *taking = names_of_strategies(true), *others = names_of_strategies(false);
    autofree char *carriers = names_of_carriers(true);
    (void)state;
    if (!fixture_program)
        skip();
    sweep_for_real("no-volume", others, all_pairs() ? carriers : "stream", NULL);
    sweep_for_real("early", taking, all_pairs() ? carriers : "stream", "early");
}

/* With a volume that comes when the container is there. */
static void each_carrier_runs_for_real(void **state)
{
    autofree char *taking = names_of_strategies(true), *carriers = names_of_carriers(all_pairs());
    (void)state;
    if (!fixture_program)
        skip();
    sweep_for_real("on-arrival", all_pairs() ? taking : "p-migr", carriers, "on-arrival");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_pair_runs_in_virtual_time),
        cmocka_unit_test(the_shipped_matrix_is_whole),
        cmocka_unit_test(the_readme_says_what_goes_together),
        cmocka_unit_test(layered_storage_saves_what_ma19_claims),
        cmocka_unit_test(each_strategy_runs_for_real),
        cmocka_unit_test(each_carrier_runs_for_real),
    };
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
