/* Whether peers on other machines answer, in a private network namespace: its loopback interface has their addresses, or it is cut off. */
#include "agent_tunnels.h"
#include "clock.h"
#include "layout.h"
#include "mem.h"

#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h>

#define SCENARIO                                                                                                               \
    "{\"name\": \"t\", \"duration_s\": 1, \"hosts\": {\"a\": {%s \"interface\": \"lo\"}, \"b\": {%s \"interface\": \"lo\"}}, " \
    "\"edges\": {\"e\": {\"host\": \"a\"}}, \"aps\": {\"p\": {\"host\": \"a\", \"edge\": \"e\"}}, "                            \
    "\"links\": [{\"between\": [\"a\", \"b\"], \"rtt_ms\": 10 %s}], "                                                          \
    "\"muds\": {\"m\": {\"host\": \"b\", \"visits\": [{\"ap\": \"p\", \"at_s\": 0}]}}}"
#define ON_ONE "\"ssh\": \"one\","
#define ON_TWO "\"ssh\": \"two\","

enum condition { REACHED, CUT_OFF, NO_DESCRIPTORS };

static const struct {
    const char *name, *a, *b, *loss;
    enum condition condition;
    int asked;
    const char *says;
} rows[] = {
    {"a peer that is there", ON_ONE, ON_TWO, "", REACHED, 1, NULL},
    {"beside one on this machine", ON_ONE, "", "", REACHED, 1, NULL},
    {"on the same machine", ON_ONE, ON_ONE, "", REACHED, 0, NULL},
    {"over a link that loses", ON_ONE, ON_TWO, ", \"loss\": 0.5", REACHED, 0, NULL},
    {"no way to it", ON_ONE, ON_TWO, "", CUT_OFF, -ENETUNREACH,
     "the tunnel to host b: Network is unreachable"},
    {"no socket", ON_ONE, ON_TWO, "", NO_DESCRIPTORS, -EMFILE, "the tunnel to host b: Too many open files"},
};

static void answered(struct agent_tunnels *t, int status, const struct err *e)
{
    if (status < 0)
        fail_msg("%s", e->text);
    loop_stop(t->loop);
}

static void go_into_namespace(enum condition condition)
{
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    if (condition != CUT_OFF)
        assert_int_equal(system("ip link set lo up && ip address add 198.18.0.0/15 dev lo"), 0);
}

static int try_under(enum condition condition, struct agent_tunnels *t, struct err *e)
{
    struct rlimit before;
    getrlimit(RLIMIT_NOFILE, &before);
    if (condition == NO_DESCRIPTORS)
        setrlimit(RLIMIT_NOFILE, &(struct rlimit){0, before.rlim_max});
    int asked = agent_tunnels_try(t, e);
    setrlimit(RLIMIT_NOFILE, &before);
    return asked;
}

static void try_row(size_t i, struct loop *loop)
{
    struct err e = ERR_INIT;
    autofree char *text = mem_printf(SCENARIO, rows[i].a, rows[i].b, rows[i].loss);
    struct scenario *s = scenario_parse("t.json", text, strlen(text), NULL, 0, &e);
    if (!s)
        fail_msg("%s: %s", rows[i].name, e.text);
    struct agent_tunnels t = {.loop = loop, .scenario = s, .done = answered};
    go_into_namespace(rows[i].condition);
    int asked = try_under(rows[i].condition, &t, &e);
    if (asked > 0)
        loop_run(loop);
    if (asked != rows[i].asked || (rows[i].says && strcmp(e.text, rows[i].says)))
        fail_msg("%s: %d, \"%s\"", rows[i].name, asked, e.text);
    agent_tunnels_cancel(&t);
    scenario_free(s);
}

static void each_row(void **state)
{
    struct clock clock = clock_wall(SIMTIME_ZERO);
    struct loop *loop = loop_new(&clock, NULL);
    (void)state;
    if (geteuid() != 0) {
        printf("skip: a private network namespace needs root\n");
        skip();
    }
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        try_row(i, loop);
    loop_free(loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(each_row)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
