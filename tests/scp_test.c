/* Carrier scp between two network namespaces: every way of its programs to fail, and whom its server admits. What every carrier does is
 * transfer_test.c. */
#include "transfer_faults.h"

/* The processes below `pid`, deepest last; returns how many. */
static int descendants(pid_t pid, pid_t *found, int max)
{
    int count = 0;
    autofree char *path = mem_printf("/proc/%d/task/%d/children", (int)pid, (int)pid);
    autofclose FILE *file = fopen(path, "re");
    while (file && count < max && fscanf(file, "%d", &found[count]) == 1) {
        count++;
        count += descendants(found[count - 1], found + count, max - count);
    }
    return count;
}

/* A dead process that nobody has reaped yet is not alive. */
static bool alive(pid_t pid)
{
    return shell("grep -qs '^State:.[^Z]' /proc/%d/status", (int)pid) == 0;
}

static bool all_end(const pid_t *processes, int count)
{
    for (int tries = 0; tries < 100 * PATIENCE_S; tries++, usleep(10000)) {
        while (count > 0 && !alive(processes[count - 1]))
            count--;
        if (count == 0)
            return true;
    }
    return false;
}

/* Signals the server's sessions, not the server: its listener is the only child of unshare. */
static int signal_sessions(struct fixture *f, int signal)
{
    pid_t found[64];
    int count = descendants(f->server.process.pid, found, 64);
    for (int i = 1; i < count; i++)
        kill(found[i], signal);
    return count - 1;
}

static bool nothing_is_connected(const struct fixture *f)
{
    (void)f;
    return shell("ss -Htn | grep -q .") != 0;
}

/* Signals the kept connection's ssh. */
static void signal_master(int signal)
{
    pid_t found[64];
    int count = descendants(getpid(), found, 64), masters = 0;
    for (int i = 0; i < count; i++)
        if (shell("tr '\\0' ' ' < /proc/%d/cmdline | grep -q '^ssh .* -M'", (int)found[i]) == 0)
            masters += kill(found[i], signal) == 0;
    assert_int_equal(masters, 1);
}

/* The copy ends by the cut, and the ssh that it goes over has not yet noticed. */
static void resumes_before_its_ssh_has_ended(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    slow_down();
    start_send(f, &r, "big", "inbox");
    assert_true(until(f, much_has_arrived));
    signal_master(SIGSTOP);
    cut_connections(f);
    assert_true(until(f, nothing_is_connected));
    kill(r.job.process.pid, SIGKILL);
    speed_up();
    finish_send(f, &r);
    assert_arrived(f, &r, "big");
    assert_int_equal(f->opened_calls, 2);
}

/* What arrived before the cut is no longer what was sent: nothing is put behind it. */
static void a_damaged_beginning_is_sent_anew(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    slow_down();
    start_send(f, &r, "big", "inbox");
    assert_true(until(f, much_has_arrived));
    run_for(f, 200); /* a look at what has been sent: of what is cut nothing can be asked any more */
    assert_int_equal(shell("printf '\\0\\377\\0\\377' | dd of='%s/inbox/big' bs=1 seek=300000 conv=notrunc status=none", f->folder), 0);
    cut_connections(f);
    speed_up();
    finish_send(f, &r);
    assert_arrived(f, &r, "big");
    assert_true(r.job.wire_bytes > PAYLOAD + ARRIVES_AT_ONCE);
}

static void wrong_host_key(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    carrier_scp.close(steal(f->peer));
    assert_int_equal(shell("cd '%s' && ssh-keygen -q -t ed25519 -N '' -f other && "
                           "sed -i \"s|^198.18.0.2 .*|198.18.0.2 $(cut -d' ' -f1,2 other.pub)|\" known_hosts",
                           f->keys),
                     0);
    open_peer(f);
    assert_int_equal(f->opened_status, -ECONNREFUSED);
    assert_non_null(strstr(f->opened_error.text, "es2"));
    assert_non_null(strstr(f->opened_error.text, "Host key verification failed"));
    start_send(f, &r, "big", "inbox"); /* tries once more, and is refused once more */
    finish_send(f, &r);
    assert_true(r.status < 0 && access(f->folder, F_OK) == 0);
    assert_non_null(strstr(r.e.text, "Host key verification failed"));
    assert_int_equal(f->opened_calls, 2);
}

