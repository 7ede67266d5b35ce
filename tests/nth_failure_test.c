/* The nth call for a file, a socket, a timer or memory fails, for every n (of memory: the first 200, then every tenth part more), in a run in
 * virtual time and in the start of an agent: each ends with an error that says something, never by a signal, and never as if nothing had been.
 *
 * The calls are this program's own: what is defined here goes before the C library's, for the libraries too. */
#include "agent.h"
#include "folder.h"
#include "play.h"
#include "scenario.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
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

/* Its input ends at once. */
static int start_agent(const char *folder)
{
    (void)folder;
    return agent_run();
}

static int (*const attempts[])(const char *folder) = {run_in_virtual_time, start_agent};

static void be_child(int (*attempt)(const char *folder), const char *folder)
{
    autofree char *said = mem_printf("%s/said", folder), *results = mem_printf("%s/results", folder);
    int fd = open(said, O_WRONLY | O_CREAT | O_TRUNC, 0600), input[2];
    if (pipe2(input, O_CLOEXEC) < 0)
        _exit(1);
    close(input[1]);
    dup2(input[0], 0);
    dup2(fd, 1);
    dup2(fd, 2);
    tally->armed = true;
    int status = attempt(results);
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
        be_child(attempts[attempt], folder);
    int status;
    waitpid(pid, &status, 0);
    tally->armed = false;
    autofree char *said = folder_read(folder, "said");
    bool struck = tally->count > n, spoke = said && strstr(said, "roamlab: ") == said;
    folder_remove(folder);
    if (!WIFEXITED(status))
        fail_msg("attempt %zu, kind %d, call %ld: signal %d: %s", attempt, kind, n, WTERMSIG(status), said);
    if (WEXITSTATUS(status) != 0 && (WEXITSTATUS(status) != 4 || !spoke))
        fail_msg("attempt %zu, kind %d, call %ld: exit %d: \"%s\"", attempt, kind, n, WEXITSTATUS(status),
                 said);
    if (!struck && WEXITSTATUS(status) != 0)
        fail_msg("attempt %zu fails by itself: %s", attempt, said);
    if (kind == MEMORY && struck && WEXITSTATUS(status) != 4)
        fail_msg("attempt %zu: the failed allocation %ld went unseen", attempt, n);
    return struck;
}

static void every_failure_is_an_error(void **state)
{
    enum { ONE_BY_ONE = 200 };
    (void)state;
    for (size_t attempt = 0; attempt < ARRAY_LEN(attempts); attempt++)
        for (enum kind kind = CALLS; kind <= MEMORY; kind++) {
            long n = 0, tried = 0;
            for (; try_one(attempt, kind, n); tried++)
                n += kind == MEMORY && n > ONE_BY_ONE ? n / 10 : 1;
            assert_true(tried > 0);
            print_message("%s, %s: %ld tried\n", attempt ? "agent" : "run",
                          kind == MEMORY ? "memory" : "calls", tried);
        }
}

int main(void)
{
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_failure_is_an_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
