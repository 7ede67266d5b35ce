#include "command_line.h"
#include "mem.h"

#include <getopt.h>
#include <stdio.h>

int command_usage(const char *command, const char *what)
{
    fprintf(stderr, "roamlab: %s: %s (see roamlab %s --help)\n", command, what, command);
    return 2;
}

static int bad_option(const char *command, char **argv, int option)
{
    char letter[] = {'-', (char)optopt, '\0'};
    const char *name = optopt ? letter : argv[optind - 1];
    autofree char *what = mem_printf(option == ':' ? "%s wants a value" : "there is no option %s", name);
    return command_usage(command, what);
}

int command_options(const char *command, int argc, char **argv, const char *help,
                    const struct command_options *options)
{
    static const struct command_options none = {0};
    const struct command_options *o = options ? options : &none;
    const struct option names[] = {{"help", no_argument, NULL, 'h'}, {o->flag, no_argument, NULL, 'f'}, {0}};
    optind = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, o->out ? ":ho:" : ":h", names, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (option == 'o')
            *o->out = optarg;
        else if (option == 'f')
            *o->flag_given = true;
        else
            return bad_option(command, argv, option);
    }
    return -1;
}
