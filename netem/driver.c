#include "driver.h"
#include "mem.h"
#include "segmentation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct link_driver *const drivers[] = {&link_driver_kernel, &link_driver_userspace};

const struct link_driver *link_driver_choose(struct err *e)
{
    struct err why[ARRAY_LEN(drivers)] = {ERR_INIT};
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
        if (drivers[i]->probe(&why[i]) == 0)
            return drivers[i];
    err_set(e, EOPNOTSUPP, "no link driver works here: %s: %.200s; %s: %.200s", drivers[0]->name, why[0].text,
            drivers[1]->name, why[1].text);
    err_hint(e, "%s",
             why[1].hint[0] ? why[1].hint : "load the kernel's sch_netem, or a kernel with nfnetlink_queue");
    return NULL;
}

const struct link_driver *link_driver_named(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(drivers); i++)
        if (strcmp(drivers[i]->name, name) == 0)
            return drivers[i];
    return NULL;
}

struct link_drive *link_drive_start(const struct link_driver *driver, struct err *e)
{
    struct link_drive *drive = driver->start(e);
    if (drive)
        drive->driver = driver;
    else
        err_wrap(e, "link driver %s", driver->name);
    return drive;
}

void link_drive_stop(struct link_drive *drive)
{
    if (drive)
        drive->driver->stop(drive);
}

/* What is decided for each packet must not be decided for a burst of 64 KB. */
static bool needs_packets(const struct link_params *params)
{
    return link_is_random(params) || (params->rate_bps && params->rate_bps < SEGMENTATION_OFF_BELOW_BPS);
}

static int prepare(const char *namespace, const char *interface, const struct link_params *params,
                   struct err *e)
{
    int status = link_params_check(params, e);
    if (status == 0 && interface && needs_packets(params))
        status = segmentation_off(namespace, interface, e);
    return status;
}

static int check_ends(const struct link_ends *ends, struct err *e)
{
    if (!ends->from_interface && !ends->to_interface)
        return err_set(e, EINVAL, "neither end is on this machine");
    if (ends->peer_prefix < 0 || ends->peer_prefix > 32)
        return err_set(e, EINVAL, "a prefix of %d bits", ends->peer_prefix);
    return 0;
}

static const char *place(const char *namespace, const char *interface)
{
    return namespace ? namespace : interface ? interface : "elsewhere";
}

int link_shape(struct link_drive *drive, const struct link_ends *ends, const struct link_params *params,
               struct link_shaper **shaper, struct err *e)
{
    *shaper = NULL;
    if (link_is_plain(params) && !ends->varies)
        return 0;
    int status = check_ends(ends, e);
    if (status == 0)
        status = prepare(ends->from_namespace, ends->from_interface, params, e);
    if (status == 0)
        status = drive->driver->shape(drive, ends, params, shaper, e);
    if (status < 0)
        return err_wrap(e, "link driver %s: %s to %s", drive->driver->name,
                        place(ends->from_namespace, ends->from_interface),
                        place(ends->to_namespace, ends->to_interface));
    (*shaper)->driver = drive->driver;
    (*shaper)->params = *params;
    (*shaper)->from_namespace = mem_copy_string(ends->from_namespace);
    (*shaper)->from_interface = mem_copy_string(ends->from_interface);
    return 0;
}

int link_change(struct link_shaper *shaper, const struct link_params *params, struct err *e)
{
    int status = prepare(shaper->from_namespace, shaper->from_interface, params, e);
    if (status == 0)
        status = shaper->driver->change(shaper, params, e);
    if (status < 0)
        return err_wrap(e, "link driver %s: change", shaper->driver->name);
    shaper->params = *params;
    return 0;
}

void link_shaper_clear(struct link_shaper *shaper)
{
    free(steal(shaper->from_namespace));
    free(steal(shaper->from_interface));
}

int link_count(struct link_shaper *shaper, struct link_counters *counters, struct err *e)
{
    return shaper->driver->count(shaper, counters, e);
}
