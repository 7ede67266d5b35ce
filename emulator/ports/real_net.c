#include "real_net.h"
#include "codec.h"
#include "iapp_connections.h"
#include "mem.h"
#include "tzsp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DATAGRAM_MAX = 65535, RECEIVE_BUFFER = 4 << 20 };

struct real_socket {
    struct watch watch;
    struct real_net *net;
    struct party party;
    enum codec_way way;
};

struct real_net {
    struct loop *loop;
    struct cast *cast;
    struct real_socket *sockets; /* owned */
    size_t socket_count;
    struct iapp_connections *iapp; /* owned */
    uint64_t errors;
};

int real_net_udp(uint32_t address, uint16_t port, struct err *e)
{
    char text[16];
    layout_address_text(address, text);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), size = RECEIVE_BUFFER;
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(address)};
    if (fd < 0)
        return err_errno(e, "UDP socket");
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    if (bind(fd, (struct sockaddr *)&to, sizeof to) < 0) {
        err_errno(e, "UDP %s:%u", text, port);
        close(fd);
        return -e->code;
    }
    return fd;
}

bool real_net_receive(int fd, struct real_datagram *d)
{
    static uint8_t bytes[DATAGRAM_MAX];
    struct sockaddr_in from;
    socklen_t from_len = sizeof from;
    ssize_t got = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &from_len);
    if (got < 0)
        return false;
    *d = (struct real_datagram){ntohl(from.sin_addr.s_addr), bytes, (size_t)got};
    return true;
}

/* Actors use the parties that a message names as indices. */
static bool knows_parties(const struct layout *l, const struct msg *m)
{
    static const struct iapp_context none = {0};
    const struct iapp_context *token = m->token ? m->token : &none;
    const struct party named[] = {m->other, m->offload.peer, token->anchor_edge, token->anchor_ap};
    for (size_t i = 0; i < ARRAY_LEN(named); i++)
        if (named[i].role != PARTY_NONE && !layout_party(l, named[i]))
            return false;
    return true;
}

static void decode_and_hand_over(struct real_net *net, enum codec_way way, struct party from, struct party to,
                                 const void *bytes, size_t len)
{
    struct codec_received received;
    struct err e = ERR_INIT;
    if (codec_decode(way, from, to, bytes, len, &received, &e) == 0 &&
        knows_parties(net->cast->layout, &received.m))
        cast_receive(net->cast, &received.m);
    else
        net->errors++;
    codec_received_free(&received);
}

static void readable(struct watch *watch, uint32_t events)
{
    struct real_socket *s = container_of(watch, struct real_socket, watch);
    struct real_datagram d;
    (void)events;
    for (int i = 0; i < REAL_DATAGRAMS_A_TURN && real_net_receive(watch->fd, &d); i++) {
        struct party sender = layout_party_at(s->net->cast->layout, d.from);
        if (sender.role == PARTY_NONE)
            s->net->errors++;
        else
            decode_and_hand_over(s->net, s->way, sender, s->party, d.bytes, d.len);
    }
}

static int add_socket(struct real_net *net, struct party party, enum codec_way way, struct err *e)
{
    int fd = real_net_udp(layout_address(party), way == CODEC_AIR ? TZSP_PORT : CODEC_DATAGRAM_PORT, e);
    if (fd < 0)
        return fd;
    struct real_socket *s = &net->sockets[net->socket_count++];
    *s = (struct real_socket){{readable, fd}, net, party, way};
    return loop_watch(net->loop, &s->watch, EPOLLIN, e);
}

static int add_sockets(struct real_net *net, const struct layout_party *parties, int count, uint8_t role, int host, struct err *e)
{
    int status = 0;
    for (int i = 0; i < count && status == 0; i++) {
        struct party p = {.role = role, .index = (uint32_t)i};
        if (parties[i].host != host)
            continue;
        if (role != PARTY_EDGE)
            status = add_socket(net, p, CODEC_AIR, e);
        if (status == 0 && role != PARTY_MUD)
            status = add_socket(net, p, CODEC_DATAGRAM, e);
        if (status == 0 && role == PARTY_AP)
            status = iapp_connections_listen(net->iapp, p, e);
    }
    return status;
}

static void token_arrives(void *context, struct party from, struct party to, const void *bytes, size_t len)
{
    decode_and_hand_over(context, CODEC_TOKEN, from, to, bytes, len);
}

struct real_net *real_net_new(struct loop *loop, struct cast *cast, int host, struct err *e)
{
    const struct layout *l = cast->layout;
    struct real_net *net = mem_alloc(sizeof *net);
    *net = (struct real_net){.loop = loop, .cast = cast};
    net->sockets = mem_alloc_array((size_t)(l->mud_count + 2 * l->ap_count + l->edge_count), sizeof *net->sockets);
    net->iapp = iapp_connections_new(loop, l, token_arrives, net);
    if (add_sockets(net, l->muds, l->mud_count, PARTY_MUD, host, e) < 0 ||
        add_sockets(net, l->aps, l->ap_count, PARTY_AP, host, e) < 0 ||
        add_sockets(net, l->edges, l->edge_count, PARTY_EDGE, host, e) < 0) {
        real_net_free(net);
        return NULL;
    }
    return net;
}

void real_net_free(struct real_net *net)
{
    if (!net)
        return;
    for (size_t i = 0; i < net->socket_count; i++) {
        loop_unwatch(net->loop, &net->sockets[i].watch);
        close(net->sockets[i].watch.fd);
    }
    iapp_connections_free(net->iapp);
    free(net->sockets);
    free(net);
}

void real_net_connect(struct real_net *net)
{
    iapp_connections_open_all(net->iapp);
}

static struct real_socket *socket_of(struct real_net *net, struct party party, enum codec_way way)
{
    for (size_t i = 0; i < net->socket_count; i++)
        if (party_equal(net->sockets[i].party, party) && net->sockets[i].way == way)
            return &net->sockets[i];
    return NULL;
}

static int send_datagram(struct real_net *net, const struct msg *m, enum codec_way way, const struct buf *bytes)
{
    struct real_socket *s = socket_of(net, m->from, way);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(way == CODEC_AIR ? TZSP_PORT : CODEC_DATAGRAM_PORT),
                             .sin_addr.s_addr = htonl(layout_address(m->to))};
    if (!s)
        return -ENOENT;
    return sendto(s->watch.fd, bytes->data, bytes->len, 0, (struct sockaddr *)&to, sizeof to) < 0 ? -errno : 0;
}

void real_net_send(struct real_net *net, const struct msg *m)
{
    enum codec_way way = codec_way_of(m);
    struct buf bytes = BUF_INIT;
    struct err e = ERR_INIT;
    int status = codec_encode(m, net->cast->layout->seed, &bytes, &e);
    if (status == 0 && way == CODEC_TOKEN)
        iapp_connections_send(net->iapp, m->from, m->to, bytes.data, bytes.len);
    else if (status == 0)
        status = send_datagram(net, m, way, &bytes);
    net->errors += status < 0;
    buf_free(&bytes);
}

uint64_t real_net_errors(const struct real_net *net)
{
    return net->errors;
}
