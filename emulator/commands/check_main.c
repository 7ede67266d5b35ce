#include "commands.h"
#include "scenario.h"

#include <stdio.h>
#include <string.h>

static const char HELP[] = "usage: roamlab check SCENARIO…\n"
                           "\n"
                           "Reads scenario files and says what is wrong with them, one error each, with its JSON path.\n"
                           "Prints nothing when all are good. Exit status: 0 good, 2 not.\n"
                           "Keys, units and defaults: scenarios/README.md.\n";

int check_main(int argc, char **argv)
{
    int status = 0;
    if (argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"))) {
        fputs(HELP, stdout);
        return 0;
    }
    if (argc < 2) {
        fputs("roamlab: check: no scenario given (see roamlab check --help)\n", stderr);
        return 2;
    }
    for (int i = 1; i < argc; i++) {
        struct err e = ERR_INIT;
        struct scenario *s = scenario_read(argv[i], NULL, 0, &e);
        if (!s) {
            err_print(&e);
            status = 2;
        }
        scenario_free(s);
    }
    return status;
}
