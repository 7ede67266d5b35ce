/* What machines behind ssh say to the controller: of their own hosts it is taken, of others' it ends the run, as does what is no news. */
#include "agent_protocol.h"
#include "controller.h"
#include "mem.h"
#include "version.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* Hosts 0 and 3 (pc1, laptop) are "one"'s, 1 (pc2) is "two"'s, 2 (pc3) is played here. Links: 0 pc1–pc2, 1 laptop–pc1, 2 laptop–pc2. */
enum { ONE, TWO };

static struct {
    struct controller c;
    struct world_real_options options;
    struct world_real_facts facts;
    struct scenario *scenario;
} run;

/* As if the run ended already, so that a failure is noted and nothing else comes of it. */
static int begin(void **state)
{
    static const struct scenario_setting machines[] = {
        {"hosts.pc1", "{\"ssh\": \"one\", \"interface\": \"eth0\"}"},
        {"hosts.laptop", "{\"ssh\": \"one\", \"interface\": \"eth0\"}"},
        {"hosts.pc2", "{\"ssh\": \"two\", \"interface\": \"eth0\"}"},
        {"hosts.pc3", "{\"interface\": \"eth0\"}"}};
    struct controller *c = &run.c;
    (void)state;
    run.scenario = scenario_read("scenarios/kim22-quick.json", machines, ARRAY_LEN(machines), NULL);
    assert_non_null(run.scenario);
    run.facts = (struct world_real_facts){.link_driver = "userspace"};
    *c = (struct controller){.scenario = run.scenario,
                             .options = &run.options,
                             .facts = &run.facts,
                             .clock = clock_wall(SIMTIME_ZERO),
                             .phase = ENDING};
    c->loop = loop_new(&c->clock, NULL);
    c->agents = mem_alloc_array((size_t)run.scenario->host_count, sizeof *c->agents);
    for (int i = 0; i < run.scenario->host_count; i++)
        c->agents[i] = (struct controlled_agent){.controller = c, .name = run.scenario->hosts[i].name};
    machines_init(&c->machines, c);
    for (int i = 0; i < c->machines.other_count; i++) {
        c->machines.others[i].link.open = true;
        machines_listen(&c->machines.others[i].link);
    }
    return 0;
}

static int end(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    machines_close(&run.c.machines, 0, &e);
    free(run.c.agents);
    loop_free(run.c.loop);
    scenario_free(run.scenario);
    return 0;
}

static void hear(int machine, const char *text)
{
    struct outpost_link *link = &run.c.machines.others[machine].link;
    struct json_object *line = json_tokener_parse(text);
    const char *word = line ? agent_word(line) : NULL;
    link->heard(link, word ? word : "", line);
    json_object_put(line);
}

#define HELLO "{\"say\": \"hello\", \"version\": \"" ROAMLAB_VERSION "\", \"addresses\": {}}"
#define WIRED(image, driver)                                                                                 \
    "{\"say\": \"wired\", \"image\": \"" image                                                               \
    "\", \"docker\": \"\", \"runc\": \"\", \"criu\": \"\", \"dirty_tracking\": \"\", "                       \
    "\"link_driver\": \"" driver "\", \"base_ratio\": 2.5}"
#define CARRIED(link, direction)                                                                             \
    "{\"say\": \"carried\", \"numbers\": [" #link ", " #direction ", 7, 0, 0, 0, 0, 0, 0, 0, 0]}"
#define IDLE(host) "{\"say\": \"from\", \"host\": " #host ", \"line\": {\"say\": \"idle\", \"idle\": true}}"
#define SILENT(host) "{\"say\": \"silent\", \"host\": " #host ", \"events\": 0}"
#define PACKETS(host) "{\"say\": \"packets\", \"host\": " #host ", \"seconds\": [], \"packets\": \"\"}"

static void greet_all(void)
{
    for (int i = ONE; i <= TWO; i++) {
        hear(i, HELLO);
        hear(i, WIRED("image", "userspace"));
    }
    assert_int_equal(run.c.err.code, 0);
}

