/* result.json: its form, what makes it bad, and what repetitions are summed up to. */
#include "folder.h"
#include "json_file.h"
#include "result.h"
#include "synthetic_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>

static struct synthetic_run run; /* too large for the stack */

static void carry(enum event_direction direction, int packets)
{
    struct event *event = synthetic_add(&run, EVENT_CARRIED, 9, "ES-1", "dropped 4, lost 5");
    event->direction = direction;
    event->number = 0;
    event->value = packets;
    event->bytes = packets * 1000;
}

static void warm(double at_s, int connections, int bytes)
{
    struct event *event = synthetic_add(&run, EVENT_WARMED, at_s, "ES-1", "");
    event->number = connections;
    event->bytes = bytes;
}

static const struct result_fact facts[] = {{"kernel", "6.1.0", 0}, {"cpus", NULL, 2}};

static struct result_input input_of(const struct scenario *s)
{
    return (struct result_input){.world = "sim",
                                 .scenario = s,
                                 .seed = 7,
                                 .environment = facts,
                                 .environment_count = ARRAY_LEN(facts)};
}

struct number {
    const char *path;
    double value;
};

static void assert_numbers(json_object *r, const struct number *numbers, size_t count, double room)
{
    for (size_t i = 0; i < count; i++)
        if (!(fabs(json_number_at(r, numbers[i].path) - numbers[i].value) < room))
            fail_msg("%s is %f", numbers[i].path, json_number_at(r, numbers[i].path));
}

static const char expected_start[] = "{\n"
                                     "  \"roamlab\": \"0.1.0\",\n"
                                     "  \"world\": \"sim\",\n"
                                     "  \"scenario\": {\n"
                                     "    \"name\": \"synthetic\",\n";

static void test_result_has_the_promised_form(void **state)
{
    static struct scenario_expect expects[] = {
        {.metric = "requests.lost", .has_max = true},
        {.metric = "migration_s.mean", .has_min = true, .has_max = true, .min = 1, .max = 1.5},
        {.metric = "migrations.count", .has_min = true, .has_max = true, .min = 1, .max = 1},
        {.metric = "invariants.ok", .has_min = true, .min = 1},
        {.metric = "migrations.0.stages.1.seconds", .has_min = true, .has_max = true, .min = 0.19, .max = 0.19},
        {.metric = "migrations.3.total_s", .has_min = true},
        {.metric = "links.0.forward.dropped", .has_max = true, .max = 4},
        {.metric = "links.1.forward.dropped", .has_max = true, .max = 4},
    };
    static const struct number numbers[] = {
        {"seed", 7},
        {"repetitions", 1},
        {"environment.cpus", 2},
        {"requests.sent", 6},
        {"requests.answered", 6},
        {"requests.abandoned", 0},
        {"requests.lost", 0},
        {"requests.duplicated", 0},
        {"roaming.handoffs", 0},
        {"roaming.outages", 0},
        {"roaming.outage_s.total", 0},
        {"response_ms.mean", 86.667},
        {"response_ms.p50", 20},
        {"response_ms.p95", 220},
        {"response_ms.p99", 220},
        {"response_ms.max", 220},
        {"migrations.0.begin_s", 2.25},
        {"migrations.0.ready_s", 1.66},
        {"migrations.0.total_s", 2},
        {"migrations.0.freeze_ms", 260},
        {"migrations.0.hold_ms", 240},
        {"migrations.0.longest_gap_ms", 200},
        {"migrations.0.replayed", 3},
        {"migrations.0.bytes.wire", 49200000},
        {"migrations.0.bytes.memory", 29000000},
        {"migrations.0.bytes.layer", 20000000},
        {"migrations.0.bytes.image", 0},
        {"migrations.0.stages.1.begin_s", 2.26},
        {"migrations.0.stages.1.bytes", 29000000},
        {"migration_s.mean", 2},
        {"migration_s.min", 2},
        {"migration_s.max", 2},
        {"links.0.forward.packets", 12},
        {"links.0.forward.bytes", 12000},
        {"links.0.forward.dropped", 4},
        {"links.0.back.lost", 5},
        {"links.0.back.packets", 3},
        {"warming.connections", 3},
        {"warming.bytes", 5000000},
        {"invariants.ok", 1},
        {"drift_ms.p99", 0},
        {"drift_ms.valid", 1},
        {"expectations.0.holds", 1},
        {"expectations.1.holds", 0},
        {"expectations.1.value", 2},
        {"expectations.1.bound.max", 1.5},
        {"expectations.2.holds", 1},
        {"expectations.3.holds", 1},
        {"expectations.4.holds", 1},
        {"expectations.5.holds", 0},
        {"expectations.6.holds", 1},
        {"expectations.7.holds", 0},
    };
    static const char *const texts[][2] = {
        {"world", "sim"},
        {"environment.kernel", "6.1.0"},
        {"links.0.between.1", "pc2"},
        {"migrations.0.mud", "m1"},
        {"migrations.0.from", "es1"},
        {"migrations.0.to", "es2"},
        {"migrations.0.strategy", "p-migr"},
        {"migrations.0.carrier", "scp"},
        {"migrations.0.outcome", "finished"},
        {"migrations.0.stages.2.name", "take layer"},
        {"expectations.1.metric", "migration_s.mean"},
    };
    struct err e = ERR_INIT;
    struct scenario s = synthetic_scenario("p-migr");
    s.expects = expects;
    s.expect_count = ARRAY_LEN(expects);
    struct result_input input = input_of(&s);
    json_object *r = NULL;
    synthetic_fill(&run, &synthetic_small);
    carry(EVENT_SENT, 12);
    carry(EVENT_RECEIVED, 3);
    warm(0, 2, 4000000);
    warm(9, 1, 1000000);
    synthetic_write(&run, *state);
    assert_int_equal(result_of_run(*state, &input, NULL, &e), 0);
    assert_int_equal(json_file_read(*state, "result.json", &r, &e), 0);
    assert_numbers(r, numbers, ARRAY_LEN(numbers), 1e-9);
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_string_equal(json_text_at(r, texts[i][0]), texts[i][1]);
    assert_int_equal(result_exit_status(r), 1);
    autofree char *text = folder_read(*state, "result.json");
    assert_int_equal(strncmp(text, expected_start, strlen(expected_start)), 0);
    json_object_put(r);
}

