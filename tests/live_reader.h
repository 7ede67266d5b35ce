/* Those who read a live page: requests to its server as they go over the wire, and what comes back. */
#ifndef ROAMLAB_LIVE_READER_H
#define ROAMLAB_LIVE_READER_H

#include "buf.h"
#include "mem.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_S = 200 };

static inline int reader_open(uint16_t port, int receive_bytes, const char *request)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct timeval patience = {PATIENCE_S, 0};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    if (receive_bytes)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_bytes, sizeof receive_bytes), 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(write(fd, request, strlen(request)), strlen(request));
    return fd;
}

/* Reads on until `wanted` has come, or the end if NULL. */
static inline void reader_hear(int fd, struct buf *heard, const char *wanted)
{
    char chunk[16384];
    ssize_t got;
    while (!(wanted && heard->len && strstr(buf_text(heard), wanted))) {
        if ((got = read(fd, chunk, sizeof chunk)) <= 0) {
            if (wanted || got < 0)
                fail_msg("no %s in: %s", wanted ? wanted : "end", buf_text(heard));
            return;
        }
        buf_add(heard, chunk, (size_t)got);
    }
}

static inline char *request_for(const char *method, const char *path, const char *host, uint16_t port)
{
    autofree char *us = mem_printf("127.0.0.1:%u", port);
    return mem_printf("%s %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n", method, path,
                      host ? host : us);
}

static inline int reader_of_events(uint16_t port, int receive_bytes)
{
    autofree char *request = request_for("GET", "/events", NULL, port);
    return reader_open(port, receive_bytes, request);
}

/* The whole answer; free() it. */
static inline char *ask(uint16_t port, const char *method, const char *path, const char *host)
{
    autofree char *request = request_for(method, path, host, port);
    struct buf heard = BUF_INIT;
    int fd = reader_open(port, 0, request);
    reader_hear(fd, &heard, NULL);
    close(fd);
    char *text = mem_copy_string(buf_text(&heard));
    buf_free(&heard);
    return text;
}

static inline bool is_status(const char *answer, int status)
{
    autofree char *begin = mem_printf("HTTP/1.1 %d ", status);
    return strncmp(answer, begin, strlen(begin)) == 0;
}

#endif
