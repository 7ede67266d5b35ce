#include "invariants.h"
#include "mem.h"
#include "number_tally.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum container_state { CONTAINER_GONE, CONTAINER_LOST, CONTAINER_STOPPED, CONTAINER_STANDBY, CONTAINER_HALTED, CONTAINER_LIVE };

static const char *const state_names[] = {"gone", "lost", "stopped", "standby", "halted", "live"};

struct container {
    char *edge;
    int32_t migration;
    enum container_state state;
};

struct migration {
    int32_t number;
    int begun, committed, ended;
    bool used; /* its container has executed requests since the commit */
    bool finished;
    struct simtime begin;
};

struct mud {
    char *reporter;
    struct number_tally answered, executed, abandoned;
    int64_t sent;
    bool told_total;
    int32_t newest_executing; /* migration of the newest container that executed */
    struct container *containers;
    size_t container_count;
    int live;
    bool was_live, ended_in_order; /* its last container went after it was done */
    bool stopped;                  /* by supervision: its only live container is gone for good */
    char *lost;                    /* declared, in a sentence: its only live container is gone */
    struct migration *migrations;
    size_t migration_count;
};

struct invariants {
    const struct scenario *scenario; /* NULL: messages are all that is known */
    struct mud *muds;
    size_t mud_count, mud_capacity;
    struct invariants_broken broken;
    uint64_t duplicated;
};

struct invariants *invariants_new(const struct scenario *s)
{
    struct invariants *inv = mem_alloc(sizeof *inv);
    inv->scenario = s;
    return inv;
}

static bool is_named(const struct invariants *inv, int64_t mud)
{
    return inv->scenario && mud < inv->scenario->mud_count;
}

static const char *name_of(const struct invariants *inv, const struct mud *mud)
{
    ptrdiff_t index = mud - inv->muds;
    if (is_named(inv, index))
        return inv->scenario->muds[index].name;
    return mud->reporter ? mud->reporter : "a device without a name";
}

static bool grants(const struct invariants *inv, enum guarantee guarantee)
{
    return !inv->scenario || !(inv->scenario->migration.strategy->gives_up & guarantee);
}

void invariants_broken_add(struct invariants_broken *broken, const char *sentence)
{
    if (broken->count++ >= INVARIANTS_SENTENCES_MAX)
        return;
    broken->sentences = mem_resize(broken->sentences, (broken->kept + 1) * sizeof *broken->sentences);
    broken->sentences[broken->kept++] = mem_copy_string(sentence);
}

__attribute__((format(printf, 3, 4))) static void say(struct invariants *inv, const struct mud *mud,
                                                      const char *format, ...)
{
    if (inv->broken.kept == INVARIANTS_SENTENCES_MAX) {
        inv->broken.count++;
        return;
    }
    va_list args;
    va_start(args, format);
    autofree char *what = mem_vprintf(format, args);
    va_end(args);
    autofree char *sentence = mem_printf("%s: %s", name_of(inv, mud), what);
    invariants_broken_add(&inv->broken, sentence);
}

static struct mud *mud_at(struct invariants *inv, int32_t index)
{
    size_t needed = (size_t)index + 1;
    if (needed > inv->mud_capacity) {
        size_t capacity = needed < inv->mud_capacity * 2 ? inv->mud_capacity * 2 : needed;
        inv->muds = mem_resize(inv->muds, capacity * sizeof *inv->muds);
        memset(inv->muds + inv->mud_capacity, 0, (capacity - inv->mud_capacity) * sizeof *inv->muds);
        inv->mud_capacity = capacity;
    }
    if (inv->mud_count < needed)
        inv->mud_count = needed;
    return &inv->muds[index];
}

static void see_request(struct invariants *inv, struct mud *mud, const struct event *ev)
{
    number_tally_add(&mud->answered, ev->number);
    if (strcmp(ev->text, "ok") != 0 && grants(inv, STATE_MIGRATES))
        say(inv, mud, "request %d: wrong digest: %s", ev->number, ev->text);
}

static struct migration *migration_at(struct mud *mud, int32_t number)
{
    for (size_t i = mud->migration_count; i-- > 0;)
        if (mud->migrations[i].number == number)
            return &mud->migrations[i];
    mud->migrations = mem_resize(mud->migrations, (mud->migration_count + 1) * sizeof *mud->migrations);
    mud->migrations[mud->migration_count] = (struct migration){.number = number};
    return &mud->migrations[mud->migration_count++];
}

static void see_use(struct mud *mud, int32_t migration)
{
    struct migration *m = migration > 0 ? migration_at(mud, migration) : NULL;
    if (m && m->committed)
        m->used = true;
}

static void see_executed(struct invariants *inv, struct mud *mud, const struct event *ev)
{
    if (!strcmp(ev->text, "executed up to here")) {
        for (int32_t n = 0; n <= ev->number; n++)
            number_set_add(&mud->executed.set, n);
        return;
    }
    number_tally_add(&mud->executed, ev->number);
    see_use(mud, (int32_t)ev->value);
    if (ev->value < mud->newest_executing)
        say(inv, mud,
            "request %d was executed by the container of migration %d after that of migration %d had "
            "executed",
            ev->number, (int)ev->value, mud->newest_executing);
    else
        mud->newest_executing = (int32_t)ev->value;
}