/* Its source had its doubts, and said why; a failed one keeps that. */
static void test_what_finished_has_no_reason_why_it_failed(void **state)
{
    static const struct {
        const char *note, *outcome;
        bool has_reason;
    } rows[] = {{"migration in doubt: nobody knows of it", "finished", false},
                {"migration in doubt: nobody knows of it", "failed", true},
                {"migration failed: nobody knows of it", "finished", false},
                {"migration failed: nobody knows of it", "failed", true}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scenario s = synthetic_scenario("p-migr");
        struct result_input input = input_of(&s);
        struct err e = ERR_INIT;
        json_object *r = NULL;
        autofree char *folder = mem_printf("%s/%zu", (char *)*state, i);
        synthetic_fill(&run, &synthetic_small);
        synthetic_add(&run, EVENT_NOTE, 3, "ES-1", rows[i].note)->migration = 1;
        synthetic_find(&run, EVENT_MIGRATION, NULL, -1)->text = rows[i].outcome;
        synthetic_write(&run, folder);
        assert_int_equal(result_of_run(folder, &input, NULL, &e), 0);
        assert_int_equal(json_file_read(folder, "result.json", &r, &e), 0);
        assert_string_equal(json_text_at(r, "migrations.0.outcome"), rows[i].outcome);
        assert_int_equal(json_at(r, "migrations.0.reason") != NULL, rows[i].has_reason);
        json_object_put(r);
    }
}

/* The scenario says how late is too late. */
static void test_lateness_is_judged_by_the_scenario(void **state)
{
    static const struct {
        int64_t p99_us, bound_us;
        bool valid;
    } rows[] = {{50000, 50000, true}, {50001, 50000, false}, {50001, 60000, true}, {1, 0, false}, {0, 0, true}};
    struct synthetic_run run = {.count = 0};
    synthetic_fill(&run, &synthetic_small);
    synthetic_write(&run, *state);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct scenario s = synthetic_scenario("p-migr");
        struct result_input input = input_of(&s);
        struct err e = ERR_INIT;
        json_object *r;
        s.drift_max = simtime_us(rows[i].bound_us);
        input.drift.p99 = simtime_us(rows[i].p99_us);
        if (result_of_run(*state, &input, &r, &e) < 0)
            fail_msg("%s", e.text);
        assert_int_equal(json_number_at(r, "drift_ms.valid"), rows[i].valid);
        assert_true(json_number_at(r, "drift_ms.bound") == (double)rows[i].bound_us / 1e3);
        json_object_put(r);
    }
}

