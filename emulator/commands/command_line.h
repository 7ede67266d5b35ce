/* What the commands' parsing has in common. */
#ifndef ROAMLAB_COMMAND_LINE_H
#define ROAMLAB_COMMAND_LINE_H

#include "scenario.h"

#include <stdbool.h>
#include <stdint.h>

/* Says on stderr what is wrong with the command line and where help is; returns exit status 2. */
int command_usage(const char *command, const char *what);
/* The same about a value: "WHAT: VALUE". */
int command_bad_value(const char *command, const char *what, const char *value);

/* Says on stderr what went wrong; returns the exit status. */
int command_failed(const struct err *e, int status);

/* Each takes an option's value: 0, or says what is wrong with it and returns exit status 2. */
/* A whole number from `min` to `max` and nothing else; a bound beyond 32 bits is not worth saying. */
int command_number(const char *command, const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *number);
/* The same from 1. */
int command_count(const char *command, const char *option, const char *text, int max, int *count);
/* "sim" or "real". */
int command_world(const char *command, const char *text, bool *real);
/* "5" or "5%". */
int command_percent(const char *command, const char *option, const char *text, double *percent);

/* The --set options of a command. */
struct command_settings {
    struct scenario_setting list[256];
    int count;
};

/* Appends one; 0, or exit status 2. */
int command_add_setting(const char *command, const char *path, const char *value,
                        struct command_settings *settings);
/* Splits PATH=VALUE in place and appends it. */
int command_setting(const char *command, char *text, struct command_settings *settings);

/* Hands every option but --help and -h to `take`, which returns 0 or the exit status; says what is wrong with one that
 * does not exist or lacks its value. `letters` are getopt's, `options` end with zeros. -1 = go on with argv[optind], else
 * the exit status. */
struct option;
int command_take_options(const char *command, int argc, char **argv, const char *help, const char *letters,
                         const struct option *options, int (*take)(void *context, int option, char *value),
                         void *context);

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
