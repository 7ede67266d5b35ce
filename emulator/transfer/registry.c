/* Carrier registry: through a private registry (registry_server.h). The sender pushes the files as an artifact (registry_artifact.h), then
 * tells the receiver over a connection of its own (stream_tls.h) to pull it; the receiver's verdict ends the job.
 *
 * The registry is the host's own unless the host names another; one that is nobody's neighbour costs a second way over the links. A job has
 * a session: a connection to the registry and one to the receiver, kept for the next job; jobs that overlap have sessions of their own.
 * Contents are not compressed. */
#include "background.h"
#include "files.h"
#include "mem.h"
#include "registry_artifact.h"
#include "registry_fetch.h"
#include "registry_keys.h"
#include "registry_server.h"
#include "server_process.h"
#include "stream_server.h"
#include "stream_tls.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum { CUTS_MAX = 3 };

struct session {
    struct session *next;
    struct transfer_peer *peer;
    struct background background;
    struct transfer_job *job; /* NULL: it only connects, or is idle */
    /* the thread's own while it runs */
    struct registry_client registry;
    struct stream_tls control;
    struct stream_content *content;
    char *folder; /* at the peer */
    bool connects;
    uint64_t counted; /* of the wire's bytes, those of earlier jobs */
};

struct transfer_peer {
    struct transfer_settings settings;
    struct transfer_host host;
    SSL_CTX *context;
    struct session *sessions; /* owned */
    transfer_opened *opened;
    void *opened_context;
};

/* --- the receiving side ---------------------------------------------------------------------------------------------------------- */

static int registry_prepare(const char *folder, const struct transfer_host *hosts, int count, struct err *e)
{
    (void)hosts, (void)count;
    int status = files_make_folder(folder, 0700, e);
    if (status == 0)
        status = stream_key_make(folder, e);
    return status < 0 ? status : registry_keys_make(folder, e);
}

static void receiver_listens(struct timer *timer)
{
    struct transfer_server *server = container_of(timer, struct transfer_server, poll);
    server->changed(server, 0, NULL);
}

static void registry_stop(struct transfer_server *server)
{
    stream_server_free(steal(server->stream));
    server_process_stop(server);
}

static int registry_serve(struct transfer_server *server, const struct transfer_settings *settings,
                          const struct transfer_host *host, struct err *e)
{
    server->loop = settings->loop;
    server->poll.fire = receiver_listens;
    server->stream = stream_server_new(settings, host, e);
    int status = server->stream ? 0 : -e->code;
    if (status == 0 && !host->registry)
        status = registry_server_start(server, settings, host, e);
    else if (status == 0)
        loop_arm_after(server->loop, &server->poll, SIMTIME_ZERO);
    if (status < 0)
        registry_stop(server);
    return status;
}

/* --- a session, in its thread ---------------------------------------------------------------------------------------------------- */

/* While the receiver pulls, nothing moves on the connection to it: the kernel asks now and then whether it is still there. */
static void keep_alive(int fd, struct simtime patience)
{
    int third = (int)(patience.ns / 3000000000) + 1, count = 2;
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &third, sizeof third);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &third, sizeof third);
    setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof count);
}

static int connect_receiver(struct session *s, struct err *e)
{
    const struct transfer_peer *peer = s->peer;
    if (s->control.fd >= 0)
        return 0;
    int status =
        stream_tls_connect(&s->control, peer->context, &peer->host, peer->settings.connect_timeout, e);
    if (status == 0)
        keep_alive(s->control.fd, peer->settings.progress_timeout);
    return status;
}

static int connect_session(struct session *s, struct err *e)
{
    if (s->control.fd >= 0)
        return 0;
    s->connects = true;
    int status = registry_ping(&s->registry, e);
    if (status == 0)
        status = registry_artifact_prepare(&s->registry, e);
    return status < 0 ? status : connect_receiver(s, e);
}

