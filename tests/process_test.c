/* Child processes on a loop: how they end, what cannot be started, and what a command that is run to its end says. */
#include "loop.h"
#include "mem.h"
#include "process.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct clock test_clock;
static struct loop *loop;

static int wall_loop(void **state)
{
    (void)state;
    test_clock = clock_wall(clock_monotonic());
    loop = loop_new(&test_clock, NULL);
    return loop ? 0 : -1;
}

static int end_loop(void **state)
{
    (void)state;
    loop_free(loop);
    return 0;
}

static int ended_status, ended_count;

static void process_ended(struct process *process, int status)
{
    assert_int_equal(process->pid, 0);
    ended_status = status;
    ended_count++;
}

static void a_child_ends_with_its_status(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int status;
    } rows[] = {{"exit 0", 0}, {"exit 7", 7}, {"kill -TERM $$", 128 + SIGTERM}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *argv[] = {"sh", "-c", rows[i].script, NULL};
        struct process process = {.ended = process_ended};
        struct process_options options = PROCESS_OPTIONS_INIT;
        options.argv = argv;
        ended_count = 0;
        assert_int_equal(process_start(loop, &process, &options, NULL), 0);
        assert_true(process.pid > 0);
        loop_run(loop);
        assert_int_equal(ended_count, 1);
        assert_int_equal(ended_status, rows[i].status);
    }
}

/* Somebody else's child, which nobody here can reap. */
static void an_adopted_process_is_watched(void **state)
{
    (void)state;
    autofree char *pid = NULL;
    const char *argv[] = {"sh", "-c", "setsid sleep 1000 >/dev/null 2>&1 & echo $!", NULL};
    struct process process = {.ended = process_ended};
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    ended_count = 0;
    assert_int_equal(process_run(&options, &pid, NULL), 0);
    assert_int_equal(process_adopt(loop, &process, atoi(pid), NULL), 0);
    kill(process.pid, SIGKILL);
    loop_run(loop);
    assert_int_equal(ended_count, 1);
    assert_int_equal(ended_status, PROCESS_STATUS_UNKNOWN);
    assert_true(process_adopt(loop, &process, INT32_MAX, NULL) < 0);
    assert_int_equal(process.pid, 0);
}

static void a_program_that_cannot_run_is_an_error_here(void **state)
{
    (void)state;
    static const struct {
        const char *program, *directory;
        int status;
    } rows[] = {{"/nonexistent/program", NULL, -ENOENT},
                {"/etc/passwd", NULL, -EACCES},
                {"true", "/nonexistent", -ENOENT}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *argv[] = {rows[i].program, NULL};
        struct process process = {.ended = process_ended};
        struct process_options options = PROCESS_OPTIONS_INIT;
        struct err e = ERR_INIT;
        options.argv = argv;
        options.directory = rows[i].directory;
        assert_int_equal(process_start(loop, &process, &options, &e), rows[i].status);
        assert_non_null(strstr(e.text, rows[i].program));
        assert_int_equal(process.pid, 0);
    }
}

static void kill_takes_the_whole_group_and_says_nothing(void **state)
{
    (void)state;
    int fds[2];
    char byte;
    const char *argv[] = {"sh", "-c", "sleep 1000 & echo; wait", NULL};
    struct process process = {.ended = process_ended};
    struct process_options options = PROCESS_OPTIONS_INIT;
    assert_int_equal(pipe(fds), 0);
    options.argv = argv;
    options.stdout_fd = fds[1];
    ended_count = 0;
    assert_int_equal(process_start(loop, &process, &options, NULL), 0);
    close(fds[1]);
    assert_int_equal(read(fds[0], &byte, 1), 1); /* the grandchild runs */
    process_kill(&process);
    assert_int_equal(read(fds[0], &byte, 1), 0); /* nobody holds the pipe any more */
    close(fds[0]);
    process_kill(&process);
    loop_run(loop);
    assert_int_equal(ended_count, 0);
}

static void a_signal_reaches_the_child(void **state)
{
    (void)state;
    const char *argv[] = {"sleep", "1000", NULL};
    struct process process = {.ended = process_ended};
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = argv;
    ended_count = 0;
    assert_int_equal(process_start(loop, &process, &options, NULL), 0);
    process_signal(&process, SIGINT);
    loop_run(loop);
    assert_int_equal(ended_status, 128 + SIGINT);
    process_signal(&process, SIGINT); /* harmless */
}

static void a_command_is_run_to_its_end(void **state)
{
    (void)state;
    static const struct {
        const char *script;
        int status;
        const char *output, *in_error;
        int nice;
    } rows[] = {{"echo one; echo two >&2", 0, "one\ntwo\n", "", 0},
                {"echo first; echo last; exit 3", -EIO, "first\nlast\n", "exit status 3: last", 0},
                {"kill -SEGV $$", -EIO, "", "sh: ended by signal 11 (Segmentation fault)", 0},
                {"echo $(($(nice) - $(nice -n 19 nice)))", 0, "0\n", "", 19}};
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        const char *argv[] = {"sh", "-c", rows[i].script, NULL};
        struct process_options options = PROCESS_OPTIONS_INIT;
        struct err e = ERR_INIT;
        autofree char *output = NULL;
        options.argv = argv;
        options.nice = rows[i].nice;
        assert_int_equal(process_run(&options, &output, &e), rows[i].status);
        assert_non_null(output);
        assert_int_equal(strncmp(output, rows[i].output, strcspn(rows[i].output, "\n")), 0);
        assert_non_null(strstr(e.text, rows[i].in_error));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_ends_with_its_status),
        cmocka_unit_test(an_adopted_process_is_watched),
        cmocka_unit_test(a_program_that_cannot_run_is_an_error_here),
        cmocka_unit_test(kill_takes_the_whole_group_and_says_nothing),
        cmocka_unit_test(a_signal_reaches_the_child),
        cmocka_unit_test(a_command_is_run_to_its_end),
    };
    return cmocka_run_group_tests(tests, wall_loop, end_loop);
}