/* And how well the other machines' clocks must be known: the worst known of them counts, and makes the run invalid. */
static void test_clocks_are_judged_by_the_scenario(void **state)
{
    static const struct {
        int64_t known_us[2], bound_us;
        bool valid;
    } rows[] = {
        {{640, 710}, 5000, true}, {{5000, 10}, 5000, true}, {{5001, 10}, 5000, false}, {{10, 5001}, 5000, false}, {{10, 700}, 699, false},
    };
    struct synthetic_run run = {.count = 0};
    synthetic_fill(&run, &synthetic_small);
    synthetic_write(&run, *state);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const struct world_real_clock clocks[] = {{.machine = "one", .uncertainty = simtime_us(rows[i].known_us[0])},
                                                  {.machine = "two", .uncertainty = simtime_us(rows[i].known_us[1])}};
        struct scenario s = synthetic_scenario("p-migr");
        struct result_input input = input_of(&s);
        struct err e = ERR_INIT;
        json_object *r;
        s.clock_max = simtime_us(rows[i].bound_us);
        input.clocks = clocks;
        input.clock_count = ARRAY_LEN(clocks);
        if (result_of_run(*state, &input, &r, &e) < 0)
            fail_msg("%s", e.text);
        assert_int_equal(json_number_at(r, "clock_ms.valid"), rows[i].valid);
        assert_string_equal(json_text_at(r, "clock_ms.machines.1.machine"), "two");
        if (!rows[i].valid)
            assert_int_equal(result_exit_status(r), 1);
        json_object_put(r);
    }
}

static void test_a_lost_event_breaks_an_invariant(void **state)
{
    struct err e = ERR_INIT;
    struct scenario s = synthetic_scenario("p-migr");
    struct result_input input = input_of(&s);
    synthetic_fill(&run, &synthetic_small);
    synthetic_write(&run, *state);
    for (uint64_t received = 9; received <= 10; received++) {
        json_object *r = NULL;
        input.events_received = received;
        input.events_reported = 10;
        assert_int_equal(result_of_run(*state, &input, &r, &e), 0);
        assert_int_equal(json_number_at(r, "events.received"), received);
        assert_int_equal(json_number_at(r, "invariants.ok"), received == 10);
        assert_string_equal(json_text_at(r, "invariants.broken.0"),
                            received == 10 ? "" : "the repository received 9 of 10 events");
        assert_int_equal(result_exit_status(r), received == 9);
        json_object_put(r);
    }
}

static void test_what_the_judge_says_breaks_an_invariant(void **state)
{
    static const char *const complaints[] = {"left behind: m1: a file"};
    struct err e = ERR_INIT;
    struct scenario s = synthetic_scenario("p-migr");
    struct result_input input = input_of(&s);
    synthetic_fill(&run, &synthetic_small);
    synthetic_write(&run, *state);
    for (input.complaints = complaints; input.complaint_count <= 1; input.complaint_count++) {
        json_object *r = NULL;
        assert_int_equal(result_of_run(*state, &input, &r, &e), 0);
        assert_int_equal(json_number_at(r, "invariants.ok"), input.complaint_count == 0);
        assert_string_equal(json_text_at(r, "invariants.broken.0"), input.complaint_count ? complaints[0] : "");
        assert_int_equal(result_exit_status(r), input.complaint_count);
        json_object_put(r);
    }
}