static struct container *container_at(struct mud *mud, const struct event *ev)
{
    for (size_t i = 0; i < mud->container_count; i++)
        if (mud->containers[i].migration == ev->migration &&
            strcmp(mud->containers[i].edge, ev->reporter) == 0)
            return &mud->containers[i];
    mud->containers = mem_resize(mud->containers, (mud->container_count + 1) * sizeof *mud->containers);
    struct container *c = &mud->containers[mud->container_count++];
    *c = (struct container){mem_copy_string(ev->reporter), ev->migration, CONTAINER_GONE};
    return c;
}

static int containers_left(const struct mud *mud)
{
    int left = 0;
    for (size_t i = 0; i < mud->container_count; i++)
        left += mud->containers[i].state > CONTAINER_STOPPED;
    return left;
}

static void see_container(struct invariants *inv, struct mud *mud, const struct event *ev)
{
    struct container *c = container_at(mud, ev);
    size_t state = 0;
    while (state < ARRAY_LEN(state_names) && strcmp(state_names[state], ev->text) != 0)
        state++;
    if (state == ARRAY_LEN(state_names)) {
        say(inv, mud, "a container at %s is in the unknown state \"%s\"", ev->reporter, ev->text);
        return;
    }
    bool was_live = c->state == CONTAINER_LIVE;
    c->state = (enum container_state)state;
    if (c->state == CONTAINER_LOST && !mud->lost)
        mud->lost = mem_printf("%s: declared unavailable from %.6f s: its only live container was lost at %s", name_of(inv, mud),
                               simtime_seconds(ev->at), ev->reporter);
    mud->live += (c->state == CONTAINER_LIVE) - was_live;
    mud->was_live |= c->state == CONTAINER_LIVE;
    mud->stopped |= c->state == CONTAINER_STOPPED;
    if (!was_live || mud->live > 0 || mud->lost || mud->stopped)
        return;
    if (mud->told_total && containers_left(mud) == 0)
        mud->ended_in_order = true;
    else if (grants(inv, ALWAYS_LIVE))
        say(inv, mud, "no container was live from %.6f s, when the one at %s became %s",
            simtime_seconds(ev->at), ev->reporter, ev->text);
}

/* An access point that restarts may forget a commit that nobody has acted on. */
static void see_mark(struct mud *mud, const struct event *ev)
{
    struct migration *m = migration_at(mud, ev->migration);
    if (strcmp(ev->text, "migr begins") == 0) {
        m->begin = ev->at;
        m->begun++;
    } else {
        m->committed = m->used ? m->committed + 1 : 1;
    }
}

static void see_end(struct mud *mud, const struct event *ev)
{
    struct migration *m = migration_at(mud, ev->migration);
    m->ended++;
    m->finished |= !strcmp(ev->text, "finished");
}

void invariants_add(struct invariants *inv, const struct event *ev)
{
    if (ev->mud < 0)
        return;
    struct mud *mud = mud_at(inv, ev->mud);
    if (ev->kind == EVENT_REQUEST || ev->kind == EVENT_SENT_TOTAL) {
        if (!mud->reporter && !is_named(inv, ev->mud))
            mud->reporter = mem_copy_string(ev->reporter);
    }
    if (ev->kind == EVENT_REQUEST) {
        see_request(inv, mud, ev);
    } else if (ev->kind == EVENT_SENT_TOTAL) {
        mud->told_total = true;
        mud->sent += ev->number;
    } else if (ev->kind == EVENT_ABANDONED) {
        number_tally_add(&mud->abandoned, ev->number);
    } else if (ev->kind == EVENT_EXECUTED) {
        see_executed(inv, mud, ev);
    } else if (ev->kind == EVENT_CONTAINER) {
        see_container(inv, mud, ev);
    } else if (ev->kind == EVENT_MIGRATION) {
        see_end(mud, ev);
    } else if (ev->kind == EVENT_MARK && ev->migration > 0) {
        see_mark(mud, ev);
    }
}

static void check_once(struct invariants *inv, const struct mud *mud, struct number_tally *numbers,
                       const char *done)
{
    number_tally_sort(numbers);
    for (size_t i = 0; i < numbers->repeat_count; i++)
        say(inv, mud, "request %d was %s %d times", numbers->repeats[i].number, done,
            numbers->repeats[i].times);
    inv->duplicated += numbers->repeat_count;
}

/* Numbers start at 0 and none is left out: the first hole is the first one lost. */
static int64_t first_lost(const struct mud *mud)
{
    const struct number_run *run;
    int64_t number = 0;
    while (number <= INT32_MAX && ((run = number_set_run_of(&mud->answered.set, (int32_t)number)) ||
                                   (run = number_set_run_of(&mud->abandoned.set, (int32_t)number))))
        number = (int64_t)run->last + 1;
    return number;
}

