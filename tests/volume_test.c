/* A container's volume in virtual time: which stages it adds, when they happen, how many bytes they move, what damage does; and which strategies
 * cannot have one. */
#include "buf.h"
#include "simulated_run.h"
#include "strategy.h"
#include "trial.h"

#include <errno.h>

struct row {
    const char *strategy, *carrier;
    bool pipeline;
};

static const struct row rows[] = {
    {"p-migr", "stream", false},     {"p-migr", "stream", true},      {"c-migr", "nfs", false},
    {"c-migr", "stream", true},      {"layered", "rsync", false},     {"layered", "stream", true},
    {"cold", "registry", false},     {"pre-copy", "rsync", false},    {"pre-copy", "stream", true},
    {"image-copy", "nfs", false},    {"post-copy", "stream", false},  {"post-copy", "scp", true},
    {"hybrid-copy", "rsync", false}, {"hybrid-copy", "stream", true},
};

enum { REQUESTS_PER_S = 10, ROAMS_AT_S = 5, VOLUME_MB = 5 };

/* Three megabytes behind memory and layer, on a link of 80 Mbit/s. */
static struct scenario *scenario_of(const struct row *row, const char *when, const char *fault, struct err *e)
{
    autofree char *text = mem_printf(
        "{\"name\":\"t\",\"duration_s\":20,\"hosts\":{\"a\":{},\"h0\":{},\"h1\":{},\"h2\":{}},"
        "\"edges\":{\"es1\":{\"host\":\"h0\"},\"es2\":{\"host\":\"h1\"}},"
        "\"aps\":{\"ap1\":{\"host\":\"h0\",\"edge\":\"es1\"},\"ap2\":{\"host\":\"h1\",\"edge\":\"es2\"}},"
        "\"links\":[{\"between\":[\"a\",\"h0\"]},{\"between\":[\"a\",\"h1\"]},{\"between\":[\"h1\",\"h2\"],\"rate_mbit\":80},"
        "{\"between\":[\"h0\",\"h1\"],\"rtt_ms\":20,\"rate_mbit\":80}],\"logrepo\":{\"host\":\"h2\"},"
        "\"service\":{\"base_mb\":8,\"memory_mb\":2,\"layer_mb\":1,\"volume_mb\":%d,\"layer_ratio\":4},"
        "\"muds\":{\"m1\":{\"host\":\"a\",\"requests_per_s\":%d,\"visits\":[{\"ap\":\"ap1\",\"at_s\":0},{\"ap\":\"ap2\",\"at_s\":%d}]}},"
        "\"timeouts\":{\"operation_ms\":5000,\"drain_ms\":300000},\"faults\":[%s],"
        "\"migration\":{\"strategy\":\"%s\",\"carrier\":\"%s\",\"pipeline\":%s,\"volume\":\"%s\"}}",
        VOLUME_MB, REQUESTS_PER_S, ROAMS_AT_S, fault, row->strategy, row->carrier,
        row->pipeline ? "true" : "false", when);
    return scenario_parse("x.json", text, strlen(text), NULL, 0, e);
}

static void run(const struct row *row, const char *when, const char *fault, struct run_record *record)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_of(row, when, fault, &e);
    if (!s)
        fail_msg("%s by %s: %s (%s)", row->strategy, row->carrier, e.text, e.hint);
    simulate_record(s, record);
    assert_int_equal(record->migration_count, 1);
    scenario_free(s);
}

/* NULL if there was none. */
static const struct run_stage *stage_of(const struct run_record *record, enum operation operation)
{
    const struct run_migration *m = &record->migrations[0];
    for (int i = 0; i < m->stage_count; i++)
        if (m->stages[i].operation == operation)
            return &m->stages[i];
    return NULL;
}

/* The first ends before the second begins, if there is a second. */
static void in_order(const struct run_record *record, const struct row *row, enum operation a,
                     enum operation b)
{
    const struct run_stage *first = stage_of(record, a), *second = stage_of(record, b);
    if (!first)
        fail_msg("%s by %s: no stage %s", row->strategy, row->carrier, operation_name(a));
    if (second && second->begin.ns < first->end.ns)
        fail_msg("%s by %s: %s begins before %s has ended", row->strategy, row->carrier, operation_name(b),
                 operation_name(a));
}

/* Requests that had been executed when the stage began: the service is idle between two. */
static uint32_t executed_at(const struct run_record *record, struct simtime when)
{
    const struct run_mud *mud = &record->muds[0];
    uint32_t count = 0;
    for (size_t i = 0; i < mud->request_count; i++)
        count += mud->requests[i].answered.ns && mud->requests[i].answered.ns <= when.ns;
    return count;
}

