/* What a TCP connection has sent and moved, from the kernel's TCP_INFO. */
#ifndef ROAMLAB_TCP_COUNT_H
#define ROAMLAB_TCP_COUNT_H

#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

enum { TCP_SEGMENT_HEADERS = 52 }; /* IPv4 and TCP with time stamps */

/* False if `fd` is no TCP socket. */
static inline bool tcp_info_get(int fd, struct tcp_info *info)
{
    socklen_t len = sizeof *info;
    *info = (struct tcp_info){0};
    return getsockopt(fd, IPPROTO_TCP, TCP_INFO, info, &len) == 0;
}

/* Not one that either side has closed or reset. */
static inline bool tcp_stands(const struct tcp_info *info)
{
    enum { ESTABLISHED = 1 /* as in the kernel's tcp_states.h */ };
    return info->tcpi_state == ESTABLISHED;
}

/* IP bytes sent: payload with resends, and the headers of every segment. */
static inline uint64_t tcp_wire_bytes(const struct tcp_info *info)
{
    return info->tcpi_bytes_sent + (uint64_t)info->tcpi_segs_out * TCP_SEGMENT_HEADERS;
}

/* The same in both directions. */
static inline uint64_t tcp_wire_bytes_both(const struct tcp_info *info)
{
    return tcp_wire_bytes(info) + info->tcpi_bytes_received +
           (uint64_t)info->tcpi_segs_in * TCP_SEGMENT_HEADERS;
}

/* Moves as long as the peer does: what it has acknowledged and sent. */
static inline uint64_t tcp_progress(const struct tcp_info *info)
{
    return info->tcpi_bytes_acked + info->tcpi_bytes_received;
}

#endif