static void what_a_machine_plays_it_speaks_for(void **state)
{
    (void)state;
    greet_all();
    hear(ONE, IDLE(0));
    hear(TWO, IDLE(1));
    assert_true(run.c.agents[0].idle && run.c.agents[1].idle);
    assert_false(run.c.agents[2].idle || run.c.agents[3].idle);
    assert_true(run.c.agents[0].there && run.c.agents[1].there && run.c.agents[3].there);
    hear(TWO, CARRIED(0, 0)); /* arrives there, where the driver shapes */
    hear(ONE, CARRIED(0, 1));
    assert_true(run.c.machines.carried[0].known && run.c.machines.carried[1].known);
    assert_int_equal(run.c.err.code, 0);
}

static const struct {
    int from;
    const char *line, *says;
} forged[] = {
    {TWO, IDLE(0), "machine two: it speaks for host 0, which it does not play"},
    {TWO, IDLE(3), "machine two: it speaks for host 3, which it does not play"},
    {ONE, IDLE(1), "machine one: it speaks for host 1, which it does not play"},
    {ONE, IDLE(2), "machine one: it speaks for host 2, which it does not play"}, /* that is played here */
    {ONE, IDLE(-1), "it speaks for host -1"},
    {ONE, IDLE(4), "it speaks for host 4"},
    {ONE, IDLE(2147483647), "it speaks for host"},
    {ONE, SILENT(1), "machine one: it speaks for host 1, which it does not play"},
    {TWO, SILENT(2), "machine two: it speaks for host 2, which it does not play"},
    {TWO, SILENT(-1), "it speaks for host -1"},
    {ONE, CARRIED(0, 0), "machine one: it has counted link 0, which it does not shape"},
    {TWO, CARRIED(0, 1), "machine two: it has counted link 0, which it does not shape"},
    {TWO, CARRIED(1, 0), "it has counted link 1"},
    {ONE, CARRIED(3, 0), "it has counted link 3"},
    {ONE, CARRIED(-1, 0), "it has counted link -1"},
    {ONE, CARRIED(0, 2), "it has counted link 0"},
    {ONE, CARRIED(0, -1), "it has counted link 0"},
    {ONE, HELLO, "it says hello twice"},
    {ONE, WIRED("image", "userspace"), "it says wired out of turn"},
    {ONE, "{\"say\": \"from\", \"host\": 0, \"line\": {\"idle\": true}}",
     "agent of pc1: a line that is no report"},
    {ONE, "{\"say\": \"from\", \"host\": 0, \"line\": {\"say\": 7}}",
     "agent of pc1: a line that is no report"},
    {ONE, "{\"say\": \"from\", \"host\": 0, \"line\": {\"say\": \"event\", \"event\": []}}", "not an event"},
    {ONE, "{\"say\": \"from\", \"host\": 0}", "no usable \"line\""},
    {ONE, "{\"say\": \"obey\"}", "a line that is no report"},
    {ONE, "[]", "a line that is no report"},
    {ONE, "no JSON", "a line that is no report"},
};

static void what_it_does_not_play_it_does_not_speak_for(void **state)
{
    struct controller *c = &run.c;
    (void)state;
    greet_all();
    for (size_t i = 0; i < ARRAY_LEN(forged); i++) {
        c->err = (struct err)ERR_INIT;
        hear(forged[i].from, forged[i].line);
        if (c->err.code != EPROTO || !strstr(c->err.text, forged[i].says))
            fail_msg("%s: \"%s\"", forged[i].line, c->err.text);
    }
    for (int i = 0; i < c->scenario->host_count; i++)
        assert_true(!c->agents[i].idle && (c->agents[i].there || i == 2));
    for (int i = 0; i < c->scenario->link_count * 2; i++)
        assert_false(c->machines.carried[i].known);
}

