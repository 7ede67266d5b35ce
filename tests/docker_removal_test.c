/* Containers and images that an Engine is at work on while they are to be removed (409), at an Engine that is played by a thread. */
#include "container.h"
#include "folder.h"
#include "users_engine.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

enum { ASKED_MAX = 64 };

static struct {
    pthread_t thread;
    int socket, busy; /* so many removals of each thing are answered with 409 */
    char *folder, *url;
    char asked[ASKED_MAX][96]; /* method and path */
    int count;
} engine;

/* How often this was asked. */
static int times(const char *what)
{
    int n = 0;
    for (int i = 0; i < engine.count; i++)
        n += !strcmp(engine.asked[i], what);
    return n;
}

static const char *answer_to(const char *asked)
{
    if (strncmp(asked, "DELETE ", 7))
        return "200 OK";
    return times(asked) <= engine.busy       ? "409 Conflict"
           : times(asked) == engine.busy + 1 ? "204 No Content"
                                             : "404 Not Found";
}

static const char *body_of(const char *asked)
{
    static const struct {
        const char *asked, *body;
    } rows[] = {
        {"GET /containers/json", "[{\"Id\": \"c1\"}]"},
        {"GET /images/json", "[{\"Id\": \"i1\"}]"},
        {"GET /containers/c1/json", "{\"State\": {\"Pid\": 0}}"},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        if (!strcmp(asked, rows[i].asked))
            return rows[i].body;
    return strncmp(asked, "DELETE ", 7) ? "{}" : "";
}

static void serve_one(int fd)
{
    char request[4096] = "";
    for (size_t len = 0; len < sizeof request - 1 && !strstr(request, "\r\n\r\n");) {
        ssize_t got = read(fd, request + len, sizeof request - 1 - len);
        if (got <= 0)
            return;
        len += (size_t)got;
        request[len] = '\0';
    }
    char *asked = engine.asked[engine.count];
    const char *path = strchr(request, ' ') + 1;
    snprintf(asked, sizeof engine.asked[0], "%.*s", (int)(path - request + (ptrdiff_t)strcspn(path, "? ")),
             request);
    engine.count += engine.count < ASKED_MAX - 1;
    dprintf(fd, "HTTP/1.1 %s\r\nConnection: close\r\n\r\n%s", answer_to(asked), body_of(asked));
}

static void *serve(void *unused)
{
    int fd;
    while ((fd = accept(engine.socket, NULL, NULL)) >= 0) {
        serve_one(fd);
        close(fd);
    }
    return unused;
}

static int start_engine(void **state)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    (void)state;
    engine.folder = folder_make();
    engine.url = mem_printf("unix://%s/d.sock", engine.folder);
    snprintf(address.sun_path, sizeof address.sun_path, "%s/d.sock", engine.folder);
    engine.socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    engine.count = 0;
    assert_int_equal(bind(engine.socket, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(engine.socket, 8), 0);
    return pthread_create(&engine.thread, NULL, serve, NULL);
}

static int stop_engine(void **state)
{
    (void)state;
    shutdown(engine.socket, SHUT_RDWR);
    pthread_join(engine.thread, NULL);
    close(engine.socket);
    free(engine.url);
    folder_remove(engine.folder);
    return 0;
}

static void cleaning_asks_again(void **state)
{
    (void)state;
    for (engine.busy = 0; engine.busy <= 3; engine.busy += 3) {
        struct err e = ERR_INIT;
        engine.count = 0;
        if (docker_users_engine_clean(&(struct docker_address){.url = engine.url}, "run", &e) < 0)
            fail_msg("busy %d times: %s", engine.busy, e.text);
        assert_int_equal(times("DELETE /containers/c1"), engine.busy + 1);
        assert_in_range(times("DELETE /images/i1"), engine.busy + 1,
                        engine.busy + 2); /* labelled as the run's and as the service's */
    }
}

static struct {
    struct loop *loop;
    int status;
    char text[640];
} result;

static void discarded(struct docker_job *job, int status, uint64_t bytes, const struct err *e)
{
    (void)job, (void)bytes;
    result.status = status;
    snprintf(result.text, sizeof result.text, "%s", e->text);
    loop_stop(result.loop);
}

static void discarding_asks_again(void **state)
{
    struct clock clock = clock_wall(SIMTIME_ZERO);
    struct docker_container container = {0};
    struct docker_job job = {.done = discarded};
    struct err e = ERR_INIT;
    (void)state;
    engine.busy = 3;
    result.loop = loop_new(&clock, &e);
    struct docker_daemon daemon = {.loop = result.loop, .places.tmp = engine.folder};
    daemon.api = docker_api_new(result.loop, &(struct docker_address){.url = engine.url}, &e);
    assert_non_null(daemon.api);
    docker_container_init(&container, &daemon,
                          &(struct docker_container_options){.name = "c1", .run = "run", .image = "i"});
    docker_container_discard(&container, &job, NULL, NULL);
    loop_run(result.loop);
    if (result.status < 0)
        fail_msg("%s", result.text);
    assert_int_equal(times("DELETE /containers/c1"), engine.busy + 1);
    docker_container_free(&container);
    docker_api_free(daemon.api);
    loop_free(result.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(cleaning_asks_again, start_engine, stop_engine),
        cmocka_unit_test_setup_teardown(discarding_asks_again, start_engine, stop_engine),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
