/* Live pages: what their server answers and to whom, what readers hear, what `run --live` and `report --live` do; and, where Chromium is
 * installed, the page drawn by it. Runs from the project's root. */
#include "browser.h"
#include "chromium.h"
#include "command_output.h"
#include "commands.h"
#include "live_server.h"
#include "report.h"

#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <cmocka.h>

enum { PATIENCE_S = 200 };

/* --- readers ---------------------------------------------------------------------------------------------------------- */

static int reader_open(uint16_t port, int receive_bytes, const char *request)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {PATIENCE_S, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    if (receive_bytes)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    return fd;
}

/* Reads on until `wanted` has come, or the end if NULL. */
static void reader_hear(int fd, struct buf *heard, const char *wanted)
{
    char chunk[16384];
    ssize_t got;
    while (!(wanted && heard->len && strstr(buf_text(heard), wanted))) {
        if ((got = read(fd, chunk, sizeof chunk)) <= 0) {
            if (wanted || got < 0)
                fail_msg("no %s in: %s", wanted ? wanted : "end", buf_text(heard));
            return;
        }
        buf_add(heard, chunk, (size_t)got);
    }
}

static char *request_for(const char *method, const char *path, const char *host, uint16_t port)
{
    autofree char *us = mem_printf("127.0.0.1:%u", port);
    return mem_printf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, path,
                      host ? host : us);
}

static int reader_of_events(uint16_t port, int receive_bytes)
{
    autofree char *request = request_for("GET", "/events", NULL, port);
    return reader_open(port, receive_bytes, request);
}

/* The whole answer; free() it. */
static char *ask(uint16_t port, const char *method, const char *path, const char *host)
{
    autofree char *request = request_for(method, path, host, port);
    struct buf heard = BUF_INIT;
    int fd = reader_open(port, 0, request);
    reader_hear(fd, &heard, NULL);
    close(fd);
    char *text = mem_copy_string(buf_text(&heard));
    buf_free(&heard);
    return text;
}

static bool is_status(const char *answer, int status)
{
    autofree char *begin = mem_printf("HTTP/1.1 %d ", status);
    return strncmp(answer, begin, strlen(begin)) == 0;
}

/* --- the server ------------------------------------------------------------------------------------------------------- */

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

/* --- the commands ----------------------------------------------------------------------------------------------------- */

struct command {
    pid_t pid;
    uint16_t port;
};

static int make(void **state)
{
    *state = folder_make();
    alarm(4 * PATIENCE_S);
    return 0;
}

static int discard(void **state)
{
    alarm(0);
    folder_remove(*state);
    return 0;
}

/* In a process of its own, until it has said where it can be seen. */
static struct command command_start(int (*command)(int, char **), const char *folder,
                                    const char *const *arguments)
{
    folder_write(folder, "output", ""); /* not what an earlier one has said */
    struct command c = {.pid = fork()};
    if (c.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* also when a test fails */
        _exit(command_output(command, folder, arguments));
    }
    while (!c.port) {
        autofree char *output = folder_read(folder, "output");
        const char *url = output ? strstr(output, "http://127.0.0.1:") : NULL;
        if (url && strchr(url, '\n'))
            c.port = (uint16_t)atoi(url + strlen("http://127.0.0.1:"));
        else if (waitpid(c.pid, NULL, WNOHANG))
            fail_msg("%s", output ? output : "it ended");
        usleep(10000);
    }
    return c;
}

