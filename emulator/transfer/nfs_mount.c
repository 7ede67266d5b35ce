#include "nfs_mount.h"
#include "mem.h"
#include "nfs_server.h"

#include <errno.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <nfsc/libnfs-raw.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { TICK_MS = 100, SEGMENT_HEADERS = 52, FOR_EVER = -1 };

static struct loop *loop_of(const struct nfs_mount *m)
{
    return m->settings.loop;
}

/* libnfs puts a new connection in the place of a broken one: the kernel has forgotten the watch then. */
static void watch_socket(struct nfs_mount *m)
{
    int fd = nfs_get_fd(m->nfs);
    struct epoll_event event = {.events = (uint32_t)nfs_which_events(m->nfs)};
    if (fd >= 0 && epoll_ctl(m->watch.fd, EPOLL_CTL_MOD, fd, &event) < 0)
        epoll_ctl(m->watch.fd, EPOLL_CTL_ADD, fd, &event);
}

static void begin_attempt(struct nfs_mount *m);

static void give_up(struct nfs_mount *m)
{
    struct err e = m->failure;
    nfs_mount_close(m);
    m->changed(m, -e.code, &e);
}

static void look_at_attempt(struct nfs_mount *m)
{
    bool late = !simtime_before(loop_now(loop_of(m)), m->deadline);
    if (!m->mounted && (m->attempt_ended || late)) {
        if (late && !m->failure.code)
            err_set(&m->failure, ETIMEDOUT, "nfs: %s port %u does not answer", m->settings.store.address,
                    m->settings.store.port);
        if (late) {
            give_up(m);
            return;
        }
        nfs_destroy_context(steal(m->nfs));
    }
    loop_arm_after(loop_of(m), &m->tick, simtime_ms(TICK_MS));
}

static struct pollfd look_at_socket(const struct nfs_mount *m)
{
    struct pollfd fd = {nfs_get_fd(m->nfs), (short)nfs_which_events(m->nfs), 0};
    if (fd.fd >= 0)
        poll(&fd, 1, 0);
    return fd;
}

static void serve(struct nfs_mount *m)
{
    m->busy = true;
    nfs_service(m->nfs, look_at_socket(m).revents);
    m->busy = false;
    watch_socket(m);
}

/* A store that refuses connections would be asked again and again without a pause: of what is broken libnfs hears at the next tick. */
static void ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct nfs_mount *m = container_of(watch, struct nfs_mount, watch);
    bool mounted = m->mounted;
    if (!m->nfs)
        return;
    struct pollfd fd = look_at_socket(m);
    if (fd.revents & (POLLERR | POLLHUP)) {
        epoll_ctl(m->watch.fd, EPOLL_CTL_DEL, fd.fd, NULL);
        return;
    }
    serve(m);
    if (m->mounted && !mounted)
        m->changed(m, 0, NULL);
}

static void tick(struct timer *timer)
{
    struct nfs_mount *m = container_of(timer, struct nfs_mount, tick);
    if (m->nfs)
        serve(m);
    else
        begin_attempt(m);
    look_at_attempt(m);
}

static void attempt_ended(int status, struct nfs_context *nfs, void *data, void *context)
{
    (void)nfs;
    struct nfs_mount *m = context;
    m->attempt_ended = true;
    m->mounted = status >= 0;
    if (!m->mounted)
        err_set(&m->failure, -status, "nfs: mount %s of %s: %s", m->path, m->settings.store.address,
                data ? (const char *)data : "failed");
}

/* libnfs takes ports only from a URL. */
static void begin_attempt(struct nfs_mount *m)
{
    autofree char *options =
        mem_printf("nfs://server/path?version=3&nfsport=%u&mountport=%d&auto-traverse-mounts=0",
                   m->settings.store.port, NFS_MOUNT_PORT);
    m->nfs = nfs_init_context();
    m->attempt_ended = false;
    nfs_destroy_url(nfs_parse_url_dir(m->nfs, options));
    nfs_set_dircache(m->nfs, 0);
    nfs_set_autoreconnect(m->nfs, FOR_EVER); /* from then on, when it is mounted */
    if (nfs_mount_async(m->nfs, m->settings.store.address, m->path, attempt_ended, m) < 0)
        attempt_ended(-EIO, m->nfs, nfs_get_error(m->nfs), m);
    watch_socket(m);
}

