#include "api.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static int code_of(long http_status)
{
    switch (http_status) {
    case 404:
        return ENOENT;
    case 409:
        return EEXIST;
    default:
        return http_status < 500 ? EINVAL : EIO;
    }
}

/* The Engine's message: {"message": …}, or the last line of a progress stream that holds {"error": …}. */
char *docker_api_stream_error(struct buf *received)
{
    if (!received->len)
        return NULL;
    char *found = NULL;
    struct json_tokener *tokener = json_tokener_new();
    const char *text = buf_text(received), *end = text + received->len;
    while (text < end) {
        json_tokener_reset(tokener);
        struct json_object *o = json_tokener_parse_ex(tokener, text, (int)(end - text)), *message;
        if (!o)
            break;
        if (json_object_is_type(o, json_type_object) && (json_object_object_get_ex(o, "message", &message) ||
                                                         json_object_object_get_ex(o, "error", &message))) {
            free(found);
            found = mem_copy_string(json_object_get_string(message));
        }
        json_object_put(o);
        text += json_tokener_get_parse_end(tokener);
        text += strspn(text, "\r\n \t");
    }
    json_tokener_free(tokener);
    return found;
}

int docker_api_judge(const char *what, long http_status, struct buf *received, struct err *e)
{
    if ((http_status >= 200 && http_status < 300) || http_status == 304)
        return 0;
    autofree char *message = docker_api_stream_error(received);
    return err_set(e, code_of(http_status), "docker: %s: %ld %s", what, http_status,
                   message ? message : "without a message");
}

int docker_api_no_answer(const char *what, CURLcode code, struct err *e)
{
    int number = code == CURLE_COULDNT_CONNECT                           ? ECONNREFUSED
                 : code == CURLE_ABORTED_BY_CALLBACK                     ? ECANCELED
                 : code == CURLE_READ_ERROR || code == CURLE_WRITE_ERROR ? EIO
                                                                         : ECONNRESET;
    return err_set(e, number, "docker: %s: no answer: %s", what, curl_easy_strerror(code));
}

static size_t read_file(char *bytes, size_t size, size_t count, void *context)
{
    struct docker_transfer *t = context;
    ssize_t got = read(t->file, bytes, size * count);
    if (got < 0)
        return CURL_READFUNC_ABORT;
    t->bytes += (uint64_t)got;
    return (size_t)got;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
    while (len) {
        ssize_t put = write(fd, bytes, len);
        if (put <= 0)
            return false;
        bytes += put;
        len -= (size_t)put;
    }
    return true;
}

/* An upload's answer is kept for its error; of a download, what comes with status 200 is the file. */
static size_t take_answer(char *bytes, size_t size, size_t count, void *context)
{
    struct docker_transfer *t = context;
    size_t len = size * count;
    if (t->upload || t->http_status != 200) {
        if (t->received.len < 65536)
            buf_add(&t->received, bytes, len);
        return len;
    }
    if (!write_all(t->file, bytes, len))
        return 0;
    t->bytes += len;
    return len;
}

static size_t take_header(char *line, size_t size, size_t count, void *context)
{
    struct docker_transfer *t = context;
    size_t len = size * count;
    int status;
    if (len > 12 && sscanf(line, "HTTP/1.%*d %d", &status) == 1)
        t->http_status = status;
    return len;
}

static curl_socket_t open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct docker_transfer *t = context;
    int fd = docker_endpoint_socket(t->endpoint, address);
    atomic_store(&t->socket, fd);
    return fd;
}

/* Its number may soon be another's: wake_transfer must not shut that one down. */
static int close_socket(void *context, curl_socket_t fd)
{
    struct docker_transfer *t = context;
    atomic_store(&t->socket, -1);
    return close(fd);
}

static int progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return background_cancelled(&((struct docker_transfer *)context)->background);
}

