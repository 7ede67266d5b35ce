#include "stream_server.h"
#include "mem.h"
#include "registry_fetch.h"
#include "stream_content.h"
#include "stream_tls.h"
#include "stream_wire.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zstd.h>

struct connection;

struct arrival {
    struct arrival *next;
    uint64_t session;
    uint32_t job;
    struct connection *owner; /* whose frames count; NULL = cut, or ended */
    struct stream_intake *intake;
    struct err err; /* why the rest is ignored */
    bool ended;     /* kept until the sender has the verdict: a cut may swallow it */
};

struct connection {
    struct connection *next;
    struct stream_server *server;
    struct stream_tls tls;
    int fd; /* accepted */
    uint64_t session;
    ZSTD_DCtx *zstd;
    uint8_t *payload, *slice;
    struct registry_fetch fetch;
    pthread_t thread;
    bool ended;
};

struct stream_server {
    int fd, stop_fd;
    struct transfer_settings settings;
    SSL_CTX *context;
    pthread_t thread;
    pthread_mutex_t lock; /* of the arrivals and of the connections' ends */
    struct arrival *arrivals;
    struct connection *connections; /* of the accepting thread */
};

/* --- arrivals ------------------------------------------------------------------------------------------------------------------ */

static void remove_arrival(struct stream_server *s, struct arrival *gone)
{
    struct arrival **at = &s->arrivals;
    while (*at != gone)
        at = &(*at)->next;
    *at = gone->next;
    stream_intake_free(gone->intake);
    free(gone);
}

static struct arrival *find_arrival(struct connection *c, uint32_t job)
{
    struct arrival *a = c->server->arrivals;
    while (a && (a->session != c->session || a->job != job))
        a = a->next;
    return a;
}

/* The one that this connection brings, or NULL. */
static struct arrival *own_arrival(struct connection *c, uint32_t job)
{
    struct arrival *a = find_arrival(c, job);
    return a && a->owner == c ? a : NULL;
}

static struct arrival *new_arrival(struct connection *c, uint32_t job, const char *folder)
{
    struct arrival *a = mem_alloc(sizeof *a);
    *a = (struct arrival){.next = c->server->arrivals, .session = c->session, .job = job};
    if (transfer_admits(&c->server->settings, folder, &a->err) == 0)
        a->intake = stream_intake_open(folder, &a->err);
    c->server->arrivals = a;
    return a;
}

/* --- frames --------------------------------------------------------------------------------------------------------------------- */

static int answer(struct connection *c, struct buf *frame, struct err *e)
{
    int status = stream_tls_write(&c->tls, frame->data, frame->len, e);
    buf_free(frame);
    return status;
}

static int hello(struct connection *c, size_t length, struct err *e)
{
    struct buf warmed = BUF_INIT;
    struct reader r = reader_over(c->payload, length);
    c->session = reader_be64(&r);
    stream_frame_add(&warmed, STREAM_WARMED, 0, NULL, 0);
    return answer(c, &warmed, e);
}

static void tell_state(const struct arrival *a, struct buf *reply)
{
    if (a->ended)
        stream_verdict_add(reply, a->job, &a->err);
    else
        stream_frame_add_u64(reply, STREAM_HAVE, a->job, a->intake ? stream_intake_bytes(a->intake) : 0);
}

static int offer(struct connection *c, const struct stream_frame *frame, struct err *e)
{
    autofree char *folder = strndup((const char *)c->payload, frame->length);
    struct buf reply = BUF_INIT;
    pthread_mutex_lock(&c->server->lock);
    struct arrival *a = find_arrival(c, frame->job);
    if (!a)
        a = new_arrival(c, frame->job, folder);
    if (!a->ended)
        a->owner = c;
    if (frame->type == STREAM_AGAIN)
        tell_state(a, &reply);
    pthread_mutex_unlock(&c->server->lock);
    return answer(c, &reply, e);
}

/* Bad content ends its job, not the connection: the verdict says so. */
static void take_slice(struct arrival *a, const struct connection *c, size_t len)
{
    if (a->err.code)
        return;
    if (ZSTD_isError(len))
        err_set(&a->err, EBADMSG, "zstd: %s", ZSTD_getErrorName(len));
    else
        stream_intake_take(a->intake, c->slice, len, &a->err);
}

static void finish(struct arrival *a, const struct connection *c, size_t length, struct buf *verdict)
{
    if (!a->err.code && length != STREAM_DIGEST)
        err_set(&a->err, EPROTO, "stream: an end without a digest");
    if (!a->err.code)
        stream_intake_finish(a->intake, c->payload, &a->err);
    stream_intake_free(steal(a->intake));
    a->ended = true;
    a->owner = NULL;
    tell_state(a, verdict);
}

/* The lock is held while the intake writes: another connection may take the job over at any time. */
static int about_arrival(struct connection *c, const struct stream_frame *frame, struct err *e)
{
    struct buf verdict = BUF_INIT;
    size_t len = frame->type != STREAM_SLICE
                     ? 0
                     : ZSTD_decompressDCtx(c->zstd, c->slice, STREAM_SLICE_BYTES, c->payload, frame->length);
    pthread_mutex_lock(&c->server->lock);
    struct arrival *a = frame->type == STREAM_DROP ? find_arrival(c, frame->job) : own_arrival(c, frame->job);
    if (a && frame->type == STREAM_SLICE)
        take_slice(a, c, len);
    if (a && frame->type == STREAM_END)
        finish(a, c, frame->length, &verdict);
    if (a && frame->type == STREAM_DROP)
        remove_arrival(c->server, a);
    pthread_mutex_unlock(&c->server->lock);
    return answer(c, &verdict, e);
}

