#include "registry_client.h"
#include "mem.h"
#include "registry_keys.h"
#include "registry_server.h"
#include "tcp_count.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum { ANSWER_MAX = REGISTRY_MANIFEST_MAX };

#define MANIFEST_TYPES                                                                                       \
    "Accept: application/vnd.docker.distribution.manifest.v2+json, application/vnd.oci.image.manifest.v1+json"

/* One request and its answer. */
struct call {
    struct registry_client *client;
    const char *method;
    char *url;
    const char *content_type; /* of the body; NULL = none */
    const void *body;
    size_t body_len;
    size_t from;        /* GET: bytes to pass over */
    struct buf *answer; /* the caller's, appended to */
    size_t most;        /* that the answer may have grown to */
    long status;
    char location[8192];
    char words[200]; /* of an error */
};

/* --- sockets -------------------------------------------------------------------------------------------------------------------- */

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct registry_client *c = context;
    (void)purpose;
    if (c->keeps_socket)
        return CURL_SOCKET_BAD;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    atomic_store(&c->socket, fd);
    return fd;
}

static uint64_t sent_by(int fd)
{
    struct tcp_info info;
    return tcp_info_get(fd, &info) ? tcp_wire_bytes(&info) : 0;
}

static int close_socket(void *context, curl_socket_t fd)
{
    struct registry_client *c = context;
    int present = fd;
    c->ended_bytes += sent_by(fd);
    atomic_compare_exchange_strong(&c->socket, &present, -1);
    return close(fd);
}

uint64_t registry_client_wire_bytes(const struct registry_client *c)
{
    int fd = atomic_load(&c->socket);
    return c->ended_bytes + (fd < 0 ? 0 : sent_by(fd));
}

void registry_client_call_off(struct registry_client *c)
{
    atomic_store(&c->called_off, true);
    int fd = atomic_load(&c->socket);
    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
}

static bool called_off(const struct registry_client *c)
{
    struct pollfd stop = {.fd = c->stop_fd, .events = POLLIN};
    return atomic_load(&c->called_off) || (c->stop_fd >= 0 && poll(&stop, 1, 0) > 0);
}

/* What counts is what the peer has: a slow link is not done when the kernel has taken the last byte. */
static int watch(void *context, curl_off_t a, curl_off_t b, curl_off_t d, curl_off_t f)
{
    struct registry_client *c = context;
    struct tcp_info info = {0};
    int fd = atomic_load(&c->socket);
    (void)a, (void)b, (void)d, (void)f;
    if (fd >= 0)
        tcp_info_get(fd, &info);
    struct simtime now = clock_monotonic();
    if (tcp_progress(&info) != c->progress)
        c->moved = now;
    c->progress = tcp_progress(&info);
    return called_off(c) || simtime_before(simtime_add(c->moved, c->patience), now);
}

/* --- calls ---------------------------------------------------------------------------------------------------------------------- */

static bool good(long status)
{
    return status >= 200 && status < 300;
}

static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct call *call = context;
    size_t len = size * count;
    struct buf words = BUF_INIT;
    if (call->status == 0)
        curl_easy_getinfo(call->client->curl, CURLINFO_RESPONSE_CODE, &call->status);
    if (good(call->status) && call->answer) {
        if (call->answer->len + len > call->most)
            return 0;
        buf_add(call->answer, bytes, len);
    } else if (!good(call->status) && !call->words[0]) {
        buf_add(&words, bytes, len);
        registry_error_words(buf_text(&words), len, call->words, sizeof call->words);
        buf_free(&words);
    }
    return len;
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct call *call = context;
    size_t len = size * count;
    if (len > 9 && len < sizeof call->location && !strncasecmp(line, "location:", 9))
        sscanf(line + 9, " %8191[^\r\n]", call->location);
    return len;
}

static void set_body(CURL *curl, const struct call *call)
{
    if (strcmp(call->method, "POST") && strcmp(call->method, "PUT"))
        return;
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)call->body_len);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, call->body_len ? call->body : "");
}

