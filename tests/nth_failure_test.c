/* The nth call for a file, a socket, a message to the kernel, a timer or memory fails, for every n (of memory: the first 200, then every tenth part
 * more), in a run in virtual time, in the wiring of a link, in operations on a container at an Engine, and in an agent from its start to its end,
 * with a device and an access point: each ends with an error that says something, never by a signal, and never as if nothing had been.
 *
 * The calls are this program's own: what is defined here goes before the C library's, for the libraries too. */
#include "agent.h"
#include "agent_protocol.h"
#include "clock.h"
#include "container.h"
#include "folder.h"
#include "play.h"
#include "privileges.h"
#include "scenario.h"
#include "scenario_move.h"
#include "wiring.h"

#include <dlfcn.h>
#include <errno.h>
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

enum kind { CALLS, MEMORY };

/* In the child: the call number `at` of that kind fails. Shared, so that the parent sees how far it came. */
static struct tally {
    long at, count;
    enum kind kind;
    bool armed;
} * tally;

static bool fails(enum kind kind)
{
    return tally && tally->armed && tally->kind == kind && tally->count++ == tally->at;
}

static int refuse(int error)
{
    errno = error;
    return -1;
}

int open(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
    va_end(rest);
    return fails(CALLS) ? refuse(EMFILE) : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    int mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, int) : 0;
    va_end(rest);
    return open(path, flags, mode);
}

FILE *fopen(const char *path, const char *mode)
{
    static FILE *(*real)(const char *, const char *);
    if (!real)
        *(void **)&real = dlsym(RTLD_NEXT, "fopen");
    return fails(CALLS) ? (errno = EMFILE, NULL) : real(path, mode);
}

int mkdir(const char *path, mode_t mode)
{
    return fails(CALLS) ? refuse(ENOSPC) : (int)syscall(SYS_mkdir, path, mode);
}

int rename(const char *from, const char *to)
{
    return fails(CALLS) ? refuse(EIO) : (int)syscall(SYS_rename, from, to);
}

int socket(int domain, int type, int protocol)
{
    return fails(CALLS) ? refuse(EMFILE) : (int)syscall(SYS_socket, domain, type, protocol);
}

int bind(int fd, const struct sockaddr *address, socklen_t len)
{
    return fails(CALLS) ? refuse(EADDRINUSE) : (int)syscall(SYS_bind, fd, address, len);
}

int connect(int fd, const struct sockaddr *address, socklen_t len)
{
    return fails(CALLS) ? refuse(ECONNREFUSED) : (int)syscall(SYS_connect, fd, address, len);
}

ssize_t send(int fd, const void *bytes, size_t len, int flags)
{
    return fails(CALLS) ? refuse(EPIPE) : syscall(SYS_sendto, fd, bytes, len, flags, NULL, 0);
}

ssize_t recv(int fd, void *bytes, size_t len, int flags)
{
    return fails(CALLS) ? refuse(ECONNRESET) : syscall(SYS_recvfrom, fd, bytes, len, flags, NULL, NULL);
}

int setsockopt(int fd, int level, int name, const void *value, socklen_t len)
{
    return fails(CALLS) ? refuse(ENOBUFS) : (int)syscall(SYS_setsockopt, fd, level, name, value, len);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    return fails(CALLS) ? refuse(ENOBUFS) : syscall(SYS_sendmsg, fd, message, flags);
}

ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    return fails(CALLS) ? refuse(ENOBUFS) : syscall(SYS_recvmsg, fd, message, flags);
}

int pipe2(int fds[2], int flags)
{
    return fails(CALLS) ? refuse(EMFILE) : (int)syscall(SYS_pipe2, fds, flags);
}

int epoll_create1(int flags)
{
    return fails(CALLS) ? refuse(EMFILE) : (int)syscall(SYS_epoll_create1, flags);
}

int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    return fails(CALLS) ? refuse(ENOSPC) : (int)syscall(SYS_epoll_ctl, epoll, what, fd, event);
}

int timerfd_create(clockid_t clock, int flags)
{
    return fails(CALLS) ? refuse(EMFILE) : (int)syscall(SYS_timerfd_create, clock, flags);
}

/* Only what this program's own code asks for: how libraries take it is their affair. */
static bool is_ours(const void *caller)
{
    extern const char __executable_start, etext;
    return (const char *)caller >= &__executable_start && (const char *)caller < &etext;
}

extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *old, size_t size);

void *calloc(size_t count, size_t size)
{
    return is_ours(__builtin_return_address(0)) && fails(MEMORY) ? NULL : __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
    return is_ours(__builtin_return_address(0)) && fails(MEMORY) ? NULL : __libc_realloc(old, size);
}

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

/* --- an Engine, which knows a container that does not run, and says yes to everything ------------------------- */

