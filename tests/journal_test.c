/* What runs leave behind, cleanly or not, is removed, and nothing else. */
#include "journal.h"
#include "link_fixture.h"
#include "mem.h"
#include "namespace.h"
#include "privileges.h"
#include "process.h"
#include "testbed.h"
#include "undo.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <fcntl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

static const struct link_driver *driver;
static char root[] = "/tmp/roamlab-journal-XXXXXX";

static bool exists_at(const char *folder, const char *name)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    struct stat what;
    return lstat(path, &what) == 0;
}

static bool run_exists(const char *run)
{
    return exists_at(root, run);
}

static void make_file(const char *folder, const char *name)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    autofclose FILE *file = fopen(path, "we");
    assert_non_null(file);
    fputs("contents\n", file);
}

static struct journal *open_run(const char *run, const struct journal_kind *kinds)
{
    struct err e = ERR_INIT;
    struct journal *journal = journal_open(root, run, kinds, &e);
    if (!journal)
        fail_msg("%s", e.text);
    return journal;
}

static void names(void **state)
{
    static const char *const bad[] = {"", "A", "a/b", "..", "a b", "a\n", "ü"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        struct err e = ERR_INIT;
        assert_null(journal_open(root, bad[i], NULL, &e));
        assert_int_equal(e.code, EINVAL);
        assert_int_equal(journal_clean(root, bad[i], NULL, NULL, &e), -EINVAL);
    }
}

/* A live run is refused by name, passed over otherwise, and its name is taken. */
static void live_runs(void **state)
{
    struct journal *journal = open_run("alive", NULL);
    struct journal_cleaned cleaned;
    struct err e = ERR_INIT;
    (void)state;
    assert_int_equal(journal_clean(root, "alive", NULL, NULL, &e), -EBUSY);
    assert_string_equal(e.text, "run alive is alive");
    assert_int_equal(journal_clean(root, NULL, NULL, &cleaned, &e), 0);
    assert_int_equal(cleaned.alive, 1);
    assert_int_equal(cleaned.cleaned, 0);
    assert_null(journal_open(root, "alive", NULL, &e));
    assert_int_equal(e.code, EEXIST);
    assert_true(run_exists("alive"));
    assert_int_equal(journal_close(journal, &e), 0);
    assert_false(run_exists("alive"));
    assert_int_equal(journal_clean(root, "alive", NULL, NULL, &e), -ENOENT);
}

static char undone[256];
static int note(const char *argument, struct err *e)
{
    strcat(strcat(undone, argument), ";");
    return strcmp(argument, "stuck") == 0 ? err_set(e, EIO, "stuck is stuck") : 0;
}
static const struct journal_kind noting[] = {{"thing", note}, {NULL, NULL}};

/* From the last to the first; a failure does not keep the rest from being undone, and leaves the journal. */
static void order_and_failures(void **state)
{
    static const char *const things[] = {"one", "stuck", "a b c"};
    struct journal *journal = open_run("order", noting);
    struct err e = ERR_INIT;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(things); i++)
        assert_int_equal(journal_record(journal, "thing", things[i], &e), 0);
    assert_int_equal(journal_record(journal, "thing", "line\nbreak", &e), -EINVAL);
    undone[0] = '\0';
    assert_int_equal(journal_close(journal, &e), -EIO);
    assert_string_equal(undone, "a b c;stuck;one;");
    assert_string_equal(e.text, "run order: stuck is stuck");
    assert_string_equal(e.hint, "roamlab clean order");
    assert_true(run_exists("order"));
    assert_null(journal_open(root, "order", NULL, &e));
    assert_int_equal(e.code, EEXIST);
    /* Without the table nobody knows what a thing is: nothing is thrown away. */
    assert_int_equal(journal_clean(root, "order", NULL, NULL, &e), -EINVAL);
    autofree char *folder = mem_printf("%s/order", root);
    assert_int_equal(undo_folder(folder, &e), 0);
}

/* Whoever runs `roamlab clean` meanwhile looks into every run's folder, also into one that comes or goes at that moment. */
static void cleaners_come_at_any_moment(void **state)
{
    enum { RUNS = 300 };
    (void)state;
    pid_t cleaner = fork();
    if (cleaner == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        for (;;)
            journal_clean(root, NULL, NULL, NULL, NULL);
    }
    for (int i = 0; i < RUNS; i++) {
        struct journal *journal = open_run("visited", NULL);
        struct err e = ERR_INIT;
        make_file(journal_folder(journal), "file");
        if (journal_close(journal, &e) < 0) {
            kill(cleaner, SIGKILL);
            fail_msg("%d: %s", i, e.text);
        }
    }
    kill(cleaner, SIGKILL);
    waitpid(cleaner, NULL, 0);
    assert_int_equal(journal_clean(root, NULL, NULL, NULL, NULL), 0);
    assert_false(run_exists("visited"));
}

