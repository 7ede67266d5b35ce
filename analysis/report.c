#include "report.h"
#include "buf.h"
#include "embed.h"
#include "json_file.h"
#include "mem.h"
#include "report_data.h"
#include "text_file.h"

#include <string.h>

extern const char report_page[], report_style[], report_model[], report_charts[], report_response[], report_sequence[], report_whereabouts[],
    report_migrations[], report_script[], report_live[];
EMBED(report_page, "analysis/report/page.html");
EMBED(report_style, "analysis/report/page.css");
EMBED(report_model, "analysis/report/model.js");
EMBED(report_charts, "analysis/report/charts.js");
EMBED(report_response, "analysis/report/response.js");
EMBED(report_sequence, "analysis/report/sequence.js");
EMBED(report_whereabouts, "analysis/report/whereabouts.js");
EMBED(report_migrations, "analysis/report/migrations.js");
EMBED(report_script, "analysis/report/page.js");
EMBED(report_live, "analysis/report/live.js");

/* In JSON these characters stand in strings only, where they may be escaped: no text ends the script element. */
static void put_json(struct buf *out, const char *json)
{
    for (; *json; json++)
        if (strchr("<>&", *json))
            buf_printf(out, "\\u%04x", (unsigned)*json);
        else
            buf_add(out, json, 1);
}

static void put_html(struct buf *out, const char *text)
{
    for (; *text; text++)
        if (strchr("<>&\"'", *text))
            buf_printf(out, "&#%u;", (unsigned)*text);
        else
            buf_add(out, text, 1);
}

static void put_text(struct buf *out, const char *text)
{
    buf_add(out, text, strlen(text));
}

static void put_title(struct buf *out, json_object *data)
{
    put_html(out, json_text_at(data, "result.scenario.name"));
    put_text(out, " – roamlab");
}

static void put_style(struct buf *out, json_object *data)
{
    (void)data;
    put_text(out, report_style);
}

static void put_data(struct buf *out, json_object *data)
{
    put_json(out, json_object_to_json_string_ext(data, JSON_C_TO_STRING_PLAIN));
}

static void put_common_script(struct buf *out)
{
    const char *const files[] = {report_charts,   report_model,       report_response,
                                 report_sequence, report_whereabouts, report_migrations};
    for (size_t i = 0; i < ARRAY_LEN(files); i++)
        put_text(out, files[i]);
}

static void put_script(struct buf *out, json_object *data)
{
    (void)data;
    put_common_script(out);
    put_text(out, report_script);
}

static void put_live_script(struct buf *out, json_object *data)
{
    (void)data;
    put_common_script(out);
    put_text(out, report_live);
}

static void put_nothing(struct buf *out, json_object *data)
{
    (void)out, (void)data;
}

/* A live page hears from the server that it came from, and from nobody else. */
static void put_connections(struct buf *out, json_object *data)
{
    (void)data;
    put_text(out, "; connect-src 'self'");
}

/* What stands in the template as {{NAME}}; `put_live`, if there is one, for a live page. */
static const struct {
    const char *name;
    void (*put)(struct buf *out, json_object *data);
    void (*put_live)(struct buf *out, json_object *data);
} parts[] = {
    {"{{title}}", put_title, NULL},
    {"{{style}}", put_style, NULL},
    {"{{data}}", put_data, NULL},
    {"{{script}}", put_script, put_live_script},
    {"{{connections}}", put_nothing, put_connections},
};

static void fill_in(struct buf *out, json_object *data, bool live)
{
    for (const char *at = report_page; *at;) {
        size_t i = 0;
        while (i < ARRAY_LEN(parts) && strncmp(at, parts[i].name, strlen(parts[i].name)) != 0)
            i++;
        if (i < ARRAY_LEN(parts)) {
            (live && parts[i].put_live ? parts[i].put_live : parts[i].put)(out, data);
            at += strlen(parts[i].name);
        } else {
            buf_add(out, at++, 1);
        }
    }
}

void report_live_page(struct buf *out, json_object *data)
{
    fill_in(out, data, true);
}

int report_write(const char *folder, struct err *e)
{
    json_object *data = NULL;
    struct buf page = BUF_INIT;
    autofree char *path = mem_printf("%s/report.html", folder);
    int status = report_data(folder, &data, e);
    if (status == 0) {
        fill_in(&page, data, false);
        status = text_file_write(path, &page, e);
    }
    buf_free(&page);
    json_object_put(data);
    return status < 0 ? err_wrap(e, "report") : 0;
}
