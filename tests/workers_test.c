/* Jobs in worker processes: what each returns, and one that is killed. */
#include "mem.h"
#include "workers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <string.h>

enum { JOBS = 12, KILLED = 4, FAILS = 7 };

struct counting {
    struct workers workers;
    int statuses[JOBS], ended;
    struct err killed, failed;
};

static int job(struct workers *workers, int index, struct err *e)
{
    if (index == KILLED && workers->processes > 1)
        raise(SIGKILL);
    return index == FAILS ? err_set(e, ENODATA, "job %d", index) : 0;
}

static void job_ended(struct workers *workers, int index, int status, const struct err *e)
{
    struct counting *c = container_of(workers, struct counting, workers);
    c->statuses[index] = status;
    c->ended++;
    if (index == KILLED)
        c->killed = *e;
    if (index == FAILS)
        c->failed = *e;
}

static void test_workers(void **state)
{
    (void)state;
    static const int processes[] = {1, 3, 40};
    for (size_t i = 0; i < ARRAY_LEN(processes); i++) {
        struct counting c = {.workers = {processes[i], job, job_ended}};
        struct err e = ERR_INIT;
        assert_int_equal(workers_run(&c.workers, JOBS, &e), 0);
        assert_int_equal(c.ended, JOBS);
        assert_string_equal(c.failed.text, "job 7");
        for (int k = 0; k < JOBS; k++)
            assert_int_equal(c.statuses[k], k == FAILS                        ? -ENODATA
                                            : k == KILLED && processes[i] > 1 ? -EIO
                                                                              : 0);
        if (processes[i] > 1)
            assert_non_null(strstr(c.killed.text, "killed by signal 9"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_workers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
