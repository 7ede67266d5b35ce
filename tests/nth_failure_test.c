/* The nth call for a file, a socket, a message to the kernel, a timer or memory fails, for every n (of memory: the first 200, then every tenth part
 * more), in a run in virtual time, in the wiring of a link, in operations on a container at an Engine, and in an agent from its start to its end,
 * with a device and an access point: each ends with an error that says something, never by a signal, and never as if nothing had been.
 *
 * An agent with an Engine, which takes a quarter of a second, tries every SAMPLE-th; NTH_FAILURE=all: all of them. */
#include "agent.h"
#include "agent_protocol.h"
#include "clock.h"
#include "container.h"
#include "folder.h"
#include "nth_failure.h"
#include "play.h"
#include "pretended_engine.h"
#include "privileges.h"
#include "scenario.h"
#include "scenario_move.h"
#include "transfer.h"
#include "wiring.h"

#include <arpa/inet.h>
#include <sched.h>
#include <setjmp.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

/* --- what is tried ------------------------------------------------------------------------------------------ */

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

/* --- an agent ------------------------------------------------------------------------------------------------- */

enum { PREPARE, CONNECT, BEGIN, PHASES };

/* For an agent that plays a device and an access point, and for one that plays an edge server and an access point. */
static char *orders[PHASES], *orders_with_engine[PHASES];
static char *engine_folder; /* of the latter's run */

static void order(char *lines[PHASES], const struct scenario_setting *settings, size_t count, int host, const char *folder)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_read("scenarios/kim22-quick.json", settings, (int)count, &e);
    if (!s)
        fail_msg("%s", e.text);
    autofree char *text = scenario_text_with_visits(s);
    struct agent_orders some = {.scenario = text,
                                .path = "s.json",
                                .seed = 1,
                                .host = host,
                                .run = "nth",
                                .folder = folder,
                                .image = "image",
                                .archive = "/image.tar",
                                .criu_folder = ""};
    struct json_object *says[PHASES] = {agent_say_prepare(&some), agent_say("connect"), agent_say_begin(clock_monotonic())};
    for (int i = 0; i < PHASES; i++) {
        lines[i] = mem_printf("%s\n", json_object_to_json_string_ext(says[i], JSON_C_TO_STRING_PLAIN));
        json_object_put(says[i]);
    }
    scenario_free(s);
}

static void read_orders(void)
{
    static const struct scenario_setting at_laptop[] = {{"aps.ap1.host", "laptop"}},
                                         one_edge[] = {{"edges", "{\"es1\": {\"host\": \"pc1\"}}"},
                                                       {"aps", "{\"ap1\": {\"host\": \"pc1\", \"edge\": \"es1\"}}"},
                                                       {"muds.m1.visits", "[{\"ap\": \"ap1\", \"at_s\": 0}]"},
                                                       {"migration.carrier", "stream"}};
    enum { PC1, LAPTOP = 3 };
    order(orders, at_laptop, ARRAY_LEN(at_laptop), LAPTOP, ".");
    order(orders_with_engine, one_edge, ARRAY_LEN(one_edge), PC1, engine_folder);
}

#define READY "{\"say\":\"ready\"}\n" /* prepared; connected */

static int times_ready(void)
{
    char said[65536];
    ssize_t len = pread(1, said, sizeof said - 1, 0);
    int times = 0;
    said[len > 0 ? len : 0] = '\0';
    for (const char *at = said; (at = strstr(at, READY)); at += strlen(READY))
        times++;
    return times;
}

/* Orders it through its phases, and ends its input when it has played for a moment, or has ended itself. What it says goes to a file. */
static void order_agent(pid_t agent, int input, char *const lines[PHASES])
{
    enum { LOOK_US = 2000, PLAY_US = 10000 };
    for (int phase = PREPARE; phase < PHASES && getppid() == agent; phase++) {
        while (times_ready() < phase && getppid() == agent)
            usleep(LOOK_US);
        (void)!write(input, lines[phase], strlen(lines[phase]));
    }
    usleep(PLAY_US);
    _exit(0);
}

static int play_agent(char *const lines[PHASES], const char *folder)
{
    enum { HANGS_S = 60 };
    int input[2];
    if (mkdir(folder, 0700) < 0 || chdir(folder) < 0 || pipe2(input, O_CLOEXEC) < 0) {
        fprintf(stderr, "roamlab: not begun\n");
        return 4;
    }
    alarm(HANGS_S);
    pid_t agent = getpid();
    if (fork() == 0)
        order_agent(agent, input[1], lines);
    close(input[1]);
    dup2(input[0], 0);
    return agent_run();
}

static int run_agent(const char *folder)
{
    return play_agent(orders, folder);
}

static int run_agent_with_engine(const char *folder)
{
    autofree char *path = mem_printf("%s/bin:%s", engine_folder, getenv("PATH"));
    setenv("PATH", path, 1);
    return play_agent(orders_with_engine, folder);
}

/* What a run leaves that was cut off: its controller's affair. */
static void clean_engine(void)
{
    static const char *const parts[] = {"d0", "e0", "owners", "s0"};
    autofree char *root = mem_printf("%s/d0", engine_folder);
    docker_end_processes(root, NULL);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        autofree char *path = mem_printf("%s/%s", engine_folder, parts[i]);
        files_remove(path, NULL);
    }
}

enum { SAMPLE = 23 };