static uint64_t files_changed(uint32_t from, uint32_t until)
{
    static const struct state_size size = {
        {2000000 / STATE_PAGE, 1000000 / STATE_PAGE, VOLUME_MB * 1000000 / STATE_PAGE}};
    struct statechain_history *history = statechain_history_new(1, &size);
    struct statechain_model m;
    statechain_model_init(&m, history, 0);
    uint64_t bytes = statechain_model_rewritten_files(&m, from, until);
    statechain_history_free(history);
    return bytes;
}

static void test_early_files_leave_before_the_freeze(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_record r = RUN_RECORD_INIT;
        run(&rows[i], "early", "", &r);
        assert_string_equal(r.migrations[0].outcome, "finished");
        in_order(&r, &rows[i], OP_COPY_VOLUME, OP_SEND_VOLUME);
        in_order(&r, &rows[i], OP_SEND_VOLUME, OP_FREEZE);
        in_order(&r, &rows[i], OP_TAKE_VOLUME, OP_THAW);
        in_order(&r, &rows[i], OP_TAKE_VOLUME, OP_HALT);
        in_order(&r, &rows[i], OP_TAKE_VOLUME, OP_SEND_FILES);
        in_order(&r, &rows[i], OP_PUT_VOLUME, OP_RESTORE);
        in_order(&r, &rows[i], OP_PUT_VOLUME, OP_RESTORE_STATE);
        in_order(&r, &rows[i], OP_PUT_VOLUME, OP_START);
        const struct run_stage *copy = stage_of(&r, OP_COPY_VOLUME), *taken = stage_of(&r, OP_TAKE_VOLUME);
        assert_int_equal(copy->bytes, VOLUME_MB * 1000000);
        assert_int_equal(taken->bytes,
                         files_changed(executed_at(&r, copy->end), executed_at(&r, taken->end)));
        assert_true(taken->bytes < VOLUME_MB * 1000000);
        run_record_free(&r);
    }
}

static void test_on_arrival_files_come_when_the_container_is_there(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct run_record r = RUN_RECORD_INIT;
        run(&rows[i], "on-arrival", "", &r);
        assert_string_equal(r.migrations[0].outcome, "finished");
        assert_null(stage_of(&r, OP_COPY_VOLUME));
        in_order(&r, &rows[i], OP_TAKE_VOLUME, OP_THAW);
        in_order(&r, &rows[i], OP_TAKE_VOLUME, OP_SEND_VOLUME);
        if (stage_of(&r, OP_SEND_MEMORY))
            in_order(&r, &rows[i], OP_SEND_MEMORY, OP_SEND_VOLUME);
        enum operation begins = stage_of(&r, OP_RESTORE)         ? OP_RESTORE
                                : stage_of(&r, OP_RESTORE_STATE) ? OP_RESTORE_STATE
                                                                 : OP_START;
        in_order(&r, &rows[i], begins, OP_PUT_VOLUME);
        in_order(&r, &rows[i], OP_PUT_VOLUME, OP_SWITCH);
        assert_int_equal(stage_of(&r, OP_TAKE_VOLUME)->bytes, VOLUME_MB * 1000000);
        run_record_free(&r);
    }
}

/* The source serves on, and what was damaged is never served from. */
static void test_a_volume_that_fails_costs_the_user_nothing(void **state)
{
    (void)state;
    static const char *const faults[][2] = {
        {"early", "copy volume"}, {"early", "take volume"},      {"early", "send files"},
        {"early", "put volume"},  {"on-arrival", "send volume"}, {"on-arrival", "put volume"},
    };
    static const char *const effects[] = {"fails", "truncated"};
    const struct row overlapped = {"p-migr", "stream", true}, in_turn = {"cold", "rsync", false};
    for (size_t i = 0; i < 2 * ARRAY_LEN(faults) * ARRAY_LEN(effects); i++) {
        const char *const *fault = faults[i / 4];
        if (i / 2 % 2 && !strcmp(fault[1], "put volume"))
            continue; /* writes nothing that could be cut short */
        autofree char *text =
            mem_printf("{\"operation\":\"%s\",\"effect\":\"%s\"}", fault[1], effects[i / 2 % 2]);
        struct run_record r = RUN_RECORD_INIT;
        run(i % 2 ? &overlapped : &in_turn, fault[0], text, &r);
        if (strcmp(r.migrations[0].outcome, "failed") != 0)
            fail_msg("%s, %s: %s", fault[0], text, r.migrations[0].outcome);
        assert_int_equal(executed_at(&r, SIMTIME_NEVER), r.muds[0].request_count);
        run_record_free(&r);
    }
}

static void judge(const struct row *row, const char *when, const char *operation, const char *effect)
{
    struct err e = ERR_INIT;
    struct trial trial = {0};
    autofree char *fault =
        mem_printf("{\"operation\":\"%s\",\"effect\":\"%s\",\"delay_ms\":3000}", operation, effect);
    struct scenario *s = scenario_of(row, when, fault, &e);
    if (!s)
        fail_msg("%s (%s)", e.text, e.hint);
    trial_run(&trial, s, 1);
    if (trial.complaint_count)
        fail_msg("%s by %s, %s, %s: %s", row->strategy, row->carrier, when, fault, trial.complaints[0]);
    trial_free(&trial);
    scenario_free(s);
}

