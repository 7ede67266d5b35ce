/* Registries in tiers in virtual time: where a missing image comes from, that it is pulled once and kept, and what scenarios may say about
 * them. Runs from the project's root. */
#include "command_output.h"
#include "commands.h"
#include "event_reader.h"
#include "json_file.h"
#include "result.h"
#include "scenario.h"
#include "world_layout.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#define PATH "scenarios/fog-registries.json"
enum { SETTINGS_MAX = 6 };

static struct scenario *read_scenario(const struct scenario_setting *settings, struct err *e)
{
    int count = 0;
    while (count < SETTINGS_MAX && settings[count].path)
        count++;
    return scenario_read(PATH, settings, count, e);
}

/* --- which is nearest --------------------------------------------------------------------------------------------------------- */

/* As es2 sees them, after those stalls (NULL: none). */
static void expect_order(const struct scenario_setting *settings, const int *stalled, const char *const expected[3])
{
    struct err e = ERR_INIT;
    struct layout layout;
    int order[3] = {-1, -1, -1};
    uint32_t stalls[3] = {0};
    struct scenario *s = read_scenario(settings, &e);
    if (!s)
        fail_msg("%s", e.text);
    world_layout_init(&layout, s, 1);
    for (; stalled && *stalled >= 0; stalled++)
        layout_note_stall(&layout, *stalled, stalls);
    assert_int_equal(layout_nearest_registries(&layout, 1, stalls, order), 3);
    for (int k = 0; k < 3; k++)
        assert_string_equal(layout.registries[order[k]].name, expected[k]);
    world_layout_free(&layout);
    scenario_free(s);
}

