/* The base image ahead of the container that needs it: who announces it, and what an edge server makes of the announcement. */
#include "edge_fixture.h"

enum step {
    NOTHING,
    HINT,
    INSTALL,
    INSTALL_OF_ANOTHER,
    START_OF_ANOTHER,
    REMOVE,
    RESTART,
    PULLED,
    PULL_FAILED
};

struct course {
    const char *label, *strategy;
    struct {
        enum step step;
        const char *did;
    } steps[5];
};

#define ACK "ES1<ACK INSTALL"

static const struct course courses[] = {
    {"in time", "pre-copy", {{HINT, "do pull"}, {PULLED, ""}, {INSTALL, ACK ", do merge"}}},
    {"the cut comes first", "pre-copy", {{HINT, "do pull"}, {INSTALL, ACK}, {PULLED, "do merge"}}},
    {"the base comes along", "c-migr", {{HINT, "do pull"}, {INSTALL, ACK ", do load"}, {PULLED, ""}}},
    {"twice", "pre-copy", {{HINT, "do pull"}, {HINT, ""}, {PULLED, ""}, {HINT, ""}}},
    {"lost", "pre-copy", {{INSTALL, ACK ", do pull"}, {PULLED, "do merge"}}},
    {"late", "pre-copy", {{INSTALL, ACK ", do pull"}, {HINT, ""}, {PULLED, "do merge"}}},
    {"in vain",
     "pre-copy",
     {{HINT, "do pull"}, {PULL_FAILED, ""}, {INSTALL, ACK ", do pull"}, {PULLED, "do merge"}}},
    {"in vain while it is waited for",
     "pre-copy",
     {{HINT, "do pull"}, {INSTALL, ACK}, {PULL_FAILED, "do pull"}, {PULLED, "do merge"}}},
    {"what was waited for fails, too",
     "pre-copy",
     {{HINT, "do pull"},
      {INSTALL, ACK},
      {PULL_FAILED, "do pull"},
      {PULL_FAILED, "AP2<FAILED status -5, do discard"}}},
    {"called off early", "pre-copy", {{HINT, "do pull"}, {REMOVE, "do discard"}, {PULLED, ""}, {HINT, ""}}},
    {"called off while it is waited for",
     "pre-copy",
     {{HINT, "do pull"}, {INSTALL, ACK}, {REMOVE, "do discard"}, {PULLED, ""}, {HINT, ""}}},
    {"the edge server restarts",
     "pre-copy",
     {{HINT, "do pull"}, {RESTART, ""}, {INSTALL, ACK ", do pull"}, {PULLED, "do merge"}}},
    {"two migrations wait",
     "pre-copy",
     {{HINT, "do pull"}, {INSTALL_OF_ANOTHER, ACK}, {INSTALL, ACK}, {PULLED, "do merge, do merge"}}},
    {"a first container waits",
     "pre-copy",
     {{HINT, "do pull"}, {START_OF_ANOTHER, ""}, {PULLED, "do start"}}},
    {"a first container waits in vain",
     "pre-copy",
     {{HINT, "do pull"}, {START_OF_ANOTHER, ""}, {PULL_FAILED, "do pull"}, {PULLED, "do start"}}},
};

static const bool second_lacks_it[3] = {false, true, false}, third_lacks_it[3] = {false, false, true};

static struct msg of_another(struct msg m)
{
    m.mud = m.offload.mud = 1;
    return m;
}

static void restart(struct bench *b)
{
    edge_free(&b->edge);
    edge_init(&b->edge, &b->fake.port, &b->fake.rules, 1);
}

static void pull_ends(struct bench *b, const struct order *pull, int32_t status)
{
    const struct order_result result = {.status = status, .reason = status ? "why" : NULL};
    edge_operation_done(&b->edge, pull, &result);
}

static void take(struct bench *b, enum step step, const struct order *pull)
{
    if (step == HINT)
        hear(b, offload(OFFLOAD_PREPULL, es1, 3, 0));
    else if (step == INSTALL)
        hear(b, offload(OFFLOAD_INSTALL, es1, 3, 5));
    else if (step == INSTALL_OF_ANOTHER)
        hear(b, of_another(offload(OFFLOAD_INSTALL, es1, 3, 5)));
    else if (step == START_OF_ANOTHER)
        hear(b, of_another(offload(OFFLOAD_ATTACH, ap2, 0, 0)));
    else if (step == REMOVE)
        hear(b, offload(OFFLOAD_REMOVE, es1, 3, 0));
    else if (step == RESTART)
        restart(b);
    else
        pull_ends(b, pull, step == PULLED ? 0 : -EIO);
}

static void an_announcement_changes_nothing_but_the_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(courses); i++) {
        const struct course *course = &courses[i];
        struct order pull = {0};
        struct bench b;
        fake_init(&b.fake, course->strategy);
        b.fake.rules.lacks_base = second_lacks_it;
        edge_init(&b.edge, &b.fake.port, &b.fake.rules, 1);
        fake_listen(&b.fake);
        for (size_t k = 0; k < ARRAY_LEN(course->steps) && course->steps[k].step; k++) {
            take(&b, course->steps[k].step, &pull);
            if (strcmp(fake_did(&b.fake), course->steps[k].did) != 0)
                fail_msg("%s, step %zu: \"%s\"", course->label, k, fake_did(&b.fake));
            buf_clear(&b.fake.did);
            pull = b.fake.order.operation == OP_PULL ? b.fake.order : pull;
            assert_true(edge_busy(&b.edge) || !b.edge.ahead.runs);
        }
        assert_int_equal(b.edge.actor.unexpected, 0);
        bench_free(&b);
    }
}

static void a_source_that_copies_ahead_announces_it(void **state)
{
    struct strategy with_volume;
    assert_true(strategy_add_volume(strategy_of("p-migr"), VOLUME_EARLY, &with_volume));
    const struct {
        const struct strategy *strategy;
        const bool *lacks_base;
        const char *did;
    } rows[] = {
        {strategy_of("pre-copy"), third_lacks_it, "ES3<PREPULL, do seed"},
        {strategy_of("pre-copy")->overlapped, third_lacks_it, "ES3<PREPULL, do seed"},
        {strategy_of("hybrid-copy"), third_lacks_it, "ES3<PREPULL, do seed"},
        {strategy_of("hybrid-copy")->overlapped, third_lacks_it, "ES3<PREPULL, do seed"},
        {&with_volume, third_lacks_it, "ES3<PREPULL, do copy volume"},
        {strategy_of("pre-copy"), second_lacks_it, "do seed"},
        {strategy_of("pre-copy"), NULL, "do seed"},
        {strategy_of("p-migr"), third_lacks_it, "do freeze"},
        {strategy_of("c-migr"), third_lacks_it, "do freeze"},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct bench b;
        bench_init(&b, EDGE_LIVE, "p-migr");
        b.fake.rules.strategy = rows[i].strategy;
        b.fake.rules.lacks_base = rows[i].lacks_base;
        hear(&b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
        autofree char *did = mem_printf("AP2<ACK MIGRATE, migr begins, %s", rows[i].did);
        expect(&b, did, EDGE_LIVE);
        bench_free(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_announcement_changes_nothing_but_the_time),
        cmocka_unit_test(a_source_that_copies_ahead_announces_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
