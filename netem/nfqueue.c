#include "nfqueue.h"
#include "mem.h"
#include "netns.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <libnetfilter_queue/libnetfilter_queue.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum {
    COPIED_BYTES = 20,
    COPIED_WHOLE = 0xffff,
    MESSAGE_BYTES = 512, /* beside what is copied */
    VERDICT_MAX = 64,    /* a verdict without contents */
    KERNEL_QUEUE_PACKETS = 200000,
    RECEIVE_BUFFER = 64 << 20, /* notices of packets that arrive while the thread is kept from running */
};

static int send_message(struct nfqueue *queue, const struct nlmsghdr *message)
{
    return mnl_socket_sendto(queue->socket, message, message->nlmsg_len) < 0 ? -errno : 0;
}

static int send_acknowledged(struct nfqueue *queue, struct nlmsghdr *message)
{
    char answer[MNL_SOCKET_BUFFER_SIZE];
    message->nlmsg_flags |= NLM_F_ACK;
    message->nlmsg_seq = 1;
    int status = send_message(queue, message);
    if (status < 0)
        return status;
    ssize_t len = mnl_socket_recvfrom(queue->socket, answer, sizeof answer);
    int code =
        len < 0 ? -1 : mnl_cb_run(answer, (size_t)len, 1, mnl_socket_get_portid(queue->socket), NULL, NULL);
    return code < 0 ? -errno : 0;
}

static void put_copying(struct nlmsghdr *message, bool whole)
{
    nfq_nlmsg_cfg_put_params(message, NFQNL_COPY_PACKET, whole ? COPIED_WHOLE : COPIED_BYTES);
    mnl_attr_put_u32(message, NFQA_CFG_FLAGS, whole ? 0 : htonl(NFQA_CFG_F_GSO));
    mnl_attr_put_u32(message, NFQA_CFG_MASK, htonl(NFQA_CFG_F_GSO));
}

/* Packets cannot arrive before it is done, because the rule comes later. */
static int configure(struct nfqueue *queue)
{
    char buffer[MNL_SOCKET_BUFFER_SIZE];
    struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);
    nfq_nlmsg_cfg_put_cmd(message, AF_INET, NFQNL_CFG_CMD_BIND);
    int status = send_acknowledged(queue, message);
    if (status < 0)
        return status;
    message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);
    put_copying(message, false);
    nfq_nlmsg_cfg_put_qmaxlen(message, KERNEL_QUEUE_PACKETS);
    return send_acknowledged(queue, message);
}

static void resize(struct nfqueue *queue, size_t message_bytes)
{
    queue->message_bytes = message_bytes;
    queue->buffer = mem_resize(queue->buffer, NFQUEUE_BATCH * message_bytes);
}

/* Not acknowledged: answers would come among the packets. What it asks for was granted at the bind. */
int nfqueue_copy_whole(struct nfqueue *queue, bool whole, struct err *e)
{
    char buffer[MNL_SOCKET_BUFFER_SIZE];
    if (whole) /* never smaller again: there may be whole packets on their way */
        resize(queue, MESSAGE_BYTES + COPIED_WHOLE + 1);
    struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_CONFIG, queue->number);
    put_copying(message, whole);
    int status = send_message(queue, message);
    return status < 0 ? err_set(e, -status, "NFQUEUE %u: %s", queue->number, strerror(-status)) : 0;
}

int nfqueue_open(struct nfqueue *queue, const char *netns, uint16_t number, struct err *e)
{
    int back, one = 1, size = RECEIVE_BUFFER;
    int status = netns_enter(netns, &back, e);
    if (status < 0)
        return status;
    queue->number = number;
    queue->socket = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
    netns_leave(back);
    if (!queue->socket || mnl_socket_bind(queue->socket, 0, MNL_SOCKET_AUTOPID) < 0)
        status = err_errno(e, "netfilter netlink");
    else if ((status = configure(queue)) < 0)
        err_set(e, -status, "NFQUEUE %u: %s", number, strerror(-status));
    if (status < 0) {
        nfqueue_close(queue);
        return err_hint(e, "the kernel needs CONFIG_NETFILTER_NETLINK_QUEUE: modprobe nfnetlink_queue");
    }
    int fd = nfqueue_fd(queue);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
    setsockopt(fd, SOL_NETLINK, NETLINK_NO_ENOBUFS, &one, sizeof one);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    resize(queue, MESSAGE_BYTES);
    return 0;
}

void nfqueue_close(struct nfqueue *queue)
{
    if (queue->socket)
        mnl_socket_close(queue->socket);
    queue->socket = NULL;
    free(steal(queue->buffer));
}