/* Nothing is written for hosts of others, nor for any if nobody asked. */
static void packets_are_of_its_own_hosts(void **state)
{
    struct controller *c = &run.c;
    (void)state;
    greet_all();
    hear(ONE, PACKETS(0));
    assert_non_null(strstr(c->err.text, "machine one: packets that nobody asked for"));
    run.options.capture = "/nonexistent";
    c->err = (struct err)ERR_INIT;
    hear(ONE, PACKETS(1));
    assert_non_null(strstr(c->err.text, "machine one: it speaks for host 1, which it does not play"));
    run.options.capture = NULL;
}

static const struct {
    const char *first, *second, *says;
} apart[] = {
    {WIRED("image", "userspace"), WIRED("other", "userspace"),
     "machine two: its roamlab-service is another one than the others'"},
    {WIRED("image", "userspace"), WIRED("image", "kernel"),
     "machine two: it shapes links by kernel, the others by userspace"},
    {WIRED("image", "kernel"), WIRED("image", "kernel"),
     "machine one: it shapes links by kernel, the others by userspace"},
    {WIRED("image", "userspace"), WIRED("image", "none"),
     "machine two: it says wired out of turn, or names no link driver"},
};

static void machines_agree(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(apart); i++) {
        begin(NULL);
        hear(ONE, HELLO);
        hear(TWO, HELLO);
        run.c.err = (struct err)ERR_INIT;
        run.c.machines.any_here = true;
        hear(ONE, apart[i].first);
        hear(TWO, apart[i].second);
        if (!strstr(run.c.err.text, apart[i].says))
            fail_msg("\"%s\" instead of \"%s\"", run.c.err.text, apart[i].says);
        end(NULL);
    }
}

#define HELLO_OF(machine)                                                                                    \
    "{\"say\": \"hello\", \"version\": \"" ROAMLAB_VERSION "\", \"machine\": \"" machine                     \
    "\", \"addresses\": {}}"

static void a_machine_has_one_name(void **state)
{
    struct controller_machines *m = &run.c.machines;
    struct json_object *own = outpost_say_hello(ROAMLAB_VERSION);
    struct err *e = &run.c.err;
    (void)state;
    hear(ONE, HELLO_OF("7/1"));
    hear(TWO, HELLO_OF("7/2"));
    assert_int_equal(e->code, 0);
    json_object_put(steal(m->others[TWO].hello));
    hear(TWO, HELLO_OF("7/1"));
    assert_string_equal(e->text, "machine two: it is one, too");
    *e = (struct err)ERR_INIT;
    hear(TWO, json_object_to_json_string(own));
    assert_string_equal(e->text, "machine two: it is the one that you sit at, too");
    json_object_put(own);
}

static const struct {
    int exit_status;
    const char *says;
} silent[] = {
    {255, "machine one: ssh does not get there"},
    {127, "machine one: roamlab cannot be started there"},
    {126, "machine one: roamlab cannot be started there"},
    {2, "machine one: what is called there is no roamlab of this version: it ended with exit status 2"},
};

static void who_says_nothing_is_explained(void **state)
{
    struct outpost_link *link = &run.c.machines.others[ONE].link;
    (void)state;
    link->open = false;
    for (size_t i = 0; i < ARRAY_LEN(silent); i++) {
        run.c.err = (struct err)ERR_INIT;
        link->exit_status = silent[i].exit_status;
        link->gone(link);
        assert_string_equal(run.c.err.text, silent[i].says);
        assert_true(*run.c.err.hint);
    }
    hear(ONE, HELLO);
    run.c.err = (struct err)ERR_INIT;
    link->gone(link);
    assert_string_equal(run.c.err.text, "machine one: the connection broke, or its roamlab ended");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_a_machine_plays_it_speaks_for, begin, end),
        cmocka_unit_test_setup_teardown(what_it_does_not_play_it_does_not_speak_for, begin, end),
        cmocka_unit_test_setup_teardown(packets_are_of_its_own_hosts, begin, end),
        cmocka_unit_test(machines_agree),
        cmocka_unit_test_setup_teardown(a_machine_has_one_name, begin, end),
        cmocka_unit_test_setup_teardown(who_says_nothing_is_explained, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
