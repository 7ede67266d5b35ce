/* What the commands' parsing has in common. */
#ifndef ROAMLAB_COMMAND_LINE_H
#define ROAMLAB_COMMAND_LINE_H

#include <stdbool.h>

/* Says on stderr what is wrong with the command line and where help is; returns exit status 2. */
int command_usage(const char *command, const char *what);

/* The options of a command; NULL = it has none of that kind. */
struct command_options {
    const char **out; /* takes -o DIR */
    const char *flag; /* takes --FLAG … */
    bool *flag_given; /* … and says so here */
};

/* Takes --help and `options` (NULL = no others). What is left begins at argv[optind]. -1 = go on, else the exit
 * status. */
int command_options(const char *command, int argc, char **argv, const char *help,
                    const struct command_options *options);

#endif