void nfs_mount_open(struct nfs_mount *m, const struct transfer_settings *settings, const char *path)
{
    m->settings = *settings;
    m->path = mem_copy_string(path);
    m->failure = (struct err)ERR_INIT;
    m->deadline = simtime_add(loop_now(settings->loop), settings->connect_timeout);
    m->watch = (struct watch){ready, epoll_create1(EPOLL_CLOEXEC)};
    m->tick.fire = tick;
    loop_watch(settings->loop, &m->watch, EPOLLIN, NULL);
    begin_attempt(m);
    loop_arm_after(settings->loop, &m->tick, simtime_ms(TICK_MS));
}

static void file_closed(int status, struct nfs_context *nfs, void *data, void *context)
{
    (void)status, (void)nfs, (void)data, (void)context;
}

/* While libnfs ends its calls it takes no new ones. */
void nfs_mount_close_file(struct nfs_mount *m, struct nfsfh *file)
{
    if (!m->closing) {
        nfs_close_async(m->nfs, file, file_closed, NULL);
        return;
    }
    m->to_close = mem_resize(m->to_close, (m->to_close_count + 1) * sizeof(struct nfsfh *));
    m->to_close[m->to_close_count++] = file;
}

/* libnfs ends its calls when it leaves a connection; one that it is still making it does not leave. Then it gets one with nobody. */
static void disconnect(struct nfs_mount *m)
{
    struct rpc_context *rpc = nfs_get_rpc_context(m->nfs);
    int ends[2];
    rpc_disconnect(rpc, "closed");
    int unfinished = nfs_get_fd(m->nfs);
    if (unfinished < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return;
    rpc_set_fd(rpc, ends[0]);
    nfs_service(m->nfs, POLLOUT);
    rpc_disconnect(rpc, "closed"); /* and closes it */
    close(ends[1]);
    close(unfinished);
}

/* The calls' owners hear of it while the context still stands: their files are closed in it. */
static void end_calls(struct nfs_mount *m)
{
    m->busy = m->closing = true;
    disconnect(m);
    if (m->emptied)
        m->emptied(m);
    for (size_t i = 0; i < m->to_close_count; i++)
        nfs_close_async(m->nfs, m->to_close[i], file_closed, NULL);
    m->to_close_count = 0;
    free(steal(m->to_close));
    nfs_destroy_context(m->nfs);
    m->nfs = NULL;
    m->busy = m->closing = false;
}

void nfs_mount_close(struct nfs_mount *m)
{
    if (!m->path)
        return;
    if (m->nfs)
        end_calls(m);
    loop_cancel(loop_of(m), &m->tick);
    loop_unwatch(loop_of(m), &m->watch);
    close(m->watch.fd);
    m->mounted = false;
    free(steal(m->path));
}

void nfs_mount_stir(struct nfs_mount *m)
{
    if (m->nfs && !m->busy)
        watch_socket(m);
}

static uint64_t wire_bytes(const struct nfs_mount *m)
{
    struct tcp_info info = {0};
    socklen_t len = sizeof info;
    if (!m->nfs || getsockopt(nfs_get_fd(m->nfs), IPPROTO_TCP, TCP_INFO, &info, &len) < 0)
        return 0;
    return info.tcpi_bytes_sent + info.tcpi_bytes_received +
           ((uint64_t)info.tcpi_segs_out + info.tcpi_segs_in) * SEGMENT_HEADERS;
}

/* A new connection counts from zero. */
uint64_t nfs_mount_new_wire_bytes(struct nfs_mount *m)
{
    uint64_t before = m->wire_bytes, now = wire_bytes(m);
    m->wire_bytes = now;
    return now >= before ? now - before : now;
}
