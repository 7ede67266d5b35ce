#include "live_server.h"
#include "files.h"
#include "mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <microhttpd.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { READERS_MAX = 64, BLOCK = 16384 };

struct live_server {
    struct MHD_Daemon *daemon;
    struct live_feed *feed;
    char *page, *folder;
    uint16_t port;
    atomic_bool is_read;
};

/* --- what is asked for ------------------------------------------------------------------------------------------------ */

static struct MHD_Response *text_response(const char *text)
{
    return MHD_create_response_from_buffer(strlen(text), (void *)text, MHD_RESPMEM_MUST_COPY);
}

static struct MHD_Response *give_page(struct live_server *s)
{
    return text_response(s->page);
}

struct stream {
    struct live_feed *feed;
    size_t at;
};

/* A comment now and then: only who is written to is found to be gone. */
static ssize_t read_feed(void *context, uint64_t position, char *out, size_t most)
{
    static const char comment[] = ":\n\n";
    struct stream *stream = context;
    (void)position;
    ssize_t count = live_feed_read(stream->feed, stream->at, out, most);
    if (count < 0)
        return MHD_CONTENT_READER_END_OF_STREAM;
    stream->at += (size_t)count;
    if (count > 0)
        return count;
    memcpy(out, comment, sizeof comment - 1);
    return sizeof comment - 1;
}

static struct MHD_Response *give_events(struct live_server *s)
{
    struct stream *stream = mem_alloc(sizeof *stream);
    *stream = (struct stream){s->feed, 0};
    s->is_read = true;
    return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK, read_feed, stream, free);
}

static struct MHD_Response *give_report(struct live_server *s)
{
    autofree char *path = mem_printf("%s/report.html", s->folder);
    struct buf page = BUF_INIT;
    struct MHD_Response *response = NULL;
    if (files_read(path, 0, &page, NULL) == 0)
        response = text_response(buf_text(&page));
    buf_free(&page);
    return response;
}

static const struct {
    const char *path, *type;
    struct MHD_Response *(*give)(struct live_server *s); /* NULL: there is nothing yet */
} places[] = {
    {"/", "text/html; charset=utf-8", give_page},
    {"/events", "text/event-stream", give_events},
    {"/report.html", "text/html; charset=utf-8", give_report},
};

/* --- answers ---------------------------------------------------------------------------------------------------------- */

static enum MHD_Result answer_with(struct MHD_Connection *connection, unsigned status, const char *type,
                                   struct MHD_Response *response)
{
    MHD_add_response_header(response, "Content-Type", type);
    MHD_add_response_header(response, "Cache-Control", "no-store");
    MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED)
        MHD_add_response_header(response, "Allow", "GET");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *why)
{
    return answer_with(connection, status, "text/plain; charset=utf-8", text_response(why));
}

static bool is_for_us(const struct live_server *s, struct MHD_Connection *connection)
{
    const char *host = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, "Host");
    autofree char *address = mem_printf("127.0.0.1:%u", s->port), *name = mem_printf("localhost:%u", s->port);
    return host && (!strcmp(host, address) || !strcmp(host, name));
}

static enum MHD_Result answer(void *context, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *upload,
                              size_t *upload_size, void **state)
{
    struct live_server *s = context;
    (void)version, (void)upload, (void)upload_size, (void)state;
    if (!is_for_us(s, connection))
        return refuse(connection, MHD_HTTP_MISDIRECTED_REQUEST, "This is not the host that was asked for.\n");
    if (strcmp(method, "GET"))
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "Only GET.\n");
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        struct MHD_Response *response = strcmp(url, places[i].path) ? NULL : places[i].give(s);
        if (response)
            return answer_with(connection, MHD_HTTP_OK, places[i].type, response);
    }
    return refuse(connection, MHD_HTTP_NOT_FOUND, "Nothing here.\n");
}

/* --- the server ------------------------------------------------------------------------------------------------------- */

static int listen_at(uint16_t *port, struct err *e)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(*port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) < 0 ||
        bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, READERS_MAX) < 0 ||
        getsockname(fd, (struct sockaddr *)&address, &length) < 0) {
        int status = err_errno(e, "live page: 127.0.0.1:%u", *port);
        err_hint(e, "choose another port, or none: any that is free");
        if (fd >= 0)
            close(fd);
        return status;
    }
    *port = ntohs(address.sin_port);
    return fd;
}

int live_server_start(uint16_t port, const char *page, struct live_feed *feed, const char *folder,
                      struct live_server **out, struct err *e)
{
    int fd = listen_at(&port, e);
    if (fd < 0)
        return fd;
    struct live_server *s = mem_alloc(sizeof *s);
    *s = (struct live_server){
        .feed = feed, .page = mem_copy_string(page), .folder = mem_copy_string(folder), .port = port};
    s->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION | MHD_USE_ITC, 0, NULL, NULL, answer,
        s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)READERS_MAX, MHD_OPTION_END);
    if (!s->daemon) {
        close(fd);
        live_server_stop(s);
        return err_set(e, EIO, "live page: the server does not start");
    }
    *out = s;
    return 0;
}

uint16_t live_server_port(const struct live_server *server)
{
    return server->port;
}

bool live_server_is_read(const struct live_server *server)
{
    return server->is_read;
}

void live_server_stop(struct live_server *server)
{
    if (!server)
        return;
    live_feed_close(server->feed);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    free(server->page);
    free(server->folder);
    free(server);
}
