#include "calibration.h"
#include "json_file.h"
#include "least_squares.h"
#include "mem.h"
#include "table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { CARRIERS_MAX = 16 };
/* An error of 10 ms counts as much in a short row as 10 % in a long one. */
static const double LEAST_MS = 100;

struct samples {
    const char *name;
    struct least_squares_row *rows; /* owned: 1, megabytes, and of transfers the round trip in ms */
    size_t count;
};

struct calibration {
    struct samples operations[OPERATIONS], carriers[CARRIERS_MAX];
    int carrier_count;
};

/* What becomes of one operation or carrier. */
struct outcome {
    double fixed_ms, ms_per_mb, round_trips, rms;
    const char *remark; /* what the rows do not tell, "" = nothing */
};

struct calibration *calibration_new(void)
{
    return mem_alloc(sizeof(struct calibration));
}

void calibration_free(struct calibration *c)
{
    if (!c)
        return;
    for (int i = 0; i < OPERATIONS; i++)
        free(c->operations[i].rows);
    for (int i = 0; i < c->carrier_count; i++)
        free(c->carriers[i].rows);
    free(c);
}

static void add_row(struct samples *s, double mb, double rtt_ms, double value, double ms)
{
    double scale = fmax(ms, LEAST_MS);
    if ((s->count & (s->count - 1)) == 0) /* full at every power of two */
        s->rows = mem_resize(s->rows, (s->count ? 2 * s->count : 1) * sizeof *s->rows);
    s->rows[s->count++] = (struct least_squares_row){
        .regressors = {1, mb, rtt_ms}, .value = value, .weight = 1 / (scale * scale)};
}

void calibration_add(struct calibration *c, enum operation operation, double mb, double ms)
{
    c->operations[operation].name = operation_name(operation);
    add_row(&c->operations[operation], mb, 0, ms, ms);
}

void calibration_add_transfer(struct calibration *c, const char *carrier, double mb, double rtt_ms, double ms,
                              double beyond_ms)
{
    int i = 0;
    while (i < c->carrier_count && strcmp(c->carriers[i].name, carrier) != 0)
        i++;
    if (i == CARRIERS_MAX)
        return;
    if (i == c->carrier_count)
        c->carriers[c->carrier_count++].name = carrier;
    add_row(&c->carriers[i], mb, rtt_ms, beyond_ms, ms);
}

/* --- outcomes ---------------------------------------------------------------------------------------------------------------- */

/* All rows have one size: the default, longer or shorter as a whole. */
static void scale_default(const struct samples *s, const struct scenario_cost *own, struct outcome *o)
{
    double mb = s->rows[0].regressors[1], mean_ms = o->fixed_ms;
    double default_ms = simtime_to_ms(own->fixed) + mb * simtime_to_ms(own->per_mb);
    if (mb == 0 || default_ms <= 0)
        return;
    o->fixed_ms = simtime_to_ms(own->fixed) * mean_ms / default_ms;
    o->ms_per_mb = simtime_to_ms(own->per_mb) * mean_ms / default_ms;
    o->remark = "one size: in the default's proportion";
}

static struct outcome operation_outcome(const struct samples *s, const struct scenario_cost *own)
{
    struct least_squares fit = least_squares_fit(s->rows, s->count, 2);
    struct outcome o = {fit.coefficients[0], fit.coefficients[1], NAN, fit.rms, ""};
    if (s->count && !fit.determined[1])
        scale_default(s, own, &o);
    return o;
}

static struct outcome carrier_outcome(const struct samples *s)
{
    struct least_squares fit = least_squares_fit(s->rows, s->count, 3);
    struct outcome o = {fit.coefficients[0], fit.coefficients[1], fit.coefficients[2], fit.rms, ""};
    if (!fit.determined[2])
        o.remark = "one round-trip time: its round trips count as fixed";
    else if (!fit.determined[1])
        o.remark = "one size";
    return o;
}

/* --- the file ------------------------------------------------------------------------------------------------------------------ */

