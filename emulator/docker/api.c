#include "api.h"
#include "mem.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* A descriptor that libcurl wants watched. */
struct socket_watch {
    struct watch watch;
    struct docker_api *api;
};

struct docker_api {
    struct loop *loop;
    CURLM *multi;
    struct docker_endpoint *endpoint; /* owned */
    struct timer timer;
    struct docker_request *blind; /* list: the loop cannot watch their connections */
    struct timer blind_timer;
    bool collecting, unwanted; /* unwanted: freed by a done() */
};

static void hand_over(CURL *curl, CURLcode code)
{
    struct docker_request *r;
    long http_status = 0;
    struct err e = ERR_INIT;
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &r);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    int status = code ? docker_api_no_answer(r->what, code, &e)
                      : docker_api_judge(r->what, http_status, &r->received, &e);
    autofree char *words = status == 0 && r->streams ? docker_api_stream_error(&r->received) : NULL;
    if (words)
        status = err_set(&e, EIO, "docker: %s: %s", r->what, words);
    struct json_object *answer = r->received.len ? json_tokener_parse(buf_text(&r->received)) : NULL;
    docker_api_cancel(r);
    r->done(r, status, answer, &e);
    json_object_put(answer);
}

/* Hands finished requests to their owners, who may start new ones, free themselves, or free the api. */
static void collect_finished(struct docker_api *api)
{
    CURLMsg *m;
    int left;
    api->collecting = true;
    while (!api->unwanted && (m = curl_multi_info_read(api->multi, &left)))
        if (m->msg == CURLMSG_DONE)
            hand_over(m->easy_handle, m->data.result);
    api->collecting = false;
    if (api->unwanted)
        docker_api_free(api);
}

static void socket_ready(struct watch *watch, uint32_t epoll_events)
{
    struct docker_api *api = container_of(watch, struct socket_watch, watch)->api;
    int flags = (epoll_events & (EPOLLIN | EPOLLHUP) ? CURL_CSELECT_IN : 0) |
                (epoll_events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
                (epoll_events & EPOLLERR ? CURL_CSELECT_ERR : 0);
    int running;
    curl_multi_socket_action(api->multi, watch->fd, flags, &running);
    collect_finished(api);
}

static void timer_fired(struct timer *timer)
{
    struct docker_api *api = container_of(timer, struct docker_api, timer);
    int running;
    curl_multi_socket_action(api->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    collect_finished(api);
}

/* They would wait for ever. */
static void fail_blind(struct timer *timer)
{
    struct docker_api *api = container_of(timer, struct docker_api, blind_timer);
    api->collecting = true;
    for (struct docker_request *r; !api->unwanted && (r = api->blind);) {
        struct err e = ERR_INIT;
        err_set(&e, EMFILE, "docker: %s: its connection cannot be watched", r->what);
        docker_api_cancel(r);
        r->done(r, -EMFILE, NULL, &e);
    }
    api->collecting = false;
    if (api->unwanted)
        docker_api_free(api);
}

static struct docker_request **find_blind(const struct docker_request *r)
{
    struct docker_request **link = &r->api->blind;
    while (*link && *link != r)
        link = &(*link)->next_blind;
    return link;
}

/* libcurl cannot be told so that it would let only this one fail. */
static void go_blind(struct docker_api *api, CURL *curl)
{
    struct docker_request *r = NULL;
    curl_easy_getinfo(curl, CURLINFO_PRIVATE, &r);
    if (!r || *find_blind(r))
        return;
    r->next_blind = api->blind;
    api->blind = r;
    loop_arm_after(api->loop, &api->blind_timer, SIMTIME_ZERO);
}

static int watch_socket(struct docker_api *api, int fd, uint32_t events)
{
    struct socket_watch *w = mem_alloc(sizeof *w);
    *w = (struct socket_watch){{socket_ready, fd}, api};
    int status = loop_watch(api->loop, &w->watch, events, NULL);
    if (status == 0)
        curl_multi_assign(api->multi, fd, w);
    else
        free(w);
    return status;
}

static int want_socket(CURL *curl, curl_socket_t fd, int what, void *context, void *assigned)
{
    struct docker_api *api = context;
    struct socket_watch *w = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (w)
            loop_unwatch(api->loop, &w->watch);
        free(w);
        curl_multi_assign(api->multi, fd, NULL);
        return 0;
    }
    uint32_t events = (what & CURL_POLL_IN ? EPOLLIN : 0u) | (what & CURL_POLL_OUT ? EPOLLOUT : 0u);
    if ((w ? loop_rewatch(api->loop, &w->watch, events, NULL) : watch_socket(api, fd, events)) < 0)
        go_blind(api, curl);
    return 0;
}

static int want_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct docker_api *api = context;
    if (timeout_ms < 0)
        loop_cancel(api->loop, &api->timer);
    else
        loop_arm_after(api->loop, &api->timer, simtime_ms(timeout_ms));
    return 0;
}

