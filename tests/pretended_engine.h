/* A Docker Engine that knows one container and says yes to everything, and programs that pass for dockerd and containerd. */
#ifndef ROAMLAB_PRETENDED_ENGINE_H
#define ROAMLAB_PRETENDED_ENGINE_H

#include "files.h"
#include "mem.h"
#include "root.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

/* On a Unix socket of that path; -1 on failure. */
static inline int pretended_listen(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    snprintf(at.sun_path, sizeof at.sun_path, "%s", path);
    return fd >= 0 && bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 8) == 0 ? fd : -1;
}

static inline void pretended_serve(int connection, pid_t container)
{
    autofree char *body = mem_printf(
        "{\"Id\": \"pretended\", \"Image\": \"i1\", \"GraphDriver\": {\"Data\": {\"UpperDir\": \"/nowhere\"}},"
        " \"State\": {\"Pid\": %d}}",
        container);
    autofree char *answer =
        mem_printf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n%s",
                   strlen(body), body);
    char request[65536];
    while (read(connection, request, sizeof request) > 0 && write(connection, answer, strlen(answer)) > 0)
        ;
}

/* For ever, each connection by a process of its own. The container's first process is `container`; 0: it does not run. */
static inline void pretended_engine(int listener, pid_t container)
{
    signal(SIGPIPE, SIG_IGN);
    signal(SIGCHLD, SIG_IGN);
    for (int connection; (connection = accept(listener, NULL, NULL)) >= 0; close(connection))
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL);
            pretended_serve(connection, container);
            _exit(0);
        }
    _exit(1);
}

static inline void pretended_dockerd(char **arguments)
{
    static const char host[] = "--host=unix://";
    for (; *arguments; arguments++) {
        if (!strcmp(*arguments, "--version")) {
            puts("Docker version 26.1.5, build pretended");
            exit(0);
        }
        if (!strncmp(*arguments, host, sizeof host - 1))
            pretended_engine(pretended_listen(*arguments + sizeof host - 1), getpid());
    }
    _exit(1);
}

/* containerd --config ROOT/containerd.toml: whoever connects is content. */
static inline void pretended_containerd(char **arguments)
{
    autofree char *root = mem_printf("%.*s", (int)(strrchr(arguments[1], '/') - arguments[1]), arguments[1]);
    autofree char *socket = docker_root_containerd_socket(root),
                  *folder = mem_printf("%s/exec/containerd", root);
    files_make_folder(folder, 0700, NULL);
    if (pretended_listen(socket) < 0)
        _exit(1);
    for (;;)
        pause();
}

/* Does not return if this program was started by one of the two names. */
static inline void pretended_programs(char **argv)
{
    const char *slash = strrchr(argv[0], '/'), *name = slash ? slash + 1 : argv[0];
    if (!strcmp(name, "dockerd"))
        pretended_dockerd(argv + 1);
    if (!strcmp(name, "containerd"))
        pretended_containerd(argv + 1);
}

/* FOLDER/bin with the two, for PATH. */
static inline void pretended_install(const char *folder)
{
    static const char *const names[] = {"dockerd", "containerd"};
    char self[4096] = "";
    autofree char *bin = mem_printf("%s/bin", folder);
    (void)!readlink("/proc/self/exe", self, sizeof self - 1);
    files_make_folder(bin, 0700, NULL);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        autofree char *path = mem_printf("%s/%s", bin, names[i]);
        (void)!symlink(self, path);
    }
}

#endif
