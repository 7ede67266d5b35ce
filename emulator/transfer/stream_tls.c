#include "stream_tls.h"
#include "files.h"
#include "mem.h"
#include "pace.h"
#include "tcp_count.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum { KEY_BYTES = 32, LOOK_EVERY_MS = 100, HUNGRY_BYTES = 64 * 1024 };

/* --- the run's key ------------------------------------------------------------------------------------------------------------ */

static char *key_path(const char *folder)
{
    return mem_printf("%s/stream_key", folder);
}

int stream_key_make(const char *folder, struct err *e)
{
    autofree char *path = key_path(folder);
    uint8_t key[KEY_BYTES];
    if (RAND_bytes(key, sizeof key) != 1)
        return err_set(e, EIO, "stream: no random bytes for the run's key");
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, key, sizeof key) != sizeof key)
        return err_errno(e, "stream: key %s", path);
    return 0;
}

static void free_key(void *parent, void *key, CRYPTO_EX_DATA *data, int index, long argl, void *argp)
{
    (void)parent, (void)data, (void)index, (void)argl, (void)argp;
    if (key)
        OPENSSL_cleanse(key, KEY_BYTES);
    free(key);
}

static int key_index(void)
{
    static int index = -1;
    if (index < 0)
        index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_key);
    return index;
}

static unsigned give_key(SSL *ssl, uint8_t *out, unsigned max)
{
    const uint8_t *key = SSL_CTX_get_ex_data(SSL_get_SSL_CTX(ssl), key_index());
    if (max < KEY_BYTES)
        return 0;
    memcpy(out, key, KEY_BYTES);
    return KEY_BYTES;
}

static unsigned client_key(SSL *ssl, const char *hint, char *identity, unsigned identity_max, uint8_t *out,
                           unsigned max)
{
    (void)hint;
    snprintf(identity, identity_max, "roamlab");
    return give_key(ssl, out, max);
}

static unsigned server_key(SSL *ssl, const char *identity, uint8_t *out, unsigned max)
{
    return strcmp(identity, "roamlab") ? 0 : give_key(ssl, out, max);
}

static uint8_t *read_key(const char *folder, struct err *e)
{
    autofree char *path = key_path(folder);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        err_errno(e, "stream: key %s", path);
        return NULL;
    }
    uint8_t *key = mem_alloc(KEY_BYTES);
    if (read(fd, key, KEY_BYTES) == KEY_BYTES)
        return key;
    err_set(e, EINVAL, "stream: key %s: too short", path);
    free(key);
    return NULL;
}

/* No certificate is loaded: without the key there is no cipher in common. */
SSL_CTX *stream_tls_context(const char *folder, struct err *e)
{
    uint8_t *key = read_key(folder, e);
    if (!key)
        return NULL;
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    SSL_CTX_set_ex_data(context, key_index(), key);
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_ciphersuites(context, "TLS_AES_128_GCM_SHA256");
    SSL_CTX_set_num_tickets(context, 0);
    SSL_CTX_set_psk_client_callback(context, client_key);
    SSL_CTX_set_psk_server_callback(context, server_key);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    return context;
}

/* --- waiting ------------------------------------------------------------------------------------------------------------------ */

struct tcp_info stream_tls_info(const struct stream_tls *t)
{
    struct tcp_info info;
    tcp_info_get(t->fd, &info);
    return info;
}

static bool moved(struct stream_tls *t)
{
    struct tcp_info info = stream_tls_info(t);
    uint64_t before = t->progress;
    t->progress = tcp_progress(&info);
    return t->progress != before;
}

/* Until the socket is ready for `events` or `wake_fd` is readable; the time without a moving byte is bounded. */
static int wait_for(struct stream_tls *t, short events, int wake_fd, struct err *e)
{
    struct simtime since = clock_monotonic();
    struct pollfd fds[] = {{t->fd, events, 0}, {t->stop_fd, POLLIN, 0}, {wake_fd, POLLIN, 0}};
    for (;;) {
        int ready = poll(fds, ARRAY_LEN(fds), t->patience.ns ? LOOK_EVERY_MS : -1);
        if (fds[1].revents)
            return err_set(e, ECANCELED, "called off");
        if (ready > 0)
            return 0;
        struct simtime now = clock_monotonic();
        if (moved(t))
            since = now;
        else if (simtime_before(simtime_add(since, t->patience), now))
            return err_set(e, ETIMEDOUT, "no byte for %g s", simtime_seconds(t->patience));
    }
}

/* What an SSL call that did not succeed wants: waits for it, or says what is wrong. */
static int after(struct stream_tls *t, int result, struct err *e)
{
    int system = errno;
    switch (SSL_get_error(t->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        return wait_for(t, POLLIN, -1, e);
    case SSL_ERROR_WANT_WRITE:
        return wait_for(t, POLLOUT, -1, e);
    case SSL_ERROR_ZERO_RETURN:
        return err_set(e, ECONNRESET, "the peer closed the connection");
    case SSL_ERROR_SSL: {
        const char *reason = ERR_reason_error_string(ERR_peek_error());
        return err_set(e, ECONNRESET, "TLS: %s", reason ? reason : "broken");
    }
    default:
        return err_set(e, ECONNRESET, "the connection broke: %s", system ? strerror(system) : "end of file");
    }
}

int stream_thread_start(pthread_t *thread, void *(*run)(void *), void *argument, struct err *e)
{
    sigset_t all, old;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &old);
    int code = pthread_create(thread, NULL, run, argument);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return code ? err_set(e, code, "thread: %s", strerror(code)) : 0;
}

