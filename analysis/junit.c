#include "junit.h"
#include "buf.h"
#include "json_file.h"
#include "mem.h"
#include "result.h"
#include "text_file.h"

#include <math.h>
#include <string.h>

struct suite {
    struct buf cases;
    const char *scenario, *world;
    int count, failures;
};

/* Text of an attribute; control characters have no place in XML (XML 1.0 section 2.2). */
static void put_text(struct buf *out, const char *text)
{
    for (; *text; text++)
        if (strchr("<>&\"'", *text))
            buf_printf(out, "&#%d;", *text);
        else
            buf_printf(out, "%c", (unsigned char)*text < ' ' || *text == 0x7f ? ' ' : *text);
}

static void put_attribute(struct buf *out, const char *name, const char *value)
{
    buf_printf(out, " %s=\"", name);
    put_text(out, value);
    buf_printf(out, "\"");
}

/* `failure` = NULL: it passed. */
static void add_case(struct suite *s, const char *name, const char *failure)
{
    buf_printf(&s->cases, "    <testcase");
    put_attribute(&s->cases, "classname", s->scenario);
    put_attribute(&s->cases, "name", name);
    s->count++;
    if (failure) {
        s->failures++;
        buf_printf(&s->cases, ">\n      <failure");
        put_attribute(&s->cases, "message", failure);
        buf_printf(&s->cases, "/>\n    </testcase>\n");
    } else {
        buf_printf(&s->cases, "/>\n");
    }
}

static void add_bound(struct buf *name, json_object *x, const char *key, const char *words)
{
    if (json_at(x, key))
        buf_printf(name, ", %s %.10g", words, json_number_at(x, key));
}

/* The value found; of a mean, also of how many. */
static char *found_text(json_object *result, const char *metric, double value)
{
    double n = result_beside_mean(result, metric, "n");
    if (!isfinite(value))
        return mem_copy_string("the result has no such number");
    return isfinite(n) ? mem_printf("is %.10g (n %.0f)", value, n) : mem_printf("is %.10g", value);
}

static void add_expectation(struct suite *s, json_object *result, json_object *x)
{
    struct buf name = BUF_INIT;
    const char *metric = json_text_at(x, "metric");
    autofree char *found = found_text(result, metric, json_number_at(x, "value"));
    buf_printf(&name, "%s", metric);
    add_bound(&name, x, "bound.min", "at least");
    add_bound(&name, x, "bound.max", "at most");
    add_case(s, buf_text(&name), json_number_at(x, "holds") == 1 ? NULL : found);
    buf_free(&name);
}

static void add_invariants(struct suite *s, json_object *result)
{
    struct buf broken = BUF_INIT;
    json_object *list = json_at(result, "invariants.broken");
    for (size_t i = 0; list && i < json_object_array_length(list); i++)
        buf_printf(&broken, "%s%s", i ? "; " : "",
                   json_object_get_string(json_object_array_get_idx(list, i)));
    add_case(s, "all invariants hold",
             json_number_at(result, "invariants.ok") == 1 ? NULL : buf_text(&broken));
    buf_free(&broken);
}

static void add_drift(struct suite *s, json_object *result)
{
    autofree char *late = mem_printf("99 %% of the timers were up to %g ms late: do not use the times",
                                     json_number_at(result, "drift_ms.p99"));
    add_case(s, "the host was fast enough", json_number_at(result, "drift_ms.valid") == 1 ? NULL : late);
}

static void add_clocks(struct suite *s, json_object *result)
{
    autofree char *unknown = mem_printf("known to %g ms only", json_number_at(result, "clock_ms.uncertainty"));
    if (json_at(result, "clock_ms"))
        add_case(s, "the machines' clocks were known", json_number_at(result, "clock_ms.valid") == 1 ? NULL : unknown);
}

static void add_cases(struct suite *s, json_object *result)
{
    json_object *expectations = json_at(result, "expectations");
    for (size_t i = 0; expectations && i < json_object_array_length(expectations); i++)
        add_expectation(s, result, json_object_array_get_idx(expectations, i));
    add_invariants(s, result);
    add_drift(s, result);
    add_clocks(s, result);
    if (!result_allows_failed_migrations(result)) {
        double failed = result_metric(result, "migrations.failed");
        autofree char *count = mem_printf("%g failed", failed);
        add_case(s, "no migration fails", failed == 0 ? NULL : count);
    }
}

static void put_suite(struct buf *out, struct suite *s)
{
    buf_printf(out, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite");
    put_attribute(out, "name", s->scenario);
    buf_printf(
        out,
        " tests=\"%d\" failures=\"%d\" errors=\"0\" skipped=\"0\">\n    <properties>\n      <property name=\"world\"",
        s->count, s->failures);
    put_attribute(out, "value", s->world);
    buf_printf(out, "/>\n    </properties>\n");
    buf_add(out, s->cases.data, s->cases.len);
    buf_printf(out, "  </testsuite>\n</testsuites>\n");
}

int junit_write(const char *path, json_object *result, struct err *e)
{
    struct suite s = {.scenario = json_text_at(result, "scenario.name"),
                      .world = json_text_at(result, "world")};
    struct buf out = BUF_INIT;
    add_cases(&s, result);
    put_suite(&out, &s);
    int status = text_file_write(path, &out, e);
    buf_free(&s.cases);
    buf_free(&out);
    return status;
}
