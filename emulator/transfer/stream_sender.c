#include "stream_sender.h"
#include "mem.h"
#include "stream_content.h"
#include "stream_pace.h"
#include "stream_queue.h"
#include "stream_tls.h"
#include "stream_wire.h"
#include "tcp_count.h"

#include <errno.h>
#include <openssl/rand.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>
#include <zstd.h>

enum {
    LEVEL_LEAST = -7,     /* of zstd: fast, and shrinks still */
    LEVEL_MOST = 3,
    WARM_FRAME = 16 * 1024,
    CUTS_MAX = 3,
    GROWTH_EVERY_MS = 1,
};

struct stream_sender {
    struct transfer_settings settings;
    struct transfer_host host;
    struct stream_queue queue; /* shared with the loop */
    int stop_fd;
    pthread_t thread;

    /* the thread's own */
    struct stream_tls tls;
    SSL_CTX *context;
    ZSTD_CCtx *zstd;
    uint64_t session, wire_bytes;
    struct pace pace;
    uint32_t numbers;
    int level; /* of zstd */
    uint8_t *slice, *payload;
};

/* --- what the loop asks for ------------------------------------------------------------------------------------------------------- */

int stream_sender_fd(const struct stream_sender *s)
{
    return s->queue.event_fd;
}

void stream_sender_submit(struct stream_sender *s, struct stream_parcel *p)
{
    stream_queue_submit(&s->queue, p);
}

void stream_sender_drop(struct stream_sender *s, const struct transfer_job *job)
{
    stream_queue_drop(&s->queue, job);
}

struct stream_parcel *stream_sender_collect(struct stream_sender *s, struct stream_attempts *attempts)
{
    return stream_queue_collect(&s->queue, attempts);
}

/* --- frames ------------------------------------------------------------------------------------------------------------------------ */

/* What the connection has sent since the last call. */
static uint64_t new_wire_bytes(struct stream_sender *s)
{
    struct tcp_info info = stream_tls_info(&s->tls);
    uint64_t before = s->wire_bytes;
    s->wire_bytes = tcp_wire_bytes(&info);
    return s->wire_bytes > before ? s->wire_bytes - before : 0;
}

static int say(struct stream_sender *s, struct buf *frame, struct err *e)
{
    int status = stream_tls_write(&s->tls, frame->data, frame->len, e);
    buf_free(frame);
    return status;
}

/* The receiver keeps what it knows of a job until it is told so. */
static int forget(struct stream_sender *s, uint32_t number, struct err *e)
{
    struct buf frame = BUF_INIT;
    stream_frame_add(&frame, STREAM_DROP, number, NULL, 0);
    return say(s, &frame, e);
}

static int read_frame(struct stream_sender *s, struct stream_frame *frame, struct err *e)
{
    uint8_t head[STREAM_HEAD];
    int status = stream_tls_read(&s->tls, head, sizeof head, e);
    if (status == 0)
        status = stream_head_decode(head, frame, e);
    return status == 0 ? stream_tls_read(&s->tls, s->payload, frame->length, e) : status;
}

static int verdict(struct stream_sender *s, const struct stream_frame *frame, struct err *e)
{
    struct stream_parcel *p = stream_queue_next(&s->queue, NULL);
    while (p && p->number != frame->job)
        p = stream_queue_next(&s->queue, p);
    struct err result = ERR_INIT;
    if (!p)
        return 0;
    p->wire_bytes += new_wire_bytes(s);
    if (stream_verdict_read(s->payload, frame->length, &result) < 0)
        err_wrap(&result, "stream: to host %s", s->host.name);
    stream_queue_end(&s->queue, p, &result);
    return forget(s, frame->job, e);
}

static int take_verdicts(struct stream_sender *s, int wait_ms, struct err *e)
{
    int status;
    while ((status = stream_tls_readable(&s->tls, wait_ms, s->queue.wake_fd, e)) == 1) {
        struct stream_frame frame;
        status = read_frame(s, &frame, e);
        if (status == 0 && frame.type == STREAM_VERDICT)
            status = verdict(s, &frame, e);
        if (status < 0)
            return status;
        wait_ms = 0;
    }
    return status;
}

/* --- parcels ---------------------------------------------------------------------------------------------------------------------- */

/* A parcel that was offered before asks how much of it has arrived. Nothing else is under way then that would be answered. */
static int ask_again(struct stream_sender *s, struct stream_parcel *p, struct err *e)
{
    struct buf again = BUF_INIT;
    struct stream_frame frame;
    stream_frame_add(&again, STREAM_AGAIN, p->number, p->folder, strlen(p->folder));
    int status = say(s, &again, e);
    if (status == 0)
        status = read_frame(s, &frame, e);
    if (status < 0)
        return status;
    if (frame.type == STREAM_VERDICT && frame.job == p->number)
        return verdict(s, &frame, e);
    struct reader r = reader_over(s->payload, frame.length);
    uint64_t have = reader_be64(&r);
    if (frame.type != STREAM_HAVE || frame.job != p->number || r.short_read)
        return err_set(e, EPROTO, "stream: not told how much has arrived");
    p->cuts = have > p->arrived ? 0 : p->cuts;
    p->arrived = have;
    return stream_content_seek(p->content, have, e);
}

