#include "driver.h"
#include "buf.h"
#include "mem.h"
#include "segmentation.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct link_driver *const all_drivers[] = {&link_driver_kernel, &link_driver_userspace, NULL};

/* What asks for nothing is not shaped, so any driver will do. */
static bool needs_shaper(const struct link_ends *ends, const struct link_params *params)
{
    return ends->varies || !link_is_plain(params);
}

static int suits(const struct link_driver *driver, const struct link_need *needs, int count, struct err *e)
{
    int status = driver->probe(e);
    for (int i = 0; i < count && status == 0; i++)
        if (needs_shaper(&needs[i].ends, &needs[i].params) &&
            (status = driver->can(&needs[i].ends, &needs[i].params, e)) < 0)
            err_wrap(e, "links.%d, %s", needs[i].link, needs[i].back ? "back" : "forward");
    return status;
}

static int no_such_driver(const struct link_driver *const *drivers, const char *wanted, struct err *e)
{
    struct buf names = BUF_INIT;
    for (; *drivers; drivers++)
        buf_printf(&names, "%s%s", names.len ? ", " : "", (*drivers)->name);
    err_set(e, EINVAL, "there is no link driver %s", wanted);
    err_hint(e, "there are: %s", buf_text(&names));
    buf_free(&names);
    return -EINVAL;
}

/* The reasons of all that were asked, and the hint of the last, which works on most kernels. */
const struct link_driver *link_driver_choose_from(const struct link_driver *const *drivers, const char *wanted,
                                                  const struct link_need *needs, int count, struct err *e)
{
    struct buf reasons = BUF_INIT;
    struct err why = ERR_INIT;
    const struct link_driver *chosen = NULL;
    for (const struct link_driver *const *row = drivers; *row && !chosen; row++) {
        if (wanted && strcmp((*row)->name, wanted) != 0)
            continue;
        why = (struct err)ERR_INIT;
        if (suits(*row, needs, count, &why) == 0)
            chosen = *row;
        else
            buf_printf(&reasons, "%s%s: %.240s", reasons.len ? "; " : "", (*row)->name, why.text);
    }
    if (!chosen && !reasons.len) {
        no_such_driver(drivers, wanted, e);
    } else if (!chosen) {
        err_set(e, EOPNOTSUPP, "%s %s", wanted ? "link driver" : "no link driver will do:", buf_text(&reasons));
        if (why.hint[0])
            err_hint(e, "%s", why.hint);
    }
    buf_free(&reasons);
    return chosen;
}

const struct link_driver *link_driver_choose(const char *wanted, const struct link_need *needs, int count,
                                             struct err *e)
{
    return link_driver_choose_from(all_drivers, wanted, needs, count, e);
}

const struct link_driver *link_driver_named(const char *name)
{
    for (const struct link_driver *const *row = all_drivers; *row; row++)
        if (strcmp((*row)->name, name) == 0)
            return *row;
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

static int forbid(struct link_offload *offload, struct err *e)
{
    unsigned on;
    int status = segmentation_read(offload->namespace, offload->interface, &on, e);
    if (status == 0)
        status = segmentation_set(offload->namespace, offload->interface, 0, e);
    if (status < 0)
        return status;
    offload->forbidden = true;
    offload->on = on;
    return 0;
}

static int prepare(struct link_offload *offload, const struct link_params *params, struct err *e)
{
    int status = link_params_check(params, e);
    bool needed = offload->interface && !offload->forbidden && needs_packets(params);
    return status == 0 && needed ? forbid(offload, e) : status;
}

/* Where other links share the interface, one of them may need single packets still. */
static int restore(struct link_offload *offload, const struct link_params *params, struct err *e)
{
    if (!offload->forbidden || offload->shared || needs_packets(params))
        return 0;
    offload->forbidden = false;
    return segmentation_set(offload->namespace, offload->interface, offload->on, e);
}

static int check_ends(const struct link_ends *ends, struct err *e)
{
    if (!ends->from_interface && !ends->to_interface)
        return err_set(e, EINVAL, "neither end is on this machine");
    if (ends->peer_prefix < 0 || ends->peer_prefix > 32)
        return err_set(e, EINVAL, "a prefix of %d bits", ends->peer_prefix);
    return 0;
}

static void offload_free(struct link_offload *offload)
{
    free(steal(offload->namespace));
    free(steal(offload->interface));
}

static const char *place(const char *namespace, const char *interface)
{
    return namespace ? namespace : interface ? interface : "elsewhere";
}

int link_shape(struct link_drive *drive, const struct link_ends *ends, const struct link_params *params,
               struct link_shaper **shaper, struct err *e)
{
    *shaper = NULL;
    if (!needs_shaper(ends, params))
        return 0;
    struct link_offload offload = {.namespace = mem_copy_string(ends->from_namespace),
                                   .interface = mem_copy_string(ends->from_interface),
                                   .shared = ends->peer_prefix > 0};
    int status = check_ends(ends, e);
    if (status == 0)
        status = prepare(&offload, params, e);
    if (status == 0)
        status = drive->driver->can(ends, params, e);
    if (status == 0)
        status = drive->driver->shape(drive, ends, params, shaper, e);
    if (status < 0) {
        offload_free(&offload);
        return err_wrap(e, "link driver %s: %s to %s", drive->driver->name,
                        place(ends->from_namespace, ends->from_interface),
                        place(ends->to_namespace, ends->to_interface));
    }
    (*shaper)->driver = drive->driver;
    (*shaper)->params = *params;
    (*shaper)->offload = offload;
    return 0;
}

int link_change(struct link_shaper *shaper, const struct link_params *params, struct err *e)
{
    int status = prepare(&shaper->offload, params, e);
    if (status == 0)
        status = shaper->driver->change(shaper, params, e);
    if (status < 0)
        return err_wrap(e, "link driver %s: change", shaper->driver->name);
    shaper->params = *params;
    return restore(&shaper->offload, params, e);
}

void link_shaper_clear(struct link_shaper *shaper)
{
    offload_free(&shaper->offload);
}

int link_count(struct link_shaper *shaper, struct link_counters *counters, struct err *e)
{
    return shaper->driver->count(shaper, counters, e);
}
