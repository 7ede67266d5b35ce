/* Carrier stream: roamlab's own. TLS 1.3 by a key of the run (stream_tls.h), zstd, a connection per peer that is warm before it is needed, its
 * jobs interleaved (stream_sender.h), contents checked by digest before they appear at the peer (stream_content.h).
 *
 * A connection counts as open when its padding has driven TCP out of slow start: neither handshake nor slow start stand between a decision
 * and its transfer. The namespace keeps the window over idle times (net.ipv4.tcp_slow_start_after_idle). */
#include "files.h"
#include "mem.h"
#include "stream_content.h"
#include "stream_sender.h"
#include "stream_server.h"
#include "stream_tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

struct transfer_peer {
    struct loop *loop;
    struct transfer_host host;
    struct stream_sender *sender;
    struct watch watch;
    struct transfer_job *jobs;
    struct transfer_warming warming;
    transfer_opened *opened;
    void *context;
};

/* --- the receiving side --------------------------------------------------------------------------------------------------------- */

static int stream_prepare(const char *folder, const struct transfer_host *hosts, int count, struct err *e)
{
    (void)hosts, (void)count;
    int status = files_make_folder(folder, 0700, e);
    return status < 0 ? status : stream_key_make(folder, e);
}

static void listening(struct timer *timer)
{
    struct transfer_server *server = container_of(timer, struct transfer_server, poll);
    server->changed(server, 0, NULL);
}

static int stream_serve(struct transfer_server *server, const struct transfer_settings *settings,
                        const struct transfer_host *host, struct err *e)
{
    server->loop = settings->loop;
    server->stream = stream_server_new(settings, host, e);
    if (!server->stream)
        return -e->code;
    server->poll.fire = listening;
    loop_arm_after(server->loop, &server->poll, SIMTIME_ZERO);
    return 0;
}

static void stream_stop(struct transfer_server *server)
{
    if (server->loop)
        loop_cancel(server->loop, &server->poll);
    stream_server_free(steal(server->stream));
}

/* --- the sending side ------------------------------------------------------------------------------------------------------------- */

static void forget_job(struct transfer_job *job)
{
    struct transfer_job **at = &job->peer->jobs;
    while (*at != job)
        at = &(*at)->next;
    *at = job->next;
    job->next = NULL;
    job->state = TRANSFER_IDLE;
    job->end = loop_now(job->peer->loop);
}

static void finish(struct stream_parcel *parcel)
{
    struct transfer_job *job = parcel->job;
    struct err e = parcel->err;
    if (job) {
        forget_job(job);
        if (job->growth)
            job->bytes = stream_content_bytes(parcel->content);
        job->wire_bytes = parcel->wire_bytes;
    }
    stream_parcel_free(parcel);
    if (job)
        job->done(job, -e.code, e.code ? &e : NULL);
}

/* One event a turn, because what is called back may close the peer; the descriptor stays readable while there is more. */
static void ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct transfer_peer *peer = container_of(watch, struct transfer_peer, watch);
    struct stream_attempts attempts;
    struct stream_parcel *ended = stream_sender_collect(peer->sender, &attempts);
    peer->warming.connections += attempts.warming.connections;
    peer->warming.bytes += attempts.warming.bytes;
    if (attempts.count && peer->opened)
        peer->opened(peer->context, -attempts.err.code, attempts.err.code ? &attempts.err : NULL);
    if (ended)
        finish(ended);
}

static int stream_open(struct transfer_peer **out, const struct transfer_settings *settings,
                       const struct transfer_host *host, transfer_opened *opened, void *context,
                       struct err *e)
{
    struct transfer_peer *peer = mem_alloc(sizeof *peer);
    *peer =
        (struct transfer_peer){.loop = settings->loop, .host = *host, .opened = opened, .context = context};
    if (stream_tls_keep_windows(e) == 0)
        peer->sender = stream_sender_new(settings, host, e);
    peer->watch = (struct watch){ready, peer->sender ? stream_sender_fd(peer->sender) : -1};
    if (peer->sender && loop_watch(peer->loop, &peer->watch, EPOLLIN, e) == 0) {
        *out = peer;
        return 0;
    }
    stream_sender_free(peer->sender);
    free(peer);
    return err_wrap(e, "stream: connection to host %s", host->name);
}

static struct transfer_warming stream_warming(const struct transfer_peer *peer)
{
    return peer->warming;
}

static void stream_cancel(struct transfer_job *job)
{
    if (job->state == TRANSFER_IDLE)
        return;
    stream_sender_drop(job->peer->sender, job);
    forget_job(job);
}

static void stream_close(struct transfer_peer *peer)
{
    if (!peer)
        return;
    while (peer->jobs)
        stream_cancel(peer->jobs);
    loop_unwatch(peer->loop, &peer->watch);
    stream_sender_free(peer->sender);
    free(peer);
}

static int stream_send(struct transfer_peer *peer, struct transfer_job *job, const char *local,
                       const char *remote_folder, struct err *e)
{
    if (job->state != TRANSFER_IDLE)
        return err_set(e, EBUSY, "stream: %s to host %s: the job has not ended", local, peer->host.name);
    int status = job->growth ? 0 : transfer_measure(local, &job->bytes, e);
    struct stream_content *content = status == 0 ? stream_content_open(local, job->growth, e) : NULL;
    if (!content)
        return err_wrap(e, "stream: to host %s", peer->host.name);
    struct stream_parcel *parcel = mem_alloc(sizeof *parcel);
    *parcel =
        (struct stream_parcel){.job = job, .lane = job->lane, .folder = mem_copy_string(remote_folder), .content = content};
    job->begin = loop_now(peer->loop);
    job->wire_bytes = 0;
    job->peer = peer;
    job->next = peer->jobs;
    peer->jobs = job;
    job->state = TRANSFER_RUNNING;
    stream_sender_submit(peer->sender, parcel);
    return 0;
}

const struct carrier carrier_stream = {
    .name = "stream",
    .help =
        "TLS 1.3 and zstd over a connection kept warm; keys of the run, contents checked, resumes after a cut",
    .takes_folders = true,
    .arrives_whole = true,
    .follows = true,
    .prepare = stream_prepare,
    .serve = stream_serve,
    .stop = stream_stop,
    .open = stream_open,
    .warming = stream_warming,
    .close = stream_close,
    .send = stream_send,
    .cancel = stream_cancel,
};
