#include "background.h"
#include "mem.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void *thread_main(void *argument)
{
    struct background *b = argument;
    uint64_t one = 1;
    b->status = b->run(b, &b->err);
    (void)!write(b->watch.fd, &one, sizeof one);
    return NULL;
}

static void collect(struct background *b)
{
    pthread_join(b->thread, NULL);
    loop_unwatch(b->loop, &b->watch);
    close(b->watch.fd);
    b->watch.fd = -1;
    b->running = false;
}

static void ended(struct watch *watch, uint32_t epoll_events)
{
    (void)epoll_events;
    struct background *b = container_of(watch, struct background, watch);
    collect(b);
    struct err e = b->err; /* the owner may go away in done() */
    b->done(b, b->status, &e);
}

/* Signals belong to the loop's thread. */
static int start_thread(struct background *b)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int code = pthread_create(&b->thread, NULL, thread_main, b);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return code;
}

int background_start(struct loop *loop, struct background *b, int (*run)(struct background *b, struct err *e),
                     struct err *e)
{
    b->loop = loop;
    b->run = run;
    b->err = (struct err)ERR_INIT;
    atomic_store(&b->cancelled, false);
    b->watch.ready = ended;
    b->watch.fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (b->watch.fd < 0)
        return err_errno(e, "background work: eventfd");
    int status = loop_watch(loop, &b->watch, EPOLLIN, e);
    int code = status < 0 ? 0 : start_thread(b);
    if (code) {
        loop_unwatch(loop, &b->watch);
        status = err_set(e, code, "background work: %s", strerror(code));
    }
    if (status < 0)
        close(b->watch.fd);
    b->running = status == 0;
    return status;
}

void background_cancel(struct background *b)
{
    if (!b->running)
        return;
    atomic_store(&b->cancelled, true);
    if (b->wake)
        b->wake(b);
    collect(b);
}

bool background_cancelled(struct background *b)
{
    return b && atomic_load(&b->cancelled);
}
