/* A source that is killed between any two of its acts, and again while it recovers: how a migration ended of which it has told that it
 * began is told once. */
#include "edge_fixture.h"

#include <limits.h>

struct end_row {
    const char *label, *outcome;
    const char *instead; /* by a source that does not live to undo it */
    uint8_t verdict;     /* of the access point; 0 = sending fails */
    const char *strategy;
};

static const struct end_row rows[] = {
    {"the access point has committed", "finished", "finished", OFFLOAD_STOP, "p-migr"},
    {"it calls the migration off", "superseded", "failed", OFFLOAD_CANCEL, "p-migr"},
    {"an operation fails", "failed", "failed", 0, "p-migr"},
    {"the container cannot be revived", "failed", "failed", 0, "cold"},
};

/* A port whose process is killed before the act of that number: none of the later ones happens. */
struct mortal {
    struct bench bench;
    int acts;
};

/* What outlives it, and what has been told. */
struct remains {
    struct buf owner;
    bool begun;
    int told;
    char outcome[16];
};

static struct remains remains;

static bool lives(struct port *port)
{
    struct mortal *m = container_of(container_of(port, struct bench, fake.port), struct mortal, bench);
    return m->acts-- > 0;
}

static void mortal_send(struct port *port, const struct msg *m)
{
    if (lives(port))
        fake_send(port, m);
}

static void mortal_deliver(struct port *port, struct party edge, uint32_t container, const struct offload *o)
{
    if (lives(port))
        fake_deliver(port, edge, container, o);
}

static void mortal_operate(struct port *port, const struct order *order)
{
    if (lives(port))
        fake_operate(port, order);
}

static void mortal_cancel(struct port *port, struct party edge, uint32_t mud, uint32_t migration)
{
    if (lives(port))
        fake_cancel(port, edge, mud, migration);
}

/* What is told again the repository leaves out. */
static void mortal_report(struct port *port, const struct report *r)
{
    if (!lives(port))
        return;
    remains.begun |= r->kind == EVENT_MARK;
    if (r->kind != EVENT_MIGRATION)
        return;
    if (r->number == EVENT_TOLD_AGAIN && remains.told && strcmp(r->text, remains.outcome) == 0)
        return;
    remains.told++;
    snprintf(remains.outcome, sizeof remains.outcome, "%s", r->text);
}

static void mortal_keep(struct port *port, struct party edge, const struct owner_record *record)
{
    (void)edge;
    if (!lives(port))
        return;
    buf_clear(&remains.owner);
    owner_write(record, &remains.owner);
}

static const struct port_operations mortal_operations = {
    .now = fake_now,
    .set_alarm = fake_set_alarm,
    .clear_alarm = fake_clear_alarm,
    .send = mortal_send,
    .deliver = mortal_deliver,
    .operate = mortal_operate,
    .cancel_operations = mortal_cancel,
    .report = mortal_report,
    .keep_owner = mortal_keep,
};

/* What fails to be undone is tried again after a while. */
static void end_migration(struct bench *b, uint8_t verdict)
{
    if (verdict)
        hear(b, offload(verdict, ap2, 1, 0));
    for (int waits = 0; b->fake.ordered || waits < 2; waits++) {
        for (; b->fake.ordered; waits = 0)
            finish(b, b->fake.order.operation == OP_SEND_LAYER || b->fake.order.operation == OP_REVIVE ? -EIO : 0);
        fake_wait(&b->fake, b->fake.rules.timeouts.control_retry);
    }
}

/* Returns whether it has survived that many acts. */
static bool live_once(const struct end_row *row, int acts)
{
    struct mortal m = {.acts = INT_MAX};
    struct bench *b = &m.bench;
    bench_init(b, EDGE_LIVE, row->strategy);
    b->fake.port.operations = &mortal_operations;
    b->fake.port.keeps_owners = true;
    edge_keep_owner(client(b));
    m.acts = acts;
    hear(b, offload(OFFLOAD_MIGRATE, ap2, 1, 0));
    if (client(b)->out.state == MIGRATION_PROBING)
        answer_probe(b, 1, 0);
    while (b->fake.ordered && client(b)->out.state != MIGRATION_INSTALLING &&
           (row->verdict || b->fake.order.operation != OP_SEND_LAYER))
        finish(b, 0);
    end_migration(b, row->verdict);
    bench_free(b);
    return m.acts > 0;
}

static bool live_again(const struct end_row *row, int acts)
{
    struct mortal m = {.acts = acts};
    struct bench *b = &m.bench;
    struct buf kept = BUF_INIT;
    struct owner_record record;
    buf_add(&kept, remains.owner.data, remains.owner.len);
    assert_true(owner_read(kept.data, kept.len, &record));
    fake_init(&b->fake, row->strategy);
    b->fake.port.operations = &mortal_operations;
    b->fake.port.keeps_owners = true;
    edge_init(&b->edge, &b->fake.port, &b->fake.rules, 1);
    edge_recover(&b->edge, &record, record.state == EDGE_LIVE && !record.halted);
    end_migration(b, row->verdict);
    bench_free(b);
    buf_free(&kept);
    return m.acts > 0;
}

/* Returns whether both deaths came too late. */
static bool tell_once(const struct end_row *row, int first, int second)
{
    remains = (struct remains){.owner = BUF_INIT};
    bool over = live_once(row, first);
    over &= live_again(row, second);
    live_again(row, INT_MAX);
    bool nothing_known = !remains.begun && remains.told == 0;
    bool one_of_both = strcmp(remains.outcome, row->outcome) == 0 || strcmp(remains.outcome, row->instead) == 0;
    if (!nothing_known && (remains.told != 1 || !one_of_both))
        fail_msg("%s, killed before act %d, then %d: told %d times, \"%s\"", row->label, first, second,
                 remains.told, remains.outcome);
    buf_free(&remains.owner);
    return over;
}

static void an_end_is_told_once_whenever_its_source_is_killed(void **state)
{
    enum { ACTS = 100 };
    bool over = false;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++, assert_true(over))
        for (int first = 0; first < ACTS; first++)
            for (int second = 0; second < ACTS; second++)
                over = tell_once(&rows[i], first, second);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_end_is_told_once_whenever_its_source_is_killed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