static void set_options(struct registry_client *c, struct call *call)
{
    CURL *curl = c->curl;
    curl_easy_reset(curl); /* the connection stays */
    curl_easy_setopt(curl, CURLOPT_URL, call->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "https");
    curl_easy_setopt(curl, CURLOPT_PROXY, "");
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CAINFO, c->authority);
    curl_easy_setopt(curl, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(curl, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
    curl_easy_setopt(curl, CURLOPT_USERPWD, c->user_password);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)(c->connect_timeout.ns / 1000000));
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 512 * 1024L);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 2 * 1024 * 1024L);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, c);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, c);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, watch);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, c);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, call);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, call);
    set_body(curl, call);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, call->method);
    if (!strcmp(call->method, "HEAD"))
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L);
    if (call->from)
        curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)call->from);
}

static int no_answer(struct registry_client *c, CURLcode code, struct err *e)
{
    if (called_off(c))
        return err_set(e, ECANCELED, "called off");
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return err_set(e, ETIMEDOUT, "no byte for %g s", simtime_seconds(c->patience));
    if (code == CURLE_WRITE_ERROR)
        return err_set(e, EBADMSG, "the answer is longer than it may be");
    return err_set(e, code == CURLE_COULDNT_CONNECT ? ECONNREFUSED : ECONNRESET, "%s",
                   curl_easy_strerror(code));
}

static int judge(const struct call *call, struct err *e)
{
    int code = call->status == 404   ? ENOENT
               : call->status == 401 ? EACCES
               : call->status < 500  ? EINVAL
                                     : EIO;
    if (good(call->status))
        return 0;
    return err_set(e, code, "%ld %s", call->status, call->words[0] ? call->words : "without a message");
}

/* The URL is the call's, freed here. */
static int perform(struct registry_client *c, struct call *call, struct err *e)
{
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    headers = curl_slist_append(headers, MANIFEST_TYPES);
    if (call->content_type) {
        autofree char *type = mem_printf("Content-Type: %s", call->content_type);
        headers = curl_slist_append(headers, type);
    }
    call->client = c;
    set_options(c, call);
    curl_easy_setopt(c->curl, CURLOPT_HTTPHEADER, headers);
    c->moved = clock_monotonic();
    CURLcode code = called_off(c) ? CURLE_ABORTED_BY_CALLBACK : curl_easy_perform(c->curl);
    if (!code)
        curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &call->status);
    curl_slist_free_all(headers);
    int status = code ? no_answer(c, code, e) : judge(call, e);
    if (status < 0)
        err_wrap(e, "registry: %s %.200s", call->method, call->url);
    free(steal(call->url));
    return status;
}

