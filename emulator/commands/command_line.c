#include "command_line.h"
#include "mem.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int command_usage(const char *command, const char *what)
{
    fprintf(stderr, "roamlab: %s: %s (see roamlab %s --help)\n", command, what, command);
    return 2;
}

int command_bad_value(const char *command, const char *what, const char *value)
{
    autofree char *both = mem_printf("%s: %s", what, value);
    return command_usage(command, both);
}

int command_failed(const struct err *e, int status)
{
    err_print(e);
    return status;
}

int command_number(const char *command, const char *option, const char *text, uint64_t min, uint64_t max, uint64_t *number)
{
    char *end;
    errno = 0;
    *number = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && !*end && !errno && *number >= min && *number <= max)
        return 0;
    autofree char *wants = max > UINT32_MAX ? mem_printf("%s wants a whole number", option)
                                            : mem_printf("%s wants a number from %" PRIu64 " to %" PRIu64, option, min, max);
    return command_bad_value(command, wants, text);
}

int command_count(const char *command, const char *option, const char *text, int max, int *count)
{
    uint64_t number;
    int status = command_number(command, option, text, 1, (uint64_t)max, &number);
    if (status == 0)
        *count = (int)number;
    return status;
}

int command_world(const char *command, const char *text, bool *real)
{
    *real = !strcmp(text, "real");
    return *real || !strcmp(text, "sim") ? 0 : command_bad_value(command, "--world is sim or real", text);
}

int command_percent(const char *command, const char *option, const char *text, double *percent)
{
    char *end;
    autofree char *wants = mem_printf("%s wants a number of per cent", option);
    *percent = strtod(text, &end);
    bool good = end != text && (!*end || !strcmp(end, "%")) && isfinite(*percent) && *percent >= 0;
    return good ? 0 : command_bad_value(command, wants, text);
}

int command_add_setting(const char *command, const char *path, const char *value,
                        struct command_settings *settings)
{
    if (settings->count == (int)ARRAY_LEN(settings->list))
        return command_usage(command, "too many --set");
    settings->list[settings->count++] = (struct scenario_setting){path, value};
    return 0;
}

int command_setting(const char *command, char *text, struct command_settings *settings)
{
    char *equals = strchr(text, '=');
    if (!equals || equals == text)
        return command_bad_value(command, "--set wants PATH=VALUE", text);
    *equals = '\0';
    return command_add_setting(command, text, equals + 1, settings);
}

static int bad_option(const char *command, char **argv, int option)
{
    char letter[] = {'-', (char)optopt, '\0'};
    const char *name = optopt && optopt < 128 && option == '?' ? letter : argv[optind - 1];
    autofree char *what = mem_printf(option == ':' ? "%s wants a value" : "there is no option %s", name);
    return command_usage(command, what);
}

int command_take_options(const char *command, int argc, char **argv, const char *help, const char *letters,
                         const struct option *options, int (*take)(void *context, int option, char *value),
                         void *context)
{
    autofree char *all = mem_printf(":h%s", letters);
    optind = 0;
    opterr = 0;
    for (int option; (option = getopt_long(argc, argv, all, options, NULL)) != -1;) {
        if (option == 'h') {
            fputs(help, stdout);
            return 0;
        }
        int status = option == '?' || option == ':' ? bad_option(command, argv, option) : take(context, option, optarg);
        if (status)
            return status;
    }
    return -1;
}

static int take_common(void *context, int option, char *value)
{
    const struct command_options *o = context;
    if (option == 'o')
        *o->out = value;
    else
        *o->flag_given = true;
    return 0;
}

int command_options(const char *command, int argc, char **argv, const char *help,
                    const struct command_options *options)
{
    struct command_options o = options ? *options : (struct command_options){0};
    struct option names[3] = {{"help", no_argument, NULL, 'h'}};
    if (o.flag)
        names[1] = (struct option){o.flag, no_argument, NULL, 'f'};
    return command_take_options(command, argc, argv, help, o.out ? "o:" : "", names, take_common, &o);
}
