#include "generator_steps.h"

#include "mem.h"

#include <stdlib.h>

struct stepper {
    struct generator_walker walker;
    struct track_sample last, next; /* the way that it is on */
};

struct generator_steps {
    struct track_source source;
    struct generator_options options;
    struct simtime at, step, until;
    uint32_t device, device_count;
    struct stepper *steppers; /* owned */
};

static struct track_sample position(struct generator_steps *g, struct stepper *s)
{
    while (simtime_before(s->next.at, g->at)) {
        s->last = s->next;
        s->next = generator_next(&g->options, g->device, &s->walker);
    }
    double way_ns = (double)simtime_sub(s->next.at, s->last.at).ns;
    double part = way_ns > 0 ? (double)simtime_sub(g->at, s->last.at).ns / way_ns : 1;
    return (struct track_sample){.at = g->at,
                                 .device = g->device,
                                 .x = s->last.x + (s->next.x - s->last.x) * part,
                                 .y = s->last.y + (s->next.y - s->last.y) * part};
}

static int next(struct track_source *source, struct track_sample *sample, struct err *e)
{
    struct generator_steps *g = container_of(source, struct generator_steps, source);
    (void)e;
    if (g->device == g->device_count) {
        if (!simtime_before(g->at, g->until))
            return 0;
        g->device = 0;
        g->at = simtime_add(g->at, g->step);
    }
    *sample = position(g, &g->steppers[g->device]);
    g->device++;
    return 1;
}

static const char *name_of(const struct track_source *source, uint32_t device)
{
    (void)source, (void)device;
    return NULL;
}

static void close_steps(struct track_source *source)
{
    struct generator_steps *g = container_of(source, struct generator_steps, source);
    free(g->steppers);
    free(g);
}

struct track_source *generator_open_steps(const struct generator_options *options, const char *name,
                                          uint64_t seed, uint32_t device_count, struct simtime step,
                                          struct simtime until, struct err *e)
{
    static const struct track_source_operations operations = {next, name_of, close_steps};
    if (generator_check(options, e) < 0)
        return NULL;
    struct generator_steps *g = mem_alloc(sizeof *g);
    *g = (struct generator_steps){.source = {&operations, true},
                                  .options = *options,
                                  .step = step,
                                  .until = until,
                                  .device_count = device_count,
                                  .steppers = mem_alloc_array(device_count, sizeof *g->steppers)};
    for (uint32_t i = 0; i < device_count; i++) {
        struct stepper *s = &g->steppers[i];
        s->last = s->next = generator_begin(options, name, seed, i, &s->walker);
    }
    return &g->source;
}