static int tell_receiver(struct session *s, const char *digest, struct err *e)
{
    const struct transfer_host *host = &s->peer->host;
    struct buf order = BUF_INIT, frame = BUF_INIT;
    registry_fetch_order(&order, host->registry ? host->registry : host->address, digest, s->folder);
    stream_frame_add(&frame, STREAM_FETCH, 0, order.data, order.len);
    int status = stream_tls_write(&s->control, frame.data, frame.len, e);
    buf_free(&order);
    buf_free(&frame);
    return status;
}

static int hear_verdict(struct session *s, struct err *e)
{
    uint8_t head[STREAM_HEAD];
    struct stream_frame frame;
    int status = stream_tls_read(&s->control, head, sizeof head, e);
    if (status == 0)
        status = stream_head_decode(head, &frame, e);
    if (status == 0 && frame.type != STREAM_VERDICT)
        status = err_set(e, EPROTO, "registry: the receiver says something else than its verdict");
    if (status < 0)
        return status;
    autofree uint8_t *payload = mem_alloc(frame.length + 1);
    status = stream_tls_read(&s->control, payload, frame.length, e);
    return status < 0 ? status : stream_verdict_read(payload, frame.length, e);
}

/* A kept connection may have broken long ago, or a new one may break: the same order once more does no harm. */
static int have_it_pulled(struct session *s, const char *digest, struct err *e)
{
    int status = -ECONNRESET;
    for (int cuts = 0; cuts < CUTS_MAX && status == -ECONNRESET; cuts++) {
        status = connect_receiver(s, e);
        if (status == 0)
            status = tell_receiver(s, digest, e);
        if (status == 0)
            status = hear_verdict(s, e);
        if (status == -ECONNRESET)
            stream_tls_close(&s->control);
    }
    return status;
}

static int deliver(struct session *s, struct err *e)
{
    char digest[REGISTRY_DIGEST];
    int status = connect_session(s, e);
    if (status == 0)
        status = registry_artifact_push(&s->registry, s->content, digest, e);
    return status < 0 ? status : have_it_pulled(s, digest, e);
}

static int run(struct background *b, struct err *e)
{
    struct session *s = container_of(b, struct session, background);
    s->connects = false;
    return s->content ? deliver(s, e) : connect_session(s, e);
}

/* --- sessions, on the loop ---------------------------------------------------------------------------------------------------------- */

/* After a failure nobody knows what the receiver will still say. */
static void disconnect(struct session *s)
{
    uint64_t drained;
    stream_tls_close(&s->control);
    (void)!read(s->control.stop_fd, &drained, sizeof drained);
}

static struct transfer_job *end_job(struct session *s)
{
    struct transfer_job *job = steal(s->job);
    uint64_t now = registry_client_wire_bytes(&s->registry);
    stream_content_free(steal(s->content));
    free(steal(s->folder));
    if (job) {
        job->wire_bytes = now > s->counted ? now - s->counted : 0;
        job->end = loop_now(s->peer->settings.loop);
        job->state = TRANSFER_IDLE;
    }
    s->counted = now;
    return job;
}

static void ended(struct background *b, int status, const struct err *e)
{
    struct session *s = container_of(b, struct session, background);
    struct transfer_peer *peer = s->peer;
    struct err err = *e;
    bool attempted = s->connects, connected = s->control.fd >= 0;
    struct transfer_job *job = end_job(s);
    if (status < 0) {
        disconnect(s);
        err_wrap(&err, "registry: to host %s", peer->host.name);
    }
    if (job)
        job->done(job, status, status < 0 ? &err : NULL);
    else if (attempted && peer->opened)
        peer->opened(peer->opened_context, connected ? 0 : status, connected ? NULL : &err);
}

static void wake(struct background *b)
{
    struct session *s = container_of(b, struct session, background);
    registry_client_call_off(&s->registry);
    eventfd_write(s->control.stop_fd, 1);
}

static struct session *idle_session(struct transfer_peer *peer)
{
    struct session *s = peer->sessions;
    while (s && (s->background.running || s->job))
        s = s->next;
    return s;
}