int stream_tls_keep_windows(struct err *e)
{
    int status = files_write("/proc/sys/net/ipv4/tcp_slow_start_after_idle", "0", e);
    return status < 0 ? err_wrap(e, "keep TCP's windows over idle times") : 0;
}

/* --- opening and closing ------------------------------------------------------------------------------------------------------ */

/* The kernel holds what bridges the making of the next piece; the rest waits in our hands: other jobs get their turn, and a job that is
 * called off leaves little. */
static void set_options(int fd)
{
    int on = 1, unsent = PACE_UNSENT_BYTES;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &unsent, sizeof unsent);
    setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
}

static int handshake(struct stream_tls *t, SSL_CTX *context, bool server, struct err *e)
{
    t->ssl = SSL_new(context);
    SSL_set_fd(t->ssl, t->fd);
    set_options(t->fd);
    for (;;) {
        ERR_clear_error();
        int result = server ? SSL_accept(t->ssl) : SSL_connect(t->ssl);
        if (result == 1)
            return 0;
        int status = after(t, result, e);
        if (status < 0)
            return err_wrap(e, "handshake");
    }
}

static int tcp_connect(struct stream_tls *t, const struct transfer_host *host, struct err *e)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(host->port)};
    if (inet_pton(AF_INET, host->address, &to.sin_addr) != 1)
        return err_set(e, EINVAL, "\"%s\" is not an IPv4 address", host->address);
    t->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (t->fd < 0)
        return err_errno(e, "socket");
    if (connect(t->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS)
        return err_errno(e, "connect");
    int status = wait_for(t, POLLOUT, -1, e), failed = 0;
    socklen_t len = sizeof failed;
    if (status == 0 && (getsockopt(t->fd, SOL_SOCKET, SO_ERROR, &failed, &len) < 0 || failed))
        status = err_set(e, failed, "%s", strerror(failed));
    return status;
}

static int opened(struct stream_tls *t, int status, struct simtime patience)
{
    t->patience = patience;
    if (status < 0)
        stream_tls_close(t);
    return status;
}

int stream_tls_connect(struct stream_tls *t, SSL_CTX *context, const struct transfer_host *host,
                       struct simtime timeout, struct err *e)
{
    struct simtime patience = t->patience;
    t->patience = timeout;
    int status = tcp_connect(t, host, e);
    if (status == 0)
        status = handshake(t, context, false, e);
    return opened(t, status, patience);
}

int stream_tls_accept(struct stream_tls *t, SSL_CTX *context, int fd, struct simtime timeout, struct err *e)
{
    struct simtime patience = t->patience;
    t->patience = timeout;
    t->fd = fd;
    return opened(t, handshake(t, context, true, e), patience);
}

void stream_tls_close(struct stream_tls *t)
{
    SSL_free(steal(t->ssl));
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
    t->progress = 0;
}

/* --- bytes -------------------------------------------------------------------------------------------------------------------- */

static int move(struct stream_tls *t, uint8_t *at, size_t len, bool out, struct err *e)
{
    while (len) {
        size_t done = 0;
        ERR_clear_error();
        errno = 0;
        int result = out ? SSL_write_ex(t->ssl, at, len, &done) : SSL_read_ex(t->ssl, at, len, &done);
        int status = result == 1 ? 0 : after(t, result, e);
        if (status < 0)
            return status;
        at += done;
        len -= done;
    }
    return 0;
}

int stream_tls_write(struct stream_tls *t, const void *bytes, size_t len, struct err *e)
{
    return move(t, (uint8_t *)(uintptr_t)bytes, len, true, e);
}

int stream_tls_read(struct stream_tls *t, void *bytes, size_t len, struct err *e)
{
    return move(t, bytes, len, false, e);
}

int stream_tls_readable(struct stream_tls *t, int wait_ms, int wake_fd, struct err *e)
{
    struct pollfd fds[] = {{t->fd, POLLIN, 0}, {t->stop_fd, POLLIN, 0}, {wake_fd, POLLIN, 0}};
    if (SSL_pending(t->ssl) || poll(fds, 1, 0) > 0)
        return 1;
    if (wait_ms < 0) {
        int status = wait_for(t, POLLIN, wake_fd, e);
        return status < 0 ? status : poll(fds, 1, 0) > 0;
    }
    if (wait_ms && poll(fds, ARRAY_LEN(fds), wait_ms) > 0 && fds[1].revents)
        return err_set(e, ECANCELED, "called off");
    return wait_ms && fds[0].revents;
}

bool stream_tls_hungry(const struct stream_tls *t)
{
    return stream_tls_info(t).tcpi_notsent_bytes < HUNGRY_BYTES;
}
