#include "command_line.h"
#include "commands.h"
#include "driver.h"
#include "installation.h"
#include "json_file.h"
#include "mem.h"
#include "privileges.h"
#include "runtime.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char HELP[] =
    "usage: roamlab doctor [--json]\n"
    "\n"
    "Tries what a real run needs on this host and says what works, what does not, and what mends it.\n"
    "Virtual time needs none of it. --json: a list of {name, needed, works, what, mend}.\n"
    "Exit status: 0 all there, 3 something is missing.\n";

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
    const struct link_driver *driver = link_driver_choose(NULL, NULL, 0, e);
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

struct finding {
    char found[256]; /* if it works */
    bool works;
    struct err e; /* if not */
};

static void print_finding(int i, const struct finding *f)
{
    printf("%s %-11s %s\n", f->works ? "✔" : "✘", probes[i].name, f->works ? f->found : f->e.text);
    if (!f->works && f->e.hint[0])
        printf("              → %s\n", f->e.hint);
}

static json_object *finding_json(int i, const struct finding *f)
{
    json_object *o = json_object_new_object();
    json_object_object_add(o, "name", json_text(probes[i].name));
    json_object_object_add(o, "needed", json_object_new_boolean(probes[i].needed));
    json_object_object_add(o, "works", json_object_new_boolean(f->works));
    json_object_object_add(o, "what", json_text(f->works ? f->found : f->e.text));
    json_object_object_add(o, "mend", json_text(f->works || !f->e.hint[0] ? NULL : f->e.hint));
    return o;
}

static int diagnose(const char *program, json_object *list)
{
    int status = 0;
    for (int i = 0; i < (int)ARRAY_LEN(probes); i++) {
        struct finding f = {.e = ERR_INIT};
        f.works = probes[i].probe(program, f.found, sizeof f.found, &f.e) == 0;
        status = f.works || !probes[i].needed ? status : 3;
        if (list)
            json_object_array_add(list, finding_json(i, &f));
        else
            print_finding(i, &f);
    }
    return status;
}

int doctor_main(int argc, char **argv)
{
    bool as_json = false;
    const struct command_options options = {.flag = "json", .flag_given = &as_json};
    int status = command_options("doctor", argc, argv, HELP, &options);
    if (status >= 0)
        return status;
    if (optind != argc)
        return command_usage("doctor", "it takes no arguments");
    autofree char *program = installation_service();
    json_object *list = as_json ? json_object_new_array() : NULL;
    status = diagnose(program, list);
    if (list)
        puts(json_object_to_json_string_ext(list, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(list);
    return status;
}