static const char *registry_of(const struct transfer_host *host)
{
    return host->registry ? host->registry : host->address;
}

static struct session *new_session(struct transfer_peer *peer, struct err *e)
{
    struct session *s = mem_alloc(sizeof *s);
    *s = (struct session){.peer = peer, .background = {.done = ended, .wake = wake}};
    s->control = (struct stream_tls){.fd = -1, .stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
    if (registry_client_open(&s->registry, &peer->settings, registry_of(&peer->host), -1, e) < 0) {
        close(s->control.stop_fd);
        free(s);
        return NULL;
    }
    s->next = peer->sessions;
    peer->sessions = s;
    return s;
}

/* Its thread is gone. */
static void free_session(struct session *s)
{
    struct session **at = &s->peer->sessions;
    while (*at != s)
        at = &(*at)->next;
    *at = s->next;
    stream_tls_close(&s->control);
    close(s->control.stop_fd);
    registry_client_close(&s->registry);
    free(s);
}

/* --- the sending side ------------------------------------------------------------------------------------------------------------- */

static void registry_close(struct transfer_peer *peer)
{
    if (!peer)
        return;
    while (peer->sessions) {
        background_cancel(&peer->sessions->background);
        end_job(peer->sessions);
        free_session(peer->sessions);
    }
    SSL_CTX_free(peer->context);
    free(peer);
}

static int registry_open(struct transfer_peer **out, const struct transfer_settings *settings,
                         const struct transfer_host *host, transfer_opened *opened, void *context,
                         struct err *e)
{
    struct transfer_peer *peer = mem_alloc(sizeof *peer);
    *peer = (struct transfer_peer){
        .settings = *settings, .host = *host, .opened = opened, .opened_context = context};
    curl_global_init(CURL_GLOBAL_DEFAULT);
    peer->context = stream_tls_keep_windows(e) == 0 ? stream_tls_context(settings->folder, e) : NULL;
    struct session *s = peer->context ? new_session(peer, e) : NULL;
    if (s && background_start(settings->loop, &s->background, run, e) == 0) {
        *out = peer;
        return 0;
    }
    registry_close(peer);
    return err_wrap(e, "registry: connection to host %s", host->name);
}

static int registry_send(struct transfer_peer *peer, struct transfer_job *job, const char *local,
                         const char *remote_folder, struct err *e)
{
    if (job->state != TRANSFER_IDLE)
        return err_set(e, EBUSY, "registry: %s to host %s: the job has not ended", local, peer->host.name);
    struct stream_content *content =
        transfer_measure(local, &job->bytes, e) == 0 ? stream_content_open(local, NULL, e) : NULL;
    struct session *s = content ? idle_session(peer) : NULL;
    if (content && !s)
        s = new_session(peer, e);
    if (!s) {
        stream_content_free(content);
        return err_wrap(e, "registry: to host %s", peer->host.name);
    }
    s->content = content;
    s->folder = mem_copy_string(remote_folder);
    if (background_start(peer->settings.loop, &s->background, run, e) < 0) {
        end_job(s);
        return err_wrap(e, "registry: to host %s", peer->host.name);
    }
    s->job = job;
    job->peer = peer;
    job->begin = loop_now(peer->settings.loop);
    job->wire_bytes = 0;
    job->state = TRANSFER_RUNNING;
    return 0;
}

static void registry_cancel(struct transfer_job *job)
{
    if (job->state == TRANSFER_IDLE)
        return;
    struct session *s = job->peer->sessions;
    while (s->job != job)
        s = s->next;
    background_cancel(&s->background);
    end_job(s);
    free_session(s);
}

const struct carrier carrier_registry = {
    .name = "registry",
    .help =
        "push to a private registry (docker-registry, TLS, password), pull by the receiver; contents checked by digest",
    .arrives_whole = true,
    .prepare = registry_prepare,
    .serve = registry_serve,
    .stop = registry_stop,
    .open = registry_open,
    .close = registry_close,
    .send = registry_send,
    .cancel = registry_cancel,
};
