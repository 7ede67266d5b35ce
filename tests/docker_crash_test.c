/* Everything that holds a dockerd is killed by SIGKILL at a bad moment; docker_daemon_clean() must remove
 * all of it, and nothing else. */
#include "docker_fixture.h"

#include <dirent.h>
#include <sys/syscall.h>
#include <sys/wait.h>

/* In a child: opens the fixture, starts and freezes a container, says so, and waits to be killed. */
static void hold_a_frozen_container(int report)
{
    struct fixture *f = fixture_open();
    if (f) {
        fixture_new_container(f, 0, "crash");
        fixture_new_container(f, 1, "crash");
        for (int i = 0; i < 2; i++) {
            assert_int_equal(OPERATE(f, start, &f->edges[i].container, &f->job, NULL), 0);
            fixture_probe(&f->edges[i], 0);
        }
        assert_int_equal(OPERATE(f, freeze, &f->edges[0].container, &f->job), 0);
    }
    (void)!write(report, f ? "y" : "n", 1);
    for (;;)
        pause();
}

static int count_processes(const char *text)
{
    int count = 0;
    DIR *proc = opendir("/proc");
    for (struct dirent *entry; (entry = readdir(proc));) {
        autofree char *path = mem_printf("/proc/%s/cmdline", entry->d_name);
        struct buf cmdline = BUF_INIT;
        if (strtol(entry->d_name, NULL, 10) > 1 && files_read(path, 0, &cmdline, NULL) == 0)
            count += cmdline.len && memmem(cmdline.data, cmdline.len, text, strlen(text));
        buf_free(&cmdline);
    }
    closedir(proc);
    return count;
}

static bool is_in_file(const char *path, const char *text)
{
    struct buf content = BUF_INIT;
    files_read(path, 0, &content, NULL);
    bool found = content.len && memmem(content.data, content.len, text, strlen(text));
    buf_free(&content);
    return found;
}