/* By hand, with what the run's folder holds: only the run's key, only root, no way through. */
static void server_is_strict(void **state)
{
    static const struct {
        const char *arguments;
        bool admitted;
    } rows[] = {
        {"peer true", true},
        {"-F other.config peer true", false},
        {"-o PubkeyAuthentication=no peer true", false},
        {"-o User=nobody peer true", false},
        {"-o ExitOnForwardFailure=yes -R 4444:127.0.0.1:4445 peer true", false},
        {"-s peer sftp", false},
        {"-tt peer tty", false},
    };
    struct fixture *f = fixture_of(state);
    assert_int_equal(shell("cd '%s' && ssh-keygen -q -t ed25519 -N '' -f other && cd es1 && "
                           "sed 's|user_key|other|' to-198.18.0.2-2200.config > other.config",
                           f->keys),
                     0);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = shell("cd '%s/es1' && timeout 200 ssh -F to-198.18.0.2-2200.config -o ControlPath=none "
                           "-o ProxyCommand=none %s < /dev/null > /dev/null 2>&1",
                           f->keys, rows[i].arguments);
        if ((status == 0) != rows[i].admitted)
            print_error("%s: status %d\n", rows[i].arguments, status);
        assert_int_equal(status == 0, rows[i].admitted);
    }
}

static void stuck_then_killed(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    assert_true(signal_sessions(f, SIGSTOP) >= 1);
    start_send(f, &r, "big", "inbox");
    run_for(f, 200);
    assert_int_equal(r.calls, 0);
    signal_sessions(f, SIGKILL);
    finish_send(f, &r);
    assert_int_equal(r.status, 0);
    assert_int_equal(f->opened_calls, 2);
}

static void stalls(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    be_impatient(f);
    signal_sessions(f, SIGSTOP);
    start_send(f, &r, "big", "inbox");
    finish_send(f, &r);
    assert_int_equal(r.status, -ETIMEDOUT);
    assert_non_null(strstr(r.e.text, "to host es2 (198.18.0.2): no byte for 0.7 s"));
    double took = simtime_seconds(simtime_sub(r.job.end, r.job.begin));
    assert_true(took >= 0.7);
    send_at_last(f, &r, "big"); /* over a new connection, with the stopped session still there */
}

/* On either side: both are below this process. */
static bool scp_runs(const struct fixture *f)
{
    (void)f;
    pid_t found[64];
    int count = descendants(getpid(), found, 64), running = 0;
    for (int i = 0; i < count; i++)
        running += shell("grep -qsx scp /proc/%d/comm", (int)found[i]) == 0;
    return running > 0;
}

static bool no_scp_runs(const struct fixture *f)
{
    return !scp_runs(f);
}

static void cancelled(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    signal_sessions(f, SIGSTOP);
    start_send(f, &r, "big", "inbox");
    assert_true(until(f, scp_runs));
    carrier_scp.cancel(&r.job);
    carrier_scp.cancel(&r.job);
    assert_int_equal(r.calls, 0);
    signal_sessions(f, SIGCONT);
    assert_true(until(f, no_scp_runs)); /* what is under way to the peer still arrives */
    send_well(f, &r, "big");
    assert_int_equal(r.calls, 1);
    assert_int_equal(f->opened_calls, 1); /* the connection outlives a cancelled job */
}

static void server_goes(void **state)
{
    struct fixture *f = fixture_of(state);
    struct result r = {0};
    pid_t found[64];
    struct transfer_server second = {.changed = server_changed};
    struct err e = ERR_INIT;
    enter(f->right);
    assert_int_equal(carrier_scp.serve(&second, &f->settings, &f->to, &e), -EADDRINUSE);
    int count = descendants(f->server.process.pid, found, 64);
    carrier_scp.stop(&f->server);
    assert_true(all_end(found, count));
    enter(f->left);
    start_send(f, &r, "big", "inbox");
    finish_send(f, &r);
    assert_true(r.status < 0);
    assert_non_null(strstr(r.e.text, "es2"));
    start_server(f);
    send_well(f, &r, "big");
}

