/* Runs that use a Docker Engine of the user's (tests/users_engine) with a container and an image of the user's own, which nothing may touch. */
#include "real_fixture.h"

#define SMALL                                                                                                \
    "--world", "real", "--quiet", "--set", "muds.m1.visits.1.at_request=5", "--set", "duration_s=3",         \
        "--set", "service={\"base_mb\": 2, \"layer_mb\": 1, \"memory_mb\": 2, \"work_ms\": 5}", "--set",     \
        "expect=[]"

static struct {
    char *folder, *socket, *address, *certificates; /* owned; the latter are settings of hosts.NAME */
    char *before;                                   /* what is in it */
} users;

/* Ids of all that is there, and the whole of what Docker says about the user's container. */
static char *contents(void)
{
    return shell(
        "d='curl -s --noproxy * --unix-socket %s http://docker'; $d/images/json?all=1 | grep -o '\"Id\":\"[^\"]*\"' | sort;"
        "$d/containers/json?all=1 | grep -o '\"Id\":\"[^\"]*\"' | sort; $d/containers/own/json",
        users.socket);
}

#define FOREIGN                                                                                                                          \
    "set -e; d='curl -sf --noproxy * --unix-socket %s'; tar c roamlab-service |"                                                         \
    " $d -X POST -H Content-Type:application/x-tar --data-binary @- 'http://docker/images/create?fromSrc=-&repo=users/own&tag=1';"       \
    " $d -X POST -H Content-Type:application/json -d '{\"Image\": \"users/own:1\", \"HostConfig\": {\"NetworkMode\": \"none\"},"         \
    " \"Cmd\": [\"/roamlab-service\", \"--address\", \"127.0.0.1\", \"--file\", \"/state\"]}' http://docker/containers/create?name=own;" \
    " $d -X POST http://docker/containers/own/start"

static int set_up(void **state)
{
    enum { PORT = 23760 }; /* in a network of the test's own */
    if (fixture_set_up(state) < 0 || !fixture_program)
        return 0;
    users.folder = mem_printf("/var/tmp/users-%d", getpid());
    users.socket = mem_printf("%s/docker.sock", users.folder);
    users.address = mem_printf("tcp://127.0.0.1:%d", PORT);
    users.certificates = mem_printf("%s/certs", users.folder);
    free(shell("tests/users_engine up %s %d experimental=true 2>&1", users.folder, PORT));
    free(shell(FOREIGN, users.socket));
    users.before = contents();
    return 0;
}

static int take_down(void **state)
{
    if (users.folder)
        free(shell(
            "curl -s --noproxy '*' --unix-socket %s -X DELETE http://docker/containers/own?force=1; tests/users_engine down %s",
            users.socket, users.folder));
    free(users.folder);
    free(users.socket);
    free(users.address);
    free(users.certificates);
    free(users.before);
    return fixture_tear_down(state);
}

static void assert_nothing_touched(void)
{
    autofree char *after = contents();
    assert_string_equal(after, users.before);
}

/* From the user's Engine, reached by TLS, to one of ours. */
static void a_migration_leaves_it(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    struct fixture_run run;
    autofree char *before = fixture_machine();
    autofree char *docker = mem_printf("hosts.pc1.docker=%s", users.address),
                  *certs = mem_printf("hosts.pc1.docker_certs=%s", users.certificates);
    const char *const arguments[] = {SMALL, "--set", docker, "--set", certs, QUICK, NULL};
    fixture_start(&run, "leaves", arguments);
    assert_exit(&run, 0);
    json_object *result = fixture_result(&run);
    assert_string_equal(fixture_text(result, "/migrations/0/outcome"), "finished");
    assert_true(json_object_get_boolean(fixture_at(result, "/invariants/ok")));
    json_object_put(result);
    assert_nothing_touched();
    assert_machine_as(before);
    fixture_run_free(&run);
}

/* To the user's Engine; the controller and the agents are killed once the container is there. */
static void what_a_crash_left_there_is_cleaned(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    struct fixture_run run;
    autofree char *before = fixture_machine();
    autofree char *docker = mem_printf("hosts.pc2.docker=unix://%s", users.socket);
    const char *const arguments[] = {SMALL, "--set", "duration_s=100", "--set", docker, QUICK, NULL};
    fixture_start(&run, "crash", arguments);
    fixture_until_logged(&run, "migr finished");
    autofree char *name = fixture_run_name(&run);
    free(shell("kill -9 %d $(ps --ppid %d -o pid=) 2>&1; true", run.pid, run.pid));
    assert_exit(&run, 128 + SIGKILL);
    autofree char *left =
        shell("curl -s --noproxy '*' --unix-socket %s http://docker/containers/json?all=1", users.socket);
    assert_non_null(strstr(left, name));
    free(shell("%s clean 2>&1", fixture_program));
    assert_nothing_touched();
    assert_machine_as(before);
    fixture_run_free(&run);
}