static int shim_sockets(void)
{
    int count = 0;
    DIR *folder = opendir("/run/containerd/s");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

/* Not ours, although our root stands in its arguments. */
static pid_t start_bystander(const char *root)
{
    pid_t pid = fork();
    if (pid == 0) {
        int null_fd = open("/dev/null", O_RDWR);
        dup2(null_fd, STDOUT_FILENO);
        dup2(null_fd, STDERR_FILENO);
        execlp("tail", "tail", "-F", "/dev/null", root, NULL);
        _exit(127);
    }
    return pid;
}

static void clean_edge(const char *folder, pid_t child, int i)
{
    autofree char *root = mem_printf("%s/es%d", folder, i + 1), *group = docker_daemon_cgroup(root);
    autofree char *freezer = mem_printf("/sys/fs/cgroup/freezer%s", group);
    autofree char *name = mem_printf("docker-test-%d-%d", child, i + 1);
    struct err e = ERR_INIT;
    for (int round = 0; round < 2; round++) /* the second time there is nothing left to do */
        if (docker_daemon_clean(root, false, &e) < 0)
            fail_msg("%s", e.text);
    assert_int_not_equal(access(root, F_OK), 0);
    assert_int_not_equal(access(freezer, F_OK), 0);
    assert_false(is_in_file("/proc/self/mounts", root));
    const char *const argv[] = {"ip", "netns", "delete", name, NULL};
    assert_int_equal(fixture_run(argv, &e), 0);
}

static void cleans_up_after_kill_9(void **state)
{
    (void)state;
    int report[2];
    char ready = 'n';
    assert_int_equal(pipe(report), 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0)
        hold_a_frozen_container(report[1]);
    close(report[1]);
    assert_int_equal(read(report[0], &ready, 1), 1);
    close(report[0]);
    kill(child, SIGKILL);
    siginfo_t end;
    waitid(P_PID, (id_t)child, &end, WEXITED | WNOWAIT); /* its number stays taken: for others it left nothing yet */
    if (ready == 'n')
        skip();
    autofree char *folder = mem_printf(FIXTURE_FOLDER "%d", child);
    pid_t bystander = start_bystander(folder);
    assert_true(count_processes(folder) > 1); /* shims outlive it */
    assert_true(shim_sockets() > 0);
    for (int i = 0; i < 2; i++)
        clean_edge(folder, child, i);
    assert_int_equal(count_processes(folder), 1);
    assert_int_equal(kill(bystander, SIGKILL), 0);
    waitpid(bystander, NULL, 0);
    assert_int_equal(shim_sockets(), 0);
    assert_int_equal(files_remove(folder, NULL), 0);
    waitpid(child, NULL, 0);
}

static void refuses_what_is_not_its_own(void **state)
{
    (void)state;
    char folder[] = "/tmp/docker-foreign-XXXXXX";
    struct err e = ERR_INIT;
    assert_non_null(mkdtemp(folder));
    autofree char *config = mem_printf("%s/daemon.json", folder);
    assert_int_equal(files_write(config, "{\"data-root\": \"/somewhere\"}", &e), 0);
    assert_int_equal(docker_daemon_clean(folder, false, &e), -EINVAL);
    assert_non_null(strstr(e.text, "is not the root of a dockerd of roamlab"));
    assert_int_equal(access(config, F_OK), 0);
    assert_int_equal(files_remove(folder, &e), 0);
    assert_int_equal(docker_daemon_clean(folder, false, &e), 0); /* absent is good */
}

/* Whoever made it was killed before the file that says whose it is had its name. */
static void removes_what_was_hardly_begun(void **state)
{
    (void)state;
    char folder[] = "/tmp/docker-begun-XXXXXX";
    struct err e = ERR_INIT;
    assert_non_null(mkdtemp(folder));
    autofree char *unfinished = mem_printf("%s/daemon.json.tmp", folder);
    assert_int_equal(files_write(unfinished, "{", &e), 0);
    assert_int_equal(docker_daemon_clean(folder, false, &e), 0);
    assert_int_equal(access(folder, F_OK), -1);
}

/* --- killed while it removes -------------------------------------------------------------------------------- */

static long removals_left = -1; /* to be done before this process is killed; -1: it is not */

static int remove_or_die(const char *path, int flags)
{
    if (removals_left == 0)
        kill(getpid(), SIGKILL);
    removals_left -= removals_left > 0;
    return (int)syscall(SYS_unlinkat, AT_FDCWD, path, flags);
}

/* These go before the C library's. */
int unlink(const char *path)
{
    return remove_or_die(path, 0);
}

int rmdir(const char *path)
{
    return remove_or_die(path, AT_REMOVEDIR);
}

/* As an Engine leaves it; whether a folder is read from its newest entry or from its oldest, the file by which it is known is not the last. */
static void make_root(const char *root)
{
    autofree char *group = docker_daemon_cgroup(root),
                  *config = mem_printf("{\"cgroup-parent\": \"%s\"}", group);
    const struct {
        const char *name, *text;
    } files[] = {{"key.json", "{}"},        {"data/image/repositories.json", "{}"},
                 {"daemon.json", config},   {"docker.pid", "1"},
                 {"dockerd.log", "failed"}, {"exec/containerd/containerd.pid", "1"}};
    for (size_t i = 0; i < ARRAY_LEN(files); i++) {
        autofree char *path = mem_printf("%s/%s", root, files[i].name), *folder = mem_copy_string(path);
        struct err e = ERR_INIT;
        *strrchr(folder, '/') = '\0';
        assert_int_equal(files_make_folder(folder, 0700, &e), 0);
        assert_int_equal(files_write(path, files[i].text, &e), 0);
    }
}

/* False if it was killed before that removal. */
static bool clean_until(const char *root, long removals)
{
    int status;
    pid_t child = fork();
    if (child == 0) {
        removals_left = removals;
        _exit(docker_daemon_clean(root, false, NULL) < 0);
    }
    waitpid(child, &status, 0);
    assert_true(WIFEXITED(status) ? WEXITSTATUS(status) == 0 : WTERMSIG(status) == SIGKILL);
    return WIFEXITED(status);
}

static void whoever_is_killed_at_it_can_be_followed(void **state)
{
    enum { ENTRIES = 11 };
    char root[] = "/tmp/docker-root-XXXXXX";
    long removals = 0;
    (void)state;
    assert_non_null(mkdtemp(root));
    for (bool whole = false; !whole; removals++) {
        struct err e = ERR_INIT;
        make_root(root);
        whole = clean_until(root, removals);
        if (docker_daemon_clean(root, false, &e) < 0)
            fail_msg("killed before removal %ld: %s", removals, e.text);
        assert_int_equal(access(root, F_OK), -1);
    }
    assert_true(removals > ENTRIES);
}

static int open_group(void **state)
{
    (void)state;
    fixture_pretend_a_containerd();
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cleans_up_after_kill_9),
        cmocka_unit_test(refuses_what_is_not_its_own),
        cmocka_unit_test(removes_what_was_hardly_begun),
        cmocka_unit_test(whoever_is_killed_at_it_can_be_followed),
    };
    return cmocka_run_group_tests(tests, open_group, NULL);
}
