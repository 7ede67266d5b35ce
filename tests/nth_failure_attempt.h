/* Attempts of which every call fails once (nth_failure.h): the nth for a file, a socket, a message to the kernel, a timer or memory, for every n
 * (of memory: the first 200, then every tenth part more). Each ends with an error that says something, never by a signal, and never as if
 * nothing had been. */
#ifndef ROAMLAB_NTH_FAILURE_ATTEMPT_H
#define ROAMLAB_NTH_FAILURE_ATTEMPT_H

#include "folder.h"
#include "mem.h"
#include "nth_failure.h"

#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/wait.h>

#include <cmocka.h>

struct attempt {
    const char *name;
    int (*play)(const char *folder); /* in a process of its own; returns the exit status */
    int each;                        /* of its calls one in so many fails; NTH_FAILURE=all: all of them */
    const char *says;                /* if nothing fails; NULL = whatever */
    void (*clean)(void);             /* behind each; may be NULL */
};

static inline void attempt_begin(void)
{
    tally = mmap(NULL, sizeof *tally, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static inline void be_child(const struct attempt *attempt, const char *folder)
{
    autofree char *said = mem_printf("%s/said", folder), *results = mem_printf("%s/results", folder);
    int fd = open(said, O_RDWR | O_CREAT | O_TRUNC, 0600);
    dup2(fd, 1);
    dup2(fd, 2);
    signal(SIGSEGV, SIG_DFL); /* cmocka would go on with the next test here */
    tally->armed = true;
    int status = attempt->play(results);
    tally->armed = false;
    _exit(status);
}

static inline void judge(const struct attempt *attempt, enum kind kind, long n, int status, const char *said)
{
    const char *name = attempt->name;
    bool struck = tally->count > n, spoke = said && strstr(said, "roamlab: ");
    if (!WIFEXITED(status))
        fail_msg("%s, kind %d, call %ld: signal %d: %s", name, kind, n, WTERMSIG(status), said);
    if (WEXITSTATUS(status) != 0 && (WEXITSTATUS(status) != 4 || !spoke))
        fail_msg("%s, kind %d, call %ld: exit %d: \"%s\"", name, kind, n, WEXITSTATUS(status), said);
    if (!struck && (WEXITSTATUS(status) != 0 || strstr(said, "\"failed\"")))
        fail_msg("%s fails by itself: %s", name, said);
    if (!struck && attempt->says && !strstr(said, attempt->says))
        fail_msg("%s does not play: %s", name, said);
    if (kind == MEMORY && struck && WEXITSTATUS(status) != 4)
        fail_msg("%s: the failed allocation %ld went unseen", name, n);
}

/* False once the attempt is over before its nth call. */
static inline bool try_one(const struct attempt *attempt, enum kind kind, long n)
{
    char *folder = folder_make();
    *tally = (struct tally){.at = n, .kind = kind};
    pid_t pid = fork();
    if (pid == 0)
        be_child(attempt, folder);
    int status;
    waitpid(pid, &status, 0);
    tally->armed = false;
    if (attempt->clean)
        attempt->clean();
    autofree char *said = folder_read(folder, "said");
    folder_remove(folder);
    judge(attempt, kind, n, status, said);
    return tally->count > n;
}

static inline void fail_one_after_the_other(const struct attempt *attempt)
{
    enum { ONE_BY_ONE = 200 };
    const char *wanted = getenv("NTH_FAILURE");
    int each = wanted && !strcmp(wanted, "all") ? 1 : attempt->each;
    for (enum kind kind = CALLS; kind <= MEMORY; kind++) {
        long n = 0, tried = 0;
        for (; try_one(attempt, kind, n); tried++)
            n += kind == MEMORY && n > ONE_BY_ONE ? n / 10 : each;
        assert_true(tried > 0);
        print_message("%s, %s: %ld tried\n", attempt->name, kind == MEMORY ? "memory" : "calls", tried);
    }
}

#endif
