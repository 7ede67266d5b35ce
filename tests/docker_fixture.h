/* Two Docker Engines in two network namespaces on this machine, a container's service to talk to, and its
 * expected state. */
#ifndef ROAMLAB_DOCKER_FIXTURE_H
#define ROAMLAB_DOCKER_FIXTURE_H

#include "container.h"
#include "files.h"
#include "image.h"
#include "manifest.h"
#include "mem.h"
#include "offload.h"
#include "orphans.h"
#include "runtime.h"
#include "service_program.h"
#include "statechain.h"
#include "testdata.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { FIXTURE_SEED = 11, FIXTURE_MUD = 2, FIXTURE_REQUEST_BYTES = 1000, FIXTURE_WINDOW = 16 };

#ifndef FIXTURE_SIZES /* base bytes, memory pages, layer pages */
#define FIXTURE_SIZES 12000000, 2000, 1200
#endif

#ifndef FIXTURE_EDGES
#define FIXTURE_EDGES 2
#endif

#define FIXTURE_FOLDER "/var/tmp/dt-" /* and this process */

struct edge {
    char *root, *spool, *net_namespace;
    struct docker_daemon daemon;
    struct docker_container container;
    int socket; /* in its namespace, connected to the service */
};

struct fixture {
    struct clock clock;
    struct loop *loop;
    struct runtime runtime;
    struct image image;
    struct edge edges[2];
    struct statechain_history *history;
    struct statechain_model model;
    /* Of the last thing waited for: */
    int status;
    uint64_t bytes;
    struct err err;
    struct docker_job job;
};

static const struct {
    uint64_t base_bytes;
    uint32_t memory_pages, layer_pages;
} fixture_sizes = {FIXTURE_SIZES};

static struct fixture *waiting; /* whose loop the callbacks end */

static inline void fixture_done(int status, uint64_t bytes, const struct err *e)
{
    waiting->status = status;
    waiting->bytes = bytes;
    waiting->err = *e;
    loop_stop(waiting->loop);
}

static inline void fixture_job_done(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    (void)job;
    fixture_done(status, bytes, e);
}

static inline void fixture_daemon_done(struct docker_daemon *d, int status, const struct err *e)
{
    (void)d;
    fixture_done(status, 0, e);
}

static inline void fixture_image_done(struct image *image, int status, const struct err *e)
{
    fixture_done(status, image->bytes, e);
}

static inline void fixture_install_done(struct image_install *install, int status, uint64_t bytes,
                                        const struct err *e)
{
    (void)install;
    fixture_done(status, bytes, e);
}

static inline int fixture_wait(struct fixture *f, const char *what)
{
    struct simtime begin = clock_monotonic();
    waiting = f;
    loop_run(f->loop);
    double ms = simtime_to_ms(simtime_sub(clock_monotonic(), begin));
    print_message("    %-12s %8.1f ms %12llu bytes%s%s\n", what, ms, (unsigned long long)f->bytes,
                  f->status ? ": " : "", f->status ? f->err.text : "");
    return f->status;
}

/* Runs one operation that was just started on f->job. */
#define OPERATE(f, operation, ...)                                                                           \
    ((f)->job.done = fixture_job_done, docker_container_##operation(__VA_ARGS__), fixture_wait(f, #operation))

static inline int fixture_run(const char *const *argv, struct err *e)
{
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = argv;
    return process_run(&o, NULL, e);
}

/* A socket made inside the namespace stays there. */
static inline int fixture_socket(const char *net_namespace)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(7000)};
    inet_pton(AF_INET, "198.18.7.1", &to.sin_addr);
    autoclose int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    autoclose int other = open(net_namespace, O_RDONLY | O_CLOEXEC);
    assert_int_equal(setns(other, CLONE_NEWNET), 0);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setns(own, CLONE_NEWNET), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline void fixture_open_namespace(struct edge *edge, const char *name)
{
    const char *const rows[][9] = {{"ip", "netns", "add", name},
                                   {"ip", "-n", name, "link", "set", "lo", "up"},
                                   {"ip", "-n", name, "address", "add", "198.18.7.1/32", "dev", "lo"}};
    struct err e = ERR_INIT;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (fixture_run(rows[i], &e) < 0)
            fail_msg("%s", e.text);
    edge->net_namespace = mem_printf("/run/netns/%s", name);
    edge->socket = fixture_socket(edge->net_namespace);
}

static inline void fixture_send(struct edge *edge, uint8_t type, uint32_t number)
{
    struct offload o = {.type = type, .mud = FIXTURE_MUD, .number = number};
    if (type != OFFLOAD_PROBE)
        o.payload_len = FIXTURE_REQUEST_BYTES;
    struct buf bytes = BUF_INIT;
    offload_encode(&o, FIXTURE_SEED, &bytes);
    (void)!send(edge->socket, bytes.data, bytes.len, 0);
    buf_free(&bytes);
}