static void check_answers(struct invariants *inv, struct mud *mud)
{
    check_once(inv, mud, &mud->answered, "answered");
    check_once(inv, mud, &mud->abandoned, "abandoned");
    if (mud->lost || mud->stopped)
        return;
    int64_t answered = (int64_t)mud->answered.set.count, abandoned = (int64_t)mud->abandoned.set.count;
    if (!mud->told_total)
        say(inv, mud, "it never said how many requests it sent");
    else if (mud->sent != answered + abandoned)
        say(inv, mud, "%lld requests were sent, %lld were answered%s", (long long)mud->sent,
            (long long)answered, abandoned ? " and not all others abandoned" : "");
    int64_t lost = first_lost(mud);
    if (mud->told_total && lost < mud->sent && inv->scenario)
        say(inv, mud, "request %lld was not answered", (long long)lost);
}

static void check_was_executed(struct invariants *inv, const struct mud *mud, const struct number_run *answered)
{
    for (int64_t n = answered->first; n <= answered->last; n++) {
        const struct number_run *executed = number_set_run_of(&mud->executed.set, (int32_t)n);
        if (executed)
            n = executed->last;
        else
            say(inv, mud, "request %d was answered but no container executed it", (int)n);
    }
}

static void check_executions(struct invariants *inv, struct mud *mud)
{
    check_once(inv, mud, &mud->executed, "executed");
    const struct number_set *executed = &mud->executed.set;
    for (size_t i = 0; i < executed->len; i++) {
        int32_t expected = i ? executed->runs[i - 1].last + 1 : 0;
        if (executed->runs[i].first != expected)
            say(inv, mud, "request %d was left out: %d was executed without it", expected,
                executed->runs[i].first);
    }
    for (size_t i = 0; i < mud->answered.set.len; i++)
        check_was_executed(inv, mud, &mud->answered.set.runs[i]);
}

static void check_containers(struct invariants *inv, struct mud *mud)
{
    if (!mud->was_live) {
        if (mud->sent || mud->executed.set.count || containers_left(mud))
            say(inv, mud, "no container was ever live");
        return;
    }
    int left = containers_left(mud);
    if (left == 0 && !mud->ended_in_order && !mud->lost && !mud->stopped)
        say(inv, mud, "no container is left at the end");
    else if (left == 1 && mud->live != 1)
        say(inv, mud, "the container that is left at the end is not live");
    for (size_t i = 0; i < mud->container_count && left > 1; i++)
        if (mud->containers[i].state > CONTAINER_STOPPED)
            say(inv, mud, "%d containers are left at the end: one at %s, brought by migration %d, is %s",
                left, mud->containers[i].edge, mud->containers[i].migration,
                state_names[mud->containers[i].state]);
}

static void check_migrations(struct invariants *inv, const struct mud *mud)
{
    const char *hint = !inv->scenario ? "" : " (give it more: duration_s or timeouts.drain_ms)";
    for (size_t i = 0; i < mud->migration_count; i++) {
        const struct migration *m = &mud->migrations[i];
        if (m->begun && !m->ended)
            say(inv, mud, "migration %d, begun at %.6f s, had not ended when the run's time was over%s",
                m->number, simtime_seconds(m->begin), hint);
        if (m->ended > 1)
            say(inv, mud, "migration %d ended %d times", m->number, m->ended);
        if (m->committed > 1)
            say(inv, mud, "migration %d was committed %d times", m->number, m->committed);
        if (m->used && m->ended && !m->finished)
            say(inv, mud, "migration %d was committed and used, and called off", m->number);
    }
}

void invariants_finish(struct invariants *inv, struct invariants_broken *broken)
{
    for (size_t i = 0; i < inv->mud_count; i++) {
        struct mud *mud = &inv->muds[i];
        check_answers(inv, mud);
        check_migrations(inv, mud);
        if (!inv->scenario)
            continue;
        check_executions(inv, mud);
        check_containers(inv, mud);
    }
    *broken = inv->broken;
    inv->broken = (struct invariants_broken){0};
}

const char *invariants_declared_lost(const struct invariants *inv, int32_t mud)
{
    return (size_t)mud < inv->mud_count ? inv->muds[mud].lost : NULL;
}

uint64_t invariants_duplicated(const struct invariants *inv)
{
    return inv->duplicated;
}

static void free_mud(struct mud *mud)
{
    for (size_t i = 0; i < mud->container_count; i++)
        free(mud->containers[i].edge);
    free(mud->reporter);
    free(mud->lost);
    number_tally_free(&mud->answered);
    number_tally_free(&mud->executed);
    number_tally_free(&mud->abandoned);
    free(mud->containers);
    free(mud->migrations);
}

void invariants_free(struct invariants *inv)
{
    if (!inv)
        return;
    for (size_t i = 0; i < inv->mud_count; i++)
        free_mud(&inv->muds[i]);
    free(inv->muds);
    invariants_broken_free(&inv->broken);
    free(inv);
}

void invariants_broken_free(struct invariants_broken *broken)
{
    for (size_t i = 0; i < broken->kept; i++)
        free(broken->sentences[i]);
    free(broken->sentences);
    *broken = (struct invariants_broken){0};
}
