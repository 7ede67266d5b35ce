/* CPU time by program: what /proc says, and what becomes of it in a result. */
#include "cpu_load.h"
#include "cpu_use.h"
#include "json_file.h"
#include "mem.h"
#include "synthetic_run.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static void lines_of_proc_are_taken_apart(void **state)
{
    static const struct {
        const char *line, *program;
        bool good;
        unsigned long long ticks, started;
    } rows[] = {
        {"7 (ssh) S 1 7 7 0 -1 4194560 1 2 3 4 150 25 0 0 20 0 1 0 9012 1 2", "ssh", true, 175, 9012},
        {"7 (a) R (b) S 1 7 7 0 -1 4194560 1 2 3 4 1 2 0 0 20 0 1 0 5 1 2", "a) R (b", true, 3, 5},
        {"7 () S 1 7 7 0 -1 4194560 1 2 3 4 0 0 0 0 20 0 1 0 5", "", true, 0, 5},
        {"7 (a program of a long name) S 1 7 7 0 -1 4194560 1 2 3 4 0 9 0 0 20 0 1 0 5", "a program of a ",
         true, 9, 5},
        {"7 (ssh) S 1 7 7 0 -1 4194560 1 2 3 4 150 25", "", false, 0, 0},
        {"7 ssh S 1 7", "", false, 0, 0},
        {")(", "", false, 0, 0},
        {"", "", false, 0, 0},
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char program[16] = "";
        unsigned long long ticks = 0, started = 0;
        assert_int_equal(cpu_use_parse(rows[i].line, program, &ticks, &started), rows[i].good);
        if (!rows[i].good)
            continue;
        assert_string_equal(program, rows[i].program);
        assert_int_equal(ticks, rows[i].ticks);
        assert_int_equal(started, rows[i].started);
    }
}

struct found {
    const char *program;
    struct simtime used;
};

static void hear(void *context, const char *program, struct simtime used)
{
    struct found *h = context;
    assert_true(used.ns > 0);
    if (strcmp(program, h->program) == 0)
        h->used = simtime_add(h->used, used);
}

static void burn(struct simtime cpu)
{
    struct timespec now;
    do
        clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    while (now.tv_sec * INT64_C(1000000000) + now.tv_nsec < cpu.ns);
}

/* A child of its own name computes for 100 ms: all of it is found, in the sample that first meets the child and those after it. */
static void a_program_s_time_is_found_once(void **state)
{
    struct found heard = {.program = "burns-cpu"};
    struct cpu_use *use = cpu_use_new();
    int done[2], leave[2];
    char byte = 0;
    (void)state;
    assert_int_equal(pipe(done) | pipe(leave), 0);
    pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_NAME, "burns-cpu");
        burn(simtime_ms(100));
        (void)!write(done[1], &byte, 1);
        (void)!read(leave[0], &byte, 1);
        _exit(0);
    }
    assert_int_equal(read(done[0], &byte, 1), 1);
    cpu_use_sample(use, hear, &heard);
    assert_true(heard.used.ns >= simtime_ms(60).ns);
    struct simtime once = heard.used;
    cpu_use_sample(use, hear, &heard);
    assert_true(simtime_sub(heard.used, once).ns <= simtime_ms(20).ns);
    assert_int_equal(write(leave[1], &byte, 1), 1);
    waitpid(child, NULL, 0);
    cpu_use_free(use);
}

static void add_use(struct synthetic_run *run, double at_s, const char *host, const char *program, double ms)
{
    struct event *ev = synthetic_add(run, EVENT_CPU, at_s, host, program);
    ev->mud = -1;
    ev->begin = simtime_from_seconds(at_s - 0.1);
    ev->value = (int64_t)(ms * 1e6);
}

/* "send" from 1 to 2 s: half of a sample that spans its end counts, none of one before it. */
static void transfers_have_their_share(void **state)
{
    static struct synthetic_run run;
    struct run_record record = RUN_RECORD_INIT;
    (void)state;
    run.count = 0;
    struct event *stage = synthetic_add(&run, EVENT_STAGE, 2, "ES-1", "send memory");
    stage->begin = simtime_s(1);
    stage->migration = 1;
    add_use(&run, 0.5, "pc1", "ssh", 30);
    add_use(&run, 1.5, "pc1", "ssh", 50);
    add_use(&run, 2.05, "pc1", "ssh", 20);
    add_use(&run, 1.5, "pc2", "ssh", 500);
    for (int i = 0; i < run.count; i++)
        run_record_add(&record, &run.events[i]);
    json_object *o = json_object_new_object();
    json_object_object_add(o, "cpu", cpu_load_json(&record));
    assert_string_equal(json_text_at(o, "cpu.0.host"), "pc2");
    assert_string_equal(json_text_at(o, "cpu.1.program"), "ssh");
    assert_true(json_number_at(o, "cpu.1.seconds") == 0.1);
    assert_true(json_number_at(o, "cpu.1.transfer_percent") == 6);
    json_object_put(o);
    run_record_free(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_of_proc_are_taken_apart),
        cmocka_unit_test(a_program_s_time_is_found_once),
        cmocka_unit_test(transfers_have_their_share),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