/* A record cut off by a crash was written before the thing existed. */
static void torn_record(void **state)
{
    struct journal *journal = open_run("torn", noting);
    struct err e = ERR_INIT;
    (void)state;
    assert_int_equal(journal_record(journal, "thing", "whole", &e), 0);
    autofree char *path = mem_printf("%s/journal", journal_folder(journal));
    FILE *file = fopen(path, "ae");
    fputs("thing cut o", file);
    fclose(file);
    journal_abandon(journal);
    undone[0] = '\0';
    assert_int_equal(journal_clean(root, "torn", noting, NULL, &e), 0);
    assert_string_equal(undone, "whole;");
    assert_false(run_exists("torn"));
}

/* Folders go with mounts below them, links are not followed, and only what was recorded goes. */
static void folders_and_mounts(void **state)
{
    struct journal *journal;
    struct err e = ERR_INIT;
    char outside[] = "/tmp/roamlab-outside-XXXXXX";
    (void)state;
    if (privileges_check(NULL) < 0)
        skip();
    assert_non_null(mkdtemp(outside));
    make_file(outside, "kept");
    journal = open_run("folders", NULL);
    autofree char *mounted = mem_printf("%s/with blank", journal_folder(journal));
    autofree char *inner = mem_printf("%s/inner", mounted);
    autofree char *link = mem_printf("%s/link", journal_folder(journal));
    mkdir(mounted, 0755);
    assert_int_equal(mount("none", mounted, "tmpfs", 0, NULL), 0);
    mkdir(inner, 0755);
    assert_int_equal(mount(outside, inner, NULL, MS_BIND, NULL), 0);
    assert_int_equal(symlink(outside, link), 0);
    assert_int_equal(journal_record(journal, "mount", mounted, &e), 0);
    assert_int_equal(journal_record(journal, "folder", mounted, &e), 0);
    journal_abandon(journal);
    if (journal_clean(root, "folders", NULL, NULL, &e) < 0)
        fail_msg("%s", e.text);
    assert_false(run_exists("folders"));
    assert_true(exists_at(outside, "kept"));
    assert_int_equal(undo_folder("/", &e), -EINVAL);
    assert_int_equal(undo_folder("relative", &e), -EINVAL);
    assert_int_equal(undo_folder("/tmp/../etc", &e), -EINVAL);
    assert_int_equal(undo_folder(outside, &e), 0);
}

/* The stubborn kind, from its first instant on. */
static pid_t start_sleeper(void)
{
    signal(SIGTERM, SIG_IGN);
    pid_t pid = fork();
    while (pid == 0)
        pause();
    signal(SIGTERM, SIG_DFL);
    return pid;
}

/* A process is known by its start time too: a number that another has got since is spared. */
static void processes(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    pid_t ours = start_sleeper(), other = start_sleeper();
    struct journal *journal = open_run("processes", NULL);
    autofree char *stale = mem_printf("%d %llu", other, (unsigned long long)undo_process_start(other) - 1);
    assert_int_equal(journal_record_process(journal, ours, &e), 0);
    assert_int_equal(journal_record(journal, "process", stale, &e), 0);
    assert_int_equal(journal_close(journal, &e), 0);
    int status;
    assert_int_equal(waitpid(ours, &status, 0), ours);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_int_equal(waitpid(other, NULL, WNOHANG), 0);
    kill(other, SIGKILL);
    waitpid(other, NULL, 0);
}

static void build_testbed(struct journal *journal, struct testbed **testbed)
{
    struct in_addr ips[2] = {{htonl(0xc6120001)}, {htonl(0xc6120002)}};
    struct testbed_host hosts[2] = {{"a", &ips[0], 1, false, {0}}, {"b", &ips[1], 1, false, {0}}};
    struct testbed_link link = {.between = {0, 1},
                                .params = {{.delay = simtime_ms(1)}, {.delay = simtime_ms(1)}}};
    struct err e = ERR_INIT;
    *testbed = testbed_build(&(struct testbed_plan){hosts, &link, NULL, 2, 1, 0}, driver, journal, &e);
    must(*testbed != NULL, e.text);
}