/* The exit status after a signal. */
static int command_end(const struct command *c, int signal)
{
    int status;
    kill(c->pid, signal);
    assert_int_equal(waitpid(c->pid, &status, 0), c->pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void test_a_run_is_shown_and_then_its_report(void **state)
{
    struct command c = command_start(run_main, *state,
                                     (const char *const[]){"--quiet", "--live", "--speed", "50", "-o",
                                                           "@/run", "scenarios/kim22-quick.json", NULL});
    struct buf heard = BUF_INIT;
    autofree char *page = ask(c.port, "GET", "/", NULL);
    assert_non_null(strstr(page, "connect-src 'self'"));
    int fd = reader_of_events(c.port, 0);
    reader_hear(fd, &heard, "event: end\ndata: \"finished\"");
    close(fd);
    assert_non_null(strstr(buf_text(&heard), "\"migration\",\"ES-1\",\"ES-1 ES-2\",\"finished\""));
    buf_free(&heard);
    autofree char *report = ask(c.port, "GET", "/report.html", NULL);
    assert_true(is_status(report, 200));
    assert_int_equal(command_end(&c, SIGINT), 0);
}

/* What is heard is heard while the run goes on, not before its time; a signal ends the run. */
static void test_a_run_is_interrupted(void **state)
{
    struct command c = command_start(run_main, *state,
                                     (const char *const[]){"--quiet", "--live", "--speed", "0.1", "-o",
                                                           "@/run", "scenarios/kim22-quick.json", NULL});
    struct buf heard = BUF_INIT;
    int fd = reader_of_events(c.port, 0);
    reader_hear(fd, &heard, "event: request");
    usleep(500000);
    char more[65536] = "";
    assert_true(recv(fd, more, sizeof more - 1, MSG_DONTWAIT) < (ssize_t)sizeof more - 1);
    buf_add(&heard, more, strlen(more));
    assert_null(strstr(buf_text(&heard), "migr begins"));
    buf_free(&heard);
    autofree char *report = ask(c.port, "GET", "/report.html", NULL);
    assert_true(is_status(report, 404));
    assert_int_equal(command_end(&c, SIGTERM), 143);
    close(fd);
}

static void run_twice(const char *folder)
{
    assert_int_equal(command_output(run_main, folder,
                                    (const char *const[]){"--quiet", "--repeat", "2", "-o", "@/run",
                                                          "scenarios/kim22-quick.json", NULL}),
                     0);
}

static void test_a_finished_run_is_played_again(void **state)
{
    run_twice(*state);
    struct command c =
        command_start(report_main, *state, (const char *const[]){"--live", "--speed", "100", "@/run", NULL});
    struct buf heard = BUF_INIT;
    int fd = reader_of_events(c.port, 0);
    reader_hear(fd, &heard, "event: end\ndata: \"finished\"");
    close(fd);
    assert_non_null(strstr(buf_text(&heard), "\"migr begins\""));
    buf_free(&heard);
    assert_int_equal(command_end(&c, SIGINT), 0);
}

static void test_options(void **state)
{
    static const struct {
        int (*command)(int, char **);
        const char *arguments[7], *says;
    } rows[] = {
        {run_main, {"--live=0", "scenarios/kim22-quick.json"}, "--live wants a number from 1 to 65535: 0"},
        {run_main, {"--live=http", "scenarios/kim22-quick.json"}, "--live wants a number from 1 to 65535: http"},
        {run_main, {"--live", "--speed", "0", "scenarios/kim22-quick.json"}, "from 0.01 to 10000: 0"},
        {run_main, {"--live", "--speed", "inf", "scenarios/kim22-quick.json"}, "from 0.01 to 10000: inf"},
        {run_main, {"--speed", "2", "scenarios/kim22-quick.json"}, "--speed needs --live"},
        {run_main,
         {"--world", "real", "--live", "--speed", "2", "scenarios/kim22-quick.json"},
         "virtual time"},
        {run_main, {"--live", "--repeat", "2", "scenarios/kim22-quick.json"}, "add --repeat 1"},
        {report_main, {"--speed", "2", "@/run"}, "--speed needs --live"},
        {report_main, {"--live", "@/run", "@/run"}, "one result folder"},
        {report_main, {"--live", "@/none"}, "/none/result.json"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        assert_int_equal(command_output(rows[i].command, *state, rows[i].arguments), 2);
        autofree char *output = folder_read(*state, "output");
        if (!strstr(output, rows[i].says))
            fail_msg("%s", output);
    }
}

/* --- in a browser ----------------------------------------------------------------------------------------------------- */

static void test_chromium_draws_it(void **state)
{
    static const char *const parts[] = {
        "The run is over: finished.",
        "href=\"report.html\"",
        "<dd>100</dd>",
        "<dd>1 of 1</dd>",
        "handoff to AP-2 at 6.2581 s",
        ">send memory</text>",
        ">load base</text>",
        ", 5 parts</text>",
        ">MOVE-notify</text>",
        "<td>USER has sent 100 requests, 100 were answered</td>",
        "<td>migration ES-1 → ES-2: finished</td>",
    };
    if (chromium_is_missing())
        skip();
    struct command c = command_start(run_main, *state,
                                     (const char *const[]){"--quiet", "--live", "--speed", "20", "-o",
                                                           "@/run", "scenarios/layered.json", NULL});
    autofree char *address = mem_printf("http://127.0.0.1:%u/", c.port);
    autofree char *dom = chromium_draw(*state, "--virtual-time-budget=5000", address);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++)
        if (!strstr(dom, parts[i]))
            fail_msg("the page has no %s", parts[i]);
    assert_null(strstr(dom, ">load layer"));
    assert_null(strstr(dom, ": load layer"));
    assert_int_equal(command_end(&c, SIGINT), 0);
}

/* In a process of its own: kills the run when its page has been opened and a reader has heard that it is well into its migration. */
static void kill_amid_migration(const struct command *c)
{
    if (fork() != 0)
        return;
    struct buf heard = BUF_INIT;
    autofree char *opened =
        mem_printf("until ss -Htn state established 'sport = :%u' | grep -q .; do sleep 0.1; done", c->port);
    if (system(opened) != 0)
        _exit(1);
    reader_hear(reader_of_events(c->port, 0), &heard, "send memory");
    kill(c->pid, SIGKILL);
    _exit(0);
}

/* What has come is drawn though the run has not ended: of a run that is killed midway, the part before. */
static void test_chromium_draws_what_has_come(void **state)
{
    if (chromium_is_missing())
        skip();
    struct command c = command_start(run_main, *state,
                                     (const char *const[]){"--quiet", "--live", "--speed", "0.5", "-o", "@/run", "--set",
                                                           "muds.m1.visits.1.at_request=10", "scenarios/kim22-quick.json", NULL});
    autofree char *address = mem_printf("http://127.0.0.1:%u/", c.port);
    kill_amid_migration(&c);
    autofree char *dom = chromium_dump(*state, "--virtual-time-budget=2000", address);
    const char *answered = strstr(dom, "requests answered</dt><dd>");
    assert_non_null(answered);
    int requests = atoi(answered + strlen("requests answered</dt><dd>"));
    assert_in_range(requests, 1, 99);
    assert_non_null(strstr(dom, "The connection is lost."));
    assert_null(strstr(dom, "role=\"status\">The run is over"));
    while (wait(NULL) > 0)
        continue;
}

/* While the run goes on, the page has the points that have come, then more, and not those that are still to come. */
static void test_chromium_draws_while_it_goes_on(void **state)
{
    static const char goes_on[] = "Number(document.querySelector('.verdict').textContent === 'The run goes on.')",
                      points[] = "document.querySelectorAll('#response circle.dot').length";
    static const struct {
        int (*command)(int, char **);
        const char *arguments[8];
    } rows[] = {
        {run_main, {"--quiet", "--live", "--speed", "0.5", "-o", "@/live", "scenarios/kim22-quick.json"}},
        {report_main, {"--live", "--speed", "0.5", "@/run"}},
    };
    if (chromium_is_missing())
        skip();
    run_twice(*state);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct command c = command_start(rows[i].command, *state, rows[i].arguments);
        autofree char *address = mem_printf("http://127.0.0.1:%u/", c.port);
        struct browser b = browser_open(*state, address);
        int first = browser_until_above(&b, points, 0), later = browser_until_above(&b, points, first);
        assert_in_range(later, first + 1, 99);
        assert_int_equal(browser_number(&b, goes_on), 1);
        browser_close(&b);
        command_end(&c, SIGINT);
    }
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
        cmocka_unit_test_setup_teardown(test_a_run_is_shown_and_then_its_report, make, discard),
        cmocka_unit_test_setup_teardown(test_a_run_is_interrupted, make, discard),
        cmocka_unit_test_setup_teardown(test_a_finished_run_is_played_again, make, discard),
        cmocka_unit_test_setup_teardown(test_options, make, discard),
        cmocka_unit_test_setup_teardown(test_chromium_draws_it, make, discard),
        cmocka_unit_test_setup_teardown(test_chromium_draws_what_has_come, make, discard),
        cmocka_unit_test_setup_teardown(test_chromium_draws_while_it_goes_on, make, discard),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