/* Nothing is lost, and nothing is left anywhere, says the search's judge. */
static void test_whatever_befalls_a_volume_ends_well(void **state)
{
    (void)state;
    static const char *const operations[] = {"copy volume",    "take volume",   "send volume", "send files",
                                             "receive volume", "receive files", "put volume",  "fetch pages"};
    static const char *const effects[] = {"fails", "truncated", "hangs", "slow"};
    for (size_t row = 0; row < ARRAY_LEN(rows); row++)
        for (size_t i = 0; i < ARRAY_LEN(operations); i++)
            for (size_t k = 0; k < ARRAY_LEN(effects); k++) {
                judge(&rows[row], "early", operations[i], effects[k]);
                judge(&rows[row], "on-arrival", operations[i], effects[k]);
            }
}

static struct stage *stage_in(struct strategy *s, enum operation operation)
{
    struct stage *stage = s->stages;
    while (stage->operation != operation)
        stage++;
    return stage;
}

static void forget_what_comes_late(struct strategy *s)
{
    stage_in(s, OP_PUT_VOLUME)->after = AFTER(OP_SWITCH);
}

static void take_behind_the_thaw(struct strategy *s)
{
    stage_in(s, OP_THAW)->after &= ~AFTER(OP_TAKE_VOLUME);
    stage_in(s, OP_TAKE_VOLUME)->after = AFTER(OP_THAW);
}

/* What the search's judge must see: a container without its volume, or with one of another instant, is none that may serve. */
static void test_a_wrong_volume_is_noticed(void **state)
{
    (void)state;
    static const struct {
        const char *when;
        void (*spoil)(struct strategy *s);
    } spoilt[] = {
        {"on-arrival", forget_what_comes_late},
        {"on-arrival", take_behind_the_thaw},
        {"early", take_behind_the_thaw},
    };
    const struct row overlapped = {"p-migr", "stream", true};
    for (size_t i = 0; i < ARRAY_LEN(spoilt); i++) {
        struct err e = ERR_INIT;
        struct trial trial = {0};
        struct scenario *s = scenario_of(&overlapped, spoilt[i].when,
                                         "{\"operation\":\"take volume\",\"effect\":\"slow\",\"delay_ms\":1000}", &e);
        assert_non_null(s);
        spoilt[i].spoil(&s->migration.with_volume);
        trial_run(&trial, s, 1);
        if (!trial.complaint_count || !strstr(trial.complaints[0], "nothing was damaged, but"))
            fail_msg("row %zu: %s", i, trial.complaint_count ? trial.complaints[0] : "not noticed");
        trial_free(&trial);
        scenario_free(s);
    }
}

/* Through a third host: written there before it is read, image and files, each counted once. */
static void test_a_store_has_it_before_the_target(void **state)
{
    (void)state;
    const struct row by_nfs = {"image-copy", "nfs", false};
    struct run_record r = RUN_RECORD_INIT;
    run(&by_nfs, "on-arrival", "", &r);
    const struct run_stage *store = stage_of(&r, OP_STORE), *send = stage_of(&r, OP_SEND_IMAGE);
    in_order(&r, &by_nfs, OP_STORE, OP_LOAD);
    assert_int_equal(store->begin.ns, send->begin.ns);
    assert_true(simtime_before(store->end, send->end));
    assert_in_range(store->bytes, 9000000, 9700000); /* base and layer, with headers */
    assert_in_range(send->bytes, store->bytes * 2 - store->bytes / 20, store->bytes * 2 + store->bytes / 20);
    int stored = 0;
    for (int i = 0; i < r.migrations[0].stage_count; i++)
        stored += r.migrations[0].stages[i].operation == OP_STORE;
    assert_int_equal(stored, 2);
    run_record_free(&r);
}

static void test_strategies_without_a_snapshot_refuse_by_name(void **state)
{
    (void)state;
    static const char *const names[] = {"log-replay", "stateless"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct err e = ERR_INIT;
        assert_null(scenario_of(&(struct row){names[i], "stream", false}, "early", "", &e));
        assert_non_null(strstr(e.text, names[i]));
        assert_int_equal(e.code, EOPNOTSUPP);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_early_files_leave_before_the_freeze),
        cmocka_unit_test(test_on_arrival_files_come_when_the_container_is_there),
        cmocka_unit_test(test_a_volume_that_fails_costs_the_user_nothing),
        cmocka_unit_test(test_whatever_befalls_a_volume_ends_well),
        cmocka_unit_test(test_a_wrong_volume_is_noticed),
        cmocka_unit_test(test_a_store_has_it_before_the_target),
        cmocka_unit_test(test_strategies_without_a_snapshot_refuse_by_name),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
