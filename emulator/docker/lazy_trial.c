/* Lazy pages tried out without an Engine: a program is dumped, and restored without its pages, which a page server at the loopback interface has. */
#include "files.h"
#include "interrupt.h"
#include "mem.h"
#include "process.h"
#include "runtime.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* What CRIU asks for, rounded up to a power of two, as the kernel does. */
enum { PIPE_BYTES = 4 << 20, ROUND_MS = 5, FETCH_ROUNDS = 2000 };

struct trial {
    const char *criu, *keys, *folder;
    uint16_t port;
};

static int try_pipe(struct err *e)
{
    int fds[2];
    if (pipe2(fds, O_CLOEXEC) < 0)
        return err_errno(e, "pipe");
    bool granted = fcntl(fds[0], F_SETPIPE_SZ, PIPE_BYTES) >= 0;
    close(fds[0]);
    close(fds[1]);
    if (granted)
        return 0;
    err_set(e, EPERM, "CRIU serves pages by a pipe of %d bytes, and the kernel grants none as long",
            PIPE_BYTES);
    return err_hint(e, "as root: sysctl -w fs.pipe-max-size=%d", PIPE_BYTES);
}

/* One that is free now. */
static int find_port(uint16_t *port, struct err *e)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || bind(fd, (struct sockaddr *)&at, sizeof at) < 0 ||
        getsockname(fd, (struct sockaddr *)&at, &len) < 0)
        return err_errno(e, "a port of the loopback interface");
    *port = ntohs(at.sin_port);
    return 0;
}

/* `command` with its option; it goes into the background once it serves, and becomes a child of this process. */
static int start(const struct trial *t, const char *command, const char *option, pid_t *pid, struct err *e)
{
    autofree char *port = mem_printf("%u", t->port), *certificate = mem_printf("%s.pem", t->keys),
                  *key = mem_printf("%s.key", t->keys), *log = mem_printf("%s.log", command),
                  *pid_file = mem_printf("%s/%s.pid", t->folder, command);
    struct buf number = BUF_INIT;
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = (const char *[]){t->criu,        command,     option,       "-D",
                              t->folder,      "-o",        log,          "--daemon",
                              "--pidfile",    pid_file,    "--address",  "127.0.0.1",
                              "--port",       port,        "--tls",      "--tls-no-cn-verify",
                              "--tls-cacert", certificate, "--tls-cert", certificate,
                              "--tls-key",    key,         NULL};
    int status = process_run(&o, NULL, e);
    if (status == 0)
        status = files_read(pid_file, 0, &number, e);
    *pid = status == 0 && number.len ? (pid_t)strtol(buf_text(&number), NULL, 10) : 0;
    buf_free(&number);
    return status < 0 ? err_wrap(e, "%s", command) : 0;
}

/* *pid is 0 once it has ended. */
static int await_end(pid_t *pid, struct err *e)
{
    int status;
    for (int round = 0; round < FETCH_ROUNDS && !interrupt_signal(); round++) {
        if (waitpid(*pid, &status, WNOHANG) == *pid) {
            *pid = 0;
            return status == 0 ? 0 : err_set(e, EIO, "the pages did not come");
        }
        nanosleep(&(struct timespec){0, ROUND_MS * 1000000L}, NULL);
    }
    return interrupt_signal() ? err_set(e, EINTR, "interrupted") : err_set(e, ETIMEDOUT, "the pages do not come");
}

static void end(pid_t pid)
{
    if (pid > 0 && kill(pid, SIGKILL) == 0)
        waitpid(pid, NULL, 0);
}

static int fetch(const struct trial *t, pid_t program, struct err *e)
{
    pid_t server = 0, pager = 0;
    int status = start(t, "page-server", "--lazy-pages", &server, e);
    if (status == 0)
        status = start(t, "lazy-pages", "--page-server", &pager, e);
    if (status == 0)
        status = runtime_restore(t->criu, t->folder, program, "--lazy-pages", e);
    if (status == 0)
        status = await_end(&pager, e);
    if (status < 0)
        end(pager);
    end(server);
    return status;
}

static int dump_and_fetch(const void *context, const char *folder, pid_t pid, struct err *e)
{
    struct trial t = *(const struct trial *)context;
    t.folder = folder;
    int status = find_port(&t.port, e);
    if (status == 0)
        status = runtime_dump(t.criu, folder, pid, e);
    return status < 0 ? status : fetch(&t, pid, e);
}

int runtime_probe_lazy_pages(const char *criu, const char *program, const char *place, const char *keys,
                             struct err *e)
{
    const struct trial t = {.criu = criu, .keys = keys};
    int status = try_pipe(e);
    return status < 0 ? status : runtime_try(program, place, dump_and_fetch, &t, e);
}
