/* The server of live pages: what it answers and to whom, and what readers hear. */
#include "folder.h"
#include "live_reader.h"
#include "live_server.h"

#include <errno.h>

struct fixture {
    char *folder;
    struct live_feed *feed;
    struct live_server *server;
    uint16_t port;
};

static int start(void **state)
{
    struct fixture *f = mem_alloc(sizeof *f);
    struct err e = ERR_INIT;
    f->folder = folder_make();
    f->feed = live_feed_new();
    *state = f;
    alarm(2 * PATIENCE_S);
    if (live_server_start(0, "<p>the page", f->feed, f->folder, &f->server, &e) < 0)
        fail_msg("%s", e.text);
    f->port = live_server_port(f->server);
    return 0;
}

static int stop(void **state)
{
    struct fixture *f = *state;
    live_server_stop(f->server);
    live_feed_free(f->feed);
    folder_remove(f->folder);
    free(f);
    alarm(0);
    return 0;
}

static void test_answers(void **state)
{
    static const struct {
        const char *method, *path, *host;
        int status;
        const char *holds;
    } rows[] = {
        {"GET", "/", NULL, 200, "Content-Type: text/html; charset=utf-8"},
        {"GET", "/", NULL, 200, "<p>the page"},
        {"GET", "/report.html", NULL, 200, "<p>the report"},
        {"GET", "/events", NULL, 200, "Content-Type: text/event-stream"},
        {"GET", "/events", NULL, 200, "event: end\ndata: \"finished\""},
        {"GET", "/other", NULL, 404, "Nothing here"},
        {"GET", "/../events.db", NULL, 404, "Nothing here"},
        {"HEAD", "/", NULL, 405, "Allow: GET"},
        {"POST", "/", NULL, 405, "Allow: GET"},
        {"DELETE", "/report.html", NULL, 405, "Allow: GET"},
        {"GET", "/", "attacker.example", 421, "not the host"},
        {"GET", "/", "127.0.0.1:1", 421, "not the host"},
    };
    struct fixture *f = *state;
    autofree char *before = ask(f->port, "GET", "/report.html", NULL);
    assert_true(is_status(before, 404));
    folder_write(f->folder, "report.html", "<p>the report");
    live_feed_end(f->feed, "finished");
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        autofree char *answer = ask(f->port, rows[i].method, rows[i].path, rows[i].host);
        if (!is_status(answer, rows[i].status) || !strstr(answer, rows[i].holds))
            fail_msg("%s %s: %s", rows[i].method, rows[i].path, answer);
    }
    autofree char *name = mem_printf("localhost:%u", f->port), *answer = ask(f->port, "GET", "/", name);
    assert_true(is_status(answer, 200));
}

static void test_other_addresses_are_refused(void **state)
{
    const struct fixture *f = *state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(f->port)};
    inet_pton(AF_INET, "127.0.0.2", &address.sin_addr); /* this host's as well */
    autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), -1);
    assert_int_equal(errno, ECONNREFUSED);
}

static void test_an_occupied_port_is_named(void **state)
{
    const struct fixture *f = *state;
    struct live_server *second;
    struct err e = ERR_INIT;
    autofree char *port = mem_printf("127.0.0.1:%u", f->port);
    assert_int_equal(live_server_start(f->port, "", f->feed, f->folder, &second, &e), -EADDRINUSE);
    assert_non_null(strstr(e.text, port));
}

static void add(struct fixture *f, enum event_kind kind, const char *text, int32_t number)
{
    live_feed_add(f->feed, &(struct event){.at = simtime_ms(1500),
                                           .begin = simtime_ms(1000),
                                           .kind = kind,
                                           .direction = kind == EVENT_MESSAGE ? EVENT_SENT : EVENT_NONE,
                                           .reporter = "AP-1",
                                           .peer = "ES-1",
                                           .sender = "",
                                           .text = text,
                                           .mud = number % 100,
                                           .number = number});
}

