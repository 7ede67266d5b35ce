/* Where a Docker Engine listens, and how libcurl gets there: "unix:///PATH", or "tcp://HOST:PORT" with TLS 1.2 or newer and certificates of
 * both sides (docker's --tlsverify), because whoever reaches an Engine is root there. */
#ifndef ROAMLAB_DOCKER_ENDPOINT_H
#define ROAMLAB_DOCKER_ENDPOINT_H

#include "err.h"

#include <curl/curl.h>
#include <json-c/json.h>

struct docker_address {
    const char *url;
    const char *
        certificates; /* with tcp: folder of ca.pem, cert.pem and key.pem, as DOCKER_CERT_PATH has it; else NULL */
    const char
        *net_namespace; /* in which the TCP address is meant, such as /proc/PID/ns/net; NULL = the caller's */
};

/* 0 if an address can be like that; nothing is looked up. */
int docker_address_check(const char *url, const char *certificates, struct err *e);

struct docker_endpoint;

/* Copies the address and holds on to its namespace. NULL and `e` if that is not there. */
struct docker_endpoint *docker_endpoint_new(const struct docker_address *address, struct err *e);
void docker_endpoint_free(struct docker_endpoint *endpoint); /* NULL-safe */

/* Sets where the handle's request goes; `path` begins with a slash. The endpoint must outlive the handle. */
void docker_endpoint_aim(const struct docker_endpoint *endpoint, CURL *curl, const char *path);
/* For CURLOPT_OPENSOCKETFUNCTION of a caller that needs the socket itself: opens it in the right namespace. */
curl_socket_t docker_endpoint_socket(const struct docker_endpoint *endpoint,
                                     const struct curl_sockaddr *address);

/* One small request, blocking, without a loop: for those who clean up and those who try. Errors as api.h has them; `body` and `answer` may be
 * NULL; *answer is the caller's then, NULL if there was none. */
int docker_endpoint_call(const struct docker_endpoint *endpoint, const char *method, struct json_object *body,
                         struct json_object **answer, struct err *e, const char *path_format, ...)
    __attribute__((format(printf, 6, 7)));

#endif