int nfqueue_fd(const struct nfqueue *queue)
{
    return mnl_socket_get_fd(queue->socket);
}

static int64_t stamp_of(struct nlattr *attribute)
{
    struct nfqnl_msg_packet_timestamp
        stamp; /* attributes are aligned to four bytes, its members want eight */
    memcpy(&stamp, mnl_attr_get_payload(attribute), sizeof stamp);
    return (int64_t)be64toh(stamp.sec) * 1000000000 + (int64_t)be64toh(stamp.usec) * 1000;
}

static bool parse(const struct nlmsghdr *message, struct nfqueue_packet *packet)
{
    struct nlattr *a[NFQA_MAX + 1] = {NULL};
    if (NFNL_MSG_TYPE(message->nlmsg_type) != NFQNL_MSG_PACKET || nfq_nlmsg_parse(message, a) < 0 ||
        !a[NFQA_PACKET_HDR])
        return false;
    const struct nfqnl_msg_packet_hdr *header = mnl_attr_get_payload(a[NFQA_PACKET_HDR]);
    *packet = (struct nfqueue_packet){.number = ntohl(header->packet_id)};
    uint32_t copied = a[NFQA_PAYLOAD] ? mnl_attr_get_payload_len(a[NFQA_PAYLOAD]) : 0;
    packet->bytes = a[NFQA_CAP_LEN] ? ntohl(mnl_attr_get_u32(a[NFQA_CAP_LEN])) : copied;
    if (copied == packet->bytes)
        packet->contents = mnl_attr_get_payload(a[NFQA_PAYLOAD]);
    if (a[NFQA_TIMESTAMP])
        packet->arrived_ns = stamp_of(a[NFQA_TIMESTAMP]);
    return true;
}

int nfqueue_read(struct nfqueue *queue, struct nfqueue_packet packets[NFQUEUE_BATCH])
{
    struct iovec parts[NFQUEUE_BATCH];
    struct mmsghdr messages[NFQUEUE_BATCH] = {0};
    for (int i = 0; i < NFQUEUE_BATCH; i++) {
        parts[i] = (struct iovec){queue->buffer + (size_t)i * queue->message_bytes, queue->message_bytes};
        messages[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
    }
    int got = recvmmsg(nfqueue_fd(queue), messages, NFQUEUE_BATCH, MSG_DONTWAIT, NULL), count = 0;
    for (int i = 0; i < got; i++) {
        const struct nlmsghdr *message = parts[i].iov_base;
        if (mnl_nlmsg_ok(message, (int)messages[i].msg_len) && parse(message, &packets[count]))
            count++;
    }
    return count;
}

void nfqueue_flush(struct nfqueue *queue)
{
    if (queue->verdict_bytes)
        mnl_socket_sendto(queue->socket, queue->verdicts, queue->verdict_bytes);
    queue->verdict_bytes = 0;
}

static void verdict(struct nfqueue *queue, int type, uint32_t number, int what)
{
    if (queue->verdict_bytes + VERDICT_MAX > sizeof queue->verdicts)
        nfqueue_flush(queue);
    struct nlmsghdr *message = nfq_nlmsg_put(queue->verdicts + queue->verdict_bytes, type, queue->number);
    nfq_nlmsg_verdict_put(message, (int)number, what);
    queue->verdict_bytes += NLMSG_ALIGN(message->nlmsg_len);
}

void nfqueue_accept_up_to(struct nfqueue *queue, uint32_t number)
{
    verdict(queue, NFQNL_MSG_VERDICT_BATCH, number, NF_ACCEPT);
}

void nfqueue_accept(struct nfqueue *queue, uint32_t number)
{
    verdict(queue, NFQNL_MSG_VERDICT, number, NF_ACCEPT);
}

void nfqueue_drop(struct nfqueue *queue, uint32_t number)
{
    verdict(queue, NFQNL_MSG_VERDICT, number, NF_DROP);
}

void nfqueue_accept_as(struct nfqueue *queue, uint32_t number, const uint8_t *contents, uint32_t len)
{
    char buffer[MESSAGE_BYTES + COPIED_WHOLE + 1];
    nfqueue_flush(queue);
    struct nlmsghdr *message = nfq_nlmsg_put(buffer, NFQNL_MSG_VERDICT, queue->number);
    nfq_nlmsg_verdict_put(message, (int)number, NF_ACCEPT);
    nfq_nlmsg_verdict_put_pkt(message, contents, len);
    send_message(queue, message);
}

int nfqueue_stamping(struct err *e)
{
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0), one = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one) < 0)
        return err_errno(e, "arrival stamps");
    return fd;
}
