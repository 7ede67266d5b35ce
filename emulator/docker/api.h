/* Docker Engine API over its Unix socket or TLS (endpoint.h), by libcurl.
 *
 * Small requests run on the loop: libcurl's multi interface tells which descriptors and timers it wants.
 * Transfers of whole images run in a thread (background.h), because writing a gigabyte to disk blocks. Paths
 * carry no version prefix: the Engine then answers in its own newest version, and the few fields used here
 * have been there since 1.24.
 *
 * Errors read "docker: POST /containers/c1/start: 500 MESSAGE", MESSAGE being the Engine's own. */
#ifndef ROAMLAB_DOCKER_API_H
#define ROAMLAB_DOCKER_API_H

#include "background.h"
#include "buf.h"
#include "endpoint.h"

#include <curl/curl.h>
#include <json-c/json.h>

struct docker_api;

/* `address` is copied. The Engine need not listen yet. */
struct docker_api *docker_api_new(struct loop *loop, const struct docker_address *address, struct err *e);
/* NULL-safe; all requests must have ended or been cancelled. Also from within a done(). */
void docker_api_free(struct docker_api *api);

struct docker_request {
    /* Called once. status is 0 for HTTP 2xx and 304, else -errno: ENOENT for 404, EEXIST for 409, EINVAL for
     * other 4xx, EIO for 5xx, ECONNREFUSED and the like without an Engine. `answer` is the JSON answer or
     * NULL, valid during the call. */
    void (*done)(struct docker_request *request, int status, struct json_object *answer, const struct err *e);
    /* May be set before: X-Registry-Auth, the caller's; and that the answer is a stream of progress, in which an error may stand though the
     * status is 200. */
    const char *authorisation;
    bool streams;
    /* The rest is the API's own. */
    struct docker_api *api;
    struct docker_request *next_blind;
    CURL *curl;
    struct curl_slist *headers;
    char *what; /* "POST /containers/…" */
    char *body;
    struct buf received;
};

/* Sends a request with a JSON body (NULL = none; the reference stays the caller's). `done` is set before. */
int docker_api_request(struct docker_api *api, struct docker_request *request, const char *method,
                       struct json_object *body, struct err *e, const char *path_format, ...)
    __attribute__((format(printf, 6, 7)));
/* Forgets the request; `done` is not called. Harmless if it has ended. */
void docker_api_cancel(struct docker_request *request);

/* One bulk transfer: a file to the Engine, or the Engine's answer to a file. */
struct docker_transfer {
    void (*done)(struct docker_transfer *t, int status, uint64_t bytes, const struct err *e);
    /* The rest is the API's own. */
    struct background background;
    const struct docker_endpoint *endpoint;
    char *what, *url_path, *path; /* url_path: behind the endpoint */
    bool upload;
    int file;
    _Atomic int socket;
    uint64_t bytes;
    struct buf received; /* the answer to an upload, or an error message */
    long http_status;
};

/* POST of the file at `path`. The Engine's answer is searched for an error, which it may report with status
 * 200. */
int docker_api_upload(struct docker_api *api, struct docker_transfer *t, const char *path, struct err *e,
                      const char *path_format, ...) __attribute__((format(printf, 5, 6)));
/* GET into a new file at `path`, which is removed again if anything fails. */
int docker_api_download(struct docker_api *api, struct docker_transfer *t, const char *path, struct err *e,
                        const char *path_format, ...) __attribute__((format(printf, 5, 6)));
/* Ends the transfer within milliseconds; `done` is not called. Harmless if it has ended. */
void docker_api_cancel_transfer(struct docker_transfer *t);

/* The endpoint and the loop it was made with. */
const struct docker_endpoint *docker_api_endpoint(const struct docker_api *api);
struct loop *docker_api_loop(const struct docker_api *api);

/* Shared with the transfers: turns an HTTP status and the Engine's answer into an error. 0 for 2xx and
 * 304. */
int docker_api_judge(const char *what, long http_status, struct buf *received, struct err *e);
/* The error in an answer that is a stream of JSON objects; free() it. NULL: there is none. */
char *docker_api_stream_error(struct buf *received);
/* The same for a request that libcurl could not carry out. */
int docker_api_no_answer(const char *what, CURLcode code, struct err *e);

#endif
