/* One script, both worlds: in virtual time and with Docker and CRIU every actor goes through the same states for the same reasons, its
 * containers through the same lives, and its migrations to the same ends. Times differ; order within an actor does not. */
#include "event_reader.h"
#include "real_fixture.h"

#include <inttypes.h>

enum { STORIES_MAX = 64 };

/* What one reporter told about one device, of one kind. */
struct story {
    enum event_kind kind;
    char *reporter;
    int32_t mud;
    struct buf text;
};

struct stories {
    struct story list[STORIES_MAX];
    int count;
};

static struct story *story_of(struct stories *all, enum event_kind kind, const char *reporter, int32_t mud)
{
    for (int i = 0; i < all->count; i++) {
        struct story *s = &all->list[i];
        if (s->kind == kind && s->mud == mud && !strcmp(s->reporter, reporter))
            return s;
    }
    assert_true(all->count < STORIES_MAX);
    all->list[all->count] = (struct story){.kind = kind, .reporter = mem_copy_string(reporter), .mud = mud};
    return &all->list[all->count++];
}

static void read_stories(const char *folder, struct stories *all)
{
    struct event_reader *reader;
    struct event event;
    struct err e = ERR_INIT;
    uint32_t kinds = EVENT_MASK(EVENT_TRANSITION) | EVENT_MASK(EVENT_UNEXPECTED) |
                     EVENT_MASK(EVENT_CONTAINER) | EVENT_MASK(EVENT_MIGRATION);
    *all = (struct stories){.count = 0};
    if (event_reader_open(folder, kinds, &reader, &e) < 0)
        fail_msg("%s", e.text);
    while (event_reader_next(reader, &event, &e) == 1) {
        struct story *s = story_of(all, event.kind, event.reporter, event.mud);
        buf_printf(&s->text, "    %s (migration %" PRId32 ")\n", event.text,
                   event.kind == EVENT_TRANSITION ? -1 : event.migration);
    }
    event_reader_close(reader);
    assert_int_equal(e.code, 0);
}

static void free_stories(struct stories *all)
{
    for (int i = 0; i < all->count; i++) {
        free(all->list[i].reporter);
        buf_free(&all->list[i].text);
    }
}

/* Each way round, so that a story that only one world tells is found. */
static int differences(const char *name, struct stories *told, struct stories *other)
{
    int count = 0;
    for (int i = 0; i < told->count; i++) {
        struct story *a = &told->list[i], *b = story_of(other, a->kind, a->reporter, a->mud);
        if (!strcmp(buf_text(&a->text), buf_text(&b->text)))
            continue;
        print_error("%s: %s of %s about device %" PRId32 ":\n%s  but in the other world:\n%s", name,
                    event_kind_name(a->kind), a->reporter, a->mud, buf_text(&a->text), buf_text(&b->text));
        count++;
    }
    return count;
}

/* --- scripts ------------------------------------------------------------------------------------------------- */

#define FIRST_SECONDS "--set", "muds.m1.visits.1.at_request=5", "--set", "duration_s=4"
#define EARLY "--set", "muds.m1.visits.1.at_request=10"

