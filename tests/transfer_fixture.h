/* For the tests of carriers: two network namespaces joined by a veth, a payload, keys, a server that is ready
 * in the one and a connection to it from the other. The test's thread stays in the sender's namespace. */
#ifndef ROAMLAB_TRANSFER_FIXTURE_H
#define ROAMLAB_TRANSFER_FIXTURE_H

#include "mem.h"
#include "nfs_client.h"
#include "transfer.h"
#include "uml.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#ifndef FIXTURE_PAYLOAD
#define FIXTURE_PAYLOAD (20 * 1000 * 1000)
#endif
/* Nothing that is waited for takes PATIENCE_S, however busy the machine is; what a slowed link lets pass at once arrives for the most part. */
enum { PAYLOAD = FIXTURE_PAYLOAD, ARRIVES_AT_ONCE = 8 * 1000 * 1000, PATIENCE_S = 200 };

struct fixture {
    const struct carrier *carrier;
    struct clock clock;
    struct loop *loop;
    struct timer patience;
    bool out_of_patience;
    char folder[64], keys[256], inbox[96];
    int home, left, right; /* network namespaces: where the test began, the sender's, the receiver's */
    struct transfer_settings settings;
    struct transfer_host from, to;
    struct transfer_server server, store; /* the store is in the receiver's namespace, too */
    int server_calls, server_status;
    struct transfer_peer *peer;
    int opened_calls, opened_status;
    struct err opened_error;
};

struct result {
    struct transfer_job job;
    struct fixture *fixture;
    int calls, status;
    struct err e;
};

static int shell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static int shell(const char *format, ...)
{
    va_list args;
    autofree char *command = NULL;
    va_start(args, format);
    assert_true(vasprintf(&command, format, args) >= 0);
    va_end(args);
    return system(command);
}

static void lost_patience(struct timer *timer)
{
    struct fixture *f = container_of(timer, struct fixture, patience);
    f->out_of_patience = true;
    loop_stop(f->loop);
}

/* Runs the loop until a callback stops it, or for so long; true if it was stopped. */
static bool run_for(struct fixture *f, int ms)
{
    f->out_of_patience = false;
    f->patience.fire = lost_patience;
    loop_arm(f->loop, &f->patience, simtime_add(clock_read(&f->clock), simtime_ms(ms)));
    loop_run(f->loop);
    loop_cancel(f->loop, &f->patience);
    return !f->out_of_patience;
}

/* Runs the loop until the condition holds; false if it never does. */
static inline bool until(struct fixture *f, bool (*holds)(const struct fixture *f))
{
    for (int i = 0; i < 20 * PATIENCE_S && !holds(f); i++)
        run_for(f, 50);
    return holds(f);
}

static void either_changed(struct fixture *f, int status, const struct err *e)
{
    f->server_calls++;
    f->server_status = status;
    if (e)
        f->opened_error = *e;
    loop_stop(f->loop);
}

static void server_changed(struct transfer_server *server, int status, const struct err *e)
{
    either_changed(container_of(server, struct fixture, server), status, e);
}

static void store_changed(struct transfer_server *store, int status, const struct err *e)
{
    either_changed(container_of(store, struct fixture, store), status, e);
}

static void peer_opened(void *context, int status, const struct err *e)
{
    struct fixture *f = context;
    f->opened_calls++;
    f->opened_status = status;
    f->opened_error = e ? *e : (struct err)ERR_INIT;
    loop_stop(f->loop);
}

static void job_done(struct transfer_job *job, int status, const struct err *e)
{
    struct result *r = container_of(job, struct result, job);
    r->calls++;
    r->status = status;
    r->e = e ? *e : (struct err)ERR_INIT;
    loop_stop(r->fixture->loop);
}

static void enter(int namespace_fd)
{
    assert_int_equal(setns(namespace_fd, CLONE_NEWNET), 0);
}

