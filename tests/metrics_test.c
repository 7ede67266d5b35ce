#include "folder.h"
#include "invariants.h"
#include "json_file.h"
#include "metrics.h"
#include "result.h"
#include "statistics.h"
#include "synthetic_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <math.h>

#define assert_near(a, b) assert_true(fabs((a) - (b)) < 1e-6)

static struct synthetic_run run; /* too large for the stack */

static void compute(struct run_record *record, struct metrics *metrics)
{
    for (int i = 0; i < run.count; i++)
        run_record_add(record, &run.events[i]);
    metrics_compute(record, metrics);
}

static void test_metrics_of_a_known_run(void **state)
{
    (void)state;
    struct run_record record = RUN_RECORD_INIT;
    struct metrics m;
    synthetic_fill(&run, &synthetic_small);
    compute(&record, &m);
    assert_int_equal(m.sent, 6);
    assert_int_equal(m.answered, 6);
    assert_int_equal(m.lost, 0);
    assert_near(m.response_ms.mean, (4 * 20 + 2 * 220) / 6.0);
    assert_near(m.response_ms.p50, 20);
    assert_near(m.response_ms.p95, 220);
    assert_near(m.response_ms.max, 220);
    assert_int_equal(m.migration_count, 1);
    assert_near(m.migration_s.mean, 2.0);
    const struct metrics_migration *g = &m.migrations[0];
    assert_near(g->begin_s, 2.25);
    assert_near(g->ready_s, 1.66);
    assert_near(g->total_s, 2.0);
    assert_near(g->freeze_ms, 260);
    assert_near(g->hold_ms, 240);
    assert_near(g->longest_gap_ms, 200); /* reply 1 at 1.52 s, reply 2 at 2.72 s, usually 1 s apart */
    assert_int_equal(g->wire, 49200000);
    assert_int_equal(g->memory, 29000000);
    assert_int_equal(g->layer, 20000000);
    assert_int_equal(g->image, 0);
    assert_int_equal(g->record->stage_count, 11);
    assert_int_equal(g->record->replayed, 3);
    metrics_free(&m);
    run_record_free(&record);
}

static void forget(enum event_kind kind, int32_t number)
{
    int kept = 0;
    for (int i = 0; i < run.count; i++)
        if (run.events[i].kind != kind || (number >= 0 && run.events[i].number != number))
            run.events[kept++] = run.events[i];
    run.count = kept;
}

static struct event *find(enum event_kind kind, const char *text, int32_t number)
{
    for (int i = 0; i < run.count; i++)
        if (run.events[i].kind == kind && (!text || strcmp(run.events[i].text, text) == 0) &&
            (number < 0 || run.events[i].number == number))
            return &run.events[i];
    abort();
}

static void forget_stage(const char *name)
{
    struct event *ev = find(EVENT_STAGE, name, -1);
    memmove(ev, ev + 1, (size_t)(&run.events[--run.count] - ev) * sizeof *ev);
}

static void test_a_migration_begins_with_its_mark(void **state)
{
    (void)state;
    static const struct {
        double event_s; /* what the report of the end says */
        bool marked;
        double begin_s;
    } rows[] = {{2.25, true, 2.25}, {0, true, 2.25}, {2.5, true, 2.25}, {2.5, false, 2.5}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_record record = RUN_RECORD_INIT;
        struct metrics m;
        synthetic_fill(&run, &synthetic_small);
        find(EVENT_MIGRATION, NULL, -1)->begin = simtime_from_seconds(rows[i].event_s);
        if (!rows[i].marked)
            forget(EVENT_MARK, -1);
        compute(&record, &m);
        assert_near(m.migrations[0].begin_s, rows[i].begin_s);
        assert_near(m.migrations[0].total_s, 4.25 - rows[i].begin_s);
        metrics_free(&m);
        run_record_free(&record);
    }
}

