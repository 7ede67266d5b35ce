/* Calls of this program's own that fail when they are told to: for a file, a socket, a message to the kernel, a timer, or memory. What is defined
 * here goes before the C library's, for the libraries too. For one file of a program. */
#ifndef ROAMLAB_NTH_FAILURE_H
#define ROAMLAB_NTH_FAILURE_H

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>
#include <unistd.h>

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

/* The kernel takes memory to add, and none to remove. */
int epoll_ctl(int epoll, int what, int fd, struct epoll_event *event)
{
    return what != EPOLL_CTL_DEL && fails(CALLS) ? refuse(ENOSPC) : (int)syscall(SYS_epoll_ctl, epoll, what, fd, event);
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

#endif