static int offer(struct stream_sender *s, struct stream_parcel *p, struct err *e)
{
    struct buf frame = BUF_INIT;
    p->state = STREAM_PARCEL_SENDING;
    if (p->offered)
        return ask_again(s, p, e);
    p->number = ++s->numbers;
    p->offered = true;
    stream_frame_add(&frame, STREAM_OFFER, p->number, p->folder, strlen(p->folder));
    return say(s, &frame, e);
}

static int send_end(struct stream_sender *s, struct stream_parcel *p, struct err *e)
{
    uint8_t digest[STREAM_DIGEST];
    struct buf frame = BUF_INIT;
    stream_content_digest(p->content, digest);
    stream_frame_add(&frame, STREAM_END, p->number, digest, sizeof digest);
    p->state = STREAM_PARCEL_SENT;
    return say(s, &frame, e);
}

/* As high as the link leaves time for: down when it waits for us, up while we wait for it. */
static void adapt_level(struct stream_sender *s)
{
    if (stream_tls_hungry(&s->tls))
        s->level = s->level - 2 > LEVEL_LEAST ? s->level - 2 : LEVEL_LEAST;
    else
        s->level += s->level < LEVEL_MOST;
}

static int send_slice(struct stream_sender *s, struct stream_parcel *p, struct err *e)
{
    struct err cannot = ERR_INIT;
    ssize_t got = stream_content_read(p->content, s->slice, STREAM_SLICE_BYTES, &cannot);
    p->waits = got == -EAGAIN;
    if (p->waits)
        return 0;
    if (got < 0) {
        uint32_t number = p->number;
        stream_queue_end(&s->queue, p, &cannot);
        return forget(s, number, e);
    }
    if (got == 0)
        return send_end(s, p, e);
    struct buf frame = BUF_INIT;
    adapt_level(s);
    size_t len = ZSTD_compressCCtx(s->zstd, s->payload, STREAM_PAYLOAD_MAX, s->slice, (size_t)got, s->level);
    stream_frame_add(&frame, STREAM_SLICE, p->number, s->payload, len);
    int status = say(s, &frame, e);
    p->wire_bytes += new_wire_bytes(s);
    stream_pace_adapt(&s->pace, &s->tls);
    return status;
}

static int drop(struct stream_sender *s, struct stream_parcel *p, struct err *e)
{
    bool offered = p->offered;
    uint32_t number = p->number;
    stream_queue_end(&s->queue, p, NULL);
    return offered ? forget(s, number, e) : 0;
}

static bool waits_in_lane(struct stream_sender *s, const struct stream_parcel *p)
{
    const struct stream_parcel *before = p->lane ? stream_queue_next(&s->queue, NULL) : p;
    while (before != p && (before->lane != p->lane || before->state == STREAM_PARCEL_SENT))
        before = stream_queue_next(&s->queue, before);
    return before != p;
}

static int advance(struct stream_sender *s, struct stream_parcel *p, struct err *e)
{
    if (stream_queue_called_off(&s->queue, p))
        return drop(s, p, e);
    if (waits_in_lane(s, p))
        return 0;
    if (p->state == STREAM_PARCEL_NEW)
        return offer(s, p, e);
    return p->state == STREAM_PARCEL_SENDING ? send_slice(s, p, e) : 0;
}

/* Until there may be something to do but for the peer's words: 0 = there is; -1 = only when something is submitted. */
static int idle_ms(struct stream_sender *s)
{
    int idle = -1;
    for (struct stream_parcel *p = NULL; idle && (p = stream_queue_next(&s->queue, p));)
        if (p->state == STREAM_PARCEL_SENDING)
            idle = p->waits ? GROWTH_EVERY_MS : 0;
    return idle;
}

static int advance_all(struct stream_sender *s, struct err *e)
{
    int status = 0;
    for (struct stream_parcel *p = stream_queue_next(&s->queue, NULL), *next; p && status == 0; p = next) {
        next = stream_queue_next(&s->queue, p);
        status = advance(s, p, e);
    }
    return status;
}

/* Every parcel in turn, a slice each; until the connection breaks or the thread shall end. */
static int send_parcels(struct stream_sender *s, struct err *e)
{
    int status = 0;
    while (status == 0) {
        eventfd_t unused;
        eventfd_read(s->queue.wake_fd, &unused);
        s->tls.patience = s->settings.progress_timeout;
        status = advance_all(s, e);
        if (!stream_queue_next(&s->queue, NULL))
            s->tls.patience = SIMTIME_ZERO;
        if (status == 0)
            status = take_verdicts(s, idle_ms(s), e);
    }
    return status;
}

/* --- the connection ------------------------------------------------------------------------------------------------------------------ */

