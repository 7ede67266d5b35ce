/* No event is lost: on the agent's disk before it is sent, waiting while the repository is held, whole in a repository whose writer was killed. */
#include "agent_protocol.h"
#include "agent_report.h"
#include "database.h"
#include "event_keeper.h"
#include "event_spool.h"
#include "folder.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

static char *path_in(const char *folder, const char *name)
{
    return mem_printf("%s/%s", folder, name);
}

/* --- the spool --------------------------------------------------------------------------------------------- */

static void lines_come_back_in_order(void **state)
{
    struct err e = ERR_INIT;
    autofree char *path = path_in(*state, "spool");
    struct event_spool *spool = event_spool_create(path, &e);
    assert_non_null(spool);
    assert_null(event_spool_next(spool));
    assert_int_equal(event_spool_add(spool, "one", &e), 0);
    assert_int_equal(event_spool_add(spool, "", &e), 0);
    assert_string_equal(event_spool_next(spool), "one");
    assert_string_equal(event_spool_next(spool), "");
    assert_null(event_spool_next(spool));
    assert_int_equal(event_spool_add(spool, "three", &e), 0);
    assert_string_equal(event_spool_next(spool), "three");
    assert_null(event_spool_next(spool));
    assert_int_equal(event_spool_count(spool), 3);
    event_spool_free(spool);
    assert_null(event_spool_create(path, &e));
    assert_int_equal(e.code, EEXIST);
}

static void what_was_left_is_recovered(void **state)
{
    static const struct {
        const char *left;
        uint64_t skip;
        const char *next[2];
        uint64_t count;
    } rows[] = {
        {"a\nb\nc\n", 1, {"b", "c"}, 3}, {"a\nb\n", 1, {"b", NULL}, 2}, {"a\nb\ntor", 1, {"b", NULL}, 2},
        {"a\n", 1, {NULL}, 1},           {"a\n", 5, {NULL}, 1},         {"", 0, {NULL}, 0},
    };
    struct err e = ERR_INIT;
    autofree char *path = path_in(*state, "left"), *absent = path_in(*state, "absent");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        folder_write(*state, "left", rows[i].left);
        struct event_spool *spool = event_spool_recover(path, rows[i].skip, &e);
        for (int k = 0; k < 2 && rows[i].next[k]; k++)
            assert_string_equal(event_spool_next(spool), rows[i].next[k]);
        assert_null(event_spool_next(spool));
        assert_int_equal(event_spool_count(spool), rows[i].count);
        event_spool_free(spool);
    }
    assert_null(event_spool_recover(absent, 0, &e));
    assert_int_equal(e.code, ENOENT);
}

