#include "iapp_connections.h"
#include "actor.h"
#include "iapp.h"
#include "mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BACKLOG = 64, READ_SIZE = 65536 };

struct connection {
    struct watch watch;
    struct iapp_connections *all;
    struct connection *next;
    struct party local, remote;
    enum { LISTENING, INCOMING, OUTGOING } kind;
    struct buf in, out;
};

struct iapp_connections {
    struct loop *loop;
    const struct layout *layout;
    iapp_arrival *arrival;
    void *context;
    struct connection *list; /* owned */
};

static struct sockaddr_in address_of(struct party p, uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(layout_address(p))};
}

static struct connection *add(struct iapp_connections *c, int fd, struct party local, struct party remote)
{
    struct connection *one = mem_alloc(sizeof *one);
    *one = (struct connection){.watch.fd = fd, .all = c, .next = c->list, .local = local, .remote = remote};
    c->list = one;
    return one;
}

static void drop(struct connection *one)
{
    struct connection **link = &one->all->list;
    while (*link != one)
        link = &(*link)->next;
    *link = one->next;
    loop_unwatch(one->all->loop, &one->watch);
    close(one->watch.fd);
    buf_free(&one->in);
    buf_free(&one->out);
    free(one);
}

/* --- incoming ------------------------------------------------------------------------------------------------------------------ */

static void hand_over_packets(struct connection *one)
{
    struct err e = ERR_INIT;
    int len;
    while ((len = iapp_packet_bytes(one->in.data, one->in.len, &e)) > 0 && (size_t)len <= one->in.len) {
        one->all->arrival(one->all->context, one->remote, one->local, one->in.data, (size_t)len);
        buf_consume(&one->in, (size_t)len);
    }
    if (len < 0)
        drop(one);
}

static void readable(struct watch *watch, uint32_t events)
{
    (void)events;
    struct connection *one = container_of(watch, struct connection, watch);
    buf_reserve(&one->in, READ_SIZE);
    ssize_t got = read(watch->fd, one->in.data + one->in.len, READ_SIZE);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0) {
        drop(one);
        return;
    }
    one->in.len += (size_t)got;
    hand_over_packets(one);
}

static void acceptable(struct watch *watch, uint32_t events)
{
    (void)events;
    struct connection *listener = container_of(watch, struct connection, watch);
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    int fd = accept4(watch->fd, (struct sockaddr *)&from, &from_len, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct party remote = layout_party_at(listener->all->layout, ntohl(from.sin_addr.s_addr));
    if (remote.role != PARTY_AP) {
        close(fd);
        return;
    }
    struct connection *one = add(listener->all, fd, listener->local, remote);
    one->kind = INCOMING;
    one->watch.ready = readable;
    if (loop_watch(one->all->loop, &one->watch, EPOLLIN, NULL) < 0)
        drop(one);
}

int iapp_connections_listen(struct iapp_connections *c, struct party ap, struct err *e)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in here = address_of(ap, IAPP_PORT);
    struct connection *one = add(c, fd, ap, (struct party){0});
    one->kind = LISTENING;
    one->watch.ready = acceptable;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) < 0 || listen(fd, BACKLOG) < 0)
        return err_errno(e, "%s: TCP port %d (IAPP)", layout_name(c->layout, ap), IAPP_PORT);
    return loop_watch(c->loop, &one->watch, EPOLLIN, e);
}

/* --- outgoing ------------------------------------------------------------------------------------------------------------------- */

static void write_some(struct connection *one)
{
    ssize_t wrote = one->out.len ? send(one->watch.fd, one->out.data, one->out.len, MSG_NOSIGNAL) : 0;
    if (wrote < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
        drop(one);
        return;
    }
    if (wrote > 0)
        buf_consume(&one->out, (size_t)wrote);
    loop_rewatch(one->all->loop, &one->watch, one->out.len ? EPOLLOUT | EPOLLIN : EPOLLIN, NULL);
}

/* Nobody sends anything back on it: readable means that it has ended. */
static void outgoing_ready(struct watch *watch, uint32_t events)
{
    struct connection *one = container_of(watch, struct connection, watch);
    if (events & (EPOLLIN | EPOLLERR | EPOLLHUP))
        drop(one);
    else
        write_some(one);
}

static struct connection *find_outgoing(struct iapp_connections *c, struct party from, struct party to)
{
    struct connection *one = c->list;
    while (one && (one->kind != OUTGOING || !party_equal(one->local, from) || !party_equal(one->remote, to)))
        one = one->next;
    return one;
}

static struct connection *open_outgoing(struct iapp_connections *c, struct party from, struct party to)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), on = 1;
    struct sockaddr_in here = address_of(from, 0), there = address_of(to, IAPP_PORT);
    struct connection *one = add(c, fd, from, to);
    one->kind = OUTGOING;
    one->watch.ready = outgoing_ready;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fd < 0 || bind(fd, (struct sockaddr *)&here, sizeof here) < 0 ||
        (connect(fd, (struct sockaddr *)&there, sizeof there) < 0 && errno != EINPROGRESS) ||
        loop_watch(c->loop, &one->watch, EPOLLOUT, NULL) < 0) {
        drop(one);
        return NULL;
    }
    return one;
}

void iapp_connections_open_all(struct iapp_connections *c)
{
    for (const struct connection *listener = c->list; listener; listener = listener->next)
        for (uint32_t i = 0; listener->kind == LISTENING && i < (uint32_t)c->layout->ap_count; i++)
            if (i != listener->local.index && !find_outgoing(c, listener->local, party_ap(i)))
                open_outgoing(c, listener->local, party_ap(i));
}

void iapp_connections_send(struct iapp_connections *c, struct party from, struct party to, const void *packet, size_t len)
{
    struct connection *one = find_outgoing(c, from, to);
    if (!one)
        one = open_outgoing(c, from, to);
    if (!one)
        return;
    buf_add(&one->out, packet, len);
    write_some(one);
}

struct iapp_connections *iapp_connections_new(struct loop *loop, const struct layout *layout, iapp_arrival *arrival, void *context)
{
    struct iapp_connections *c = mem_alloc(sizeof *c);
    *c = (struct iapp_connections){loop, layout, arrival, context, NULL};
    return c;
}

void iapp_connections_free(struct iapp_connections *c)
{
    while (c && c->list)
        drop(c->list);
    free(c);
}