static int fetch(struct connection *c, const struct stream_frame *frame, struct err *e)
{
    struct buf verdict = BUF_INIT;
    struct err failure = ERR_INIT;
    autofree char *order = strndup((const char *)c->payload, frame->length);
    registry_fetch(&c->fetch, &c->server->settings, order, c->server->stop_fd, &failure);
    stream_verdict_add(&verdict, frame->job, &failure);
    return answer(c, &verdict, e);
}

static int obey(struct connection *c, const struct stream_frame *frame, struct err *e)
{
    switch (frame->type) {
    case STREAM_HELLO:
        return hello(c, frame->length, e);
    case STREAM_WARM:
        return 0;
    case STREAM_OFFER:
    case STREAM_AGAIN:
        return offer(c, frame, e);
    case STREAM_SLICE:
    case STREAM_END:
    case STREAM_DROP:
        return about_arrival(c, frame, e);
    case STREAM_FETCH:
        return fetch(c, frame, e);
    case STREAM_WARMED:
    case STREAM_HAVE:
    case STREAM_VERDICT:
    case STREAM_TYPES:
        break;
    }
    return err_set(e, EPROTO, "stream: a frame of type %d to a receiver", (int)frame->type);
}

/* --- connections ------------------------------------------------------------------------------------------------------------------ */

static void receive(struct connection *c)
{
    struct err e = ERR_INIT;
    struct stream_frame frame;
    uint8_t head[STREAM_HEAD];
    while (stream_tls_read(&c->tls, head, sizeof head, &e) == 0 &&
           stream_head_decode(head, &frame, &e) == 0 &&
           stream_tls_read(&c->tls, c->payload, frame.length, &e) == 0 && obey(c, &frame, &e) == 0)
        ;
}

static void *connection_main(void *argument)
{
    struct connection *c = argument;
    struct stream_server *s = c->server;
    struct err e = ERR_INIT;
    if (stream_tls_accept(&c->tls, s->context, c->fd, s->settings.connect_timeout, &e) == 0)
        receive(c);
    stream_tls_close(&c->tls);
    pthread_mutex_lock(&s->lock);
    for (struct arrival *a = s->arrivals; a; a = a->next)
        if (a->owner == c)
            a->owner = NULL;
    c->ended = true;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

static void free_connection(struct connection *c)
{
    pthread_join(c->thread, NULL);
    ZSTD_freeDCtx(c->zstd);
    registry_fetch_close(&c->fetch);
    free(c->payload);
    free(c->slice);
    free(c);
}

static void reap(struct stream_server *s, bool all)
{
    for (struct connection **at = &s->connections, *c; (c = *at);) {
        pthread_mutex_lock(&s->lock);
        bool ended = c->ended;
        pthread_mutex_unlock(&s->lock);
        if (!ended && !all) {
            at = &c->next;
            continue;
        }
        *at = c->next;
        free_connection(c);
    }
}

static void admit(struct stream_server *s, int fd)
{
    struct connection *c = mem_alloc(sizeof *c);
    *c = (struct connection){
        .next = s->connections, .server = s, .fd = fd, .tls = {.fd = -1, .stop_fd = s->stop_fd}};
    c->zstd = ZSTD_createDCtx();
    c->payload = mem_alloc(STREAM_PAYLOAD_MAX);
    c->slice = mem_alloc(STREAM_SLICE_BYTES);
    if (stream_thread_start(&c->thread, connection_main, c, NULL) == 0) {
        s->connections = c;
        return;
    }
    close(fd);
    ZSTD_freeDCtx(c->zstd);
    free(c->payload);
    free(c->slice);
    free(c);
}

static void *server_main(void *argument)
{
    struct stream_server *s = argument;
    struct pollfd fds[] = {{s->fd, POLLIN, 0}, {s->stop_fd, POLLIN, 0}};
    while (poll(fds, ARRAY_LEN(fds), -1) < 0 || !fds[1].revents) {
        int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        reap(s, false);
        if (fd >= 0)
            admit(s, fd);
    }
    reap(s, true);
    return NULL;
}

static int start_listening(struct stream_server *s, const struct transfer_host *host, struct err *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(host->port)};
    int on = 1;
    if (inet_pton(AF_INET, host->address, &at.sin_addr) != 1)
        return err_set(e, EINVAL, "\"%s\" is not an IPv4 address", host->address);
    s->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (s->fd < 0 || setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0 ||
        bind(s->fd, (struct sockaddr *)&at, sizeof at) < 0 || listen(s->fd, SOMAXCONN) < 0)
        return err_errno(e, "listen at %s port %u", host->address, host->port);
    return 0;
}

static void release(struct stream_server *s)
{
    while (s->arrivals)
        remove_arrival(s, s->arrivals);
    if (s->fd >= 0)
        close(s->fd);
    close(s->stop_fd);
    SSL_CTX_free(s->context);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

struct stream_server *stream_server_new(const struct transfer_settings *settings,
                                        const struct transfer_host *host, struct err *e)
{
    struct stream_server *s = mem_alloc(sizeof *s);
    *s = (struct stream_server){
        .fd = -1, .stop_fd = eventfd(0, EFD_CLOEXEC), .settings = *settings};
    pthread_mutex_init(&s->lock, NULL);
    s->context = stream_tls_context(settings->folder, e);
    int status = s->context ? start_listening(s, host, e) : -EINVAL;
    if (status == 0)
        status = stream_thread_start(&s->thread, server_main, s, e);
    if (status == 0)
        return s;
    err_wrap(e, "stream: server of %s", host->name);
    release(s);
    return NULL;
}

void stream_server_free(struct stream_server *s)
{
    if (!s)
        return;
    eventfd_write(s->stop_fd, 1);
    pthread_join(s->thread, NULL);
    release(s);
}
