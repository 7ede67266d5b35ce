#include "tcp_diag.h"
#include "mem.h"
#include "tcp_count.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>

enum { ESTABLISHED = 1 << 1 }; /* of TCP's states, TCP_ESTABLISHED is the first */

typedef uint64_t bytes_of(const struct tcp_info *info);

struct count {
    struct in_addr address;
    in_port_t port;
    bytes_of *of;
    uint64_t bytes;
};

struct mnl_socket *tcp_diag_open(void)
{
    struct mnl_socket *diag = mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC);
    if (diag && mnl_socket_bind(diag, 0, MNL_SOCKET_AUTOPID) < 0)
        tcp_diag_close(steal(diag));
    return diag;
}

void tcp_diag_close(struct mnl_socket *diag)
{
    if (diag)
        mnl_socket_close(diag);
}

static int add_connection(const struct nlmsghdr *message, void *context)
{
    struct count *count = context;
    const struct inet_diag_msg *connection = mnl_nlmsg_get_payload(message);
    struct nlattr *attribute;
    if (connection->id.idiag_dst[0] != count->address.s_addr || connection->id.idiag_dport != count->port)
        return MNL_CB_OK;
    mnl_attr_for_each(attribute, message, sizeof *connection)
    {
        struct tcp_info info = {0};
        size_t len = mnl_attr_get_payload_len(attribute);
        if (mnl_attr_get_type(attribute) != INET_DIAG_INFO)
            continue;
        memcpy(&info, mnl_attr_get_payload(attribute), len < sizeof info ? len : sizeof info);
        count->bytes += count->of(&info);
    }
    return MNL_CB_OK;
}

static bool ask(struct mnl_socket *diag)
{
    uint8_t bytes[MNL_ALIGN(sizeof(struct nlmsghdr)) + sizeof(struct inet_diag_req_v2)] = {0};
    struct nlmsghdr *header = mnl_nlmsg_put_header(bytes);
    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    struct inet_diag_req_v2 *request = mnl_nlmsg_put_extra_header(header, sizeof *request);
    request->sdiag_family = AF_INET;
    request->sdiag_protocol = IPPROTO_TCP;
    request->idiag_ext = 1 << (INET_DIAG_INFO - 1);
    request->idiag_states = ESTABLISHED;
    return mnl_socket_sendto(diag, header, header->nlmsg_len) > 0;
}

static uint64_t sum(struct mnl_socket *diag, const struct transfer_host *to, bytes_of *of)
{
    struct count count = {.port = htons(to->port), .of = of};
    uint8_t answer[16384];
    int more = MNL_CB_OK;
    if (!diag || inet_pton(AF_INET, to->address, &count.address) != 1 || !ask(diag))
        return 0;
    while (more == MNL_CB_OK) {
        ssize_t len = mnl_socket_recvfrom(diag, answer, sizeof answer);
        more = len <= 0 ? MNL_CB_STOP : mnl_cb_run(answer, (size_t)len, 0, 0, add_connection, &count);
    }
    return count.bytes;
}

uint64_t tcp_diag_wire_bytes(struct mnl_socket *diag, const struct transfer_host *to)
{
    return sum(diag, to, tcp_wire_bytes_both);
}

uint64_t tcp_diag_progress(struct mnl_socket *diag, const struct transfer_host *to)
{
    return sum(diag, to, tcp_progress);
}
