/* NFS by the kernel, in a process of its own (nfs_helper.h): calls wait here for a lane, and their answers come back on the loop. */
#include "mem.h"
#include "nfs_helper.h"
#include "nfs_mount.h"
#include "nfs_server.h"
#include "process.h"
#include "tcp_diag.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

enum { LANES_BYTES = NFS_LANES * sizeof(struct nfs_lane), END_MS = 2000 };

struct nfs_session {
    struct nfs_mount *mount;
    struct process process;
    struct watch words;
    struct nfs_lane *lanes;
    struct asked *in_lane[NFS_LANES]; /* NULL: free */
    struct asked *waiting, **last;
    struct mnl_socket *diag;
};

struct asked {
    struct asked *next;
    struct nfs_call call; /* its name and its bytes are its own */
    nfs_answer *answered;
    void *context;
};

static struct loop *loop_of(const struct nfs_session *s)
{
    return s->mount->settings.loop;
}

/* --- calls --------------------------------------------------------------------------------------------------------------------------------- */

/* A file is a number of the helper's, which are above those of its standard descriptors. */
static struct nfs_file *file_of(int number)
{
    return (struct nfs_file *)(intptr_t)number;
}

static void answer(struct asked *asked, int status, void *data)
{
    if (asked->answered)
        asked->answered(status, status < 0 ? strerror(-status) : data, asked->context);
    free((char *)(uintptr_t)asked->call.name);
    free((void *)(uintptr_t)asked->call.bytes);
    free(asked);
}

static void *answer_of(struct nfs_lane *lane)
{
    return lane->op == NFS_OPEN || lane->op == NFS_CREATE ? (void *)file_of(lane->file) : lane->bytes;
}

static void fill_lane(struct nfs_lane *lane, const struct nfs_call *call)
{
    lane->op = call->op;
    lane->file = (int)(intptr_t)call->file;
    lane->offset = call->offset;
    lane->len = call->len;
    snprintf(lane->name, sizeof lane->name, "%s", call->name ? call->name : "");
    if (call->bytes)
        memcpy(lane->bytes, call->bytes, call->len);
}

static int free_lane(const struct nfs_session *s)
{
    int i = 0;
    while (i < NFS_LANES && s->in_lane[i])
        i++;
    return i;
}

static struct asked *take_waiting(struct nfs_session *s)
{
    struct asked *asked = s->waiting;
    if (asked && !(s->waiting = asked->next))
        s->last = &s->waiting;
    return asked;
}

/* What the helper is told always fits into its socket: it is little. */
static void fill_lanes(struct nfs_session *s)
{
    for (int i; s->waiting && (i = free_lane(s)) < NFS_LANES;) {
        s->in_lane[i] = take_waiting(s);
        fill_lane(&s->lanes[i], &s->in_lane[i]->call);
        (void)!send(s->words.fd, &(struct nfs_word){.lane = i}, sizeof(struct nfs_word), MSG_NOSIGNAL);
    }
}

static void *copy(const void *bytes, size_t len)
{
    return bytes ? memcpy(mem_alloc(len), bytes, len) : NULL;
}

static void kernel_call(struct nfs_mount *m, const struct nfs_call *call, nfs_answer *answered, void *context)
{
    struct nfs_session *s = m->session;
    struct asked *asked = mem_alloc(sizeof *asked);
    *asked = (struct asked){.call = *call, .answered = answered, .context = context};
    asked->call.name = mem_copy_string(call->name);
    asked->call.bytes = copy(call->bytes, call->len);
    *s->last = asked;
    s->last = &asked->next;
    fill_lanes(s);
}

/* --- the helper ---------------------------------------------------------------------------------------------------------------------------- */

/* The lane's bytes are the answer's while it is given: it is free only then. */
static void hear(struct nfs_session *s, const struct nfs_word *word)
{
    if (word->lane == NFS_MOUNT && word->status < 0)
        nfs_mount_refused(s->mount, word->status, NULL);
    else if (word->lane == NFS_MOUNT)
        nfs_mount_stands(s->mount);
    else {
        struct nfs_lane *lane = &s->lanes[word->lane];
        answer(s->in_lane[word->lane], lane->status, answer_of(lane));
        s->in_lane[word->lane] = NULL;
        fill_lanes(s);
    }
}

