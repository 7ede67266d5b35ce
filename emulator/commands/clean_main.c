#include "command_line.h"
#include "commands.h"
#include "image.h"
#include "premises.h"
#include "privileges.h"
#include "world_real.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>

static const char HELP[] =
    "usage: roamlab clean [RUN]\n"
    "\n"
    "Removes what runs left that could not clean up themselves (kill -9, power loss): processes, dockerds\n"
    "with their containers and data, namespaces, links, mounts, folders, by the journals in\n"
    "" JOURNAL_ROOT ". Runs that are alive are left alone, and so is everything that no journal\n"
    "names, but for images in the cache whose making was cut off. RUN limits it to one run.\n"
    "Exit status: 0 clean, 2 no such run, 3 not allowed, 4 something could not be removed, or RUN is alive.\n";

static int status_of(const struct err *e)
{
    return e->code == ENOENT ? 2 : e->code == EPERM ? 3 : 4;
}

int clean_main(int argc, char **argv)
{
    struct err e = ERR_INIT;
    struct journal_cleaned cleaned = {0};
    int status = command_options("clean", argc, argv, HELP, NULL);
    if (status >= 0)
        return status;
    if (argc - optind > 1)
        return command_usage("clean", "more than one run given");
    const char *run = argv[optind];
    if (privileges_check(&e) < 0 || journal_clean(NULL, run, world_real_kinds, &cleaned, &e) < 0 ||
        (!run && image_cache_clean(PREMISES_IMAGE_CACHE, &e) < 0))
        return command_failed(&e, status_of(&e));
    if (cleaned.cleaned)
        printf("removed what %d run%s left\n", cleaned.cleaned, cleaned.cleaned == 1 ? "" : "s");
    if (cleaned.alive)
        printf("%d run%s alive: left alone\n", cleaned.alive, cleaned.alive == 1 ? " is" : "s are");
    return 0;
}
