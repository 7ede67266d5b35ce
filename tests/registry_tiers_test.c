/* Registries in tiers in virtual time: where a missing image comes from, that it is pulled once and kept, and what scenarios may say about
 * them. Runs from the project's root. */
#include "command_output.h"
#include "commands.h"
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

static void test_nearest(void **state)
{
    static const struct {
        struct scenario_setting settings[SETTINGS_MAX];
        const char *order[3]; /* as es2 sees them */
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
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct layout layout;
        int order[3] = {-1, -1, -1};
        struct scenario *s = read_scenario(rows[i].settings, &e);
        if (!s)
            fail_msg("row %zu: %s", i, e.text);
        world_layout_init(&layout, s, 1);
        assert_int_equal(layout_nearest_registries(&layout, 1, order), 3);
        for (int k = 0; k < 3; k++)
            assert_string_equal(layout.registries[order[k]].name, rows[i].order[k]);
        world_layout_free(&layout);
        scenario_free(s);
    }
}

/* --- runs ------------------------------------------------------------------------------------------------------------------------ */

static json_object *play(const char *const settings[SETTINGS_MAX])
{
    const char *arguments[5 + 2 * SETTINGS_MAX] = {"-o", "@/result", PATH};
    int count = 3;
    for (int i = 0; i < SETTINGS_MAX && settings[i]; i++) {
        arguments[count++] = "--set";
        arguments[count++] = settings[i];
    }
    char *folder = folder_make();
    autofree char *made = mem_printf("%s/result", folder);
    json_object *result = NULL;
    int status = command_output(run_main, folder, arguments);
    if ((status != 0 && status != 1) || json_file_read(made, "result.json", &result, NULL) < 0) {
        autofree char *output = folder_read(folder, "output");
        fail_msg("%s", output);
    }
    folder_remove(folder);
    return result;
}

/* The stage's length in seconds, 0 if there was none. */
static double stage_seconds(json_object *result, int migration, const char *name)
{
    json_object *list, *stages, *value;
    json_object_object_get_ex(result, "migrations", &list);
    json_object_object_get_ex(json_object_array_get_idx(list, (size_t)migration), "stages", &stages);
    for (size_t i = 0; i < json_object_array_length(stages); i++) {
        json_object *stage = json_object_array_get_idx(stages, i);
        if (!strcmp(json_text_at(stage, "name"), name)) {
            json_object_object_get_ex(stage, "seconds", &value);
            return json_object_get_double(value);
        }
    }
    return 0;
}

#define EVERYWHERE "edges.es2.has_base=true"
#define AT_THE_SAME_TIME "muds.m2.visits.1.at_s=3.01"

static void test_pulls(void **state)
{
    static const struct {
        const char *settings[SETTINGS_MAX];
        double least[2], most[2]; /* seconds of the pulls of both migrations */
    } rows[] = {
        /* 7.5 MB over 100 Mbit/s from the other fog, then the image is there */
        {{NULL}, {0.6, 0}, {2, 0}},
        /* over 50 Mbit/s from the cloud */
        {{"registries.fog1.images=[]"}, {1.6, 0}, {4, 0}},
        /* from the registry beside it */
        {{"registries.fog2.images=[\"iot_service:1.0\"]"}, {0.2, 0}, {0.5, 0}},
        {{EVERYWHERE}, {0, 0}, {0, 0}},
        /* nobody needs the base that a complete migration brings along */
        {{"migration.strategy=c-migr"}, {0, 0}, {0, 0}},
        /* both wait for one pull */
        {{AT_THE_SAME_TIME}, {0.6, 0.1}, {2, 2}},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_object *result = play(rows[i].settings);
        for (int k = 0; k < 2; k++) {
            double seconds = stage_seconds(result, k, "pull");
            if (seconds < rows[i].least[k] || seconds > rows[i].most[k])
                fail_msg("row %zu: pull %d took %g s", i, k, seconds);
        }
        assert_true(result_metric(result, "invariants.ok") == 1);
        assert_true(result_metric(result, "requests.lost") == 0);
        json_object_put(result);
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
    double seconds[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        json_object *result = play(settings[i]);
        seconds[i] = stage_seconds(result, 1, "pull");
        json_object_put(result);
    }
    assert_true(seconds[0] > 0.2 && seconds[0] < seconds[1] - 0.3);
}

static void test_fresh_container(void **state)
{
    static const char *const settings[2][SETTINGS_MAX] = {
        {"edges.es2.has_base=true"},
        {"edges.es2.has_base=true", "edges.es1.has_base=false", "registries.fog1.images=[]"}};
    double sent[2];
    (void)state;
    for (int i = 0; i < 2; i++) {
        json_object *result = play(settings[i]);
        sent[i] = result_metric(result, "requests.sent");
        assert_true(result_metric(result, "requests.lost") == 0 && stage_seconds(result, 0, "pull") == 0);
        json_object_put(result);
    }
    assert_true(sent[1] <
                sent[0] - 8); /* two seconds of four requests a second went by before the image was there */
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
        cmocka_unit_test(test_nearest),       cmocka_unit_test(test_pulls),
        cmocka_unit_test(test_keeps),         cmocka_unit_test(test_fresh_container),
        cmocka_unit_test(test_bad_scenarios),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
