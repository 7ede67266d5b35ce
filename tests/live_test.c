/* Live pages: what `run --live` and `report --live` do; and, where Chromium is installed, the page drawn by it. Runs from the project's root. */
#include "browser.h"
#include "chromium.h"
#include "command_output.h"
#include "commands.h"
#include "live_reader.h"
#include "report.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>

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
