#include "track_paths.h"

#include "buf.h"
#include "mem.h"

#include <stdlib.h>

struct track_paths *track_paths_new(void)
{
    return mem_alloc(sizeof(struct track_paths));
}

void track_paths_free(struct track_paths *paths)
{
    for (int i = 0; paths && i < PATHS_DEVICES; i++)
        free(paths->list[i].samples);
    free(paths);
}

/* Turns where the device comes or goes are kept: without them it would cross the map where it never was. */
static void thin_out(struct track_path *p)
{
    uint32_t kept = 1;
    for (uint32_t i = 1; i < p->count; i++)
        if (i % 2 == 0 || p->samples[i].gone || p->samples[i - 1].gone)
            p->samples[kept++] = p->samples[i];
    p->count = kept;
    p->every *= 2;
}

void track_paths_add(struct track_paths *paths, uint32_t device, const struct track_sample *sample)
{
    if (device >= PATHS_DEVICES)
        return;
    struct track_path *p = &paths->list[device];
    bool turns = p->count == 0 || sample->gone || p->last.gone;
    if (!p->samples) {
        p->samples = mem_alloc_array(PATH_SAMPLES, sizeof *p->samples);
        p->every = 1;
    }
    if (p->count == PATH_SAMPLES)
        thin_out(p);
    p->last = *sample;
    if (p->left > 0 && !turns) {
        p->left--;
        return;
    }
    p->left = p->every - 1;
    if (p->count < PATH_SAMPLES)
        p->samples[p->count++] = *sample;
}

static void print_sample(const struct track_sample *s, const char *before, struct buf *out)
{
    buf_printf(out, "%s[%.3f,%.2f,%.2f]", before, simtime_seconds(s->at), s->x, s->y);
    if (s->gone)
        buf_printf(out, ",null");
}

static void print_path(const struct track_path *p, struct buf *out)
{
    for (uint32_t i = 0; i < p->count; i++)
        print_sample(&p->samples[i], i ? "," : "", out);
    if (p->last.at.ns > p->samples[p->count - 1].at.ns)
        print_sample(&p->last, ",", out);
}

char *track_paths_text(const struct track_paths *paths)
{
    struct buf text = BUF_INIT;
    const char *before = "{";
    if (!paths)
        return NULL;
    for (int i = 0; i < PATHS_DEVICES; i++)
        if (paths->list[i].count) {
            buf_printf(&text, "%s\"%d\":[", before, i);
            print_path(&paths->list[i], &text);
            buf_printf(&text, "]");
            before = ",";
        }
    buf_printf(&text, *before == '{' ? "{}" : "}");
    char *copy = mem_copy_string(buf_text(&text));
    buf_free(&text);
    return copy;
}
