#include "stream_queue.h"
#include "stream_content.h"

#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

void stream_parcel_free(struct stream_parcel *p)
{
    if (!p)
        return;
    stream_content_free(p->content);
    free(p->folder);
    free(p);
}

void stream_queue_init(struct stream_queue *q)
{
    *q = (struct stream_queue){.wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                               .event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    pthread_mutex_init(&q->lock, NULL);
}

void stream_queue_free(struct stream_queue *q)
{
    for (struct stream_parcel *p; (p = q->open ? q->open : q->ended);) {
        *(q->open ? &q->open : &q->ended) = p->next;
        stream_parcel_free(p);
    }
    close(q->wake_fd);
    close(q->event_fd);
    pthread_mutex_destroy(&q->lock);
}

void stream_queue_submit(struct stream_queue *q, struct stream_parcel *p)
{
    pthread_mutex_lock(&q->lock);
    struct stream_parcel **at = &q->open;
    while (*at)
        at = &(*at)->next;
    *at = p;
    pthread_mutex_unlock(&q->lock);
    eventfd_write(q->wake_fd, 1);
}

static void drop_job(struct stream_parcel *list, const struct transfer_job *job)
{
    for (struct stream_parcel *p = list; p; p = p->next)
        if (p->job == job)
            p->job = NULL;
}

void stream_queue_drop(struct stream_queue *q, const struct transfer_job *job)
{
    pthread_mutex_lock(&q->lock);
    drop_job(q->open, job);
    drop_job(q->ended, job);
    pthread_mutex_unlock(&q->lock);
    eventfd_write(q->wake_fd, 1);
}

struct stream_parcel *stream_queue_collect(struct stream_queue *q, struct stream_attempts *attempts)
{
    struct stream_parcel *ended = NULL;
    eventfd_t unused;
    eventfd_read(q->event_fd, &unused);
    pthread_mutex_lock(&q->lock);
    *attempts = q->attempts;
    q->attempts = (struct stream_attempts){0};
    if (!attempts->count && (ended = q->ended))
        q->ended = ended->next;
    if (q->ended)
        eventfd_write(q->event_fd, 1);
    pthread_mutex_unlock(&q->lock);
    return ended;
}

static void tell(struct stream_queue *q)
{
    eventfd_write(q->event_fd, 1);
}

/* With the lock held. */
static void move_to_ended(struct stream_queue *q, struct stream_parcel *p, const struct err *e)
{
    p->err = e ? *e : (struct err)ERR_INIT;
    p->state = STREAM_PARCEL_ENDED;
    struct stream_parcel **at = &q->open;
    while (*at != p)
        at = &(*at)->next;
    *at = p->next;
    p->next = q->ended;
    q->ended = p;
}

void stream_queue_end(struct stream_queue *q, struct stream_parcel *p, const struct err *e)
{
    pthread_mutex_lock(&q->lock);
    move_to_ended(q, p, e);
    pthread_mutex_unlock(&q->lock);
    tell(q);
}

void stream_queue_attempted(struct stream_queue *q, uint64_t wire_bytes, const struct err *e)
{
    pthread_mutex_lock(&q->lock);
    struct transfer_warming *warming = &q->attempts.warming;
    q->attempts.count++;
    q->attempts.err = *e;
    warming->connections += e->code == 0;
    warming->bytes += wire_bytes;
    while (e->code && q->open)
        move_to_ended(q, q->open, e);
    pthread_mutex_unlock(&q->lock);
    tell(q);
}

struct stream_parcel *stream_queue_next(struct stream_queue *q, const struct stream_parcel *p)
{
    pthread_mutex_lock(&q->lock);
    struct stream_parcel *next = p ? p->next : q->open;
    pthread_mutex_unlock(&q->lock);
    return next;
}

bool stream_queue_called_off(struct stream_queue *q, const struct stream_parcel *p)
{
    pthread_mutex_lock(&q->lock);
    bool off = !p->job;
    pthread_mutex_unlock(&q->lock);
    return off;
}