static int new_namespace(int home)
{
    assert_int_equal(unshare(CLONE_NEWNET), 0);
    assert_int_equal(shell("ip link set lo up"), 0);
    int fd = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    enter(home);
    return fd;
}

static void make_namespaces(struct fixture *f)
{
    f->home = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    f->left = new_namespace(f->home);
    f->right = new_namespace(f->home);
    enter(f->left);
    assert_int_equal(
        shell("ip link add right type veth peer name left netns /proc/%d/fd/%d", getpid(), f->right), 0);
    assert_int_equal(shell("ip addr add 198.18.0.1/24 dev right && ip link set right up"), 0);
    enter(f->right);
    assert_int_equal(shell("ip addr add 198.18.0.2/24 dev left && ip link set left up"), 0);
    enter(f->left);
}

/* Random content under names that shells, scp's own syntax and formats stumble over. */
static void make_payload(struct fixture *f)
{
    static const char *const names[] = {" lead", "-rf",   "a b",  "c:d",         "e%sf",     "$HOME",
                                        "*",     "\"q\"", "it's", "back\\slash", "\303\274", "~"};
    assert_int_equal(
        shell("cd '%s' && mkdir -p inbox 'out/odd folder/sub:folder' 'out/odd folder/no files' && "
              "head -c %d /dev/urandom > out/big && : > 'out/odd folder/empty'",
              f->folder, PAYLOAD),
        0);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        autofree char *path =
            mem_printf("%s/out/odd folder/%s%s", f->folder, i % 2 ? "sub:folder/" : "", names[i]);
        autoclose int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, names[i], strlen(names[i])), strlen(names[i]));
    }
}

static void await_server(struct fixture *f)
{
    assert_true(run_for(f, PATIENCE_S * 1000));
    if (f->server_status)
        print_error("%s (%s)\n", f->opened_error.text, f->opened_error.hint);
    assert_int_equal(f->server_calls, 1);
    assert_int_equal(f->server_status, 0);
    f->server_calls = 0;
}

static void start_server(struct fixture *f)
{
    struct err e = ERR_INIT;
    enter(f->right);
    f->server.changed = server_changed;
    f->store.changed = store_changed;
    if (f->carrier->serve_store && !f->store.ready) {
        assert_int_equal(f->carrier->serve_store(&f->store, &f->settings, &f->settings.store, &e), 0);
        await_server(f);
    }
    assert_int_equal(f->carrier->serve(&f->server, &f->settings, &f->to, &e), 0);
    await_server(f);
    enter(f->left);
}

static void open_peer(struct fixture *f)
{
    struct err e = ERR_INIT;
    f->opened_calls = 0;
    assert_int_equal(f->carrier->open(&f->peer, &f->settings, &f->to, peer_opened, f, &e), 0);
    assert_true(run_for(f, PATIENCE_S * 1000));
    assert_int_equal(f->opened_calls, 1);
}

/* Where nobody gets the processor, nothing moves, and that is not what is tested: the impatient try again. */
static inline bool is_in_vain(const struct fixture *f, int status)
{
    return status == -ETIMEDOUT && simtime_before(loop_now(f->loop), simtime_s(PATIENCE_S));
}

static inline void have_patience(struct fixture *f, struct simtime patience)
{
    f->settings.progress_timeout = patience;
    do {
        f->carrier->close(steal(f->peer));
        open_peer(f);
    } while (is_in_vain(f, f->opened_status));
    assert_int_equal(f->opened_status, 0);
}

/* What must fail by its time-out gets a short one. */
static inline void be_impatient(struct fixture *f)
{
    have_patience(f, simtime_ms(700));
}

static const char *missing(void)
{
    if (geteuid() != 0)
        return "root is needed for network namespaces";
    if (access("/usr/sbin/sshd", X_OK) < 0 || shell("command -v ssh scp ip unshare > /dev/null"))
        return "openssh-server, openssh-client, iproute2 or util-linux is not installed";
    return NULL;
}

