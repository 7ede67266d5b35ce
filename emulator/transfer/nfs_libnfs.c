/* NFS by libnfs, on the loop of this process: works whatever the kernel has. */
#include "buf.h"
#include "mem.h"
#include "nfs_mount.h"
#include "nfs_server.h"
#include "tcp_count.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <nfsc/libnfs.h>
#include <nfsc/libnfs-raw.h>

enum { TICK_MS = 100, FOR_EVER = -1 };

struct nfs_session {
    struct nfs_mount *mount;
    struct nfs_context *nfs; /* NULL: between two attempts */
    struct watch watch;      /* an epoll of its own: libnfs changes its socket under the same number */
    struct timer tick;
    bool attempt_ended, mounted, busy, closing;
    struct nfsfh **to_close;
    size_t to_close_count;
};

/* A call that libnfs has. */
struct asked {
    enum nfs_op op;
    nfs_answer *answered;
    void *context;
};

static struct loop *loop_of(const struct nfs_session *s)
{
    return s->mount->settings.loop;
}

/* --- the connection ---------------------------------------------------------------------------------------------------------------------- */

/* libnfs puts a new connection in the place of a broken one: the kernel has forgotten the watch then. */
static void watch_socket(struct nfs_session *s)
{
    int fd = nfs_get_fd(s->nfs);
    struct epoll_event event = {.events = (uint32_t)nfs_which_events(s->nfs)};
    if (fd >= 0 && epoll_ctl(s->watch.fd, EPOLL_CTL_MOD, fd, &event) < 0)
        epoll_ctl(s->watch.fd, EPOLL_CTL_ADD, fd, &event);
}

static struct pollfd look_at_socket(const struct nfs_session *s)
{
    struct pollfd fd = {nfs_get_fd(s->nfs), (short)nfs_which_events(s->nfs), 0};
    if (fd.fd >= 0)
        poll(&fd, 1, 0);
    return fd;
}

static void serve(struct nfs_session *s)
{
    s->busy = true;
    nfs_service(s->nfs, look_at_socket(s).revents);
    s->busy = false;
    watch_socket(s);
    if (s->mounted && !s->mount->mounted)
        nfs_mount_stands(s->mount);
}

/* A store that refuses connections would be asked again and again without a pause: of what is broken libnfs hears at the next tick. */
static void ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct nfs_session *s = container_of(watch, struct nfs_session, watch);
    if (!s->nfs)
        return;
    struct pollfd fd = look_at_socket(s);
    if (fd.revents & (POLLERR | POLLHUP))
        epoll_ctl(s->watch.fd, EPOLL_CTL_DEL, fd.fd, NULL);
    else
        serve(s);
}

static void attempt_ended(int status, struct nfs_context *nfs, void *data, void *context)
{
    (void)nfs;
    struct nfs_session *s = context;
    s->attempt_ended = true;
    s->mounted = status >= 0;
    if (!s->mounted)
        nfs_mount_refused(s->mount, status, data);
}

/* libnfs takes ports only from a URL. */
static void begin_attempt(struct nfs_session *s)
{
    const struct nfs_mount *m = s->mount;
    autofree char *options =
        mem_printf("nfs://server/path?version=3&nfsport=%u&mountport=%d&auto-traverse-mounts=0",
                   m->settings.store.port, NFS_MOUNT_PORT);
    s->nfs = nfs_init_context();
    s->attempt_ended = false;
    nfs_destroy_url(nfs_parse_url_dir(s->nfs, options));
    nfs_set_dircache(s->nfs, 0);
    nfs_set_autoreconnect(s->nfs, FOR_EVER); /* from then on, when it is mounted */
    if (nfs_mount_async(s->nfs, m->settings.store.address, m->path, attempt_ended, s) < 0)
        attempt_ended(-EIO, s->nfs, nfs_get_error(s->nfs), s);
    watch_socket(s);
}

static void tick(struct timer *timer)
{
    struct nfs_session *s = container_of(timer, struct nfs_session, tick);
    loop_arm_after(loop_of(s), &s->tick, simtime_ms(TICK_MS));
    if (!s->nfs)
        begin_attempt(s);
    else if (s->attempt_ended && !s->mounted)
        nfs_destroy_context(steal(s->nfs));
    else
        serve(s);
}

static void libnfs_open(struct nfs_mount *m)
{
    struct nfs_session *s = m->session = mem_alloc(sizeof *s);
    *s = (struct nfs_session){.mount = m, .watch = {ready, epoll_create1(EPOLL_CLOEXEC)}, .tick.fire = tick};
    loop_watch(loop_of(s), &s->watch, EPOLLIN, NULL);
    begin_attempt(s);
    loop_arm_after(loop_of(s), &s->tick, simtime_ms(TICK_MS));
}

/* --- calls --------------------------------------------------------------------------------------------------------------------------------- */

