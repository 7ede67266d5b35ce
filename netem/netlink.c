#include "netlink.h"
#include "mem.h"
#include "netns.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

enum { REQUEST_BYTES = 48 << 10 /* the longest has a distribution table of 32 KiB in it */ };

struct netlink {
    struct nl_sock *socket;
    struct nl_cb *callbacks;
    void (*each)(struct nlmsghdr *answer, void *context);
    void *context;
    bool done;
    int error;      /* positive errno of the kernel's answer */
    char says[256]; /* the kernel's sentence */
};

static int on_answer(struct nl_msg *answer, void *argument)
{
    struct netlink *netlink = argument;
    if (netlink->each)
        netlink->each(nlmsg_hdr(answer), netlink->context);
    return NL_OK;
}

static int on_end(struct nl_msg *answer, void *argument)
{
    (void)answer;
    struct netlink *netlink = argument;
    netlink->done = true;
    return NL_STOP;
}

/* libnl 3.7 knows nothing of the sentence behind the error: it stands in attributes after the echoed
 * header. */
static void keep_sentence(struct netlink *netlink, struct nlmsgerr *answer)
{
    struct nlmsghdr *outer = (struct nlmsghdr *)((char *)answer - NLMSG_HDRLEN);
    size_t echoed = outer->nlmsg_flags & NLM_F_CAPPED
                        ? sizeof *answer
                        : sizeof *answer - sizeof answer->msg + answer->msg.nlmsg_len;
    echoed = NLMSG_ALIGN(echoed);
    size_t len = outer->nlmsg_len - NLMSG_HDRLEN;
    if (!(outer->nlmsg_flags & NLM_F_ACK_TLVS) || echoed >= len)
        return;
    struct nlattr *sentence =
        nla_find((struct nlattr *)((char *)answer + echoed), (int)(len - echoed), NLMSGERR_ATTR_MSG);
    if (sentence)
        nla_strlcpy(netlink->says, sentence, sizeof netlink->says);
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *answer, void *argument)
{
    (void)from;
    struct netlink *netlink = argument;
    netlink->done = true;
    netlink->error = -answer->error;
    keep_sentence(netlink, answer);
    return NL_STOP;
}

static int connect_in(struct netlink *netlink, const char *netns, struct err *e)
{
    int back;
    int status = netns_enter(netns, &back, e);
    if (status < 0)
        return status;
    int code = nl_connect(netlink->socket, NETLINK_ROUTE);
    netns_leave(back);
    return code < 0 ? err_set(e, EIO, "netlink: %s", nl_geterror(code)) : 0;
}

struct netlink *netlink_open(const char *netns, struct err *e)
{
    struct netlink *netlink = mem_alloc(sizeof *netlink);
    netlink->socket = nl_socket_alloc();
    netlink->callbacks = nl_cb_alloc(NL_CB_DEFAULT);
    if (!netlink->socket || !netlink->callbacks || connect_in(netlink, netns, e) < 0) {
        netlink_free(netlink);
        return NULL;
    }
    int on = 1, fd = nl_socket_get_fd(netlink->socket);
    setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof on);
    setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    nl_cb_set(netlink->callbacks, NL_CB_VALID, NL_CB_CUSTOM, on_answer, netlink);
    nl_cb_set(netlink->callbacks, NL_CB_FINISH, NL_CB_CUSTOM, on_end, netlink);
    nl_cb_set(netlink->callbacks, NL_CB_ACK, NL_CB_CUSTOM, on_end, netlink);
    nl_cb_err(netlink->callbacks, NL_CB_CUSTOM, on_error, netlink);
    return netlink;
}

void netlink_free(struct netlink *netlink)
{
    if (!netlink)
        return;
    nl_cb_put(netlink->callbacks);
    nl_socket_free(netlink->socket);
    free(netlink);
}

struct nl_msg *netlink_request(int type, int flags, const void *header, size_t header_len)
{
    struct nl_msg *request = nlmsg_alloc_size(REQUEST_BYTES);
    if (!request || !nlmsg_put(request, NL_AUTO_PORT, NL_AUTO_SEQ, type, 0, NLM_F_REQUEST | flags) ||
        nlmsg_append(request, (void *)(uintptr_t)header, header_len, NLMSG_ALIGNTO) < 0)
        abort(); /* only an exhausted memory gets here */
    return request;
}

/* `each` sees every answer, unless it is NULL. */
static int exchange(struct netlink *netlink, struct nl_msg *request,
                    void (*each)(struct nlmsghdr *answer, void *context), void *context, const char *what,
                    struct err *e)
{
    netlink->each = each;
    netlink->context = context;
    netlink->done = false;
    netlink->error = 0;
    netlink->says[0] = '\0';
    int code = nl_send_auto(netlink->socket, request);
    nlmsg_free(request);
    while (code >= 0 && !netlink->done)
        code = nl_recvmsgs(netlink->socket, netlink->callbacks);
    if (netlink->error)
        return err_set(e, netlink->error, "%s: %s%s%s%s", what, strerror(netlink->error),
                       netlink->says[0] ? " (" : "", netlink->says, netlink->says[0] ? ")" : "");
    return code < 0 && !netlink->done ? err_set(e, EIO, "%s: netlink: %s", what, nl_geterror(code)) : 0;
}

int netlink_send(struct netlink *netlink, struct nl_msg *request, const char *what, struct err *e)
{
    nlmsg_hdr(request)->nlmsg_flags |= NLM_F_ACK;
    return exchange(netlink, request, NULL, NULL, what, e);
}

int netlink_dump(struct netlink *netlink, struct nl_msg *request,
                 void (*each)(struct nlmsghdr *answer, void *context), void *context, const char *what,
                 struct err *e)
{
    nlmsg_hdr(request)->nlmsg_flags |= NLM_F_DUMP;
    return exchange(netlink, request, each, context, what, e);
}

static void keep_info(struct nlmsghdr *answer, void *context)
{
    if (answer->nlmsg_type == RTM_NEWLINK)
        *(struct ifinfomsg *)context = *(const struct ifinfomsg *)nlmsg_data(answer);
}

int netlink_interface_flags(struct netlink *netlink, const char *name, unsigned *flags, struct err *e)
{
    struct ifinfomsg info = {.ifi_family = AF_UNSPEC};
    struct nl_msg *request = netlink_request(RTM_GETLINK, NLM_F_ACK, &info, sizeof info);
    nla_put_string(request, IFLA_IFNAME, name);
    autofree char *what = mem_printf("interface %s", name);
    int status = exchange(netlink, request, keep_info, &info, what, e);
    *flags = info.ifi_flags;
    return status < 0 ? status : info.ifi_index ? info.ifi_index : err_set(e, ENODEV, "%s: not there", what);
}

int netlink_interface(struct netlink *netlink, const char *name, struct err *e)
{
    unsigned flags;
    return netlink_interface_flags(netlink, name, &flags, e);
}
