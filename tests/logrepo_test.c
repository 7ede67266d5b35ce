#include "event_reader.h"
#include "folder.h"
#include "log_date.h"
#include "logrepo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>

static const struct event events[] = {
    {.at = {2000},
     .kind = EVENT_MESSAGE,
     .direction = EVENT_SENT,
     .reporter = "USER",
     .peer = "AP-1",
     .sender = "USER",
     .text = "SVCQ 0",
     .mud = 0,
     .number = 0,
     .migration = -1},
    {.at = {1001000},
     .kind = EVENT_MESSAGE,
     .direction = EVENT_RECEIVED,
     .reporter = "AP-1",
     .peer = "198.18.0.4",
     .sender = "USER",
     .text = "SVCQ 0",
     .mud = 0,
     .number = 0,
     .migration = -1},
    {.at = {1001000},
     .kind = EVENT_TRANSITION,
     .reporter = "AP-1",
     .peer = "",
     .sender = "",
     .text = "IDLE -> OWNER on TOKEN",
     .mud = 0,
     .number = -1,
     .migration = -1},
    {.at = {1500000},
     .kind = EVENT_REQUEST,
     .reporter = "USER",
     .peer = "",
     .sender = "",
     .text = "ok",
     .mud = 0,
     .number = 0,
     .migration = -1,
     .begin = {2000},
     .value = 1},
    {.at = {86400000000000},
     .kind = EVENT_MARK,
     .reporter = "AP-1",
     .peer = "ES-1",
     .sender = "",
     .text = "migr begins",
     .mud = 0,
     .number = -1,
     .migration = 1},
    {.at = {86400500000000},
     .kind = EVENT_STAGE,
     .reporter = "ES-1",
     .peer = "",
     .sender = "",
     .text = "dump",
     .mud = 0,
     .number = -1,
     .migration = 1,
     .begin = {86400100000000},
     .bytes = 29000000,
     .value = -5},
    {.at = {86400900000000},
     .kind = EVENT_MARK,
     .reporter = "AP-2",
     .peer = "ES-2",
     .sender = "",
     .text = "migr finished",
     .mud = 0,
     .number = -1,
     .migration = 1,
     .value = 7},
    {.at = {86401000000000},
     .kind = EVENT_MIGRATION,
     .reporter = "ES-1",
     .peer = "es1 es2",
     .sender = "p-migr",
     .text = "finished",
     .mud = 0,
     .number = -1,
     .migration = 1,
     .begin = {86400000000000}},
    {.at = {86402000000000},
     .kind = EVENT_HANDOFF,
     .reporter = "USER",
     .peer = "AP-2",
     .sender = "",
     .text = "probe 50.000 ms, authentication 2.000 ms, reassociation 3.000 ms",
     .mud = 0,
     .number = 2,
     .migration = -1,
     .begin = {86401900000000}},
    /* arrives last, happened first */
    {.at = {0},
     .kind = EVENT_NOTE,
     .reporter = "LogRepo",
     .peer = "",
     .sender = "",
     .text = "µ \"quotes\" 'too'",
     .mud = -1,
     .number = -1,
     .migration = -1},
};

static const char expected_log[] = "1970-01-01-00-00-00-000002 USER AP-1 USER SVCQ 0 (sent)\n"
                                   "1970-01-01-00-00-00-001001 AP-1 198.18.0.4 USER SVCQ 0 (recvd)\n"
                                   "1970-01-02-00-00-00-000000 AP-1 ES-1 migr begins\n"
                                   "1970-01-02-00-00-00-900000 AP-2 ES-2 migr finished\n";

static void write_events(const char *folder, struct simtime start)
{
    struct err e = ERR_INIT;
    struct logrepo *repo = NULL;
    assert_int_equal(logrepo_open(folder, start, &repo, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(events); i++)
        assert_int_equal(logrepo_add(repo, &events[i], &e), 0);
    assert_int_equal(logrepo_describe(repo, "world", "sim", &e), 0);
    assert_int_equal(logrepo_count(repo, EVENT_MESSAGE), 2);
    assert_int_equal(logrepo_close(repo, &e), 0);
}

static void assert_same_event(const struct event *a, const struct event *b)
{
    assert_int_equal(a->at.ns, b->at.ns);
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->direction, b->direction);
    assert_string_equal(a->reporter, b->reporter);
    assert_string_equal(a->peer, b->peer);
    assert_string_equal(a->sender, b->sender);
    assert_string_equal(a->text, b->text);
    assert_int_equal(a->mud, b->mud);
    assert_int_equal(a->number, b->number);
    assert_int_equal(a->migration, b->migration);
    assert_int_equal(a->begin.ns, b->begin.ns);
    assert_int_equal(a->bytes, b->bytes);
    assert_int_equal(a->value, b->value);
}

