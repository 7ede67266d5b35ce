/* What arrives by a carrier that does not check it travels sealed (seal.h): what is restored is what was dumped. */
#include "seal.h"
#include "mem.h"
#include "real_internal.h"

#include <stdlib.h>
#include <unistd.h>

enum { LOOK_EVERY_MS = 5 };

static bool receives(const struct real_order *o)
{
    return operation_received(o->order.operation) != OPERATIONS;
}

static int make(struct background *background, struct err *e)
{
    struct real_order *o = real_order_behind(background);
    autofree char *path = real_files_path(o, real_files_travelling_suffix(o));
    return seal_make(path, &o->sealed, e);
}

int real_seal_make(struct real_order *o, struct err *e)
{
    return o->real->options.carrier->arrives_whole ? 0 : real_order_work(o, make, e);
}

/* How the names begin that the order wants: of one file, or of all of the migration. */
static char *beginning_of(const struct real_order *o)
{
    return mem_printf("m%u-%u%s.", o->order.mud, o->order.migration,
                      receives(o) ? real_files_travelling_suffix(o) : "");
}

static int open_seals(struct background *background, struct err *e)
{
    const struct real_order *o = real_order_behind(background);
    autofree char *beginning = beginning_of(o);
    int opened = seal_open(o->real->options.spool, beginning, e);
    return opened < 0 ? opened : 0;
}

/* 1 if what is to be received is there, sealed or, by another order, opened already. */
static int is_there(const struct real_order *o, struct err *e)
{
    autofree char *beginning = beginning_of(o), *path = real_files_path(o, real_files_travelling_suffix(o));
    return access(path, F_OK) == 0 ? 1 : seal_count(o->real->options.spool, beginning, e);
}

int real_seal_open(struct real_order *o, struct err *e)
{
    if (o->real->options.carrier->arrives_whole)
        return 0;
    int there = receives(o) ? is_there(o, e) : 1;
    if (there != 0)
        return there < 0 ? there : real_order_work(o, open_seals, e);
    loop_arm_after(o->real->loop, &o->timer, simtime_ms(LOOK_EVERY_MS));
    return 1;
}