static inline bool fixture_receive(struct edge *edge, struct offload *o, int milliseconds)
{
    uint8_t bytes[65536];
    struct timeval limit = {milliseconds / 1000, milliseconds % 1000 * 1000};
    setsockopt(edge->socket, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    ssize_t got = recv(edge->socket, bytes, sizeof bytes, 0);
    if (got <= 0 || offload_decode(bytes, (size_t)got, o, NULL) < 0)
        return false;
    blob_unref(steal(o->payload));
    return true;
}

/* Of a probe that was answered late, by a container that may be gone. */
static inline void fixture_forget_answers(struct edge *edge)
{
    uint8_t byte;
    while (recv(edge->socket, &byte, sizeof byte, MSG_DONTWAIT) >= 0 || errno == ECONNREFUSED)
        ;
}

/* Asks until an answer comes; fails after a minute. */
static inline struct offload fixture_probe(struct edge *edge, uint32_t number)
{
    struct offload o = {0};
    fixture_forget_answers(edge);
    for (int i = 0; i < 1200; i++) {
        fixture_send(edge, OFFLOAD_PROBE, number);
        if (fixture_receive(edge, &o, 50) && o.type == OFFLOAD_PROBED)
            return o;
        usleep(5000);
    }
    fail_msg("the service does not answer a probe");
    return o;
}

/* Executes `count` requests and compares each digest with the model's, which goes on from where it is. */
static inline void fixture_requests(struct fixture *f, struct edge *edge, int count, uint8_t type)
{
    for (int i = 0; i < count; i++) {
        struct offload o;
        uint32_t n = f->model.next;
        uint64_t fold =
            statechain_fold_synthetic_payload(FIXTURE_SEED, FIXTURE_MUD, n, FIXTURE_REQUEST_BYTES);
        uint64_t chain = statechain_model_execute(&f->model, fold);
        fixture_send(edge, type, n);
        do
            assert_true(fixture_receive(edge, &o, 60000));
        while (o.type == OFFLOAD_PROBED);
        assert_int_equal(o.number, n);
        assert_true(o.digest == chain);
    }
}

static inline void fixture_new_container(struct fixture *f, int edge, const char *name)
{
    struct docker_container_options o = {
        .name = name,
        .run = "docker-test",
        .image = f->image.name,
        .service = {.address = "198.18.7.1",
                    .port = 7000,
                    .seed = FIXTURE_SEED,
                    .mud = FIXTURE_MUD,
                    .memory_pages = fixture_sizes.memory_pages,
                    .layer_pages = fixture_sizes.layer_pages,
                    .work_us = 1000,
                    .reply_bytes = 1000,
                    .window = FIXTURE_WINDOW},
    };
    docker_container_free(&f->edges[edge].container);
    docker_container_init(&f->edges[edge].container, &f->edges[edge].daemon, &o);
}

static inline void fixture_new_model(struct fixture *f)
{
    if (!f->history)
        f->history =
            statechain_history_new(
                FIXTURE_SEED, &(struct state_size){{fixture_sizes.memory_pages, fixture_sizes.layer_pages, 0}});
    statechain_model_init(&f->model, f->history, FIXTURE_MUD);
}

/* What a carrier does. */
static inline void fixture_copy_spool(struct fixture *f, int from, int to)
{
    autofree char *source = mem_printf("%s/.", f->edges[from].spool);
    const char *const argv[] = {"cp", "-a", source, f->edges[to].spool, NULL};
    struct err e = ERR_INIT;
    assert_int_equal(files_remove(f->edges[to].spool, &e), 0);
    assert_int_equal(files_make_folder(f->edges[to].spool, 0700, &e), 0);
    assert_int_equal(fixture_run(argv, &e), 0);
}

static inline void fixture_start_daemon(struct fixture *f, struct edge *edge)
{
    struct daemon_options o = {
        .root = edge->root, .net_namespace = edge->net_namespace, .criu_folder = f->runtime.criu_folder};
    struct err e = ERR_INIT;
    edge->daemon.done = fixture_daemon_done;
    if (docker_daemon_start(&edge->daemon, f->loop, &o, &e) < 0)
        fail_msg("%s", e.text);
    if (fixture_wait(f, "dockerd") < 0)
        fail_msg("%s", f->err.text);
}

static inline void fixture_open_edge(struct fixture *f, int i)
{
    struct edge *edge = &f->edges[i];
    autofree char *name = mem_printf("docker-test-%d-%d", getpid(), i + 1);
    edge->root = mem_printf(FIXTURE_FOLDER "%d/es%d", getpid(), i + 1);
    edge->spool = mem_printf(FIXTURE_FOLDER "%d/spool%d", getpid(), i + 1);
    fixture_open_namespace(edge, name);
    fixture_start_daemon(f, edge);
}

static inline void fixture_install(struct fixture *f, int i)
{
    struct image_install install = {.done = fixture_install_done};
    struct err e = ERR_INIT;
    assert_int_equal(image_install(&install, f->edges[i].daemon.api, &f->image, &e), 0);
    assert_int_equal(fixture_wait(f, "install"), 0);
}

static inline void fixture_prepare_image(struct fixture *f)
{
    autofree char *cache = mem_printf(FIXTURE_FOLDER "%d/cache", getpid());
    struct image_options o = {cache, service_program(), fixture_sizes.base_bytes,
                              testdata_base_block};
    struct err e = ERR_INIT;
    f->image.done = fixture_image_done;
    assert_int_equal(image_prepare(&f->image, f->loop, &o, &e), 0);
    assert_int_equal(fixture_wait(f, "image"), 0);
}

/* A /run/containerd of the test's own, in which another Engine's containerd seems to run where nobody answers:
 * ours must do without it. */
static inline void fixture_pretend_a_containerd(void)
{
    if (geteuid() != 0)
        return;
    assert_int_equal(unshare(CLONE_NEWNS), 0);
    assert_int_equal(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
    assert_true(mkdir("/run/containerd", 0711) == 0 || errno == EEXIST);
    assert_int_equal(mount("tmpfs", "/run/containerd", "tmpfs", 0, NULL), 0);
    assert_int_equal(close(creat("/run/containerd/containerd.sock", 0600)), 0);
}

/* What a killed test of this kind has left. */
static inline void fixture_clean_orphan(const char *folder)
{
    for (int i = 1; i <= 2; i++) {
        autofree char *root = mem_printf("%s/es%d", folder, i);
        autofree char *name = mem_printf("docker-test-%s-%d", folder + strlen(FIXTURE_FOLDER), i);
        const char *const argv[] = {"ip", "netns", "delete", name, NULL};
        docker_daemon_clean(root, false, NULL);
        fixture_run(argv, NULL);
    }
    files_remove(folder, NULL);
}

/* NULL, after one line that says why, on a machine that cannot run this. */
static inline struct fixture *fixture_open(void)
{
    struct fixture *f = mem_alloc(sizeof *f);
    struct err e = ERR_INIT;
    assert_int_equal(access(service_program(), X_OK), 0);
    if (geteuid() != 0)
        err_set(&e, EPERM, "needs root");
    else
        runtime_find(NULL, service_program(), "/var/tmp", &f->runtime, &e);
    if (!e.code)
        orphans_clean(FIXTURE_FOLDER, fixture_clean_orphan);
    if (e.code) {
        print_message("skip: %s (%s)\n", e.text, e.hint);
        free(f);
        return NULL;
    }
    print_message("    dockerd %s, runc %s, CRIU %s\n", f->runtime.docker_version, f->runtime.runc_version,
                  f->runtime.criu_version);
    f->clock = clock_wall(clock_monotonic());
    f->loop = loop_new(&f->clock, &e);
    fixture_prepare_image(f);
    for (int i = 0; i < FIXTURE_EDGES; i++) {
        fixture_open_edge(f, i);
        fixture_install(f, i);
    }
    return f;
}

static inline void fixture_close_edge(struct fixture *f, int i)
{
    struct edge *edge = &f->edges[i];
    docker_daemon_stop(&edge->daemon, false);
    assert_int_equal(fixture_wait(f, "stop dockerd"), 0);
    docker_container_free(&edge->container);
    docker_daemon_free(&edge->daemon);
    close(edge->socket);
    const char *const argv[] = {"ip", "netns", "delete", edge->net_namespace + strlen("/run/netns/"), NULL};
    fixture_run(argv, NULL);
    assert_int_not_equal(access(edge->root, F_OK), 0);
    free(edge->root);
    free(edge->spool);
    free(edge->net_namespace);
}

static inline void fixture_close(struct fixture *f)
{
    if (!f)
        return;
    autofree char *folder = mem_printf(FIXTURE_FOLDER "%d", getpid());
    for (int i = 0; i < FIXTURE_EDGES; i++)
        fixture_close_edge(f, i);
    image_free(&f->image);
    statechain_history_free(f->history);
    loop_free(f->loop);
    files_remove(folder, NULL);
    free(f);
}

#endif