/* One at a time: an owner may close the mount once it has heard. */
static void ready(struct watch *watch, uint32_t events)
{
    (void)events;
    struct nfs_session *s = container_of(watch, struct nfs_session, words);
    struct nfs_word word;
    ssize_t got = recv(watch->fd, &word, sizeof word, MSG_DONTWAIT);
    if (got == sizeof word)
        hear(s, &word);
    else if (got == 0)
        loop_unwatch(loop_of(s), watch); /* it has ended, as its process says, too */
}

static void ended(struct process *process, int status)
{
    struct nfs_session *s = container_of(process, struct nfs_session, process);
    struct err e = ERR_INIT;
    err_set(&e, EPIPE, "nfs: the process that uses the kernel's client ended with status %d", status);
    nfs_mount_lost(s->mount, &e);
}

static int start(struct nfs_session *s, struct err *e)
{
    const struct transfer_settings *settings = &s->mount->settings;
    const struct nfs_export export = {.address = settings->store.address,
                                      .path = s->mount->path,
                                      .port = settings->store.port,
                                      .mount_port = NFS_MOUNT_PORT,
                                      .folder = settings->folder};
    int ends[2];
    pid_t pid;
    s->lanes = mmap(NULL, LANES_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (s->lanes == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
        return err_errno(e, "nfs: the kernel's client");
    s->words = (struct watch){ready, ends[0]};
    int status = nfs_helper_start(&export, ends[1], s->lanes, &pid, e);
    close(ends[1]);
    s->process.ended = ended;
    if (status == 0)
        status = process_adopt(loop_of(s), &s->process, pid, e);
    return status < 0 ? status : loop_watch(loop_of(s), &s->words, EPOLLIN, e);
}

static void kernel_open(struct nfs_mount *m)
{
    struct nfs_session *s = m->session = mem_alloc(sizeof *s);
    *s = (struct nfs_session){.mount = m, .words.fd = -1, .last = &s->waiting, .diag = tcp_diag_open()};
    struct err e = ERR_INIT;
    if (start(s, &e) < 0)
        nfs_mount_lost(m, &e);
}

/* It ends at once; were it not so, SIGKILL ends what waits for a server, too. */
static void end_helper(struct nfs_session *s)
{
    struct pollfd end = {.fd = s->process.watch.fd, .events = POLLIN};
    loop_unwatch(loop_of(s), &s->words);
    mem_close_fd(&s->words.fd);
    if (s->process.pid > 0)
        poll(&end, 1, END_MS);
    process_kill(&s->process);
}

static void kernel_close(struct nfs_mount *m)
{
    struct nfs_session *s = steal(m->session);
    end_helper(s);
    for (int i = 0; i < NFS_LANES; i++)
        if (s->in_lane[i])
            answer(s->in_lane[i], -ECANCELED, NULL);
    for (struct asked *asked; (asked = take_waiting(s));)
        answer(asked, -ECANCELED, NULL);
    if (m->emptied)
        m->emptied(m);
    if (s->lanes != MAP_FAILED)
        munmap(s->lanes, LANES_BYTES);
    tcp_diag_close(s->diag);
    free(s);
}

/* Mounts from one server share a connection, and no option of the kernel's, nfs(5), gives one of its own: nconnect is for all of them. */
static uint64_t kernel_wire_bytes(struct nfs_mount *m)
{
    return tcp_diag_wire_bytes(m->session->diag, &m->settings.store);
}

const struct nfs_client nfs_client_kernel = {
    .name = "kernel",
    .help = "a mount by the agent's kernel",
    .attempt = nfs_helper_attempt,
    .open = kernel_open,
    .close = kernel_close,
    .call = kernel_call,
    .wire_bytes = kernel_wire_bytes,
};