static char *describe(const struct samples *s, const struct outcome *o)
{
    double least = INFINITY, most = 0;
    for (size_t i = 0; i < s->count; i++) {
        least = fmin(least, s->rows[i].regressors[1]);
        most = fmax(most, s->rows[i].regressors[1]);
    }
    return mem_printf("n = %zu, %g to %g MB, off by %.0f ms (rms)%s%s", s->count, least, most, o->rms,
                      *o->remark ? "; " : "", o->remark);
}

static json_object *entry_json(const struct samples *s, const struct outcome *o)
{
    json_object *entry = json_object_new_object();
    autofree char *source = describe(s, o);
    json_object_object_add(entry, "fixed_ms", json_rounded(o->fixed_ms, 3));
    json_object_object_add(entry, "ms_per_mb", json_rounded(o->ms_per_mb, 4));
    if (!isnan(o->round_trips))
        json_object_object_add(entry, "round_trips", json_rounded(o->round_trips, 3));
    json_object_object_add(entry, "source", json_text(source));
    return entry;
}

json_object *calibration_json(const struct calibration *c, const struct scenario_cost defaults[OPERATIONS])
{
    json_object *o = json_object_new_object(), *costs = json_object_new_object(),
                *carriers = json_object_new_object();
    for (int i = 0; i < OPERATIONS; i++) {
        const struct samples *s = &c->operations[i];
        struct outcome outcome = operation_outcome(s, &defaults[i]);
        if (s->count)
            json_object_object_add(costs, s->name, entry_json(s, &outcome));
    }
    for (int i = 0; i < c->carrier_count; i++) {
        struct outcome outcome = carrier_outcome(&c->carriers[i]);
        json_object_object_add(carriers, c->carriers[i].name, entry_json(&c->carriers[i], &outcome));
    }
    json_object_object_add(o, "costs", costs);
    json_object_object_add(o, "carriers", carriers);
    return o;
}

/* --- the table ------------------------------------------------------------------------------------------------------------------- */

static void print_row(struct table *t, const char *kind, const struct samples *s, const struct outcome *o)
{
    table_add(t, "%s%s", kind, s->name);
    table_add(t, "%zu", s->count);
    table_add(t, "%.1f", o->fixed_ms);
    table_add(t, "%.3f", o->ms_per_mb);
    if (isnan(o->round_trips))
        table_add(t, "%s", "");
    else
        table_add(t, "%.2f", o->round_trips);
    table_add(t, "%.1f", o->rms);
    table_add(t, "%s", o->remark);
}

/* What takes no time needs no rows; what sends is the carriers'. */
static void print_not_met(const struct calibration *c, const struct scenario_cost defaults[OPERATIONS],
                          FILE *out)
{
    int met = 0;
    for (int i = 0; i < OPERATIONS; i++)
        if (c->operations[i].count == 0 &&
            simtime_before(SIMTIME_ZERO, simtime_add(defaults[i].fixed, defaults[i].per_mb)) &&
            !operation_is_transfer((enum operation)i))
            fprintf(out, "%s %s",
                    met++ ? "," : "\n  not met, defaults kept:", operation_name((enum operation)i));
    fputs(met ? "\n" : "", out);
}

void calibration_print(const struct calibration *c, const struct scenario_cost defaults[OPERATIONS],
                       FILE *out)
{
    static const char *const heads[] = {"", "n", "fixed ms", "ms/MB", "round trips", "off by ms (rms)", ""};
    struct table t;
    table_init(&t, "lrrrrrl");
    for (size_t i = 0; i < ARRAY_LEN(heads); i++)
        table_add(&t, "%s", heads[i]);
    for (int i = 0; i < OPERATIONS; i++) {
        struct outcome outcome = operation_outcome(&c->operations[i], &defaults[i]);
        if (c->operations[i].count)
            print_row(&t, "", &c->operations[i], &outcome);
    }
    for (int i = 0; i < c->carrier_count; i++) {
        struct outcome outcome = carrier_outcome(&c->carriers[i]);
        print_row(&t, "carrier ", &c->carriers[i], &outcome);
    }
    table_print(&t, 2, out);
    print_not_met(c, defaults, out);
}