static void test_events_come_back_in_order_of_time(void **state)
{
    struct err e = ERR_INIT;
    struct event_reader *reader = NULL;
    struct event ev;
    write_events(*state, SIMTIME_ZERO);
    assert_int_equal(event_reader_open(*state, EVENT_MASK_ALL, &reader, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(events); i++) {
        assert_int_equal(event_reader_next(reader, &ev, &e), 1);
        assert_same_event(&ev, &events[i == 0 ? ARRAY_LEN(events) - 1 : i - 1]);
    }
    assert_int_equal(event_reader_next(reader, &ev, &e), 0);
    autofree char *world = event_reader_fact(reader, "world");
    assert_string_equal(world, "sim");
    assert_null(event_reader_fact(reader, "nothing"));
    event_reader_close(reader);
    assert_int_equal(event_reader_open(*state, EVENT_MASK(EVENT_STAGE) | EVENT_MASK(EVENT_NOTE), &reader, &e),
                     0);
    assert_int_equal(event_reader_next(reader, &ev, &e), 1);
    assert_int_equal(ev.kind, EVENT_NOTE);
    assert_int_equal(event_reader_next(reader, &ev, &e), 1);
    assert_int_equal(ev.kind, EVENT_STAGE);
    assert_int_equal(event_reader_next(reader, &ev, &e), 0);
    event_reader_close(reader);
}

static void test_text_form_is_the_papers(void **state)
{
    write_events(*state, SIMTIME_ZERO);
    autofree char *text = folder_read(*state, "events.log");
    assert_string_equal(text, expected_log);
}

static void test_text_form_starts_on_the_given_date(void **state)
{
    struct simtime start;
    assert_true(log_date_parse("2022-03-04-05-06-07-000010", LOG_DATE_LENGTH, &start));
    write_events(*state, start);
    autofree char *text = folder_read(*state, "events.log");
    assert_non_null(strstr(text, "2022-03-04-05-06-07-000012 USER AP-1"));
    assert_non_null(strstr(text, "2022-03-05-05-06-07-000010 AP-1 ES-1 migr begins\n"));
}

static void test_a_closed_run_is_one_file_and_is_never_overwritten(void **state)
{
    struct err e = ERR_INIT;
    struct logrepo *repo = NULL;
    autofree char *nested = mem_printf("%s/a/b", (char *)*state);
    autofree char *wal = mem_printf("%s/events.db-wal", nested);
    write_events(nested, SIMTIME_ZERO);
    assert_int_not_equal(access(wal, F_OK), 0);
    assert_int_equal(logrepo_open(nested, SIMTIME_ZERO, &repo, &e), -EEXIST);
    assert_non_null(strstr(e.text, "events.db"));
    assert_non_null(strstr(e.hint, "-o"));
}

static void test_a_running_repository_can_be_read_after_a_flush(void **state)
{
    struct err e = ERR_INIT;
    struct logrepo *repo = NULL;
    struct event_reader *reader = NULL;
    struct event ev;
    assert_int_equal(logrepo_open(*state, SIMTIME_ZERO, &repo, &e), 0);
    assert_int_equal(logrepo_add(repo, &events[0], &e), 0);
    assert_int_equal(logrepo_flush(repo, &e), 0);
    assert_int_equal(event_reader_open(*state, EVENT_MASK_ALL, &reader, &e), 0);
    assert_int_equal(event_reader_next(reader, &ev, &e), 1);
    assert_same_event(&ev, &events[0]);
    event_reader_close(reader);
    autofree char *text = folder_read(*state, "events.log");
    assert_int_equal(strncmp(text, expected_log, strlen(text)), 0);
    assert_int_equal(logrepo_close(repo, &e), 0);
}

static int looks, last_look; /* it stops at; 0 = never */

static int look(void)
{
    return ++looks == last_look;
}

static void test_reading_can_be_stopped(void **state)
{
    enum { MANY = 5000 };
    static const struct {
        int last_look, status;
    } rows[] = {{0, 0}, {1, -EINTR}, {5, -EINTR}};
    struct err e = ERR_INIT;
    struct logrepo *repo = NULL;
    assert_int_equal(logrepo_open(*state, SIMTIME_ZERO, &repo, &e), 0);
    for (int i = 0; i < MANY; i++)
        assert_int_equal(logrepo_add(repo, &events[0], &e), 0);
    assert_int_equal(logrepo_close(repo, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event_reader *reader = NULL;
        struct event ev;
        int status, read = 0;
        looks = 0;
        last_look = rows[i].last_look;
        assert_int_equal(event_reader_open(*state, EVENT_MASK_ALL, &reader, &e), 0);
        event_reader_stop_when(reader, look);
        while ((status = event_reader_next(reader, &ev, &e)) > 0)
            read++;
        assert_int_equal(status, rows[i].status);
        assert_int_equal(read == MANY, status == 0);
        event_reader_close(reader);
    }
    assert_string_equal(e.text, "interrupted");
}

/* By a source that has been started again: kept if nobody has heard it, or if it says something else. */
static void test_an_end_that_is_told_again_is_kept_once(void **state)
{
    static const struct {
        int32_t number, migration;
        const char *outcome;
        uint64_t kept; /* in all */
    } rows[] = {
        {-1, 1, "finished", 1},
        {EVENT_TOLD_AGAIN, 1, "finished", 1},
        {EVENT_TOLD_AGAIN, 1, "failed", 2},
        {-1, 1, "finished", 3},
        {EVENT_TOLD_AGAIN, 2, "finished", 4},
        {EVENT_TOLD_AGAIN, 2, "finished", 4},
    };
    struct err e = ERR_INIT;
    struct logrepo *repo = NULL;
    assert_int_equal(logrepo_open(*state, SIMTIME_ZERO, &repo, &e), 0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct event ev = {.kind = EVENT_MIGRATION, .reporter = "ES-1", .peer = "es1 es2", .sender = "p-migr", .text = rows[i].outcome};
        ev.number = rows[i].number;
        ev.migration = rows[i].migration;
        assert_int_equal(logrepo_add(repo, &ev, &e), 0);
        assert_int_equal(logrepo_count(repo, EVENT_MIGRATION), rows[i].kept);
        assert_int_equal(logrepo_received(repo), i + 1);
    }
    assert_int_equal(logrepo_close(repo, &e), 0);
}

static void test_what_cannot_be_opened_is_named(void **state)
{
    struct err e = ERR_INIT;
    struct event_reader *reader = NULL;
    assert_int_equal(event_reader_open(*state, EVENT_MASK_ALL, &reader, &e), -ENOENT);
    assert_non_null(strstr(e.text, "events.db: No such file"));
    folder_write(*state, "events.db",
                 "this is no database, and it is long enough to be asked for its header, is it not");
    assert_int_equal(event_reader_open(*state, EVENT_MASK_ALL, &reader, &e), -EIO);
    assert_non_null(strstr(e.text, "not a database"));
    folder_write(*state, "file", "");
    autofree char *below_a_file = mem_printf("%s/file/run", (char *)*state);
    struct logrepo *repo = NULL;
    assert_int_equal(logrepo_open(below_a_file, SIMTIME_ZERO, &repo, &e), -ENOTDIR);
}

/* A full disk is met when the buffered bytes go out; it must not look like a clean close. */
static void test_a_write_that_fails_stays_failed(void **state)
{
    struct err e = ERR_INIT;
    struct logrepo *repo = NULL;
    struct rlimit old, small = {.rlim_cur = 192 * 1024, .rlim_max = RLIM_INFINITY};
    assert_int_equal(logrepo_open(*state, SIMTIME_ZERO, &repo, &e), 0);
    getrlimit(RLIMIT_FSIZE, &old);
    small.rlim_max = old.rlim_max;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    int status = 0;
    for (int i = 0; i < 100000 && status == 0; i++)
        status = logrepo_add(repo, &events[0], &e);
    assert_int_not_equal(status, 0);
    assert_int_equal(logrepo_add(repo, &events[0], &e), status);
    int closed = logrepo_close(repo, &e);
    setrlimit(RLIMIT_FSIZE, &old);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(closed, status);
    assert_non_null(strstr(e.text, "events."));
}

static void test_views_read_as_documented(void **state)
{
    write_events(*state, SIMTIME_ZERO);
    autofree char *path = mem_printf("%s/events.db", (char *)*state);
    sqlite3 *db = NULL;
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    static const struct {
        const char *query, *answer;
    } rows[] = {
        {"SELECT response_ms || ' ' || times_sent || ' ' || digest FROM request", "1.498 1 ok"},
        {"SELECT outcome || ' ' || from_edge || ' ' || to_edge || ' ' || strategy || ' ' || total_s || ' ' "
         "|| replayed "
         "FROM migration",
         "finished es1 es2 p-migr 0.9 7"},
        {"SELECT stage || ' ' || reporter || ' ' || seconds || ' ' || bytes || ' ' || status FROM stage",
         "dump ES-1 0.4 29000000 -5"},
        {"SELECT old_state || '|' || new_state || '|' || on_event FROM transition", "IDLE|OWNER|TOKEN"},
        {"SELECT count(*) FROM container", "0"},
        {"SELECT value FROM meta WHERE key = 'schema'", "1"},
        {"PRAGMA journal_mode", "delete"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        sqlite3_stmt *query = NULL;
        assert_int_equal(sqlite3_prepare_v2(db, rows[i].query, -1, &query, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(query), SQLITE_ROW);
        assert_string_equal((const char *)sqlite3_column_text(query, 0), rows[i].answer);
        sqlite3_finalize(query);
    }
    sqlite3_close(db);
}

static void test_dates(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t us; /* -1 = refused */
    } rows[] = {
        {"1970-01-01-00-00-00-000000", 0},
        {"1970-01-01-00-00-00-000001", 1},
        {"2000-02-29-23-59-59-999999", 951868799999999},
        {"1900-01-01-00-00-00-000000", -1},
        {"2022-02-29-00-00-00-000000", -1},
        {"2022-13-01-00-00-00-000000", -1},
        {"2022-01-01-24-00-00-000000", -1},
        {"2022-01-01-00-00-60-000000", -1},
        {"2022-01-01-00-00-00-00000", -1},
        {"2022-01-01-00-00-00-0000000", -1},
        {"2022-01-01 00:00:00.000000", -1},
        {"", -1},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct simtime t = SIMTIME_ZERO;
        char back[LOG_DATE_LENGTH + 1];
        bool good = log_date_parse(rows[i].text, strlen(rows[i].text), &t);
        assert_int_equal(good, rows[i].us >= 0);
        if (good) {
            assert_int_equal(t.ns, rows[i].us * 1000);
            log_date_format(t, back);
            assert_string_equal(back, rows[i].text);
        }
    }
}

static void test_kinds_have_names(void **state)
{
    (void)state;
    for (int k = 0; k < EVENT_KINDS; k++)
        assert_int_equal(event_kind_of(event_kind_name((enum event_kind)k)), k);
    assert_int_equal(event_kind_of("nothing"), EVENT_KINDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_kinds_have_names),
        cmocka_unit_test(test_dates),
        IN_FOLDER(test_events_come_back_in_order_of_time),
        IN_FOLDER(test_text_form_is_the_papers),
        IN_FOLDER(test_text_form_starts_on_the_given_date),
        IN_FOLDER(test_a_closed_run_is_one_file_and_is_never_overwritten),
        IN_FOLDER(test_a_running_repository_can_be_read_after_a_flush),
        IN_FOLDER(test_reading_can_be_stopped),
        IN_FOLDER(test_an_end_that_is_told_again_is_kept_once),
        IN_FOLDER(test_what_cannot_be_opened_is_named),
        IN_FOLDER(test_a_write_that_fails_stays_failed),
        IN_FOLDER(test_views_read_as_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