static void answer_names(struct nfs_context *nfs, struct nfsdir *folder, const struct asked *asked)
{
    struct buf names = BUF_INIT;
    for (struct nfsdirent *entry; (entry = nfs_readdir(nfs, folder));)
        buf_add(&names, entry->name, strlen(entry->name) + 1);
    buf_add_u8(&names, 0);
    nfs_closedir(nfs, folder);
    asked->answered(0, names.data, asked->context);
    buf_free(&names);
}

static void came(int status, struct nfs_context *nfs, void *data, void *context)
{
    struct asked *asked = context;
    if (asked->op == NFS_LIST && status >= 0)
        answer_names(nfs, data, asked);
    else if (asked->answered)
        asked->answered(status, data, asked->context);
    free(asked);
}

/* While libnfs ends its calls it takes no new ones. */
static int close_file(struct nfs_session *s, struct nfsfh *file, struct asked *asked)
{
    if (!s->closing)
        return nfs_close_async(s->nfs, file, came, asked);
    s->to_close = mem_resize(s->to_close, (s->to_close_count + 1) * sizeof(struct nfsfh *));
    s->to_close[s->to_close_count++] = file;
    free(asked);
    return 0;
}

static int ask(struct nfs_session *s, const struct nfs_call *call, struct asked *asked)
{
    struct nfs_context *nfs = s->nfs;
    struct nfsfh *file = (struct nfsfh *)call->file;
    autofree char *path = mem_printf("/%s", call->name ? call->name : "");
    switch (call->op) {
    case NFS_OPEN:
        return nfs_open_async(nfs, path, O_RDWR, came, asked);
    case NFS_CREATE:
        return nfs_create_async(nfs, path, O_RDWR | O_CREAT | O_EXCL, 0600, came, asked);
    case NFS_READ:
        return nfs_pread_async(nfs, file, call->offset, call->len, came, asked);
    case NFS_WRITE:
        return nfs_pwrite_async(nfs, file, call->offset, call->len, call->bytes, came, asked);
    case NFS_CLOSE:
        return close_file(s, file, asked);
    case NFS_REMOVE:
        return nfs_unlink_async(nfs, path, came, asked);
    case NFS_LIST:
        return nfs_opendir_async(nfs, path, came, asked);
    }
    return -EINVAL;
}

static void libnfs_call(struct nfs_mount *m, const struct nfs_call *call, nfs_answer *answered, void *context)
{
    struct nfs_session *s = m->session;
    struct asked *asked = mem_alloc(sizeof *asked);
    *asked = (struct asked){call->op, answered, context};
    if (ask(s, call, asked) < 0)
        came(-EIO, s->nfs, NULL, asked);
    if (!s->busy)
        watch_socket(s);
}

/* --- the end -------------------------------------------------------------------------------------------------------------------------------- */

static void file_closed(int status, struct nfs_context *nfs, void *data, void *context)
{
    (void)status, (void)nfs, (void)data, (void)context;
}

/* libnfs ends its calls when it leaves a connection; one that it is still making it does not leave. Then it gets one with nobody. */
static void disconnect(struct nfs_session *s)
{
    struct rpc_context *rpc = nfs_get_rpc_context(s->nfs);
    int ends[2];
    rpc_disconnect(rpc, "closed");
    int unfinished = nfs_get_fd(s->nfs);
    if (unfinished < 0 || socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
        return;
    rpc_set_fd(rpc, ends[0]);
    nfs_service(s->nfs, POLLOUT);
    rpc_disconnect(rpc, "closed"); /* and closes it */
    close(ends[1]);
    close(unfinished);
}

/* The calls' owners hear of it while the context still stands: their files are closed in it. */
static void end_calls(struct nfs_session *s)
{
    s->busy = s->closing = true;
    disconnect(s);
    if (s->mount->emptied)
        s->mount->emptied(s->mount);
    for (size_t i = 0; i < s->to_close_count; i++)
        nfs_close_async(s->nfs, s->to_close[i], file_closed, NULL);
    free(s->to_close);
    nfs_destroy_context(s->nfs);
}

static void libnfs_close(struct nfs_mount *m)
{
    struct nfs_session *s = m->session;
    if (s->nfs)
        end_calls(s);
    loop_cancel(loop_of(s), &s->tick);
    loop_unwatch(loop_of(s), &s->watch);
    close(s->watch.fd);
    free(steal(m->session));
}

static uint64_t libnfs_wire_bytes(struct nfs_mount *m)
{
    struct tcp_info info;
    return m->session->nfs && tcp_info_get(nfs_get_fd(m->session->nfs), &info) ? tcp_wire_bytes_both(&info)
                                                                               : 0;
}

static int libnfs_attempt(struct err *e)
{
    (void)e;
    return 0;
}

const struct nfs_client nfs_client_libnfs = {
    .name = "libnfs",
    .help = "a library in the agent, whatever its kernel has",
    .attempt = libnfs_attempt,
    .open = libnfs_open,
    .close = libnfs_close,
    .call = libnfs_call,
    .wire_bytes = libnfs_wire_bytes,
};