static const struct {
    const char *name;
    const char *arguments[12];
    int transitions; /* of the first device's last access point: the script did happen */
    const char *ap;
} scripts[] = {
    {"p-migr", {EARLY, "--set", "duration_s=7", QUICK}, 6, "AP-2"},
    {"c-migr", {EARLY, "--set", "duration_s=7", "--set", "migration.strategy=c-migr", QUICK}, 6, "AP-2"},
    {"cold", {EARLY, "--set", "duration_s=8", "scenarios/cold.json"}, 6, "AP-2"},
    {"pre-copy", {FIRST_SECONDS, "scenarios/pre-copy.json"}, 6, "AP-2"},
    {"layered", {FIRST_SECONDS, "scenarios/layered.json"}, 6, "AP-2"},
    {"layered-with-volume",
     {FIRST_SECONDS, "--set", "service.volume_mb=2", "--set", "migration.volume=on-arrival",
      "scenarios/layered.json"},
     6,
     "AP-2"},
    {"c-migr-overlapped",
     {FIRST_SECONDS, "--set", "migration.strategy=c-migr", "--set", "service.volume_mb=2",
      "scenarios/layered.json"},
     6,
     "AP-2"},
    {"log-replay", {FIRST_SECONDS, "scenarios/log-replay.json"}, 6, "AP-2"},
    {"log-replay-from-snapshot",
     {FIRST_SECONDS, "--set", "migration.snapshot_every=3", "scenarios/log-replay.json"},
     6,
     "AP-2"},
    {"stateless", {FIRST_SECONDS, "scenarios/stateless.json"}, 6, "AP-2"},
    {"restore-fails", {EARLY, "--set", "duration_s=8", "scenarios/restore-fails.json"}, 3, "AP-2"},
    {"swap",
     {"--set", "duration_s=8", "--set", "muds.m1.visits.1.at_s=3", "--set", "muds.m2.visits.1.at_s=3",
      "scenarios/swap.json"},
     6,
     "AP-2"},
    {"three-aps",
     {"--set", "duration_s=12", "--set", "muds.m1.visits.1.at_s=2", "--set", "muds.m1.visits.2.at_s=3.5",
      "--set", "muds.m1.visits.3.at_s=6", "scenarios/three-aps.json"},
     6,
     "AP-3"},
    {"placement",
     {"--set", "duration_s=12", "--set", "muds.m1.visits.1.at_s=2", "--set", "muds.m1.visits.2.at_s=8",
      "--set", "muds.m1.visits.3.at_s=9", "scenarios/placement.json"},
     7,
     "AP-2"},
    {"tunnel", {"scenarios/tunnel.json"}, 6, "AP-3"},
    {"post-copy-with-volume",
     {FIRST_SECONDS, "--set", "service.volume_mb=2", "--set", "migration.volume=on-arrival",
      "scenarios/post-copy.json"},
     6,
     "AP-2"},
    {"hybrid-copy-overlapped",
     {FIRST_SECONDS, "--set", "migration.strategy=hybrid-copy", "--set", "migration.pipeline=true", "--set",
      "service.volume_mb=2", "scenarios/post-copy.json"},
     6,
     "AP-2"},
};

enum { LAZY = 2 }; /* the last ones need pages */

static void start(struct fixture_run *run, const char *world, size_t script)
{
    const char *arguments[16] = {"--world", world};
    autofree char *name = mem_printf("%s-%s", scripts[script].name, world);
    memcpy(arguments + 2, scripts[script].arguments, sizeof scripts[script].arguments);
    fixture_start(run, name, arguments);
}

/* The exit status is not judged: what a shortened script expects is real_test's business. True if the machine was too slow: then it is chance who
 * comes first. */
static bool end(struct fixture_run *run, struct stories *all)
{
    int status = fixture_wait(run);
    if (status != 0 && status != 1)
        fixture_unexpected(run, status, 0);
    json_object *result = fixture_result(run);
    bool late = fixture_is_late(result);
    json_object_put(result);
    read_stories(run->folder, all);
    free(shell("rm -r %s", run->folder));
    fixture_run_free(run);
    return late;
}

static int lines_of(struct story *s)
{
    int lines = 0;
    for (const char *at = buf_text(&s->text); (at = strchr(at, '\n')); at++)
        lines++;
    return lines;
}

enum { TOO_LATE = -1, TRIES = 5 };

static int compare_worlds(size_t script, struct fixture_run *real_run)
{
    struct fixture_run sim_run;
    struct stories sim, real;
    start(&sim_run, "sim", script);
    end(&sim_run, &sim);
    bool late = end(real_run, &real);
    assert_int_equal(lines_of(story_of(&sim, EVENT_TRANSITION, scripts[script].ap, 0)),
                     scripts[script].transitions);
    int count =
        differences(scripts[script].name, &sim, &real) + differences(scripts[script].name, &real, &sim);
    free_stories(&sim);
    free_stories(&real);
    return late && count ? TOO_LATE : count;
}

/* Two at a time: a run waits for most of its time. */
static void both_worlds_tell_the_same(void **state)
{
    struct fixture_run runs[ARRAY_LEN(scripts)];
    int count = 0;
    (void)state;
    NEED_REAL_WORLD();
    size_t total = ARRAY_LEN(scripts) - (fixture_pages_can_come() ? 0 : LAZY);
    start(&runs[0], "real", 0);
    for (size_t i = 0; i < total; i++) {
        if (i + 1 < total)
            start(&runs[i + 1], "real", i + 1);
        int found = compare_worlds(i, &runs[i]);
        for (int tries = 0; found == TOO_LATE && tries < TRIES; tries++) {
            start(&runs[i], "real", i);
            found = compare_worlds(i, &runs[i]);
        }
        count += found != 0;
    }
    assert_int_equal(count, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_worlds_tell_the_same)};
    return cmocka_run_group_tests(tests, fixture_set_up, fixture_tear_down);
}
