#include "endpoint.h"
#include "api.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { CALL_SECONDS = 120 };

struct docker_endpoint {
    char *socket;                 /* of unix:, owned */
    char *base, *ca, *cert, *key; /* base: what stands before a path; owned */
    int net_namespace;            /* -1 = the caller's */
};

static bool has_port(const char *authority)
{
    const char *colon = strrchr(authority, ':');
    return colon && colon > authority && colon[1] && strspn(colon + 1, "0123456789") == strlen(colon + 1) &&
           !strchr(authority, '/');
}

int docker_address_check(const char *url, const char *certificates, struct err *e)
{
    bool local = !strncmp(url, "unix:///", 8), remote = !strncmp(url, "tcp://", 6) && has_port(url + 6);
    if (!local && !remote) {
        err_set(e, EINVAL, "is neither unix:///PATH nor tcp://HOST:PORT");
        return err_hint(e, "such as unix:///var/run/docker.sock");
    }
    if (remote && !certificates) {
        err_set(e, EINVAL, "is TCP without docker_certs");
        return err_hint(
            e,
            "name the folder of ca.pem, cert.pem and key.pem: without TLS whoever reaches the port is root there");
    }
    return local && certificates ? err_set(e, EINVAL, "is a Unix socket, which has no docker_certs") : 0;
}

struct docker_endpoint *docker_endpoint_new(const struct docker_address *address, struct err *e)
{
    struct docker_endpoint *p = mem_alloc(sizeof *p);
    const char *folder = address->certificates;
    p->net_namespace = -1;
    if (!strncmp(address->url, "unix://", 7)) {
        p->socket = mem_copy_string(address->url + 7);
        p->base = mem_copy_string("http://docker");
        return p;
    }
    p->base = mem_printf("https://%s", address->url + strlen("tcp://"));
    p->ca = mem_printf("%s/ca.pem", folder ? folder : ".");
    p->cert = mem_printf("%s/cert.pem", folder ? folder : ".");
    p->key = mem_printf("%s/key.pem", folder ? folder : ".");
    if (!address->net_namespace)
        return p;
    p->net_namespace = open(address->net_namespace, O_RDONLY | O_CLOEXEC);
    if (p->net_namespace >= 0)
        return p;
    err_errno(e, "%s: namespace %s", address->url, address->net_namespace);
    docker_endpoint_free(p);
    return NULL;
}

void docker_endpoint_free(struct docker_endpoint *p)
{
    if (!p)
        return;
    mem_close_fd(&p->net_namespace);
    free(p->socket);
    free(p->base);
    free(p->ca);
    free(p->cert);
    free(p->key);
    free(p);
}

/* A socket stays in the namespace in which it was made. Where this thread cannot go back, it must not go on. */
curl_socket_t docker_endpoint_socket(const struct docker_endpoint *p, const struct curl_sockaddr *address)
{
    autoclose int own = p->net_namespace < 0 ? -1 : open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
    if (p->net_namespace >= 0 && (own < 0 || setns(p->net_namespace, CLONE_NEWNET) < 0))
        return CURL_SOCKET_BAD;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    if (own >= 0 && setns(own, CLONE_NEWNET) < 0)
        abort();
    return fd;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    return docker_endpoint_socket(context, address);
}

void docker_endpoint_aim(const struct docker_endpoint *p, CURL *curl, const char *path)
{
    autofree char *url = mem_printf("%s%s", p->base, path);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, p);
    if (p->socket) {
        curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, p->socket);
        return;
    }
    curl_easy_setopt(curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    curl_easy_setopt(curl, CURLOPT_CAINFO, p->ca);
    curl_easy_setopt(curl, CURLOPT_SSLCERT, p->cert);
    curl_easy_setopt(curl, CURLOPT_SSLKEY, p->key);
}

/* --- one request, blocking --------------------------------------------------------------------------------------------------------------- */

static size_t receive(char *bytes, size_t size, size_t count, void *context)
{
    buf_add(context, bytes, size * count);
    return size * count;
}

static int call(const struct docker_endpoint *p, const char *method, const char *path, const char *body,
                struct buf *received, struct err *e)
{
    autofree char *what = mem_printf("%s %.*s", method, (int)strcspn(path, "?"), path);
    CURL *curl = curl_easy_init();
    long http_status = 0;
    if (!curl)
        return err_set(e, ENOMEM, "docker: libcurl refuses a request");
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/json");
    docker_endpoint_aim(p, curl, path);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)CALL_SECONDS);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, received);
    if (!strcmp(method, "POST")) {
        curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body ? body : "");
    }
    CURLcode code = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    return code ? docker_api_no_answer(what, code, e) : docker_api_judge(what, http_status, received, e);
}

int docker_endpoint_call(const struct docker_endpoint *p, const char *method, struct json_object *body,
                         struct json_object **answer, struct err *e, const char *path_format, ...)
{
    struct buf received = BUF_INIT;
    va_list args;
    va_start(args, path_format);
    autofree char *path = mem_vprintf(path_format, args);
    va_end(args);
    int status =
        call(p, method, path, body ? json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN) : NULL,
             &received, e);
    if (answer)
        *answer = status == 0 && received.len ? json_tokener_parse(buf_text(&received)) : NULL;
    buf_free(&received);
    return status;
}