/* Two namespaces, keys, a server that is ready, a connection that stands. The state is the carrier. */
static int set_up(void **state)
{
    const struct carrier *carrier = *state;
    struct fixture *f = *state = mem_alloc(sizeof *f);
    f->carrier = carrier;
    struct err e = ERR_INIT;
    const char *why = missing();
    if (why) {
        printf("skip: %s\n", why);
        return 0;
    }
    f->clock = clock_wall(clock_monotonic());
    f->loop = loop_new(&f->clock, &e);
    strcpy(f->folder, "/tmp/roamlab transfer XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    /* longer than the path of a Unix socket may be */
    snprintf(f->keys, sizeof f->keys, "%s/%0120d", f->folder, 0);
    snprintf(f->inbox, sizeof f->inbox, "%s/inbox", f->folder);
    f->from = (struct transfer_host){"es1", "198.18.0.1", 2200, NULL};
    f->to = (struct transfer_host){"es2", "198.18.0.2", 2200, NULL};
    f->settings = (struct transfer_settings){.loop = f->loop,
                                             .folder = f->keys,
                                             .self = "es1",
                                             .inbox = f->inbox,
                                             .store = {"es3", "198.18.0.2", 2049, NULL},
                                             .nfs_client = uml_inside() ? &nfs_client_kernel : &nfs_client_libnfs,
                                             .pipeline = true,
                                             .connect_timeout = simtime_s(PATIENCE_S),
                                             .progress_timeout = simtime_s(PATIENCE_S)};
    make_namespaces(f);
    make_payload(f);
    const struct transfer_host hosts[] = {f->from, f->to};
    assert_int_equal(f->carrier->prepare(f->keys, hosts, 2, &e), 0);
    start_server(f);
    open_peer(f);
    assert_int_equal(f->opened_status, 0);
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    if (f->loop) {
        f->carrier->close(f->peer);
        f->carrier->stop(&f->server);
        f->carrier->stop(&f->store);
        enter(f->home);
        close(f->left);
        close(f->right);
        close(f->home);
        shell("rm -rf '%s'", f->folder);
        loop_free(f->loop);
    }
    free(f);
    return 0;
}

static struct fixture *fixture_of(void **state)
{
    struct fixture *f = *state;
    if (!f->loop)
        skip();
    return f;
}

static void start_send(struct fixture *f, struct result *r, const char *name, const char *remote)
{
    struct err e = ERR_INIT;
    autofree char *local = mem_printf("%s/out/%s", f->folder, name);
    autofree char *folder = mem_printf("%s/%s", f->folder, remote);
    r->fixture = f;
    r->calls = 0;
    r->job.done = job_done;
    assert_int_equal(f->carrier->send(f->peer, &r->job, local, folder, &e), 0);
    assert_int_equal(r->calls, 0);
}

static void finish_send(struct fixture *f, struct result *r)
{
    while (!r->calls)
        assert_true(run_for(f, PATIENCE_S * 1000));
    assert_int_equal(r->calls, 1);
}

static inline void assert_arrived(struct fixture *f, struct result *r, const char *name)
{
    if (r->status)
        print_error("%s (%s)\n", r->e.text, r->e.hint);
    assert_int_equal(r->status, 0);
    assert_int_equal(shell("diff -r '%s/out/%s' '%s/inbox/%s'", f->folder, name, f->folder, name), 0);
}

static inline void send_well(struct fixture *f, struct result *r, const char *name)
{
    start_send(f, r, name, "inbox");
    finish_send(f, r);
    assert_arrived(f, r, name);
}

/* For the impatient. */
static inline void send_at_last(struct fixture *f, struct result *r, const char *name)
{
    do {
        start_send(f, r, name, "inbox");
        finish_send(f, r);
    } while (is_in_vain(f, r->status));
    assert_arrived(f, r, name);
}

/* A row of a test program: the test by that carrier. */
#define BY(carrier, test)                                                                                    \
    {                                                                                                        \
#test " by " #carrier, test, set_up, tear_down, (void *)(uintptr_t)&carrier_##carrier                \
    }

#endif
