#include "event_reader.h"
#include "folder.h"
#include "kim22_log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>

/* A walk from AP-1 to AP-2 in the form of the paper. Against USER, AP-1's clock is 530 ms ahead and AP-2's
 * 250 ms behind; every hop of the air takes 4 ms, every hop between the access points 100 ms. Request 1 is
 * sent twice. */
static const char walk[] = "2022-01-10-10-00-48-795000 USER AP-1 USER SVCQ 0 (sent)\n"
                           "2022-01-10-10-00-49-329000 AP-1 198.18.0.9 USER SVCQ 0 (recvd)\n"
                           "2022-01-10-10-00-49-337000 AP-1 USER ES-1 SVCR 0 (sent)\n"
                           "2022-01-10-10-00-48-811000 USER 198.18.0.1 ES-1 SVCR 0 (recvd)\n"
                           "\n"
                           "2022-01-10-10-00-49-900000 AP-1 ES-1 migr begins\n"
                           "2022-01-10-10-00-49-795000 USER AP-2 USER SVCQ 1 (sent)\r\n"
                           "2022-01-10-10-00-49-549000 AP-2 198.18.0.9 USER SVCQ 1 (recvd)\n"
                           "2022-01-10-10-00-49-550000 AP-2 AP-1 USER SVCQ 1 (sent)\n"
                           "2022-01-10-10-00-50-430000 AP-1 198.18.0.2 USER SVCQ 1 (recvd)\n"
                           "2022-01-10-10-00-50-440000 AP-1 AP-2 ES-1 SVCR 1 (sent)\n"
                           "2022-01-10-10-00-49-760000 AP-2 198.18.0.1 ES-1 SVCR 1 (recvd)\n"
                           "2022-01-10-10-00-49-761000 AP-2 USER ES-1 SVCR 1 (sent)\n"
                           "2022-01-10-10-00-50-000000 USER AP-2 USER SVCQ 1 (sent)\n"
                           "2022-01-10-10-00-50-015000 USER 198.18.0.2 ES-1 SVCR 1 (recvd)\n"
                           "2022-01-10-10-00-50-795000 USER AP-2 USER SVCQ 2 sent\n"
                           "2022-01-10-10-00-50-549000 AP-2 198.18.0.9 USER SVCQ 2 recvd\n"
                           "2022-01-10-10-00-51-250000 AP-2 ES-2 migr finished\n";

static struct kim22_log *parsed(const char *text)
{
    struct err e = ERR_INIT;
    struct kim22_log *log = NULL;
    assert_int_equal(kim22_log_parse("x.log", text, strlen(text), &log, &e), 0);
    kim22_log_synchronise(log);
    return log;
}

static void test_offsets_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int64_t offset_ms, uncertainty_ms;
    } rows[] = {{"USER", 0, 0}, {"AP-1", 530, 4}, {"AP-2", -250, 4}};
    struct kim22_log *log = parsed(walk);
    assert_int_equal(log->reporter_count, ARRAY_LEN(rows));
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_string_equal(log->reporters[i].name, rows[i].name);
        assert_true(log->reporters[i].connected);
        assert_int_equal(log->reporters[i].offset.ns, rows[i].offset_ms * 1000000);
        assert_int_equal(log->reporters[i].uncertainty.ns, rows[i].uncertainty_ms * 1000000);
    }
    assert_int_equal(log->impossible_count, 0);
    kim22_log_free(log);
}

static void test_an_impossible_pair_is_flagged_and_moves_no_clock(void **state)
{
    (void)state;
    struct buf text = BUF_INIT;
    for (int i = 0; i < 9; i++) {
        int received = i == 4 ? 100 : 534; /* line 18: half a second before it was sent */
        buf_printf(&text, "2022-01-10-10-00-%02d-000000 USER AP-1 USER SVCQ %d (sent)\n", i, i);
        buf_printf(&text, "2022-01-10-10-00-%02d-%03d000 AP-1 198.18.0.9 USER SVCQ %d (recvd)\n", i, received,
                   i);
        buf_printf(&text, "2022-01-10-10-00-%02d-540000 AP-1 USER ES-1 SVCR %d (sent)\n", i, i);
        buf_printf(&text, "2022-01-10-10-00-%02d-014000 USER 198.18.0.1 ES-1 SVCR %d (recvd)\n", i, i);
    }
    struct kim22_log *log = parsed(buf_text(&text));
    assert_int_equal(log->reporters[1].offset.ns, 530000000);
    assert_int_equal(log->impossible_count, 1);
    assert_int_equal(log->impossible[0].sent_line, 17);
    assert_int_equal(log->impossible[0].received_line, 18);
    assert_int_equal(log->impossible[0].by.ns, 430000000);
    kim22_log_free(log);
    buf_free(&text);
}