static void test_a_container_that_is_never_thawed_is_frozen_to_the_end(void **state)
{
    (void)state;
    struct run_record record = RUN_RECORD_INIT;
    struct metrics m;
    synthetic_fill(&run, &synthetic_small);
    forget_stage("thaw");
    find(EVENT_STAGE, "restore", -1)->value = -EIO;
    forget_stage("switch");
    compute(&record, &m);
    assert_near(m.migrations[0].freeze_ms, 2000);
    assert_true(isnan(m.migrations[0].ready_s));
    assert_true(isnan(m.migrations[0].hold_ms));
    metrics_free(&m);
    run_record_free(&record);
}

static void test_the_longest_gap_counts_lost_replies(void **state)
{
    (void)state;
    static const struct {
        int32_t lost[3];
        double gap_ms;
    } rows[] = {
        {{-1, -1, -1}, 200},
        {{2, -1, -1}, 1200}, /* 1.52 → 3.72 */
        {{2, 3, -1}, 2000},  /* 1.52 → 4.52 */
        {{3, 4, 5}, 2780},   /* 2.72 → never: to the last event at 6.5 */
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_record record = RUN_RECORD_INIT;
        struct metrics m;
        synthetic_fill(&run, &synthetic_small);
        for (int k = 0; k < 3; k++)
            if (rows[i].lost[k] >= 0) {
                forget(EVENT_REQUEST, rows[i].lost[k]);
                find(EVENT_SENT_TOTAL, NULL, -1)->value--;
            }
        compute(&record, &m);
        assert_near(m.migrations[0].longest_gap_ms, rows[i].gap_ms);
        metrics_free(&m);
        run_record_free(&record);
    }
}

static void test_a_run_without_anything_has_no_numbers(void **state)
{
    (void)state;
    struct run_record record = RUN_RECORD_INIT;
    struct metrics m;
    metrics_compute(&record, &m);
    assert_true(isnan(m.response_ms.mean) && isnan(m.migration_s.mean));
    assert_int_equal(m.sent + m.answered + m.lost, 0);
    metrics_free(&m);
    run_record_free(&record);
}

/* --- invariants: each broken once, and named --- */

static struct event *append(enum event_kind kind, double at_s, const char *text)
{
    return synthetic_add(&run, kind, at_s, "ES-1", text);
}

static void carry(enum event_direction direction, int packets)
{
    struct event *event = append(EVENT_CARRIED, 9, "dropped 4, lost 5");
    event->direction = direction;
    event->number = 0;
    event->value = packets;
    event->bytes = packets * 1000;
}

static void sound(void)
{
}

static void lost_one(void)
{
    forget(EVENT_REQUEST, 3);
}

static void abandoned_one(void)
{
    forget(EVENT_REQUEST, 5);
    append(EVENT_ABANDONED, 7, "out of reach for good")->number = 5;
}

static void abandoned_another(void)
{
    lost_one();
    append(EVENT_ABANDONED, 7, "out of reach for good")->number = 5;
}

static void answered_twice(void)
{
    struct event *ev = append(EVENT_REQUEST, 6.4, "ok");
    ev->number = 4;
    ev->begin = simtime_ms(4500);
}

static void wrong_digest(void)
{
    find(EVENT_REQUEST, NULL, 2)->text = "expected 1, got 2";
}

static void never_told(void)
{
    forget(EVENT_SENT_TOTAL, -1);
}

static void executed_twice(void)
{
    struct event *ev = append(EVENT_EXECUTED, 6.0, "");
    ev->number = 5;
    ev->value = 1;
}

static void left_out(void)
{
    forget(EVENT_EXECUTED, 3);
}

static void old_one_executes(void)
{
    find(EVENT_EXECUTED, NULL, 5)->value = 0;
}

static void gone_too_early(void)
{
    find(EVENT_CONTAINER, "gone", -1)->at = simtime_s(3);
    qsort(run.events, (size_t)run.count, sizeof *run.events, synthetic_order);
}

static void one_is_left(void)
{
    forget_stage("stop");
    struct event *gone = find(EVENT_CONTAINER, "gone", -1);
    memmove(gone, gone + 1, (size_t)(&run.events[--run.count] - gone) * sizeof *gone);
}