static int await_warmed(struct stream_sender *s, struct err *e)
{
    struct stream_frame frame;
    struct buf hello = BUF_INIT;
    stream_frame_add_u64(&hello, STREAM_HELLO, 0, s->session);
    int status = say(s, &hello, e);
    if (status == 0)
        status = read_frame(s, &frame, e);
    if (status == 0 && frame.type != STREAM_WARMED)
        status = err_set(e, EPROTO, "stream: no answer to hello");
    return status;
}

/* The peer answers when all of it has arrived: the queue that the padding made is empty again. */
static int warm(struct stream_sender *s, struct err *e)
{
    int status = 0;
    for (size_t sent = 0; status == 0 && !stream_pace_found(&s->pace, &s->tls, sent); sent += WARM_FRAME) {
        struct buf frame = BUF_INIT;
        stream_frame_add(&frame, STREAM_WARM, 0, s->slice, WARM_FRAME);
        status = say(s, &frame, e);
    }
    return status == 0 ? await_warmed(s, e) : status;
}

static int open_connection(struct stream_sender *s, uint64_t *wire_bytes, struct err *e)
{
    s->tls.patience = s->settings.connect_timeout;
    s->wire_bytes = 0;
    s->pace = (struct pace){0};
    int status = stream_tls_connect(&s->tls, s->context, &s->host, s->settings.connect_timeout, e);
    if (status == 0)
        status = warm(s, e);
    *wire_bytes = new_wire_bytes(s);
    if (status < 0)
        stream_tls_close(&s->tls);
    return status < 0 ? err_wrap(e, "stream: connection to host %s (%s port %u)", s->host.name,
                                 s->host.address, s->host.port)
                      : 0;
}

static bool connect_peer(struct stream_sender *s)
{
    struct err e = ERR_INIT;
    uint64_t wire_bytes;
    int status = open_connection(s, &wire_bytes, &e);
    stream_queue_attempted(&s->queue, wire_bytes, &e);
    return status == 0;
}

/* A cut: what was under way is offered again. A standstill: it has failed. */
static void connection_broke(struct stream_sender *s, struct err *e)
{
    stream_tls_close(&s->tls);
    err_wrap(e, "stream: to host %s (%s)", s->host.name, s->host.address);
    for (struct stream_parcel *p = stream_queue_next(&s->queue, NULL), *next; p; p = next) {
        next = stream_queue_next(&s->queue, p);
        if (e->code == ECONNRESET && !stream_queue_called_off(&s->queue, p) && ++p->cuts < CUTS_MAX)
            p->state = STREAM_PARCEL_NEW;
        else
            stream_queue_end(&s->queue, p, e);
    }
}

static bool stopped(const struct stream_sender *s)
{
    struct pollfd fd = {s->stop_fd, POLLIN, 0};
    return poll(&fd, 1, 0) > 0;
}

static void wait_for_parcels(struct stream_sender *s)
{
    struct pollfd fds[] = {{s->stop_fd, POLLIN, 0}, {s->queue.wake_fd, POLLIN, 0}};
    while (!stream_queue_next(&s->queue, NULL) && !stopped(s)) {
        eventfd_t unused;
        poll(fds, ARRAY_LEN(fds), -1);
        eventfd_read(s->queue.wake_fd, &unused);
    }
}

static void *sender_main(void *argument)
{
    struct stream_sender *s = argument;
    while (!stopped(s)) {
        struct err e = ERR_INIT;
        if (connect_peer(s) && send_parcels(s, &e) < 0)
            connection_broke(s, &e);
        wait_for_parcels(s);
    }
    stream_tls_close(&s->tls);
    return NULL;
}

static void release(struct stream_sender *s)
{
    stream_queue_free(&s->queue);
    close(s->stop_fd);
    SSL_CTX_free(s->context);
    ZSTD_freeCCtx(s->zstd);
    free(s->slice);
    free(s->payload);
    free(s);
}

struct stream_sender *stream_sender_new(const struct transfer_settings *settings,
                                        const struct transfer_host *host, struct err *e)
{
    struct stream_sender *s = mem_alloc(sizeof *s);
    *s = (struct stream_sender){.settings = *settings,
                                .host = *host,
                                .stop_fd = eventfd(0, EFD_CLOEXEC),
                                .slice = mem_alloc(STREAM_SLICE_BYTES),
                                .payload = mem_alloc(STREAM_PAYLOAD_MAX),
                                .level = LEVEL_MOST,
                                .zstd = ZSTD_createCCtx()};
    stream_queue_init(&s->queue);
    s->tls = (struct stream_tls){.fd = -1, .stop_fd = s->stop_fd};
    RAND_bytes((uint8_t *)&s->session, sizeof s->session);
    s->context = stream_tls_context(settings->folder, e);
    int status = s->context ? stream_thread_start(&s->thread, sender_main, s, e) : -EINVAL;
    if (status == 0)
        return s;
    release(s);
    return NULL;
}

void stream_sender_free(struct stream_sender *s)
{
    if (!s)
        return;
    eventfd_write(s->stop_fd, 1);
    pthread_join(s->thread, NULL);
    release(s);
}