struct docker_api *docker_api_new(struct loop *loop, const struct docker_address *address, struct err *e)
{
    struct docker_api *api = mem_alloc(sizeof *api);
    api->loop = loop;
    api->timer.fire = timer_fired;
    api->blind_timer.fire = fail_blind;
    api->endpoint = docker_endpoint_new(address, e);
    if (!api->endpoint) {
        docker_api_free(api);
        return NULL;
    }
    if (curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
        api->multi = curl_multi_init();
    if (!api->multi) {
        err_set(e, ENOMEM, "docker: libcurl cannot be initialised");
        docker_api_free(api);
        return NULL;
    }
    curl_multi_setopt(api->multi, CURLMOPT_SOCKETFUNCTION, want_socket);
    curl_multi_setopt(api->multi, CURLMOPT_SOCKETDATA, api);
    curl_multi_setopt(api->multi, CURLMOPT_TIMERFUNCTION, want_timer);
    curl_multi_setopt(api->multi, CURLMOPT_TIMERDATA, api);
    return api;
}

void docker_api_free(struct docker_api *api)
{
    if (!api)
        return;
    api->unwanted = true;
    if (api->collecting)
        return;
    if (api->multi)
        curl_multi_cleanup(api->multi);
    loop_cancel(api->loop, &api->timer);
    loop_cancel(api->loop, &api->blind_timer);
    docker_endpoint_free(api->endpoint);
    free(api);
}

const struct docker_endpoint *docker_api_endpoint(const struct docker_api *api)
{
    return api->endpoint;
}

struct loop *docker_api_loop(const struct docker_api *api)
{
    return api->loop;
}

static size_t receive(char *bytes, size_t size, size_t count, void *context)
{
    struct docker_request *r = context;
    buf_add(&r->received, bytes, size * count);
    return size * count;
}

static void prepare(struct docker_request *r, const char *method, const char *path)
{
    docker_endpoint_aim(r->api->endpoint, r->curl, path);
    curl_easy_setopt(r->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(r->curl, CURLOPT_PRIVATE, r);
    curl_easy_setopt(r->curl, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(r->curl, CURLOPT_WRITEDATA, r);
    if (!strcmp(method, "POST")) {
        curl_easy_setopt(r->curl, CURLOPT_POSTFIELDSIZE, r->body ? (long)strlen(r->body) : 0L);
        curl_easy_setopt(r->curl, CURLOPT_POSTFIELDS, r->body ? r->body : "");
        r->headers = curl_slist_append(NULL, "Content-Type: application/json");
        if (r->authorisation) {
            autofree char *line = mem_printf("X-Registry-Auth: %s", r->authorisation);
            r->headers = curl_slist_append(r->headers, line);
        }
        curl_easy_setopt(r->curl, CURLOPT_HTTPHEADER, r->headers);
    }
}

int docker_api_request(struct docker_api *api, struct docker_request *request, const char *method,
                       struct json_object *body, struct err *e, const char *path_format, ...)
{
    va_list args;
    va_start(args, path_format);
    autofree char *path = mem_vprintf(path_format, args);
    va_end(args);
    request->api = api;
    request->what = mem_printf("%s %.*s", method, (int)strcspn(path, "?"), path);
    request->body =
        body ? mem_copy_string(json_object_to_json_string_ext(body, JSON_C_TO_STRING_PLAIN)) : NULL;
    request->curl = curl_easy_init();
    if (request->curl)
        prepare(request, method, path);
    if (request->curl && curl_multi_add_handle(api->multi, request->curl) == CURLM_OK)
        return 0;
    docker_api_cancel(request);
    return err_set(e, ENOMEM, "docker: libcurl refuses a request");
}

void docker_api_cancel(struct docker_request *request)
{
    if (request->curl) {
        struct docker_request **blind = find_blind(request);
        if (*blind)
            *blind = request->next_blind;
        curl_multi_remove_handle(request->api->multi, request->curl);
        curl_easy_cleanup(steal(request->curl));
    }
    curl_slist_free_all(steal(request->headers));
    free(steal(request->what));
    free(steal(request->body));
    buf_free(&request->received);
}
