/* A TLS 1.3 connection (RFC 8446) used by one thread, with limits on waiting.
 *
 * Both sides know the run's key and nothing else: external PSK with an ephemeral Diffie-Hellman exchange, so the key authenticates both and
 * recorded traffic stays secret if it leaks later. Cipher: TLS_AES_128_GCM_SHA256, the one that goes with such keys. TCP and TLS take one
 * round trip each before the first byte. */
#ifndef ROAMLAB_STREAM_TLS_H
#define ROAMLAB_STREAM_TLS_H

#include "transfer.h"

#include <linux/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>

/* The key of a run, FOLDER/stream_key: made once (32 random bytes), read by both sides. */
int stream_key_make(const char *folder, struct err *e);
/* free with SSL_CTX_free; NULL and `e` on failure. */
SSL_CTX *stream_tls_context(const char *folder, struct err *e);

struct stream_tls {
    int fd; /* -1 = closed; non-blocking */
    SSL *ssl;
    int stop_fd; /* every wait ends with -ECANCELED when it is readable; the owner's */
    struct simtime
        patience;      /* a wait during which no byte moves for so long ends with -ETIMEDOUT; 0 = none */
    uint64_t progress; /* acknowledged and received so far, at the last look */
};

/* Connections of this network namespace keep their window over idle times (net.ipv4.tcp_slow_start_after_idle). */
int stream_tls_keep_windows(struct err *e);

/* Starts the thread that shall use connections; no signal is delivered to it. */
int stream_thread_start(pthread_t *thread, void *(*run)(void *), void *argument, struct err *e);

/* Connects within `timeout`; t->stop_fd and t->patience are set before. */
int stream_tls_connect(struct stream_tls *t, SSL_CTX *context, const struct transfer_host *host,
                       struct simtime timeout, struct err *e);
/* Takes over an accepted socket. */
int stream_tls_accept(struct stream_tls *t, SSL_CTX *context, int fd, struct simtime timeout, struct err *e);
void stream_tls_close(struct stream_tls *t); /* harmless when closed */

/* All of it. */
int stream_tls_write(struct stream_tls *t, const void *bytes, size_t len, struct err *e);
/* Exactly so many bytes. -ECONNRESET when the peer has gone. */
int stream_tls_read(struct stream_tls *t, void *bytes, size_t len, struct err *e);
/* 1: something can be read; 0: nothing yet. Waits until something can, or `wake_fd` (-1 = none) is readable: so long at most, -1 = as long as patience
 * lasts. */
int stream_tls_readable(struct stream_tls *t, int wait_ms, int wake_fd, struct err *e);
/* True if the kernel has next to nothing left to send: the link is faster than we are. */
bool stream_tls_hungry(const struct stream_tls *t);
struct tcp_info stream_tls_info(const struct stream_tls *t);

#endif