static void test_exit_status(void **state)
{
    (void)state;
    static const struct {
        const char *ok, *drift, *clocks, *migrations, *expectations;
        int status;
    } rows[] = {
        {"true", "true", NULL, "", "", 0},
        {"false", "true", NULL, "", "", 1},
        {"true", "false", NULL, "", "", 1},
        {"true", "true", "true", "", "", 0},
        {"true", "true", "false", "", "", 1},
        {"true", "true", NULL, "", "{'holds':false}", 1},
        {"true", "true", NULL, "{'outcome':'failed'}", "", 1},
        {"true", "true", NULL, "{'outcome':'superseded'}", "", 0},
        {"true", "true", NULL, "{'outcome':'failed'}", "{'metric':'migrations.failed','holds':true}", 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *clocks = rows[i].clocks ? mem_printf("'clock_ms':{'valid':%s},", rows[i].clocks) : mem_copy_string("");
        autofree char *text = mem_printf("{'invariants':{'ok':%s},'drift_ms':{'valid':%s},%s'migrations':[%s],'expectations':[%s]}",
                                         rows[i].ok, rows[i].drift, clocks, rows[i].migrations, rows[i].expectations);
        json_object *r = json_tokener_parse(text);
        assert_int_equal(result_exit_status(r), rows[i].status);
        json_object_put(r);
    }
}

/* Three repetitions whose migration takes 2, 3 and 4 s and whose requests wait 20, 30 and 40 ms. */
static void write_repetition(const char *folder, int k, const struct scenario *s)
{
    struct err e = ERR_INIT;
    struct result_input input = input_of(s);
    struct synthetic_stage stages[ARRAY_LEN(synthetic_small_stages)];
    memcpy(stages, synthetic_small_stages, sizeof stages);
    struct synthetic_options options = synthetic_small;
    options.stages = stages;
    stages[9].seconds += k;
    stages[10].begin_s += k;
    options.near_ms = options.far_ms = 20 + 10 * k;
    synthetic_fill(&run, &options);
    carry(EVENT_SENT, 10 + k);
    warm(0, 2, 1000000 * k);
    autofree char *one = mem_printf("%s/rep-%d", folder, k + 1);
    synthetic_write(&run, one);
    assert_int_equal(result_of_run(one, &input, NULL, &e), 0);
}

static void test_repetitions_are_summed_up(void **state)
{
    static struct scenario_expect expects[] = {
        {.metric = "requests.lost", .has_max = true},
        {.metric = "migrations.count", .has_min = true, .has_max = true, .min = 1, .max = 1},     /* of each repetition */
        {.metric = "migration_s.mean", .has_min = true, .has_max = true, .min = 2.9, .max = 3.1}, /* of all */
        {.metric = "migrations.0.total_s", .has_max = true, .max = 2.5},
    };
    static const struct number numbers[] = {
        {"repetitions", 3},           {"requests.sent", 18},
        {"requests.answered", 18},    {"response_ms.mean", 30},
        {"response_ms.ci95", 24.841}, {"response_ms.n", 3},
        {"response_ms.p95", 30},      {"response_ms.max", 40},
        {"migration_s.mean", 3},      {"migration_s.ci95", 2.484108},
        {"migration_s.n", 3},         {"migration_s.min", 2},
        {"migration_s.max", 4},       {"migrations.2.repetition", 3},
        {"migrations.2.total_s", 4},  {"invariants.ok", 1},
        {"drift_ms.valid", 1},        {"links.0.forward.packets", 33},
        {"links.0.forward.lost", 15}, {"expectations.0.holds", 1},
        {"warming.connections", 6},   {"warming.bytes", 3000000},
        {"expectations.1.holds", 1},  {"expectations.2.holds", 1},
        {"expectations.3.holds", 0},  {"expectations.3.value", 3},
    };
    struct err e = ERR_INIT;
    struct scenario s = synthetic_scenario("p-migr");
    s.expects = expects;
    s.expect_count = ARRAY_LEN(expects);
    struct result_input input = input_of(&s);
    json_object *r = NULL;
    for (int k = 0; k < 3; k++)
        write_repetition(*state, k, &s);
    assert_int_equal(result_of_repetitions(*state, 3, &input, &r, &e), 0);
    assert_numbers(r, numbers, ARRAY_LEN(numbers), 1e-3);
    assert_int_equal(result_repetitions(*state, r), 3);
    json_object_put(r);
    assert_int_equal(result_of_repetitions(*state, 4, &input, &r, &e), -ENOENT);
    assert_non_null(strstr(e.text, "rep-4/result.json"));
}

static void test_rounding(void **state)
{
    (void)state;
    static const struct {
        double value;
        int decimals;
        const char *text;
    } rows[] = {{1.23456, 3, "1.235"}, {2, 6, "2"},     {0.1000004, 6, "0.1"},
                {-0.0001, 3, "0"},     {100, 0, "100"}, {1500000000, 3, "1500000000"}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_object *o = json_rounded(rows[i].value, rows[i].decimals);
        assert_string_equal(json_object_to_json_string(o), rows[i].text);
        json_object_put(o);
    }
    assert_null(json_rounded(NAN, 3));
    assert_null(json_rounded(INFINITY, 3));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_exit_status),
        IN_FOLDER(test_a_lost_event_breaks_an_invariant),
        IN_FOLDER(test_what_the_judge_says_breaks_an_invariant),
        IN_FOLDER(test_result_has_the_promised_form),
        IN_FOLDER(test_what_finished_has_no_reason_why_it_failed),
        IN_FOLDER(test_lateness_is_judged_by_the_scenario),
        IN_FOLDER(test_clocks_are_judged_by_the_scenario),
        IN_FOLDER(test_repetitions_are_summed_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