static void last_one_halted(void)
{
    synthetic_container(&run, 6.1, "ES-2", 1, "halted");
}

static void all_gone_at_the_end(void)
{
    synthetic_container(&run, 6.9, "ES-2", 1, "gone"); /* after the device said that it is done */
}

static void unknown_state(void)
{
    synthetic_container(&run, 6.1, "ES-2", 1, "asleep");
}

static void never_ended(void)
{
    forget(EVENT_MIGRATION, -1);
}

static void ended_twice(void)
{
    struct event copy = *find(EVENT_MIGRATION, NULL, -1);
    copy.text = "failed";
    run.events[run.count++] = copy;
}

static void never_live(void)
{
    forget(EVENT_CONTAINER, -1);
}

static void check_broken(void (*spoil)(void), unsigned gives_up, const char *const *expected)
{
    static const char *const names[] = {"m1"};
    struct invariants_broken broken;
    synthetic_fill(&run, &synthetic_small);
    spoil();
    struct invariants *inv = invariants_new(
        &(struct invariants_options){.names = names, .name_count = 1, .gives_up = gives_up});
    for (int i = 0; i < run.count; i++)
        invariants_add(inv, &run.events[i]);
    invariants_finish(inv, &broken);
    size_t count = 0;
    while (expected[count])
        count++;
    for (size_t i = 0; i < broken.kept; i++)
        if (i >= count || strcmp(broken.sentences[i], expected[i]) != 0)
            fail_msg("\"%s\" instead of \"%s\"", broken.sentences[i], i < count ? expected[i] : "nothing");
    assert_int_equal(broken.count, count);
    invariants_broken_free(&broken);
    invariants_free(inv);
}