static char *url_of(const struct registry_client *c, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static char *url_of(const struct registry_client *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    autofree char *path = mem_vprintf(format, args);
    va_end(args);
    return mem_printf("%s/v2/%s", c->base, path);
}

int registry_ping(struct registry_client *c, struct err *e)
{
    struct call call = {.method = "GET", .url = url_of(c, "%s", "")};
    return perform(c, &call, e);
}

/* --- blobs ---------------------------------------------------------------------------------------------------------------------- */

int registry_has_blob(struct registry_client *c, const char *repository, const char *digest, struct err *e)
{
    struct err answer = ERR_INIT;
    struct call call = {.method = "HEAD", .url = url_of(c, "%s/blobs/%s", repository, digest)};
    int status = perform(c, &call, &answer);
    if (status == 0 || status == -ENOENT)
        return status == 0;
    *e = answer;
    return status;
}

/* Two requests: this registry does not take a blob with the first one, and does not go on with an upload that was cut, because the
 * upload's token has the size that it had (registry/handlers/blobupload.go): it cancels the upload and answers 404, BLOB_UPLOAD_INVALID. libcurl
 * would send the second one again by itself when a kept connection breaks under it; so it gets no other connection. */
int registry_put_blob(struct registry_client *c, const char *repository, const char *digest,
                      const void *bytes, size_t len, struct err *e)
{
    struct call begin = {.method = "POST", .url = url_of(c, "%s/blobs/uploads/", repository)};
    int status = perform(c, &begin, e);
    if (status < 0)
        return status;
    autofree char *location = registry_location(c->base, begin.location, e);
    if (!location)
        return -EBADMSG;
    struct call put = {.method = "PUT",
                       .url =
                           mem_printf("%s%cdigest=%s", location, strchr(location, '?') ? '&' : '?', digest),
                       .content_type = "application/octet-stream",
                       .body = bytes,
                       .body_len = len};
    c->keeps_socket = true;
    status = perform(c, &put, e);
    c->keeps_socket = false;
    return status;
}

static int check_blob(const struct registry_blob *blob, const struct buf *out, struct err *e)
{
    char digest[REGISTRY_DIGEST];
    registry_digest(out->data, out->len, digest);
    if (out->len == blob->bytes && !strcmp(digest, blob->digest))
        return 0;
    return err_set(e, EBADMSG,
                   "registry: %s: %zu bytes of %llu arrived, or they are not what the digest says",
                   blob->digest, out->len, (unsigned long long)blob->bytes);
}

int registry_get_blob(struct registry_client *c, const char *repository, const struct registry_blob *blob,
                      struct buf *out, struct err *e)
{
    struct call call = {.method = "GET",
                        .url = url_of(c, "%s/blobs/%s", repository, blob->digest),
                        .from = out->len,
                        .answer = out,
                        .most = blob->bytes};
    int status = out->len < blob->bytes ? perform(c, &call, e) : 0;
    free(call.url);
    return status < 0 ? status : check_blob(blob, out, e);
}

/* --- manifests -------------------------------------------------------------------------------------------------------------------- */

int registry_put_manifest(struct registry_client *c, const char *repository, const char *reference,
                          const char *media_type, const char *text, struct err *e)
{
    struct call call = {.method = "PUT",
                        .url = url_of(c, "%s/manifests/%s", repository, reference),
                        .content_type = media_type,
                        .body = text,
                        .body_len = strlen(text)};
    return perform(c, &call, e);
}

int registry_get_manifest(struct registry_client *c, const char *repository, const char *reference,
                          struct buf *out, struct err *e)
{
    struct call call = {.method = "GET",
                        .url = url_of(c, "%s/manifests/%s", repository, reference),
                        .answer = out,
                        .most = ANSWER_MAX};
    return perform(c, &call, e);
}

int registry_delete_manifest(struct registry_client *c, const char *repository, const char *digest,
                             struct err *e)
{
    struct call call = {.method = "DELETE", .url = url_of(c, "%s/manifests/%s", repository, digest)};
    int status = perform(c, &call, e);
    return status == -ENOENT ? 0 : status;
}

int registry_get_catalogue(struct registry_client *c, struct buf *out, struct err *e)
{
    struct call call = {
        .method = "GET", .url = url_of(c, "_catalog?n=1000"), .answer = out, .most = ANSWER_MAX};
    return perform(c, &call, e);
}

/* --- the client ------------------------------------------------------------------------------------------------------------------- */

int registry_client_open(struct registry_client *c, const struct transfer_settings *settings,
                         const char *address, int stop_fd, struct err *e)
{
    char password[REGISTRY_PASSWORD_MAX];
    *c = (struct registry_client){.socket = -1,
                                  .stop_fd = stop_fd,
                                  .connect_timeout = settings->connect_timeout,
                                  .patience = settings->progress_timeout};
    int status = registry_password(settings->folder, password, e);
    if (status < 0)
        return status;
    c->curl = curl_easy_init();
    if (!c->curl)
        return err_set(e, ENOMEM, "registry: libcurl cannot be initialised");
    c->base = mem_printf("https://%s:%d", address, REGISTRY_PORT);
    c->user_password = mem_printf("%s:%s", REGISTRY_USER, password);
    c->authority = registry_path(settings->folder, "ca", ".pem");
    return 0;
}

void registry_client_close(struct registry_client *c)
{
    if (c->curl)
        curl_easy_cleanup(steal(c->curl));
    free(steal(c->base));
    free(steal(c->user_password));
    free(steal(c->authority));
}
