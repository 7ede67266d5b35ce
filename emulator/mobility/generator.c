#include "generator.h"
#include "generator_models.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const struct generator_model *const models[] = {
    &generator_random_waypoint,
    &generator_gauss_markov,
    &generator_manhattan,
    &generator_corridor,
};

const struct generator_model *generator_model_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(models) ? models[i] : NULL;
}

const struct generator_model *generator_model_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(models); i++)
        if (strcmp(models[i]->name, name) == 0)
            return models[i];
    return NULL;
}

int generator_check_range(const char *what, double value, double min, double max, struct err *e)
{
    if (value >= min && value <= max)
        return 0;
    return err_set(e, EINVAL, "%s is %.15g, must be %.15g to %.15g", what, value, min, max);
}

int generator_check(const struct generator_options *o, struct err *e)
{
    const struct {
        const char *what;
        double value, min, max;
    } rows[] = {
        {"width_m", o->width_m, 1, 1e6},
        {"speed_min_mps", o->speed_min_mps, 0.001, 1000},
        {"speed_max_mps", o->speed_max_mps, o->speed_min_mps, 1000},
        {"pause_min_s", simtime_seconds(o->pause_min), 0, 1e6},
        {"pause_max_s", simtime_seconds(o->pause_max), simtime_seconds(o->pause_min), 1e6},
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        int status = generator_check_range(rows[i].what, rows[i].value, rows[i].min, rows[i].max, e);
        if (status < 0)
            return status;
    }
    return o->model->check(o, e);
}

static struct track_sample sample_of(uint32_t device, const struct generator_walker *walker)
{
    return (struct track_sample){.at = walker->at, .device = device, .x = walker->x, .y = walker->y};
}

struct track_sample generator_begin(const struct generator_options *options, const char *name, uint64_t seed,
                                    uint32_t device, struct generator_walker *walker)
{
    *walker = (struct generator_walker){0};
    rng_init(&walker->rng, seed, name, device);
    options->model->begin(options, walker);
    struct track_sample sample = sample_of(device, walker);
    sample.at = SIMTIME_ZERO;
    return sample;
}

struct track_sample generator_next(const struct generator_options *options, uint32_t device,
                                   struct generator_walker *walker)
{
    options->model->move(options, walker);
    return sample_of(device, walker);
}

struct generator {
    struct track_source source;
    struct generator_options options;
    char *name;
    uint64_t seed;
    uint32_t device, device_count;
    struct simtime until;
    bool begun; /* the present device */
    struct generator_walker walker;
};

static int next(struct track_source *source, struct track_sample *sample, struct err *e)
{
    (void)e;
    struct generator *g = container_of(source, struct generator, source);
    if (g->device == g->device_count)
        return 0;
    *sample = g->begun ? generator_next(&g->options, g->device, &g->walker)
                       : generator_begin(&g->options, g->name, g->seed, g->device, &g->walker);
    g->begun = simtime_before(sample->at, g->until);
    g->device += !g->begun;
    return 1;
}

static const char *name_of(const struct track_source *source, uint32_t device)
{
    (void)source, (void)device;
    return NULL;
}

static void close_generator(struct track_source *source)
{
    struct generator *g = container_of(source, struct generator, source);
    free(g->name);
    free(g);
}

struct track_source *generator_open(const struct generator_options *options, const char *name, uint64_t seed,
                                    uint32_t device_count, struct simtime until, struct err *e)
{
    static const struct track_source_operations operations = {next, name_of, close_generator};
    if (generator_check(options, e) < 0)
        return NULL;
    struct generator *g = mem_alloc(sizeof *g);
    g->source = (struct track_source){.operations = &operations};
    g->options = *options;
    g->name = mem_copy_string(name);
    g->seed = seed;
    g->device_count = device_count;
    g->until = until;
    return &g->source;
}
