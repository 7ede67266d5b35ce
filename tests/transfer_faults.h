/* What happens to a transfer on its way: a link that is slow, connections that are cut; and what is at the peer then. */
#ifndef ROAMLAB_TRANSFER_FAULTS_H
#define ROAMLAB_TRANSFER_FAULTS_H

#include "transfer_fixture.h"

/* So much passes at 80 Mbit/s; what then comes takes minutes: no interference is too late, and speed_up() ends it. */
static inline void slow_down_behind(int megabytes)
{
    assert_int_equal(shell("tc qdisc add dev right root tbf rate 1mbit burst %dmb peakrate 80mbit mtu 64k limit 8mb",
                           megabytes),
                     0);
}

static inline void slow_down(void)
{
    slow_down_behind(10);
}

static inline void speed_up(void)
{
    assert_int_equal(shell("tc qdisc del dev right root"), 0);
}

/* At the peer, and where files lie between. */
static inline bool much_has_arrived(const struct fixture *f)
{
    return shell("test $(find '%s' -path '%s/out' -prune -o -type f -printf '%%s\\n' | awk '{sum += $1} END {print sum}') -gt %d",
                 f->folder, f->folder, ARRIVES_AT_ONCE) == 0;
}

static inline bool inbox_is_clean(const struct fixture *f)
{
    return shell("ls -A '%s/inbox' | grep -q stream-", f->folder) != 0;
}

/* Breaks this process's connections to the port, as a middle box would. */
static inline int break_connections(uint16_t port)
{
    int broken = 0;
    for (int fd = 3; fd < 256; fd++) {
        struct sockaddr_in to;
        socklen_t len = sizeof to;
        if (getpeername(fd, (struct sockaddr *)&to, &len) == 0 && to.sin_family == AF_INET &&
            to.sin_port == htons(port))
            broken += shutdown(fd, SHUT_RDWR) == 0;
    }
    return broken;
}

/* Both ends of the sender's TCP connections are reset, as by a middle box: the receiver's by its own kernel, in place of what it wants to
 * send, then the sender's by the receiver's. Later connections are let be. */
static inline void cut_connections(const struct fixture *f)
{
    assert_int_equal(
        shell("ss -Htn | awk '{n = split($4, part, \":\"); print part[n]}' > '%s/ports'", f->folder), 0);
    enter(f->right);
    assert_int_equal(shell("while read port; do iptables -I OUTPUT -p tcp --dport $port --tcp-flags RST NONE "
                           "-j REJECT --reject-with tcp-reset || exit 1; done < '%s/ports'",
                           f->folder),
                     0);
    enter(f->left);
}

#endif