static void test_a_reporter_without_link_keeps_its_clock(void **state)
{
    (void)state;
    struct kim22_log *log = parsed("2022-01-10-10-00-00-000000 USER AP-1 USER SVCQ 0 (sent)\n"
                                   "2022-01-10-10-00-00-534000 AP-1 198.18.0.9 USER SVCQ 0 (recvd)\n"
                                   "2022-01-10-10-00-07-000000 AP-7 ES-7 migr begins\n");
    assert_true(log->reporters[1].connected);
    assert_int_equal(log->reporters[1].offset.ns, 534000000);
    assert_int_equal(log->reporters[1].uncertainty.ns, INT64_MAX);
    assert_false(log->reporters[2].connected);
    assert_int_equal(log->reporters[2].offset.ns, 0);
    kim22_log_free(log);
}

static void test_bad_lines_are_named(void **state)
{
    (void)state;
    static const struct {
        const char *text, *error;
    } rows[] = {
        {"", "x.log: no line in it"},
        {"\n \r\n", "x.log: no line in it"},
        {"hello\n", "x.log:1: the date is none"},
        {"\n2022-01-10-10-00-00-000000\n", "x.log:2: reporter or peer is missing"},
        {"2022-01-10-10-00-00-000000 USER\n", "x.log:1: reporter or peer is missing"},
        {"2022-01-10-10-00-00-000000 USER AP-1\n", "x.log:1: the message is missing"},
        {"2022-01-10-10-00-00-000000 USER AP-1 USER (sent)\n", "x.log:1: the message is missing"},
        {"2022-01-10-10-00-00-000000 USER AP-1 (sent)\n", "x.log:1: the sender is missing"},
        {"2022-02-30-10-00-00-000000 USER AP-1 USER SVCQ 0 (sent)\n", "x.log:1: the date is none"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct kim22_log *log = NULL;
        int status = kim22_log_parse("x.log", rows[i].text, strlen(rows[i].text), &log, &e);
        if (status == 0)
            fail_msg("row %zu was taken", i);
        assert_int_equal(status, -EINVAL);
        assert_string_equal(e.text, rows[i].error);
    }
    struct err e = ERR_INIT;
    struct kim22_log *log = NULL;
    assert_int_equal(kim22_log_parse("x.log", "a\0b", 3, &log, &e), -EINVAL);
    assert_non_null(strstr(e.text, "x.log:1: a zero byte"));
    assert_int_equal(kim22_log_read("/nonexistent/x.log", &log, &e), -ENOENT);
}

struct seen {
    int count[EVENT_KINDS];
    char text[1024];
};

static void note(struct seen *seen, const struct event *ev)
{
    size_t used = strlen(seen->text);
    char *end = seen->text + used;
    size_t room = sizeof seen->text - used;
    seen->count[ev->kind]++;
    if (ev->kind == EVENT_REQUEST)
        snprintf(end, room, "request %d %.0f+%.0f x%d\n", ev->number, simtime_to_ms(ev->begin),
                 simtime_to_ms(simtime_sub(ev->at, ev->begin)), (int)ev->value);
    else if (ev->kind == EVENT_MIGRATION)
        snprintf(end, room, "%s %s %.0f+%.0f\n", ev->text, ev->peer, simtime_to_ms(ev->begin),
                 simtime_to_ms(simtime_sub(ev->at, ev->begin)));
    else if (ev->kind == EVENT_SENT_TOTAL)
        snprintf(end, room, "total %d %d\n", ev->number, (int)ev->value);
    else if (ev->kind == EVENT_NOTE)
        snprintf(end, room, "%s\n", ev->text);
}

static void read_back(const char *folder, struct seen *seen)
{
    struct err e = ERR_INIT;
    struct event_reader *reader = NULL;
    struct event ev;
    assert_int_equal(event_reader_open(folder, EVENT_MASK_ALL, &reader, &e), 0);
    while (event_reader_next(reader, &ev, &e) == 1)
        note(seen, &ev);
    event_reader_close(reader);
}

static void store_log(const char *folder, const struct kim22_log *log)
{
    struct err e = ERR_INIT;
    struct logrepo *repo = NULL;
    assert_int_equal(logrepo_open(folder, kim22_log_start(log), &repo, &e), 0);
    assert_int_equal(kim22_log_store(log, repo, &e), 0);
    assert_int_equal(logrepo_close(repo, &e), 0);
}

static void store(const char *folder, const char *text)
{
    struct kim22_log *log = parsed(text);
    store_log(folder, log);
    kim22_log_free(log);
}

static void test_requests_and_migrations_follow_from_the_lines(void **state)
{
    store(*state, walk);
    struct seen seen = {0};
    read_back(*state, &seen);
    assert_int_equal(seen.count[EVENT_MESSAGE], 15);
    assert_int_equal(seen.count[EVENT_MARK], 2);
    assert_string_equal(seen.text, "clock of AP-1: +530.000 ms against USER, known to ± 4.000 ms\n"
                                   "clock of AP-2: -250.000 ms against USER, known to ± 4.000 ms\n"
                                   "request 0 0+16 x1\n"
                                   "request 1 1000+220 x2\n"
                                   "total 3 2\n"
                                   "finished ES-1 ES-2 575+2130\n");
}

#define LINE(time, rest) "2022-01-10-10-00-0" time "-000000 " rest "\n"
#define USERS                                                                                                \
    LINE("0", "USER-a AP-1 USER-a SVCQ 0 (sent)")                                                            \
    LINE("0", "USER-b AP-2 USER-b SVCQ 0 (sent)")

static void test_ends_find_their_begins(void **state)
{
    static const struct {
        const char *name, *log, *migrations; /* the order of their ends */
    } rows[] = {
        {"called off for another",
         LINE("0", "USER AP-1 USER SVCQ 0 (sent)") LINE("1", "ES-1 AP-2 migr begins")
             LINE("3", "ES-1 AP-3 migr begins") LINE("6", "AP-3 ES-3 migr finished"),
         "superseded ES-1  1000+2000\nfinished ES-1 ES-3 3000+3000\n"},
        {"two users at once",
         USERS LINE("1", "ES-1 AP-2 migr begins") LINE("2", "ES-2 AP-1 migr begins")
             LINE("5", "AP-2 ES-2 migr finished") LINE("6", "AP-1 ES-1 migr finished"),
         "finished ES-1 ES-2 1000+4000\nfinished ES-2 ES-1 2000+4000\n"},
        {"an end without a begin",
         LINE("0", "USER AP-1 USER SVCQ 0 (sent)") LINE("6", "AP-2 ES-2 migr finished"), ""},
        {"a begin without an end",
         LINE("0", "USER AP-1 USER SVCQ 0 (sent)") LINE("1", "AP-1 ES-1 migr begins"), ""},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct seen seen = {0};
        autofree char *folder = mem_printf("%s/%zu", (char *)*state, i);
        store(folder, rows[i].log);
        read_back(folder, &seen);
        size_t len = strlen(rows[i].migrations);
        const char *found = strstr(seen.text, "superseded ");
        found = found ? found : strstr(seen.text, "finished ");
        if (len == 0 ? found != NULL : !found || strncmp(found, rows[i].migrations, len) != 0)
            fail_msg("%s: \"%s\"", rows[i].name, seen.text);
    }
}

/* What we write, we read: an imported log written again says the same with all clocks set right. */
static void test_our_own_text_form_is_read_back(void **state)
{
    struct kim22_log *log = parsed(walk);
    store_log(*state, log);
    autofree char *text = folder_read(*state, "events.log");
    struct kim22_log *again = parsed(text);
    assert_int_equal(again->line_count, log->line_count);
    for (int i = 0; i < again->reporter_count; i++)
        assert_int_equal(again->reporters[i].offset.ns, 0);
    for (size_t i = 0; i < again->line_count; i++) {
        assert_int_equal(again->lines[i].at.ns, kim22_log_corrected(log, &log->lines[i]).ns);
        assert_string_equal(again->lines[i].text, log->lines[i].text);
        assert_int_equal(again->lines[i].direction, log->lines[i].direction);
    }
    kim22_log_free(log);
    kim22_log_free(again);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offsets_are_found),
        cmocka_unit_test(test_an_impossible_pair_is_flagged_and_moves_no_clock),
        cmocka_unit_test(test_a_reporter_without_link_keeps_its_clock),
        cmocka_unit_test(test_bad_lines_are_named),
        IN_FOLDER(test_requests_and_migrations_follow_from_the_lines),
        IN_FOLDER(test_ends_find_their_begins),
        IN_FOLDER(test_our_own_text_form_is_read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
