/* Traffic between two namespaces from one process: sockets stay in the namespace in which they were
 * opened. */
#ifndef ROAMLAB_LINK_FIXTURE_H
#define ROAMLAB_LINK_FIXTURE_H

#include "clock.h"
#include "netns.h"

#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FIXTURE_PORT = 7000, FIXTURE_UDP_BYTES = 1472 /* 1500 of IP, 1514 on the line */ };

struct place {
    const char *namespace;
    const char *address;
};

static inline void must(int good, const char *what)
{
    if (!good) {
        fprintf(stderr, "%s: %s\n", what, strerror(errno));
        abort();
    }
}

static inline struct sockaddr_in socket_address(const struct place *place)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(FIXTURE_PORT)};
    must(inet_pton(AF_INET, place->address, &a.sin_addr) == 1, place->address);
    return a;
}

/* A bound socket with a receive timeout and large buffers. */
static inline int socket_at(const struct place *place, int type, int timeout_ms)
{
    int back, size = 16 << 20, one = 1;
    struct err e = ERR_INIT;
    must(netns_enter(place->namespace, &back, &e) == 0, e.text);
    int fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
    netns_leave(back);
    struct sockaddr_in a = socket_address(place);
    struct timeval timeout = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
    if (type == SOCK_DGRAM) {
        setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof size);
        setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
    }
    must(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0, "bind");
    return fd;
}

static inline void send_from(int fd, const struct place *to, const void *bytes, size_t len)
{
    struct sockaddr_in a = socket_address(to);
    must(sendto(fd, bytes, len, 0, (struct sockaddr *)&a, sizeof a) == (ssize_t)len, "sendto");
}

/* The shortest of `tries` round trips in ms, which a busy machine does not change; -1 if one got lost. */
static inline double round_trip_ms(const struct place *a, const struct place *b, int tries)
{
    double shortest = INFINITY;
    int here = socket_at(a, SOCK_DGRAM, 3000), there = socket_at(b, SOCK_DGRAM, 3000);
    char bytes[64] = "there and back";
    int done = 0;
    for (; done < tries; done++) {
        struct simtime start = clock_monotonic();
        send_from(here, b, bytes, sizeof bytes);
        if (recv(there, bytes, sizeof bytes, 0) < 0)
            break;
        send_from(there, a, bytes, sizeof bytes);
        if (recv(here, bytes, sizeof bytes, 0) < 0)
            break;
        shortest = fmin(shortest, simtime_to_ms(simtime_sub(clock_monotonic(), start)));
    }
    close(here);
    close(there);
    return done < tries ? -1 : shortest;
}

struct burst {
    int received;
    double seconds; /* from the first sending to the last arrival */
};

/* `count` datagrams of full size at once (`pause_us` 0) or paced, and what arrives: all, or until it has been silent for a second behind the
 * last. */
struct burst_receiver {
    int fd, count;
    atomic_bool all_sent;
    struct burst result;
    struct simtime last;
};

static inline void *receive_burst(void *argument)
{
    struct burst_receiver *receiver = argument;
    char bytes[FIXTURE_UDP_BYTES];
    while (receiver->result.received < receiver->count) {
        bool last = atomic_load(&receiver->all_sent);
        if (recv(receiver->fd, bytes, sizeof bytes, 0) > 0) {
            receiver->last = clock_monotonic();
            receiver->result.received++;
        } else if (last) {
            break;
        }
    }
    return NULL;
}

static inline struct burst send_burst(const struct place *from, const struct place *to, int count,
                                      int pause_us)
{
    struct burst_receiver receiver = {.fd = socket_at(to, SOCK_DGRAM, 1000), .count = count};
    int fd = socket_at(from, SOCK_DGRAM, 1000);
    char bytes[FIXTURE_UDP_BYTES] = {0};
    struct simtime start = clock_monotonic();
    pthread_t thread;
    must(pthread_create(&thread, NULL, receive_burst, &receiver) == 0, "thread");
    for (int i = 0; i < count; i++) {
        send_from(fd, to, bytes, sizeof bytes);
        if (pause_us)
            usleep((useconds_t)pause_us);
    }
    atomic_store(&receiver.all_sent, true);
    pthread_join(thread, NULL);
    close(fd);
    close(receiver.fd);
    receiver.result.seconds = simtime_seconds(simtime_sub(receiver.last, start));
    return receiver.result;
}

struct stream {
    int fd;
    struct place to;
    size_t bytes;
    char congestion[16];
};

static inline void *send_stream(void *argument)
{
    struct stream *stream = argument;
    struct sockaddr_in a = socket_address(&stream->to);
    static const char bytes[65536];
    must(connect(stream->fd, (struct sockaddr *)&a, sizeof a) == 0, "connect");
    socklen_t len = sizeof stream->congestion;
    getsockopt(stream->fd, IPPROTO_TCP, TCP_CONGESTION, stream->congestion, &len);
    for (size_t sent = 0; sent < stream->bytes;) {
        ssize_t n = write(stream->fd, bytes, sizeof bytes);
        must(n > 0, "write");
        sent += (size_t)n;
    }
    close(stream->fd);
    return NULL;
}

/* Mbit/s of TCP payload for about `bytes`, and the congestion control that it ran under. */
static inline double tcp_mbit(const struct place *from, const struct place *to, size_t bytes,
                              char congestion[16])
{
    struct stream stream = {.fd = socket_at(from, SOCK_STREAM, 5000), .to = *to, .bytes = bytes};
    int listening = socket_at(to, SOCK_STREAM, 5000);
    static char sink[1 << 18];
    pthread_t thread;
    must(listen(listening, 1) == 0, "listen");
    must(pthread_create(&thread, NULL, send_stream, &stream) == 0, "thread");
    int fd = accept(listening, NULL, NULL);
    must(fd >= 0, "accept");
    struct simtime start = clock_monotonic();
    ssize_t got;
    size_t sum = 0;
    while ((got = read(fd, sink, sizeof sink)) > 0)
        sum += (size_t)got;
    double seconds = simtime_seconds(simtime_sub(clock_monotonic(), start));
    pthread_join(thread, NULL);
    close(fd);
    close(listening);
    if (congestion)
        memcpy(congestion, stream.congestion, sizeof stream.congestion);
    return (double)sum * 8 / 1e6 / seconds;
}

#endif