/* A limit in place of a full disk: the line that does not fit leaves nothing behind, and can be added later. */
static void a_full_disk_leaves_no_part_of_a_line(void **state)
{
    struct err e = ERR_INIT;
    autofree char *path = path_in(*state, "spool");
    struct event_spool *spool = event_spool_create(path, &e);
    struct rlimit usual, small;
    getrlimit(RLIMIT_FSIZE, &usual);
    small = (struct rlimit){8, usual.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(event_spool_add(spool, "fits", &e), 0);
    setrlimit(RLIMIT_FSIZE, &small);
    assert_true(event_spool_add(spool, "does not fit", &e) < 0);
    setrlimit(RLIMIT_FSIZE, &usual);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(event_spool_add(spool, "later", &e), 0);
    assert_string_equal(event_spool_next(spool), "fits");
    assert_string_equal(event_spool_next(spool), "later");
    assert_null(event_spool_next(spool));
    event_spool_free(spool);
}

/* --- an agent's report ----------------------------------------------------------------------------------------- */

enum { REPORTED = 5000 };

struct reporting {
    struct channel channel;
    struct agent_report report;
};

static void nothing_heard(struct channel *channel, char *text, size_t len)
{
    (void)channel, (void)text, (void)len;
}

static void channel_closed(struct channel *channel, const struct err *e)
{
    (void)channel, (void)e;
}

static void drained(struct channel *channel)
{
    agent_report_go_on(&container_of(channel, struct reporting, channel)->report);
}

static void not_written(struct agent_report *report, const struct err *e)
{
    (void)report;
    fail_msg("%s", e->text);
}

static struct event event_number(int number)
{
    return (struct event){.at = {number},
                          .kind = EVENT_NOTE,
                          .reporter = "AP-1",
                          .peer = "",
                          .sender = "",
                          .text = "note",
                          .mud = -1,
                          .number = number,
                          .migration = -1};
}

struct reading {
    struct watch watch;
    struct timer begin;
    struct loop *loop;
    struct buf got;
    int lines;
};

static void read_some(struct watch *watch, uint32_t events)
{
    struct reading *r = container_of(watch, struct reading, watch);
    char chunk[4096];
    (void)events;
    ssize_t got = read(watch->fd, chunk, sizeof chunk);
    assert_true(got > 0);
    buf_add(&r->got, chunk, (size_t)got);
    for (ssize_t i = 0; i < got; i++)
        r->lines += chunk[i] == '\n';
    if (r->lines == REPORTED)
        loop_stop(r->loop);
}

static void begin_reading(struct timer *timer)
{
    struct reading *r = container_of(timer, struct reading, begin);
    loop_watch(r->loop, &r->watch, EPOLLIN, NULL);
}

/* Nobody reads at first: the channel holds little, the disk the rest; then all come, in order. */
static void a_report_waits_on_disk(void **state)
{
    struct err e = ERR_INIT;
    struct clock clock = clock_wall(clock_monotonic());
    struct loop *loop = loop_new(&clock, &e);
    struct reporting a = {.channel = {.line = nothing_heard, .closed = channel_closed, .drained = drained},
                          .report.failed = not_written};
    autofree char *path = path_in(*state, "spool");
    int in[2], out[2];
    assert_int_equal(pipe2(in, O_CLOEXEC) | pipe2(out, O_CLOEXEC), 0);
    assert_int_equal(channel_open(&a.channel, loop, in[0], out[1], &e), 0);
    assert_int_equal(agent_report_open(&a.report, loop, &a.channel, path, &e), 0);
    for (int i = 0; i < REPORTED; i++) {
        const struct event event = event_number(i);
        agent_report_add(&a.report, &event);
    }
    struct reading r = {.watch = {read_some, out[0]}, .begin.fire = begin_reading, .loop = loop};
    agent_report_go_on(&a.report);
    assert_true(a.channel.outgoing.len < 1 << 17);
    loop_arm_after(loop, &r.begin, simtime_ms(20));
    loop_run(loop);
    assert_int_equal(agent_report_count(&a.report), REPORTED);
    char *save, *line = strtok_r((char *)r.got.data, "\n", &save);
    for (int i = 0; i < REPORTED; i++, line = strtok_r(NULL, "\n", &save)) {
        struct json_object *object = json_tokener_parse(line);
        struct event event;
        assert_int_equal(agent_read_event(object, &event, &e), 0);
        assert_int_equal(event.number, i);
        json_object_put(object);
    }
    agent_report_close(&a.report);
    channel_close(&a.channel);
    loop_unwatch(loop, &r.watch);
    close(in[1]);
    close(out[0]);
    buf_free(&r.got);
    loop_free(loop);
}

/* --- the repository ------------------------------------------------------------------------------------------- */

static void add_number(struct event_keeper *keeper, int number)
{
    struct err e = ERR_INIT;
    const struct event event = event_number(number);
    struct json_object *line = agent_say_event(&event);
    if (event_keeper_add(keeper, line, &e) < 0)
        fail_msg("%s", e.text);
    json_object_put(line);
}

/* In the order of arrival, from 0, none left out. */
static void assert_numbers(sqlite3 *db, int64_t count)
{
    assert_int_equal(database_number(db, "SELECT count(*) FROM event"), count);
    assert_int_equal(database_number(db, "SELECT count(*) FROM event WHERE number != id - 1"), 0);
}

static void events_wait_while_the_repository_is_held(void **state)
{
    struct err e = ERR_INIT;
    struct logrepo *repo;
    struct event_keeper keeper;
    assert_int_equal(logrepo_open(*state, SIMTIME_ZERO, &repo, &e), 0);
    event_keeper_init(&keeper, repo);
    add_number(&keeper, 0);
    assert_int_equal(logrepo_flush(repo, &e), 0);
    sqlite3 *other = database_open(*state);
    database_hold(other);
    for (int i = 1; i < 10; i++)
        add_number(&keeper, i);
    assert_int_equal(event_keeper_waiting(&keeper), 9);
    assert_int_equal(event_keeper_go_on(&keeper, &e), 0);
    assert_int_equal(event_keeper_waiting(&keeper), 9);
    assert_int_equal(logrepo_received(repo), 1);
    database_release(other);
    add_number(&keeper, 10);
    assert_int_equal(event_keeper_go_on(&keeper, &e), 0);
    assert_int_equal(event_keeper_waiting(&keeper), 0);
    assert_int_equal(logrepo_received(repo), 11);
    event_keeper_free(&keeper);
    assert_int_equal(logrepo_close(repo, &e), 0); /* although the other still has it open */
    assert_numbers(other, 11);
    sqlite3_close(other);
}

static void write_until_killed(const char *folder, volatile int64_t *flushed)
{
    struct logrepo *repo;
    struct err e = ERR_INIT;
    if (logrepo_open(folder, SIMTIME_ZERO, &repo, &e) < 0)
        _exit(1);
    for (int i = 0;; i++) {
        const struct event event = event_number(i);
        if (logrepo_add(repo, &event, &e) < 0 || (i % 7 == 0 && logrepo_flush(repo, &e) < 0))
            _exit(1);
        if (i % 7 == 0)
            *flushed = i + 1;
    }
}

static void a_writer_killed_in_a_commit_leaves_a_whole_repository(void **state)
{
    enum { ROUNDS = 25 };
    volatile int64_t *flushed =
        mmap(NULL, sizeof *flushed, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    for (int round = 0; round < ROUNDS; round++) {
        autofree char *name = mem_printf("%d", round), *folder = path_in(*state, name);
        *flushed = 0;
        pid_t pid = fork();
        if (pid == 0)
            write_until_killed(folder, flushed);
        while (*flushed == 0)
            assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
        usleep((useconds_t)(1000 + 977 * round));
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        sqlite3 *db = database_open(folder);
        database_assert_whole(db);
        int64_t count = database_number(db, "SELECT count(*) FROM event");
        assert_true(count >= *flushed);
        assert_numbers(db, count);
        sqlite3_close(db);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(lines_come_back_in_order),
        IN_FOLDER(what_was_left_is_recovered),
        IN_FOLDER(a_full_disk_leaves_no_part_of_a_line),
        IN_FOLDER(a_report_waits_on_disk),
        IN_FOLDER(events_wait_while_the_repository_is_held),
        IN_FOLDER(a_writer_killed_in_a_commit_leaves_a_whole_repository),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
