/* Every call fails once (nth_failure_attempt.h) in a run in virtual time, in the wiring of a link and in operations on a container at an
 * Engine. Those of an agent: nth_failure_agent_test.c. */
#include "container.h"
#include "nth_failure_attempt.h"
#include "play.h"
#include "pretended_engine.h"
#include "privileges.h"
#include "scenario.h"
#include "wiring.h"

#include <arpa/inet.h>
#include <sched.h>

static int run_in_virtual_time(const char *folder)
{
    struct err e = ERR_INIT;
    struct play p;
    struct scenario *s = scenario_read("scenarios/kim22-quick.json", NULL, 0, &e);
    if (s) {
        play_init(&p, s, false);
        play_once(&p, 1, folder, NULL, &e);
        play_free(&p);
        scenario_free(s);
    }
    if (e.code)
        err_print(&e);
    return e.code ? 4 : 0;
}

static int wire(struct netlink *netlink, struct err *e)
{
    static const struct ether_addr hardware[2] = {{{2, 0, 0, 0, 0, 1}}, {{2, 0, 0, 0, 0, 2}}};
    const struct in_addr here = {htonl(0xc6130001)}, there = {htonl(0xc6130002)};
    const struct wiring_vxlan tunnel = {"tunnel", "/proc/self/ns/net", hardware[0], 7, here, there};
    const struct wiring_route route = {.destination = there, .interface = "tunnel", .source = here, .congestion = "reno"};
    int status = wiring_address_add(netlink, "lo", here, NULL, e);
    if (status == 0)
        status = wiring_vxlan(netlink, &tunnel, e);
    if (status == 0)
        status = wiring_address_add(netlink, "tunnel", here, &there, e);
    if (status == 0)
        status = wiring_up(netlink, "tunnel", e);
    if (status == 0)
        status = wiring_neighbour(netlink, "tunnel", there, &hardware[1], e);
    return status == 0 ? wiring_route_set(netlink, &route, e) : status;
}

/* In a namespace of its own. */
static int wire_a_link(const char *folder)
{
    (void)folder;
    struct err e = ERR_INIT;
    if (unshare(CLONE_NEWNET) < 0)
        return 1;
    struct netlink *netlink = netlink_open(NULL, &e);
    int status = netlink ? wire(netlink, &e) : -e.code;
    netlink_free(netlink);
    if (status < 0)
        err_print(&e);
    return status < 0 ? 4 : 0;
}

/* --- operations at an Engine, on a container that does not run ------------------------------------------------ */

static char *engine; /* its socket */

static pid_t start_engine(const char *folder)
{
    autofree char *path = mem_printf("%s/socket", folder);
    engine = mem_printf("unix://%s", path);
    int listener = pretended_listen(path);
    assert_true(listener >= 0);
    pid_t pid = fork();
    if (pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        pretended_engine(listener, 0);
    }
    close(listener);
    return pid;
}

struct guest {
    struct docker_daemon daemon;
    struct docker_container container;
    struct docker_job job;
    struct err err;
};

static void operated(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    struct guest *g = container_of(job, struct guest, job);
    (void)bytes;
    if (status < 0)
        g->err = *e;
    loop_stop(g->daemon.loop);
}

static void operate(struct guest *g)
{
    docker_container_adopt(&g->container, &g->job);
    loop_run(g->daemon.loop);
    if (g->err.code)
        return;
    docker_container_discard(&g->container, &g->job, "image", NULL);
    loop_run(g->daemon.loop);
}

static int talk_to_an_engine(const char *folder)
{
    enum { HANGS_S = 200 };
    struct guest g = {.job.done = operated, .daemon = {.network = "host", .root = "/nowhere"}};
    struct clock clock = clock_wall(SIMTIME_ZERO);
    const struct docker_container_options options = {.name = "c1", .run = "nth", .image = "image"};
    (void)folder;
    alarm(HANGS_S);
    g.daemon.loop = loop_new(&clock, &g.err);
    if (g.daemon.loop)
        g.daemon.api = docker_api_new(g.daemon.loop, &(struct docker_address){.url = engine}, &g.err);
    if (g.daemon.api) {
        docker_places_below(&g.daemon.places, "/nowhere");
        docker_container_init(&g.container, &g.daemon, &options);
        operate(&g);
        docker_container_free(&g.container);
        docker_places_free(&g.daemon.places);
    }
    docker_api_free(g.daemon.api);
    loop_free(g.daemon.loop);
    if (g.err.code)
        err_print(&g.err);
    return g.err.code ? 4 : 0;
}

/* --- all calls, one after the other ----------------------------------------------------------------------- */

static void every_failure_of_a_run_is_an_error(void **state)
{
    static const struct attempt run = {"run", run_in_virtual_time, 1, NULL, NULL};
    (void)state;
    fail_one_after_the_other(&run);
}

static void every_failure_towards_an_engine_is_an_error(void **state)
{
    static const struct attempt talk = {"Engine", talk_to_an_engine, 1, NULL, NULL};
    pid_t pid = start_engine(*state);
    fail_one_after_the_other(&talk);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    free(engine);
}

static void every_failure_of_wiring_is_an_error(void **state)
{
    static const struct attempt wiring = {"wiring", wire_a_link, 1, NULL, NULL};
    struct err e = ERR_INIT;
    (void)state;
    if (privileges_check(&e) < 0) {
        print_message("skip: %s\n", e.text);
        skip();
    }
    fail_one_after_the_other(&wiring);
}

int main(int argc, char **argv)
{
    attempt_begin();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_of_a_run_is_an_error),
        IN_FOLDER(every_failure_towards_an_engine_is_an_error),
        cmocka_unit_test(every_failure_of_wiring_is_an_error),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