static const struct {
    const char *settings[3], *said;
    int status;
} refusals[] = {
    {{"hosts.pc1.docker=tcp://127.0.0.1:2375"}, "hosts.pc1.docker: is TCP without docker_certs", 2},
    {{"hosts.pc1.docker=/var/run/docker.sock"},
     "hosts.pc1.docker: is neither unix:///PATH nor tcp://HOST:PORT",
     2},
    {{"hosts.pc3.docker=unix:///d.sock"}, "hosts.pc3.docker: is for hosts of edge servers", 2},
    {{"hosts.pc1.docker_certs=/certs"}, "hosts.pc1.docker_certs: is for hosts with docker", 2},
    {{"hosts.pc1.docker=unix:///d.sock", "hosts.pc2.docker=unix:///d.sock"},
     "hosts.pc2.docker: is host pc1's Engine, too",
     2},
    {{"hosts.pc1.docker=unix:///d.sock",
      "migration={\"strategy\": \"c-migr\", \"carrier\": \"stream\", \"pipeline\": true}"},
     "hosts.pc1.docker: is your own Engine, and the scenario registers the base image's layers one by one",
     2},
    {{"hosts.pc1.docker=unix:///nonexistent/d.sock"},
     "hosts.pc1.docker: unix:///nonexistent/d.sock: docker: GET /info: no answer",
     3},
};

static void what_cannot_be_is_refused(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
        struct fixture_run run;
        const char *arguments[] = {SMALL, QUICK, NULL, NULL, NULL, NULL, NULL, NULL, NULL};
        size_t n = 0;
        while (arguments[n])
            n++;
        for (size_t k = 0; k < 3 && refusals[i].settings[k]; k++) {
            arguments[n++] = "--set";
            arguments[n++] = refusals[i].settings[k];
        }
        fixture_start(&run, "refused", arguments);
        assert_exit(&run, refusals[i].status);
        if (!strstr(buf_text(&run.said), refusals[i].said))
            fail_msg("%s: %s", refusals[i].said, buf_text(&run.said));
        fixture_run_free(&run);
    }
}

/* By its socket for one host, by TLS for the other. */
static void one_engine_by_two_names_is_refused(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    struct fixture_run run;
    autofree char *pc1 = mem_printf("hosts.pc1.docker=unix://%s", users.socket), *pc2 = mem_printf("hosts.pc2.docker=%s", users.address),
                  *certs = mem_printf("hosts.pc2.docker_certs=%s", users.certificates);
    const char *const arguments[] = {SMALL, "--set", pc1, "--set", pc2, "--set", certs, QUICK, NULL};
    fixture_start(&run, "twice", arguments);
    assert_exit(&run, 3);
    if (!strstr(buf_text(&run.said), "hosts.pc2.docker: is host pc1's Engine, too"))
        fail_msg("%s", buf_text(&run.said));
    assert_nothing_touched();
    fixture_run_free(&run);
}

static void an_engine_without_checkpoints_is_refused(void **state)
{
    (void)state;
    NEED_REAL_WORLD();
    struct fixture_run run;
    autofree char *folder = mem_printf("/var/tmp/plain-%d", getpid());
    autofree char *docker = mem_printf("hosts.pc1.docker=unix://%s/docker.sock", folder);
    const char *const arguments[] = {SMALL, "--set", docker, QUICK, NULL};
    free(shell("tests/users_engine up %s 23761 2>&1", folder));
    fixture_start(&run, "plain", arguments);
    assert_exit(&run, 3);
    free(shell("tests/users_engine down %s", folder));
    if (!strstr(buf_text(&run.said), "makes no checkpoints: it is not experimental"))
        fail_msg("%s", buf_text(&run.said));
    fixture_run_free(&run);
}

int main(int argc, char **argv)
{
    (void)argc;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_cannot_be_is_refused),
        cmocka_unit_test(one_engine_by_two_names_is_refused),
        cmocka_unit_test(an_engine_without_checkpoints_is_refused),
        cmocka_unit_test(a_migration_leaves_it),
        cmocka_unit_test(what_a_crash_left_there_is_cleaned),
    };
    fixture_go_apart(argv);
    if (argv[1])
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, set_up, take_down);
}
