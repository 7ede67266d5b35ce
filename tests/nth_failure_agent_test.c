/* Every call fails once (nth_failure_attempt.h) in an agent from its start to its end: in one with a device and an access point, and in one
 * with an edge server at a pretended Engine, which takes a quarter of a second, so that every SAMPLE-th is tried. */
#include "agent.h"
#include "agent_protocol.h"
#include "clock.h"
#include "nth_failure_attempt.h"
#include "pretended_engine.h"
#include "privileges.h"
#include "scenario.h"
#include "scenario_move.h"
#include "transfer.h"

#include <sched.h>

enum { SAMPLE = 23 };

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
    static const char *const parts[] = {"d0", "dumps", "e0", "owners", "s0"};
    autofree char *root = mem_printf("%s/d0", engine_folder);
    docker_end_processes(root, NULL);
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        autofree char *path = mem_printf("%s/%s", engine_folder, parts[i]);
        files_remove(path, NULL);
    }
}

/* With the addresses of all hosts. */
static void go_alone(void)
{
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    assert_int_equal(system("ip link set lo up && ip address add 198.18.0.0/15 dev lo"), 0);
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

static void every_failure_of_an_agent_is_an_error(void **state)
{
    static const struct attempt attempts[] = {
        {"agent", run_agent, 1, READY READY, NULL},
        {"agent with an Engine", run_agent_with_engine, SAMPLE, READY READY, clean_engine},
    };
    struct err e = ERR_INIT;
    (void)state;
    if (privileges_check(&e) < 0) {
        print_message("skip: %s\n", e.text);
        skip();
    }
    prepare_engine();
    read_orders();
    go_alone();
    for (size_t i = 0; i < ARRAY_LEN(attempts); i++)
        fail_one_after_the_other(&attempts[i]);
    for (int phase = 0; phase < PHASES; phase++) {
        free(orders[phase]);
        free(orders_with_engine[phase]);
    }
}

int main(int argc, char **argv)
{
    pretended_programs(argv);
    attempt_begin();
    const struct CMUnitTest tests[] = {cmocka_unit_test_teardown(every_failure_of_an_agent_is_an_error, remove_engine)};
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
