/* The ssh connection by which whoever shapes links is on this machine: a link of 100 % loss on its interface would be the last thing that is heard.
 * sshd names it in SSH_CONNECTION (ssh(1)), which sudo takes away: it is asked for in the processes that have led here. */
#include "link_set.h"
#include "mem.h"
#include "proc.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ssh_connection {
    char client[64], server[64]; /* numeric addresses */
};

/* SSH_CONNECTION is "CLIENT PORT SERVER PORT". */
static bool find_connection(struct ssh_connection *c)
{
    const char *own = getenv("SSH_CONNECTION");
    autofree char *text = own ? mem_copy_string(own) : NULL;
    for (pid_t pid = getppid(); !text && pid > 0; pid = proc_status(pid, "PPid"))
        text = proc_text_after(pid, "environ", "SSH_CONNECTION=");
    return text && sscanf(text, "%63s %*s %63s", c->client, c->server) == 2;
}

static bool has_address(const struct ifaddrs *a, const char *address)
{
    char text[64];
    socklen_t len = a->ifa_addr && a->ifa_addr->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                                      : sizeof(struct sockaddr_in);
    return a->ifa_addr && getnameinfo(a->ifa_addr, len, text, sizeof text, NULL, 0, NI_NUMERICHOST) == 0 &&
           !strcmp(text, address);
}

/* free() it; NULL: no interface here has it. */
static char *interface_with(const char *address)
{
    struct ifaddrs *all;
    char *name = NULL;
    if (getifaddrs(&all) < 0)
        return NULL;
    for (const struct ifaddrs *a = all; a && !name; a = a->ifa_next)
        if (has_address(a, address))
            name = mem_copy_string(a->ifa_name);
    freeifaddrs(all);
    return name;
}

/* A peer is IPv4: what speaks IPv6 is then left alone. */
static bool shapes(const struct links_entry *entry, const char *client)
{
    struct in_addr address;
    if (entry->peer_prefix == 0)
        return true;
    uint32_t mask = ~(uint32_t)0 << (32 - entry->peer_prefix);
    return inet_pton(AF_INET, client, &address) == 1 &&
           ((ntohl(address.s_addr) ^ ntohl(entry->peer.s_addr)) & mask) == 0;
}

int link_set_check_ssh(const struct links_file *file, struct err *e)
{
    struct ssh_connection c;
    autofree char *interface = find_connection(&c) ? interface_with(c.server) : NULL;
    for (int i = 0; interface && i < file->links.link_count; i++)
        for (int k = 0; k < 2; k++) {
            const struct links_end *end = &file->entries[i].ends[k];
            if (!end->interface || end->namespace || strcmp(end->interface, interface) ||
                !shapes(&file->entries[i], c.client))
                continue;
            err_set(e, EBUSY, "links.%d.%s: %s carries the ssh connection by which you are here", i,
                    k ? "there" : "here", interface);
            return err_hint(e, "limit the link by peer, or say --ssh-too");
        }
    return 0;
}