/* The child: a testbed, a daemon in it that outlives its parent, a mount and files; then it is killed. */
static void live_and_wait(int ready)
{
    struct testbed *testbed;
    struct err e = ERR_INIT;
    struct journal *journal = journal_open(root, "killed", NULL, &e);
    must(journal != NULL, e.text);
    build_testbed(journal, &testbed);
    autofree char *folder = mem_printf("%s/data", journal_folder(journal));
    must(journal_record(journal, "folder", folder, &e) == 0, e.text);
    must(mkdir(folder, 0755) == 0 && mount("none", folder, "tmpfs", 0, NULL) == 0, folder);
    make_file(folder, "file");
    struct clock clock = clock_wall(clock_monotonic());
    struct loop *loop = loop_new(&clock, &e);
    struct process daemon = {0};
    struct process_options options = PROCESS_OPTIONS_INIT;
    options.argv = (const char *const[]){"sleep", "1000", NULL};
    options.net_namespace = testbed_namespace(testbed, 1);
    options.outlive = true;
    must(process_start(loop, &daemon, &options, &e) == 0, e.text);
    must(journal_record_process(journal, daemon.pid, &e) == 0, e.text);
    must(write(ready, &daemon.pid, sizeof daemon.pid) == sizeof daemon.pid, "pipe");
    pause();
}

static void killed_run(void **state)
{
    struct err e = ERR_INIT;
    struct journal_cleaned cleaned;
    int ready[2];
    pid_t daemon = 0;
    (void)state;
    if (!driver)
        skip();
    autofree char *foreign = mem_printf("foreign-%d", getpid());
    assert_int_equal(namespace_create(foreign, &e), 0);
    assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
    pid_t child = fork();
    if (child == 0) {
        live_and_wait(ready[1]);
        _exit(1);
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &daemon, sizeof daemon), sizeof daemon);
    close(ready[0]);
    assert_int_equal(journal_clean(root, "killed", NULL, NULL, &e), -EBUSY);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_int_not_equal(undo_process_start(daemon), 0);
    assert_true(exists_at(NAMESPACE_FOLDER, "roamlab-killed-a"));
    if (driver == &link_driver_userspace) { /* its emulator is dead: the link is closed, not fast */
        struct place a = {NAMESPACE_FOLDER "/roamlab-killed-a", "198.18.0.1"};
        struct place b = {NAMESPACE_FOLDER "/roamlab-killed-b", "198.18.0.2"};
        assert_int_equal(send_burst(&a, &b, 5, 0).received, 0);
    }
    if (journal_clean(root, NULL, NULL, &cleaned, &e) < 0)
        fail_msg("%s", e.text);
    assert_int_equal(cleaned.cleaned, 1);
    assert_int_equal(undo_process_start(daemon), 0);
    assert_false(exists_at(NAMESPACE_FOLDER, "roamlab-killed-a"));
    assert_false(exists_at(NAMESPACE_FOLDER, "roamlab-killed-b"));
    assert_false(run_exists("killed"));
    assert_true(exists_at(NAMESPACE_FOLDER, foreign));
    assert_int_equal(namespace_remove(foreign, &e), 0);
}

/* A daemon that was never recorded is found in its namespace. */
static void unrecorded_daemon(void **state)
{
    struct err e = ERR_INIT;
    struct testbed *testbed;
    int back;
    (void)state;
    if (!driver)
        skip();
    struct journal *journal = open_run("unrecorded", NULL);
    build_testbed(journal, &testbed);
    assert_int_equal(netns_enter(testbed_namespace(testbed, 0), &back, &e), 0);
    pid_t pid = start_sleeper();
    netns_leave(back);
    testbed_free(testbed);
    assert_int_equal(journal_close(journal, &e), 0);
    int status;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status));
}

static void other_run(void **state)
{
    struct err e = ERR_INIT;
    struct testbed *testbed;
    (void)state;
    if (!driver)
        skip();
    struct journal *live = open_run("live", NULL), *dead = open_run("dead", NULL);
    struct journal_cleaned cleaned;
    build_testbed(live, &testbed);
    journal_abandon(dead);
    assert_int_equal(journal_clean(root, NULL, NULL, &cleaned, &e), 0);
    assert_int_equal(cleaned.cleaned, 1);
    assert_int_equal(cleaned.alive, 1);
    struct place a = {testbed_namespace(testbed, 0), "198.18.0.1"},
                 b = {testbed_namespace(testbed, 1), "198.18.0.2"};
    assert_true(round_trip_ms(&a, &b, 3) > 0);
    testbed_free(testbed);
    assert_int_equal(journal_close(live, &e), 0);
}

int main(void)
{
    struct err e = ERR_INIT;
    must(mkdtemp(root) != NULL, root);
    if (privileges_check(&e) == 0)
        driver = link_driver_choose(NULL, NULL, 0, &e);
    if (!driver)
        printf("skip: %s\n", e.text);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(live_runs),
        cmocka_unit_test(order_and_failures),
        cmocka_unit_test(cleaners_come_at_any_moment),
        cmocka_unit_test(torn_record),
        cmocka_unit_test(folders_and_mounts),
        cmocka_unit_test(processes),
        cmocka_unit_test(killed_run),
        cmocka_unit_test(unrecorded_daemon),
        cmocka_unit_test(other_run),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    rmdir(root);
    return failed;
}