static void test_each_invariant_broken_once(void **state)
{
    (void)state;
    static const struct {
        void (*spoil)(void);
        unsigned gives_up;
        const char *expected[4];
    } rows[] = {
        {sound, 0, {NULL}},
        {all_gone_at_the_end, 0, {NULL}},
        {lost_one,
         0,
         {"m1: 6 requests were sent, 5 were answered", "m1: request 3 was not answered", NULL}},
        {abandoned_one, 0, {NULL}},
        {abandoned_another, 0, {"m1: request 3 was not answered", NULL}},
        {answered_twice, 0, {"m1: request 4 was answered 2 times", NULL}},
        {wrong_digest, 0, {"m1: request 2: wrong digest: expected 1, got 2", NULL}},
        {never_told, 0, {"m1: it never said how many requests it sent", NULL}},
        {executed_twice, 0, {"m1: request 5 was executed 2 times", NULL}},
        {left_out,
         0,
         {"m1: request 3 was left out: 4 was executed without it",
          "m1: request 3 was answered but no container executed it", NULL}},
        {old_one_executes,
         0,
         {"m1: request 5 was executed by the container of migration 0 after that of migration 1 had executed",
          NULL}},
        {gone_too_early,
         0,
         {"m1: no container was live from 3.000000 s, when the one at ES-1 became gone", NULL}},
        {gone_too_early, ALWAYS_LIVE, {NULL}},
        {one_is_left,
         0,
         {"m1: 2 containers are left at the end: one at ES-1, brought by migration 0, is live",
          "m1: 2 containers are left at the end: one at ES-2, brought by migration 1, is live", NULL}},
        {last_one_halted,
         0,
         {"m1: no container was live from 6.100000 s, when the one at ES-2 became halted",
          "m1: the container that is left at the end is not live", NULL}},
        {last_one_halted, ALWAYS_LIVE, {"m1: the container that is left at the end is not live", NULL}},
        {unknown_state, 0, {"m1: a container at ES-2 is in the unknown state \"asleep\"", NULL}},
        {never_ended,
         0,
         {"m1: migration 1, begun at 2.250000 s, had not ended when the run's time was over "
          "(give it more: duration_s or timeouts.drain_ms)",
          NULL}},
        {ended_twice, 0, {"m1: migration 1 ended 2 times", NULL}},
        {never_live, 0, {"m1: no container was ever live", NULL}},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        check_broken(rows[i].spoil, rows[i].gives_up, rows[i].expected);
}

/* --- result.json --- */

static const struct result_fact facts[] = {{"kernel", "6.1.0", 0}, {"cpus", NULL, 2}};

static struct result_input input_of(const struct scenario *s)
{
    return (struct result_input){.world = "sim",
                                 .scenario = s,
                                 .seed = 7,
                                 .environment = facts,
                                 .environment_count = ARRAY_LEN(facts)};
}

static const char expected_start[] = "{\n"
                                     "  \"roamlab\": \"0.1.0\",\n"
                                     "  \"world\": \"sim\",\n"
                                     "  \"scenario\": {\n"
                                     "    \"name\": \"synthetic\",\n";

/* Handoffs of 60, 80 and 220 ms, two of them with their phases; outages of 3 and 9 s. */
static void test_silences(void **state)
{
    (void)state;
    static const struct {
        enum event_kind kind;
        double begin_s, end_s;
        const char *text;
    } silences[] = {
        {EVENT_HANDOFF, 0.5, 0.51, "first association"},
        {EVENT_HANDOFF, 1, 1.06, "silent"},
        {EVENT_HANDOFF, 2, 2.08, "probe 50.000 ms, authentication 2.000 ms, reassociation 3.000 ms"},
        {EVENT_OUTAGE, 3, 6, "no access point heard"},
        {EVENT_HANDOFF, 6, 6.22, "probe 200.000 ms, authentication 4.000 ms, reassociation 1.000 ms"},
        {EVENT_OUTAGE, 8, 17, "no access point heard"},
    };
    struct run_record record = RUN_RECORD_INIT;
    struct metrics m;
    for (size_t i = 0; i < ARRAY_LEN(silences); i++)
        run_record_add(&record, &(struct event){.at = simtime_from_seconds(silences[i].end_s),
                                                .kind = silences[i].kind,
                                                .reporter = "USER",
                                                .text = silences[i].text,
                                                .begin = simtime_from_seconds(silences[i].begin_s)});
    metrics_compute(&record, &m);
    const struct metrics_roaming *r = &m.roaming;
    const double rows[][2] = {
        {(double)r->handoff_ms.count, 3}, {r->handoff_ms.mean, 120}, {r->handoff_ms.max, 220},
        {r->probe_ms, 125},               {r->authentication_ms, 3}, {r->reassociation_ms, 2},
        {(double)r->outage_ms.count, 2},  {r->outage_ms.mean, 6000}, {r->outage_ms.max, 9000},
        {r->outage_total_s, 12},          {(double)r->associations, 4},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        assert_float_equal(rows[i][0], rows[i][1], 1e-6);
    metrics_free(&m);
    run_record_free(&record);
}

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
    static const struct {
        const char *path;
        double value;
    } numbers[] = {
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
    synthetic_write(&run, *state);
    assert_int_equal(result_of_run(*state, &input, NULL, &e), 0);
    assert_int_equal(json_file_read(*state, "result.json", &r, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (fabs(json_number_at(r, numbers[i].path) - numbers[i].value) > 1e-9)
            fail_msg("%s is %f", numbers[i].path, json_number_at(r, numbers[i].path));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++)
        assert_string_equal(json_text_at(r, texts[i][0]), texts[i][1]);
    assert_int_equal(result_exit_status(r), 1);
    autofree char *text = folder_read(*state, "result.json");
    assert_int_equal(strncmp(text, expected_start, strlen(expected_start)), 0);
    json_object_put(r);
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

static void test_exit_status(void **state)
{
    (void)state;
    static const struct {
        const char *result;
        int status;
    } rows[] = {
        {"{'invariants':{'ok':true},'drift_ms':{'valid':true},'migrations':[],'expectations':[]}", 0},
        {"{'invariants':{'ok':false},'drift_ms':{'valid':true},'migrations':[],'expectations':[]}", 1},
        {"{'invariants':{'ok':true},'drift_ms':{'valid':false},'migrations':[],'expectations':[]}", 1},
        {"{'invariants':{'ok':true},'drift_ms':{'valid':true},'clock_ms':{'valid':true},'migrations':[],'expectations':[]}", 0},
        {"{'invariants':{'ok':true},'drift_ms':{'valid':true},'clock_ms':{'valid':false},'migrations':[],'expectations':[]}", 1},
        {"{'invariants':{'ok':true},'drift_ms':{'valid':true},'migrations':[],'expectations':[{'holds':false}"
         "]}",
         1},
        {"{'invariants':{'ok':true},'drift_ms':{'valid':true},'migrations':[{'outcome':'failed'}],'"
         "expectations':[]}",
         1},
        {"{'invariants':{'ok':true},'drift_ms':{'valid':true},'migrations':[{'outcome':'superseded'}],"
         "'expectations':[]}",
         0},
        {"{'invariants':{'ok':true},'drift_ms':{'valid':true},'migrations':[{'outcome':'failed'}],"
         "'expectations':[{'metric':'migrations.failed','holds':true}]}",
         0},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        json_object *r = json_tokener_parse(rows[i].result);
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
    static const struct {
        const char *path;
        double value;
    } numbers[] = {
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
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        if (!(fabs(json_number_at(r, numbers[i].path) - numbers[i].value) < 1e-3))
            fail_msg("%s is %f", numbers[i].path, json_number_at(r, numbers[i].path));
    assert_int_equal(result_repetitions(*state, r), 3);
    json_object_put(r);
    assert_int_equal(result_of_repetitions(*state, 4, &input, &r, &e), -ENOENT);
    assert_non_null(strstr(e.text, "rep-4/result.json"));
}

static void test_statistics(void **state)
{
    (void)state;
    double values[] = {5, 1, 4, 2, 3};
    assert_near(statistics_mean(values, 5), 3);
    assert_true(fabs(statistics_ci95(values, 5) - 2.7764 * sqrt(2.5) / sqrt(5)) < 1e-9);
    assert_true(fabs(statistics_ci95_of_sums(5, 15, 55) - statistics_ci95(values, 5)) < 1e-9);
    assert_true(isnan(statistics_mean(values, 0)) && isnan(statistics_ci95(values, 1)));
    statistics_sort(values, 5);
    static const double shares[][2] = {{0, 1}, {0.2, 1}, {0.5, 3}, {0.81, 5}, {1, 5}};
    for (size_t i = 0; i < ARRAY_LEN(shares); i++)
        assert_near(statistics_percentile(values, 5, shares[i][0]), shares[i][1]);
    assert_true(fabs(statistics_student_t(31) - 2.0395) < 2e-4);
    assert_true(fabs(statistics_student_t(100) - 1.9840) < 1e-4);
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
        cmocka_unit_test(test_statistics),
        cmocka_unit_test(test_rounding),
        cmocka_unit_test(test_metrics_of_a_known_run),
        cmocka_unit_test(test_a_migration_begins_with_its_mark),
        cmocka_unit_test(test_a_container_that_is_never_thawed_is_frozen_to_the_end),
        cmocka_unit_test(test_the_longest_gap_counts_lost_replies),
        cmocka_unit_test(test_a_run_without_anything_has_no_numbers),
        cmocka_unit_test(test_each_invariant_broken_once),
        cmocka_unit_test(test_exit_status),
        cmocka_unit_test(test_silences),
        IN_FOLDER(test_a_lost_event_breaks_an_invariant),
        IN_FOLDER(test_result_has_the_promised_form),
        IN_FOLDER(test_lateness_is_judged_by_the_scenario),
        IN_FOLDER(test_clocks_are_judged_by_the_scenario),
        IN_FOLDER(test_repetitions_are_summed_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