#define ANSWER "{\"Id\": \"c1\", \"Image\": \"i1\", \"GraphDriver\": {\"Data\": {\"UpperDir\": \"/nowhere\"}}, \"State\": {\"Pid\": 0}}"

static char *engine; /* its socket */

static void serve_requests(int connection)
{
    autofree char *answer = mem_printf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n" ANSWER,
                                       strlen(ANSWER));
    char request[4096];
    while (read(connection, request, sizeof request) > 0 && write(connection, answer, strlen(answer)) > 0)
        ;
    close(connection);
}

static void be_engine(int listener)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGPIPE, SIG_IGN);
    for (;;)
        serve_requests(accept(listener, NULL, NULL));
}

static pid_t start_engine(const char *folder)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    engine = mem_printf("unix://%s/socket", folder);
    snprintf(at.sun_path, sizeof at.sun_path, "%s/socket", folder);
    int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listener, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(listener, 8), 0);
    pid_t pid = fork();
    if (pid == 0)
        be_engine(listener);
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
    enum { HANGS_S = 20 };
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

static char *orders; /* lines, for an agent that plays a device and an access point */

static void read_orders(void)
{
    static const struct scenario_setting at_laptop = {"aps.ap1.host", "laptop"};
    enum { LAPTOP = 3 };
    struct scenario *s = scenario_read("scenarios/kim22-quick.json", &at_laptop, 1, NULL);
    autofree char *text = scenario_text_with_visits(s);
    struct agent_orders some = {.scenario = text,
                                .path = "s.json",
                                .seed = 1,
                                .host = LAPTOP,
                                .run = "nth",
                                .folder = ".",
                                .image = "image",
                                .archive = "/image.tar",
                                .criu_folder = ""};
    struct json_object *lines[] = {agent_say_prepare(&some), agent_say("connect"), agent_say_begin(clock_monotonic())};
    struct buf all = BUF_INIT;
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        buf_printf(&all, "%s\n", json_object_to_json_string_ext(lines[i], JSON_C_TO_STRING_PLAIN));
        json_object_put(lines[i]);
    }
    orders = mem_copy_string(buf_text(&all));
    buf_free(&all);
    scenario_free(s);
}

/* Orders it through its phases, and ends its input when it has played for a moment. */
static void order_agent(int input)
{
    enum { PLAY_US = 10000 };
    (void)!write(input, orders, strlen(orders));
    usleep(PLAY_US);
    _exit(0);
}

static int run_agent(const char *folder)
{
    int input[2];
    if (mkdir(folder, 0700) < 0 || chdir(folder) < 0 || pipe2(input, O_CLOEXEC) < 0) {
        fprintf(stderr, "roamlab: not begun\n");
        return 4;
    }
    if (fork() == 0)
        order_agent(input[1]);
    close(input[1]);
    dup2(input[0], 0);
    return agent_run();
}

static const struct {
    const char *name;
    int (*play)(const char *folder);
} attempts[] = {
    {"run", run_in_virtual_time},
    {"Engine", talk_to_an_engine},
    {"wiring", wire_a_link}, /* from here on privileges are needed, for network namespaces */
    {"agent", run_agent},
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
    int fd = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (attempts[attempt].play == wire_a_link && unshare(CLONE_NEWNET) < 0)
        _exit(1);
    dup2(fd, 1);
    dup2(fd, 2);
    tally->armed = true;
    int status = attempts[attempt].play(results);
    tally->armed = false;
    _exit(status);
}

#define READY "{\"say\":\"ready\"}\n" /* prepared; connected: what begins then may not be heard any more */

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
    if (!struck && attempts[attempt].play == run_agent && !strstr(said, READY READY))
        fail_msg("%s does not play: %s", name, said);
    if (kind == MEMORY && struck && WEXITSTATUS(status) != 4)
        fail_msg("%s: the failed allocation %ld went unseen", name, n);
    return struck;
}

static void fail_one_after_the_other(size_t attempt)
{
    enum { ONE_BY_ONE = 200 };
    for (enum kind kind = CALLS; kind <= MEMORY; kind++) {
        long n = 0, tried = 0;
        for (; try_one(attempt, kind, n); tried++)
            n += kind == MEMORY && n > ONE_BY_ONE ? n / 10 : 1;
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

static void every_failure_of_wiring_and_of_an_agent_is_an_error(void **state)
{
    struct err e = ERR_INIT;
    (void)state;
    if (privileges_check(&e) < 0) {
        print_message("skip: %s\n", e.text);
        skip();
    }
    read_orders();
    go_alone();
    for (size_t attempt = 2; attempt < ARRAY_LEN(attempts); attempt++)
        fail_one_after_the_other(attempt);
    free(orders);
}

int main(void)
{
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_of_a_run_is_an_error),
        IN_FOLDER(every_failure_towards_an_engine_is_an_error),
        cmocka_unit_test(every_failure_of_wiring_and_of_an_agent_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