static const struct {
    const char *name;
    int (*play)(const char *folder);
    int each; /* of its calls one in so many fails */
    void (*clean)(void);
} attempts[] = {
    {"run", run_in_virtual_time, 1, NULL},
    {"Engine", talk_to_an_engine, 1, NULL},
    {"wiring", wire_a_link, 1, NULL}, /* from here on privileges are needed, for network namespaces */
    {"agent", run_agent, 1, NULL},
    {"agent with an Engine", run_agent_with_engine, SAMPLE, clean_engine},
};

/* With the addresses of all hosts. */
static void go_alone(void)
{
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    assert_int_equal(system("ip link set lo up && ip address add 198.18.0.0/15 dev lo"), 0);
}

static void be_child(size_t attempt, const char *folder)
{
    autofree char *said = mem_printf("%s/said", folder), *results = mem_printf("%s/results", folder);
    int fd = open(said, O_RDWR | O_CREAT | O_TRUNC, 0600);
    if (attempts[attempt].play == wire_a_link && unshare(CLONE_NEWNET) < 0)
        _exit(1);
    dup2(fd, 1);
    dup2(fd, 2);
    signal(SIGSEGV, SIG_DFL); /* cmocka would go on with the next test here */
    tally->armed = true;
    int status = attempts[attempt].play(results);
    tally->armed = false;
    _exit(status);
}

/* False once the attempt is over before its nth call. */
static bool try_one(size_t attempt, enum kind kind, long n)
{
    char *folder = folder_make();
    *tally = (struct tally){.at = n, .kind = kind};
    pid_t pid = fork();
    if (pid == 0)
        be_child(attempt, folder);
    int status;
    waitpid(pid, &status, 0);
    tally->armed = false;
    if (attempts[attempt].clean)
        attempts[attempt].clean();
    autofree char *said = folder_read(folder, "said");
    bool struck = tally->count > n, spoke = said && strstr(said, "roamlab: ");
    folder_remove(folder);
    const char *name = attempts[attempt].name;
    if (!WIFEXITED(status))
        fail_msg("%s, kind %d, call %ld: signal %d: %s", name, kind, n, WTERMSIG(status), said);
    if (WEXITSTATUS(status) != 0 && (WEXITSTATUS(status) != 4 || !spoke))
        fail_msg("%s, kind %d, call %ld: exit %d: \"%s\"", name, kind, n, WEXITSTATUS(status), said);
    if (!struck && (WEXITSTATUS(status) != 0 || strstr(said, "\"failed\"")))
        fail_msg("%s fails by itself: %s", name, said);
    if (!struck && strstr(name, "agent") && !strstr(said, READY READY))
        fail_msg("%s does not play: %s", name, said);
    if (kind == MEMORY && struck && WEXITSTATUS(status) != 4)
        fail_msg("%s: the failed allocation %ld went unseen", name, n);
    return struck;
}

static void fail_one_after_the_other(size_t attempt)
{
    enum { ONE_BY_ONE = 200 };
    const char *wanted = getenv("NTH_FAILURE");
    int each = wanted && !strcmp(wanted, "all") ? 1 : attempts[attempt].each;
    for (enum kind kind = CALLS; kind <= MEMORY; kind++) {
        long n = 0, tried = 0;
        for (; try_one(attempt, kind, n); tried++)
            n += kind == MEMORY && n > ONE_BY_ONE ? n / 10 : each;
        assert_true(tried > 0);
        print_message("%s, %s: %ld tried\n", attempts[attempt].name, kind == MEMORY ? "memory" : "calls", tried);
    }
}

static void every_failure_of_a_run_is_an_error(void **state)
{
    (void)state;
    fail_one_after_the_other(0);
}

static void every_failure_towards_an_engine_is_an_error(void **state)
{
    pid_t pid = start_engine(*state);
    fail_one_after_the_other(1);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    free(engine);
}

/* An Engine's folder must not be in /tmp. */
static void prepare_engine(void)
{
    char folder[] = "/var/tmp/nth-XXXXXX";
    struct err e = ERR_INIT;
    assert_non_null(mkdtemp(folder));
    engine_folder = mem_copy_string(folder);
    autofree char *carrier = mem_printf("%s/carrier", folder);
    pretended_install(folder);
    assert_int_equal(files_make_folder(carrier, 0700, &e), 0);
    const struct transfer_host host = {"pc1", "198.18.0.1", 1, NULL};
    assert_int_equal(carrier_of("stream")->prepare(carrier, &host, 1, &e), 0);
}

static int remove_engine(void **state)
{
    (void)state;
    if (engine_folder)
        files_remove(engine_folder, NULL);
    free(engine_folder);
    return 0;
}

static void every_failure_of_wiring_and_of_an_agent_is_an_error(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    if (privileges_check(&e) < 0) {
        print_message("skip: %s\n", e.text);
        skip();
    }
    prepare_engine();
    read_orders();
    go_alone();
    for (size_t attempt = 2; attempt < ARRAY_LEN(attempts); attempt++)
        fail_one_after_the_other(attempt);
    for (int phase = 0; phase < PHASES; phase++) {
        free(orders[phase]);
        free(orders_with_engine[phase]);
    }
}

int main(int argc, char **argv)
{
    pretended_programs(argv);
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_of_a_run_is_an_error),
        IN_FOLDER(every_failure_towards_an_engine_is_an_error),
        cmocka_unit_test_teardown(every_failure_of_wiring_and_of_an_agent_is_an_error, remove_engine),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