static void set_options(CURL *curl, struct docker_transfer *t, curl_off_t size)
{
    docker_endpoint_aim(t->endpoint, curl, t->url_path);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256 * 1024L);
    curl_easy_setopt(curl, CURLOPT_UPLOAD_BUFFERSIZE, 256 * 1024L);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    curl_easy_setopt(curl, CURLOPT_OPENSOCKETDATA, t);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
    curl_easy_setopt(curl, CURLOPT_CLOSESOCKETDATA, t);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, t);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_answer);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, t);
    if (!t->upload)
        return;
    curl_easy_setopt(curl, CURLOPT_POST, 1L);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, size);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, read_file);
    curl_easy_setopt(curl, CURLOPT_READDATA, t);
}

static int perform(struct docker_transfer *t, struct err *e)
{
    struct stat st;
    if (fstat(t->file, &st) < 0)
        return err_errno(e, "read %s", t->path);
    CURL *curl = curl_easy_init();
    if (!curl)
        return err_set(e, ENOMEM, "docker: libcurl refuses a transfer");
    struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: application/x-tar");
    headers = curl_slist_append(headers, "Expect:");
    set_options(curl, t, st.st_size);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(curl);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (code)
        return docker_api_no_answer(t->what, code, e);
    return docker_api_judge(t->what, t->http_status, &t->received, e);
}

static int run_transfer(struct background *b, struct err *e)
{
    struct docker_transfer *t = container_of(b, struct docker_transfer, background);
    t->file =
        open(t->path, t->upload ? O_RDONLY | O_CLOEXEC : O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (t->file < 0)
        return err_errno(e, "open %s", t->path);
    int status = perform(t, e);
    close(t->file);
    autofree char *message = status == 0 && t->upload ? docker_api_stream_error(&t->received) : NULL;
    if (message)
        status = err_set(e, EIO, "docker: %s: %s", t->what, message);
    if (status < 0 && !t->upload)
        unlink(t->path);
    return status;
}

static void release(struct docker_transfer *t)
{
    free(steal(t->what));
    free(steal(t->url_path));
    free(steal(t->path));
    buf_free(&t->received);
}

static void transfer_done(struct background *b, int status, const struct err *e)
{
    struct docker_transfer *t = container_of(b, struct docker_transfer, background);
    release(t);
    t->done(t, status, t->bytes, e);
}

/* libcurl asks for progress once a second only while the Engine works on what it got. */
static void wake_transfer(struct background *b)
{
    int fd = atomic_load(&container_of(b, struct docker_transfer, background)->socket);
    if (fd >= 0)
        shutdown(fd, SHUT_RDWR);
}

static int start(struct docker_api *api, struct docker_transfer *t, const char *file, bool upload,
                 const char *path_format, va_list args, struct err *e)
{
    autofree char *path = mem_vprintf(path_format, args);
    t->upload = upload;
    t->endpoint = docker_api_endpoint(api);
    t->what = mem_printf("%s %.*s", upload ? "POST" : "GET", (int)strcspn(path, "?"), path);
    t->url_path = mem_copy_string(path);
    t->path = mem_copy_string(file);
    t->bytes = 0;
    t->http_status = 0;
    atomic_store(&t->socket, -1);
    t->background.done = transfer_done;
    t->background.wake = wake_transfer;
    int status = background_start(docker_api_loop(api), &t->background, run_transfer, e);
    if (status < 0)
        release(t);
    return status;
}

int docker_api_upload(struct docker_api *api, struct docker_transfer *t, const char *path, struct err *e,
                      const char *path_format, ...)
{
    va_list args;
    va_start(args, path_format);
    int status = start(api, t, path, true, path_format, args, e);
    va_end(args);
    return status;
}

int docker_api_download(struct docker_api *api, struct docker_transfer *t, const char *path, struct err *e,
                        const char *path_format, ...)
{
    va_list args;
    va_start(args, path_format);
    int status = start(api, t, path, false, path_format, args, e);
    va_end(args);
    return status;
}

void docker_api_cancel_transfer(struct docker_transfer *t)
{
    background_cancel(&t->background);
    release(t);
}
