#include "command_line.h"
#include "commands.h"
#include "host_probe.h"
#include "installation.h"
#include "interrupt.h"
#include "json_file.h"
#include "mem.h"

#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>

static const char HELP[] =
    "usage: roamlab doctor [--json]\n"
    "\n"
    "Tries what a real run needs on this host, by doing it, and says what works, what does not, and what mends it.\n"
    "A run tries the same before it begins. Virtual time needs none of it.\n"
    "--json: a list of {name, needed, works, what, mend}; needed: by every real run.\n"
    "Exit status: 0 all that is needed is there, 3 something is missing, 130, 143 interrupted.\n";

struct diagnosis {
    struct host_probe_subject subject;
    json_object *list; /* NULL: print */
    int status;
};

struct finding {
    char found[256]; /* if it works */
    bool works;
    struct err e; /* if not */
};

static void print_finding(const struct host_probe *probe, const struct finding *f)
{
    printf("%s %-11s %s\n", f->works ? "✔" : "✘", probe->name, f->works ? f->found : f->e.text);
    if (!f->works && f->e.hint[0])
        printf("              → %s\n", f->e.hint);
    fflush(stdout);
}

static json_object *finding_json(const struct host_probe *probe, const struct finding *f)
{
    json_object *o = json_object_new_object();
    json_object_object_add(o, "name", json_text(probe->name));
    json_object_object_add(o, "needed", json_object_new_boolean(host_probe_is_needed(probe)));
    json_object_object_add(o, "works", json_object_new_boolean(f->works));
    json_object_object_add(o, "what", json_text(f->works ? f->found : f->e.text));
    json_object_object_add(o, "mend", json_text(f->works || !f->e.hint[0] ? NULL : f->e.hint));
    return o;
}

static bool diagnose(const struct host_probe *probe, void *context)
{
    struct diagnosis *d = context;
    struct finding f = {.e = ERR_INIT};
    f.works = probe->attempt(probe, &d->subject, f.found, sizeof f.found, &f.e) == 0;
    if (!f.works && host_probe_is_needed(probe))
        d->status = 3;
    if (interrupt_signal()) {
        d->status = 128 + interrupt_signal();
        return false;
    }
    if (d->list)
        json_object_array_add(d->list, finding_json(probe, &f));
    else
        print_finding(probe, &f);
    return true;
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
    struct world_real_facts facts = {0};
    struct diagnosis d = {{.program = program, .facts = &facts}, as_json ? json_object_new_array() : NULL, 0};
    interrupt_catch();
    host_probe_each(diagnose, &d);
    if (d.list)
        puts(json_object_to_json_string_ext(d.list, JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(d.list);
    return d.status;
}