/* Both hear what has been and what comes; each only what a page shows. */
static void test_two_readers_at_once(void **state)
{
    static const char expected[] =
        "event: event\ndata: [1.5,\"handoff\",\"AP-1\",\"ES-1\",\"silent\",0,1,0,0]\n\n"
        "event: message\ndata: [1.5,\"sent\",\"AP-1\",\"ES-1\",\"MIGRATE\",1,1,0,1]\n\n"
        "event: request\ndata: [1,2,500,500,500,1,2]\n\n";
    struct fixture *f = *state;
    int fds[2];
    struct buf heard[2] = {BUF_INIT, BUF_INIT};
    add(f, EVENT_HANDOFF, "silent", 0);
    assert_false(live_server_is_read(f->server));
    for (int i = 0; i < 2; i++) {
        fds[i] = reader_of_events(f->port, 0);
        reader_hear(fds[i], &heard[i], "handoff");
    }
    assert_true(live_server_is_read(f->server));
    add(f, EVENT_MESSAGE, "MIGRATE", 1);
    add(f, EVENT_MESSAGE, "SVCQ 1", 1);
    add(f, EVENT_TRANSITION, "A -> B on C", 1);
    add(f, EVENT_REQUEST, "ok", 2);
    for (int i = 0; i < 2; i++) {
        reader_hear(fds[i], &heard[i], "request");
        reader_hear(fds[i], &heard[i], "500,1,2]\n\n");
    }
    live_feed_end(f->feed, "finished");
    for (int i = 0; i < 2; i++) {
        reader_hear(fds[i], &heard[i], "event: end");
        assert_null(strstr(buf_text(&heard[i]), "SVCQ"));
        assert_null(strstr(buf_text(&heard[i]), "->"));
        close(fds[i]);
        buf_free(&heard[i]);
    }
    char all[4096] = "";
    ssize_t got = live_feed_read(f->feed, 0, all, sizeof all - 1);
    assert_true(got > (ssize_t)sizeof expected);
    assert_memory_equal(all, expected, sizeof expected - 1);
}

/* One reads nothing; the run and the other reader go on all the same, up to what a page can take. */
static void test_a_reader_that_stalls(void **state)
{
    struct fixture *f = *state;
    static char text[8192];
    memset(text, 'x', sizeof text - 1);
    int stalled = reader_of_events(f->port, 4096), good = reader_of_events(f->port, 0);
    struct buf heard = BUF_INIT;
    for (int i = 0; i < 5000; i++)
        add(f, EVENT_NOTE, text, 0);
    live_feed_end(f->feed, "finished");
    char chunk[65536];
    for (ssize_t got; (got = read(good, chunk, sizeof chunk)) > 0;) {
        buf_consume(&heard, heard.len > 64 ? heard.len - 64 : 0);
        buf_add(&heard, chunk, (size_t)got);
    }
    assert_non_null(strstr(buf_text(&heard), "event: full\ndata: 0\n\nevent: end\ndata: \"finished\"\n\n"));
    buf_free(&heard);
    close(good);
    close(stalled);
}

static void test_devices_that_no_page_shows(void **state)
{
    struct fixture *f = *state;
    char text[16384] = "";
    for (int i = 0; i < 60; i++)
        add(f, EVENT_REQUEST, "ok", i);
    ssize_t got = live_feed_read(f->feed, 0, text, sizeof text - 1);
    assert_true(got > 0);
    assert_non_null(strstr(text, "[1,39,"));
    assert_null(strstr(text, "[1,40,"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_answers, start, stop),
        cmocka_unit_test_setup_teardown(test_other_addresses_are_refused, start, stop),
        cmocka_unit_test_setup_teardown(test_an_occupied_port_is_named, start, stop),
        cmocka_unit_test_setup_teardown(test_two_readers_at_once, start, stop),
        cmocka_unit_test_setup_teardown(test_a_reader_that_stalls, start, stop),
        cmocka_unit_test_setup_teardown(test_devices_that_no_page_shows, start, stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
