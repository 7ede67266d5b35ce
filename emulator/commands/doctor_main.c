#include "commands.h"
#include "driver.h"
#include "mem.h"
#include "privileges.h"
#include "runtime.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char HELP[] = "usage: roamlab doctor\n"
                           "\n"
                           "Tries what a real run needs on this host and says what works, what does not, and what mends it.\n"
                           "Virtual time needs none of it. Exit status: 0 all there, 3 something is missing.\n";

static int privileges(const char *program, char *found, size_t size, struct err *e)
{
    (void)program;
    snprintf(found, size, "namespaces, links, control groups");
    return privileges_check(e);
}

static int containers(const char *program, char *found, size_t size, struct err *e)
{
    struct runtime r;
    int status = runtime_find(NULL, program, &r, e);
    if (status == 0)
        snprintf(found, size, "Docker %s, runc %s, CRIU %s: dumped and restored a process", r.docker_version,
                 r.runc_version, r.criu_version);
    return status;
}

static int links(const char *program, char *found, size_t size, struct err *e)
{
    (void)program;
    const struct link_driver *driver = link_driver_choose(e);
    if (!driver)
        return -e->code;
    snprintf(found, size, "%s: %s", driver->name, driver->summary);
    return 0;
}

static int figures(const char *program, char *found, size_t size, struct err *e)
{
    (void)program;
    snprintf(found, size, "gnuplot");
    if (system("command -v gnuplot >/dev/null 2>&1") == 0)
        return 0;
    err_set(e, ENOENT, "gnuplot is not installed; results have no figures");
    return err_hint(e, "apt-get install gnuplot-nox");
}

static const struct {
    const char *name;
    bool needed;
    int (*probe)(const char *program, char *found, size_t size, struct err *e);
} probes[] = {
    {"privileges", true, privileges},
    {"containers", true, containers},
    {"links", true, links},
    {"figures", false, figures},
};

int doctor_main(int argc, char **argv)
{
    char self[PATH_MAX];
    int status = 0;
    if (argc > 1) {
        bool help = !strcmp(argv[1], "--help") || !strcmp(argv[1], "-h");
        fputs(HELP, help ? stdout : stderr);
        return help ? 0 : 2;
    }
    ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
    self[len > 0 ? len : 0] = '\0';
    autofree char *program = mem_printf("%s/roamlab-service", dirname(self));
    for (size_t i = 0; i < ARRAY_LEN(probes); i++) {
        char found[256];
        struct err e = ERR_INIT;
        bool good = probes[i].probe(program, found, sizeof found, &e) == 0;
        printf("%s %-11s %s\n", good ? "✔" : "✘", probes[i].name, good ? found : e.text);
        if (!good && e.hint[0])
            printf("              → %s\n", e.hint);
        status = good || !probes[i].needed ? status : 3;
    }
    return status;
}