static void test_nearest(void **state)
{
    static const struct {
        struct scenario_setting settings[SETTINGS_MAX];
        const char *order[3];
    } rows[] = {
        {{{NULL, NULL}}, {"fog2", "fog1", "cloud"}},
        {{{"links.0.rate_mbit", "10"}}, {"fog2", "cloud", "fog1"}},
        {{{"links.2", "{\"between\": [\"fog2\", \"cloud\"]}"}}, {"fog2", "cloud", "fog1"}},
        /* as far as each other: the own one, then the lower tier */
        {{{"links", "[{\"between\": [\"fog1\", \"fog2\"]}, {\"between\": [\"fog2\", \"cloud\"]}, "
                    "{\"between\": [\"devices\", \"fog1\"]}, {\"between\": [\"devices\", \"fog2\"]}]"}},
         {"fog2", "fog1", "cloud"}},
        {{{"links", "[{\"between\": [\"fog1\", \"fog2\"]}, {\"between\": [\"fog2\", \"cloud\"]}, "
                    "{\"between\": [\"devices\", \"fog1\"]}, {\"between\": [\"devices\", \"fog2\"]}]"},
          {"edges.es2.registry", "cloud"}},
         {"cloud", "fog1", "fog2"}},
        /* the same in three tiers: cloud, fog 1, and fog 2's at its edge */
        {{{"links", "[{\"between\": [\"fog1\", \"fog2\"]}, {\"between\": [\"fog2\", \"cloud\"]}, "
                    "{\"between\": [\"devices\", \"fog1\"]}, {\"between\": [\"devices\", \"fog2\"]}]"},
          {"edges.es2.registry", "cloud"},
          {"registries.fog2.parent", "fog1"}},
         {"cloud", "fog2", "fog1"}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_order(rows[i].settings, NULL, rows[i].order);
}

static void test_stalled_come_last(void **state)
{
    static const struct {
        int stalls[4]; /* one after the other: 0 the cloud, 1 fog 1, 2 fog 2; -1 none */
        const char *order[3];
    } rows[] = {
        {{-1}, {"fog2", "fog1", "cloud"}},
        {{0, -1}, {"fog2", "fog1", "cloud"}},
        {{2, -1}, {"fog1", "cloud", "fog2"}},
        {{2, 2, 1, -1}, {"cloud", "fog2", "fog1"}},
        {{2, 1, 0, -1}, {"fog2", "fog1", "cloud"}},
        {{1, 0, 2, -1}, {"fog1", "cloud", "fog2"}},
    };
    static const struct scenario_setting none[SETTINGS_MAX] = {{NULL, NULL}};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        expect_order(none, rows[i].stalls, rows[i].order);
}

/* --- runs ------------------------------------------------------------------------------------------------------------------------ */

struct outcome {
    json_object *result;
    char from[2][32]; /* the registry that the image came from, by the device for which it was pulled; "": for none */
    struct buf holds; /* what registries say that they hold, a line each */
};

static void take_note(struct outcome *o, const struct event *event)
{
    if (event->mud >= 0 && event->mud < 2)
        sscanf(event->text, "pulled the image from registry %31[^,],", o->from[event->mud]);
    if (strstr(event->text, " holds "))
        buf_printf(&o->holds, "%s\n", event->text);
}

static void read_notes(const char *folder, struct outcome *o)
{
    struct event_reader *reader;
    struct event event;
    struct err e = ERR_INIT;
    if (event_reader_open(folder, EVENT_MASK(EVENT_NOTE), &reader, &e) < 0)
        fail_msg("%s", e.text);
    while (event_reader_next(reader, &event, &e) == 1)
        take_note(o, &event);
    event_reader_close(reader);
}

static struct outcome play(const char *const settings[SETTINGS_MAX])
{
    const char *arguments[5 + 2 * SETTINGS_MAX] = {"-o", "@/result", PATH};
    struct outcome o = {0};
    int count = 3;
    for (int i = 0; i < SETTINGS_MAX && settings[i]; i++) {
        arguments[count++] = "--set";
        arguments[count++] = settings[i];
    }
    char *folder = folder_make();
    autofree char *made = mem_printf("%s/result", folder);
    int status = command_output(run_main, folder, arguments);
    if ((status != 0 && status != 1) || json_file_read(made, "result.json", &o.result, NULL) < 0) {
        autofree char *output = folder_read(folder, "output");
        fail_msg("%s", output);
    }
    read_notes(made, &o);
    folder_remove(folder);
    return o;
}

static void forget(struct outcome *o)
{
    json_object_put(o->result);
    buf_free(&o->holds);
}

/* The first stage of that name, or NULL. */
static json_object *stage_of(json_object *result, int migration, const char *name)
{
    json_object *list, *stages;
    json_object_object_get_ex(result, "migrations", &list);
    json_object_object_get_ex(json_object_array_get_idx(list, (size_t)migration), "stages", &stages);
    for (size_t i = 0; i < json_object_array_length(stages); i++)
        if (!strcmp(json_text_at(json_object_array_get_idx(stages, i), "name"), name))
            return json_object_array_get_idx(stages, i);
    return NULL;
}

/* Whether the migration waited for a pull. */
static bool waited(json_object *result, int migration)
{
    return stage_of(result, migration, "pull") != NULL;
}

#define EVERYWHERE "edges.es2.has_base=true"
#define AT_THE_SAME_TIME "muds.m2.visits.1.at_s=3.01"

static void test_pulls(void **state)
{
    static const struct {
        const char *settings[SETTINGS_MAX];
        const char *from[2];
        bool waits[2];
    } rows[] = {
        /* the other fog's, then the image is there */
        {{NULL}, {"fog1", ""}, {true, false}},
        {{"registries.fog1.images=[]"}, {"cloud", ""}, {true, false}},
        {{"registries.fog2.images=[\"iot_service:1.0\"]"}, {"fog2", ""}, {true, false}},
        /* in three tiers, past what the tier above its own has */
        {{"registries.fog2.parent=fog1"}, {"fog1", ""}, {true, false}},
        {{"registries.fog2.parent=fog1", "registries.fog1.images=[]"}, {"cloud", ""}, {true, false}},
        {{EVERYWHERE}, {"", ""}, {false, false}},
        /* nobody needs the base that a complete migration brings along */
        {{"migration.strategy=c-migr"}, {"", ""}, {false, false}},
        /* both wait for one pull */
        {{AT_THE_SAME_TIME}, {"fog1", ""}, {true, true}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outcome o = play(rows[i].settings);
        for (int k = 0; k < 2; k++)
            if (strcmp(o.from[k], rows[i].from[k]) != 0 || waited(o.result, k) != rows[i].waits[k])
                fail_msg("row %zu: migration %d: pulled from \"%s\", waited: %d", i, k, o.from[k], waited(o.result, k));
        assert_true(result_metric(o.result, "invariants.ok") == 1);
        assert_true(result_metric(o.result, "requests.lost") == 0);
        forget(&o);
    }
}

/* A third fog behind the second one, with the registry of the second: what that keeps comes from there. */
static void test_keeps(void **state)
{
    static const char *const settings[2][SETTINGS_MAX] = {
        {"hosts.fog3={}", "edges.es3={\"host\": \"fog3\", \"registry\": \"fog2\", \"has_base\": false}",
         "links.5={\"between\": [\"fog2\", \"fog3\"], \"rate_mbit\": 1000}",
         "aps.ap3={\"host\": \"fog3\", \"edge\": \"es3\"}", "muds.m2.visits.1.ap=ap3", NULL},
        {"hosts.fog3={}", "edges.es3={\"host\": \"fog3\", \"registry\": \"fog2\", \"has_base\": false}",
         "links.5={\"between\": [\"fog2\", \"fog3\"], \"rate_mbit\": 1000}",
         "aps.ap3={\"host\": \"fog3\", \"edge\": \"es3\"}", "muds.m2.visits.1.ap=ap3",
         "registries.fog2.keeps=false"},
    };
    static const char *const from[2] = {"fog2", "fog1"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct outcome o = play(settings[i]);
        assert_string_equal(o.from[0], "fog1");
        assert_string_equal(o.from[1], from[i]);
        forget(&o);
    }
}

/* A device's first container; one whose pull hangs is begun again. */
static void test_fresh_container(void **state)
{
    static const struct {
        const char *settings[SETTINGS_MAX];
        const char *from; /* m1's */
    } rows[] = {
        {{EVERYWHERE}, ""},
        {{EVERYWHERE, "edges.es1.has_base=false"}, "fog1"},
        {{EVERYWHERE, "edges.es1.has_base=false", "registries.fog1.images=[]"}, "cloud"},
        {{EVERYWHERE, "edges.es1.has_base=false", "timeouts.progress_ms=500", "muds.m2.visits.0.at_s=5",
          "faults=[{\"operation\": \"pull\", \"effect\": \"hangs\", \"times\": 1}]"},
         "fog1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct outcome o = play(rows[i].settings);
        if (strcmp(o.from[0], rows[i].from) != 0 || result_metric(o.result, "requests.lost") != 0 || waited(o.result, 0))
            fail_msg("row %zu: pulled from \"%s\", %g requests lost", i, o.from[0], result_metric(o.result, "requests.lost"));
        assert_true(result_metric(o.result, "requests.sent") > 0);
        forget(&o);
    }
}

#define AT_FOG2(effect, span) "faults=[{\"effect\": \"" effect "\", " span "}]"
#define CUT(until) "links.0.schedule=[{\"at_s\": 0.8, \"loss\": 1}, {\"at_s\": " until ", \"loss\": 0}]"

/* A pull during which the link to the nearest registry is cut: the next one does not wait for that registry again, not even where it would answer. */
static void test_next_after_a_stall(void **state)
{
    static const struct {
        const char *settings[SETTINGS_MAX];
        const char *from; /* m2's, whose first container is at es2 */
    } rows[] = {
        {{"links.0.rate_mbit=60"}, "fog1"},
        {{"links.0.rate_mbit=60", CUT("1.2")}, "fog1"},
        {{"links.0.rate_mbit=60", CUT("3")}, "cloud"},
        {{"links.0.rate_mbit=60", CUT("12")}, "cloud"},
        {{"links.0.rate_mbit=60", CUT("3"), "registries.cloud.images=[]"}, "fog1"},
        /* forgotten, as all that is not on the disk */
        {{"links.0.rate_mbit=60", CUT("3"), AT_FOG2("restarted", "\"host\": \"fog2\", \"from_s\": 2.5, \"to_s\": 3.5")}, "fog1"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *settings[SETTINGS_MAX] = {"muds.m2.visits=[{\"ap\": \"ap2\", \"at_s\": 0}]", "timeouts.progress_ms=1000",
                                              "muds.m1.visits.1.at_s=23"};
        for (int k = 0; k < 3; k++)
            settings[3 + k] = rows[i].settings[k];
        struct outcome o = play(settings);
        if (strcmp(o.from[1], rows[i].from) != 0)
            fail_msg("row %zu: pulled from \"%s\"", i, o.from[1]);
        assert_true(result_metric(o.result, "invariants.ok") == 1);
        forget(&o);
    }
}

static void test_catalogue(void **state)
{
    static const char *const none[SETTINGS_MAX] = {NULL};
    struct outcome o = play(none);
    (void)state;
    assert_string_equal(buf_text(&o.holds),
                        "registry cloud holds iot_service:1.0, monitoring_service:1.0, web_service:latest\n"
                        "registry fog1 holds iot_service:1.0\n"
                        "registry fog2 holds nothing\n");
    forget(&o);
}

/* --- ahead of the cut -------------------------------------------------------------------------------------------------------- */

static double begin_s(json_object *result, int migration, const char *stage)
{
    json_object *found = stage_of(result, migration, stage);
    assert_non_null(found);
    return json_number_at(found, "begin_s");
}

static bool pulls_before_freeze(json_object *result, int migration)
{
    return begin_s(result, migration, "pull") < begin_s(result, migration, "freeze");
}

static double freeze_ms(json_object *result, int migration)
{
    autofree char *metric = mem_printf("migrations.%d.freeze_ms", migration);
    return result_metric(result, metric);
}

static void assert_all_is_well(json_object *result)
{
    assert_true(result_metric(result, "migrations.finished") == 2);
    assert_true(result_metric(result, "invariants.ok") == 1);
    assert_true(result_metric(result, "requests.lost") == 0);
}

#define ANNOUNCEMENT(effect) "faults=[{\"effect\": \"" effect "\", \"message\": \"PREPULL\", \"delay_ms\": 8000}]"
#define SMALL "service.base_mb=5"

/* With what is copied ahead a missing base travels, too, so that a container that stands still from the cut on does not wait for it; what
 * becomes of the announcement changes nothing else. */
static void test_pulls_ahead(void **state)
{
    static const struct {
        const char *settings[SETTINGS_MAX];
        bool ahead, in_freeze; /* the pull begins before the freeze, is part of it */
        int first;             /* the migration that pulls; the next one finds the image there */
    } rows[] = {
        {{SMALL, "migration.strategy=pre-copy"}, true, false, 0},
        {{SMALL, "migration.strategy=pre-copy", "migration.pipeline=true"}, true, false, 0},
        {{SMALL, "migration.strategy=hybrid-copy"}, true, false, 0},
        {{SMALL, "migration.strategy=hybrid-copy", "migration.pipeline=true"}, true, false, 0},
        {{SMALL, "migration.strategy=post-copy"}, false, true, 0},
        {{SMALL, "migration.strategy=hybrid-copy", ANNOUNCEMENT("doubled")}, true, false, 0},
        {{SMALL, "migration.strategy=hybrid-copy", ANNOUNCEMENT("lost")}, false, true, 0},
        {{SMALL, "migration.strategy=hybrid-copy", ANNOUNCEMENT("delayed")}, false, true, 0},
        /* what was announced is pulled in vain, and again when it is needed */
        {{SMALL, "migration.strategy=hybrid-copy", AT_FOG2("fails", "\"operation\": \"pull\"")}, true, true, 0},
        {{SMALL, "migration.strategy=pre-copy", AT_FOG2("hangs", "\"operation\": \"pull\""), "timeouts.progress_ms=2000"},
         true,
         false,
         0},
        /* while it pulls; the first migration has failed */
        {{SMALL, "migration.strategy=hybrid-copy",
          AT_FOG2("restarted", "\"host\": \"fog2\", \"from_s\": 3.3, \"to_s\": 3.4")},
         true,
         false,
         1},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int first = rows[i].first;
        struct outcome o = play(rows[i].settings);
        bool ahead = pulls_before_freeze(o.result, first);
        double longer_ms = freeze_ms(o.result, first) - freeze_ms(o.result, first + 1);
        if (ahead != rows[i].ahead || (longer_ms > 100) != rows[i].in_freeze)
            fail_msg("row %zu: ahead %d, freeze longer by %g ms", i, ahead, longer_ms);
        assert_string_equal(o.from[0], "fog1");
        assert_all_is_well(o.result);
        forget(&o);
    }
}

/* Announced for the one, it serves the other as well. */
static void test_pulls_ahead_for_two(void **state)
{
    static const char *const settings[SETTINGS_MAX] = {"migration.strategy=hybrid-copy", AT_THE_SAME_TIME};
    struct outcome o = play(settings);
    (void)state;
    assert_true(pulls_before_freeze(o.result, 0) && !pulls_before_freeze(o.result, 1));
    assert_string_equal(o.from[0], "fog1");
    assert_string_equal(o.from[1], "");
    assert_true(result_metric(o.result, "migrations.1.bytes.image") == 0);
    assert_all_is_well(o.result);
    forget(&o);
}

/* --- what scenarios may say ----------------------------------------------------------------------------------------------------- */

static void test_bad_scenarios(void **state)
{
    static const struct {
        struct scenario_setting settings[SETTINGS_MAX];
        const char *words;
    } rows[] = {
        {{{"registries.fog1.parent", "sky"}}, "registries.fog1.parent: there is no registry sky"},
        {{{"registries.cloud.parent", "fog1"}}, "parent: the tiers go in a circle"},
        {{{"registries.fog1.host", "fog2"}}, "host: registry fog1 is on host fog2 already"},
        {{{"registries.fog1.images", "[\"IoT\"]"}},
         "registries.fog1.images.0: \"IoT\" does not name an image"},
        {{{"service.image", "a:"}}, "service.image: \"a:\" does not name an image"},
        {{{"service.image", "a/../b"}}, "service.image: \"a/../b\" does not name an image"},
        {{{"service.image", "other"}}, "edges.es2.has_base: no registry that it reaches has the image other"},
        {{{"edges.es1.registry", "sky"}}, "edges.es1.registry: there is no registry sky"},
        {{{"migration.registry", "sky"}}, "migration.registry: there is no registry sky"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct scenario *s = read_scenario(rows[i].settings, &e);
        if (s || !strstr(e.text, rows[i].words))
            fail_msg("row %zu: \"%s\", not \"%s\"", i, s ? "good" : e.text, rows[i].words);
    }
}

int main(void)
{
    setenv("PATH", "/nonexistent", 1); /* no gnuplot: figures are not what is tested */
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nearest),       cmocka_unit_test(test_stalled_come_last),
        cmocka_unit_test(test_pulls),         cmocka_unit_test(test_next_after_a_stall),
        cmocka_unit_test(test_keeps),         cmocka_unit_test(test_fresh_container),
        cmocka_unit_test(test_catalogue),     cmocka_unit_test(test_pulls_ahead),
        cmocka_unit_test(test_pulls_ahead_for_two), cmocka_unit_test(test_bad_scenarios),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
