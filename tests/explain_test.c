/* Every metric, key and kind of event has an explanation; a miss names the nearest. */
#include "command_output.h"
#include "commands.h"
#include "event.h"
#include "json_file.h"
#include "metric.h"
#include "scenario_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <ctype.h>
#include <math.h>

static void explained(const char *folder, const char *name, const char *said)
{
    int status = command_output(explain_main, folder, (const char *const[]){name, NULL});
    autofree char *output = folder_read(folder, "output");
    if (status || !strstr(output, said))
        fail_msg("%s: no %s in %s", name, said, output);
}

static void test_every_metric(void **state)
{
    for (int i = 0; metric_at(i); i++) {
        autofree char *path = mem_copy_string(metric_at(i));
        for (char *c = path; *c; c++)
            *c = *c == 'N' ? '3' : *c;
        autofree char *head = mem_printf("%s: a metric\n  ", path);
        explained(*state, path, head);
        explained(*state, path, metric_at(i));
    }
}

static void test_every_kind_of_event(void **state)
{
    for (int i = 0; i < EVENT_KINDS; i++) {
        const char *name = event_kind_name((enum event_kind)i);
        autofree char *head = mem_printf("%s: a kind of event\n  ", name);
        explained(*state, name, head);
        autofree char *output = folder_read(*state, "output");
        assert_true(isupper((unsigned char)output[strlen(head)]));
    }
}

static void test_keys(const char *folder, const char *above, const struct scenario_keys *keys)
{
    for (int i = 0; i < keys->count; i++) {
        const struct scenario_key *key = &keys->at[i];
        autofree char *path = mem_printf("%s%s", above, key->name), *begin = mem_printf("%s: a key of scenarios\n  ", path);
        explained(folder, path, begin);
        if (!key->help || !*key->help)
            fail_msg("%s has no explanation", path);
        const char *between = key->kind == KEY_MAP ? ".NAME." : key->kind == KEY_LIST ? ".N." : ".";
        autofree char *below = mem_printf("%s%s", path, between);
        if (key->children)
            test_keys(folder, below, key->children);
    }
}

static void test_every_key(void **state)
{
    test_keys(*state, "", &scenario_keys);
}

/* What result.json says of the run as a whole, and repeats of the scenario. */
static bool is_no_metric(const char *path)
{
    static const char *const beginnings[] = {"seed", "repetitions", "environment.", "expectations."};
    for (size_t i = 0; i < ARRAY_LEN(beginnings); i++)
        if (strncmp(path, beginnings[i], strlen(beginnings[i])) == 0)
            return true;
    return strncmp(path, "migrations.", 11) == 0 && strcmp(strrchr(path, '.'), ".repetition") == 0;
}

static void test_number(const char *path, json_object *value)
{
    if (json_object_is_type(value, json_type_object)) {
        json_object_object_foreach(value, key, member)
        {
            autofree char *below = mem_printf("%s%s%s", path, *path ? "." : "", key);
            test_number(below, member);
        }
    } else if (json_object_is_type(value, json_type_array)) {
        for (size_t i = 0; i < json_object_array_length(value); i++) {
            autofree char *below = mem_printf("%s.%zu", path, i);
            test_number(below, json_object_array_get_idx(value, i));
        }
    } else if (isfinite(json_number(value)) && !is_no_metric(path) && !metric_of(path)) {
        fail_msg("%s is no metric that can be explained", path);
    }
}

/* Whatever number a run prints into result.json. */
static void test_every_number_of_a_result(void **state)
{
    static const char *const scenarios[] = {"scenarios/tunnel.json", "scenarios/kim22-c-migr.json", "scenarios/restore-fails.json"};
    for (size_t i = 0; i < ARRAY_LEN(scenarios); i++) {
        struct err e = ERR_INIT;
        json_object *result = NULL;
        autofree char *name = mem_printf("%zu", i), *to = mem_printf("@/%s", name), *folder = mem_printf("%s/%s", (char *)*state, name);
        assert_int_equal(command_output(run_main, *state, (const char *const[]){"--quiet", "-o", to, scenarios[i], NULL}), 0);
        assert_int_equal(json_file_read(folder, "result.json", &result, &e), 0);
        test_number("", result);
        json_object_put(result);
    }
}

static const struct {
    const char *name;
    int status;
    const char *said;
} rows[] = {
    {"links.0.rtt_ms", 0, "links.N.rtt_ms: a key of scenarios\n  round-trip time"},
    {"links.rtt_ms", 0, "links.N.rtt_ms: a key"},
    {"rtt_ms", 0, "links.N.rtt_ms: a key"},
    {"muds.phone.window", 0, "muds.NAME.window: a key"},
    {"expect.2.paper", 0, "expect.N.paper: a key"},
    {"migration", 0, "migration: a key of scenarios\n"},
    {"migration", 0, "migration: a kind of event\n"},
    {"seed", 0, "a whole number from 0"},
    {"hold_ms", 0, "migrations.N.hold_ms: a metric\n"},
    {"p95", 0, "response_ms.p95: a metric\n"},
    {"p95", 0, "roaming.handoff_ms.p95: a metric\n"},
    {"rtt_mz", 2, "there is no metric, key or kind of event rtt_mz (did you mean rtt_ms?)"},
    {"repsonse_ms.p99", 2, "(did you mean response_ms.p99?)"},
    {"hand", 2, "there is no metric, key or kind of event hand"},
    {"links..rtt_ms", 2, "there is no metric"},
    {"muds..window", 2, "there is no metric"},
    {".", 2, "there is no metric"},
    {"", 2, "there is no metric"},
};

static void test_rows(void **state)
{
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = command_output(explain_main, *state, (const char *const[]){rows[i].name, NULL});
        autofree char *output = folder_read(*state, "output");
        if (status != rows[i].status || !strstr(output, rows[i].said))
            fail_msg("%s: %d %s", rows[i].name, status, output);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(test_every_metric),
        IN_FOLDER(test_every_kind_of_event),
        IN_FOLDER(test_every_key),
        IN_FOLDER(test_every_number_of_a_result),
        IN_FOLDER(test_rows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