/* It ends while the next one of its host is being started. */
static void server_follows_a_killed_one(void **state)
{
    enum { STILL_THERE_US = 300000 };
    struct fixture *f = fixture_of(state);
    struct transfer_server next = {.changed = server_changed};
    struct err e = ERR_INIT;
    enter(f->right);
    pid_t killer = fork();
    if (killer == 0) {
        usleep(STILL_THERE_US);
        kill(f->server.process.pid, SIGKILL);
        _exit(0);
    }
    assert_int_equal(carrier_scp.serve(&next, &f->settings, &f->to, &e), 0);
    waitpid(killer, NULL, 0);
    carrier_scp.stop(&next);
    enter(f->left);
}

/* A machine whose root has a locked password, as an installer leaves it when it makes a first user instead,
 * and a start-up file that prints. */
static void locked_root(void **state)
{
    fixture_of(state);
    pid_t child = fork();
    if (child == 0) {
        assert_int_equal(unshare(CLONE_NEWNS) | mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
        assert_int_equal(mount("tmpfs", "/mnt", "tmpfs", 0, NULL), 0);
        assert_int_equal(
            shell("cd /mnt && echo 'root:!:1::::::' > shadow && mount --bind shadow /etc/shadow && "
                  "echo echo hello > .bashrc && sed 's|^root:.*|root:x:0:0::/mnt:/bin/bash|' "
                  "/etc/passwd > passwd && mount --bind passwd /etc/passwd"),
            0);
        void *own = (void *)(uintptr_t)&carrier_scp;
        struct result r = {0};
        set_up(&own);
        send_well(own, &r, "big");
        tear_down(&own);
        _exit(0);
    }
    int status = -1;
    waitpid(child, &status, 0);
    assert_int_equal(status, 0);
}

enum { UNDER_WAY = 6 /* unshare, sshd and its session, the kept ssh, scp and its ssh */ };

static bool scp_is_under_way(const struct fixture *f)
{
    pid_t found[64];
    return scp_runs(f) && descendants(getpid(), found, 64) >= UNDER_WAY;
}

/* kill -9 of an agent that serves and sends: none of its processes outlives it. */
static void killed_agent(void **state)
{
    fixture_of(state);
    struct {
        char folder[64];
        pid_t processes[64];
        int count;
    } seen;
    int report[2];
    assert_int_equal(pipe(report), 0);
    pid_t child = fork();
    if (child == 0) {
        void *own = (void *)(uintptr_t)&carrier_scp;
        struct result r = {0};
        set_up(&own);
        struct fixture *f = own;
        signal_sessions(f, SIGSTOP);
        start_send(f, &r, "big", "inbox");
        until(f, scp_is_under_way);
        memcpy(seen.folder, f->folder, sizeof seen.folder);
        seen.count = descendants(getpid(), seen.processes, 64);
        (void)!write(report[1], &seen, sizeof seen);
        pause();
    }
    close(report[1]);
    assert_int_equal(read(report[0], &seen, sizeof seen), sizeof seen);
    close(report[0]);
    assert_true(seen.count >= UNDER_WAY);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    assert_true(all_end(seen.processes, seen.count));
    assert_int_equal(shell("rm -rf '%s'", seen.folder), 0);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        BY(scp, resumes_before_its_ssh_has_ended),
        BY(scp, a_damaged_beginning_is_sent_anew),
        BY(scp, wrong_host_key),
        BY(scp, server_is_strict),
        BY(scp, stuck_then_killed),
        BY(scp, stalls),
        BY(scp, cancelled),
        BY(scp, server_goes),
        BY(scp, server_follows_a_killed_one),
        BY(scp, locked_root),
        BY(scp, killed_agent),
    };
    cmocka_set_test_filter(argc > 1 ? argv[1] : NULL);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
