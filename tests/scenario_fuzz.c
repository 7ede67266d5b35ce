/* Whatever the file holds, the reader gives a checked struct or one error; a good text read again is the same text; devices
 * that move get visits, and the text that says these instead is good and means the same. The first line, if it contains '=', is taken as a --set PATH=VALUE. */
#include "mem.h"
#include "scenario_move.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_again(const struct scenario *s)
{
    struct err e = ERR_INIT;
    int hops[SCENARIO_HOSTS_MAX];
    struct scenario *again = scenario_parse("again", s->text, strlen(s->text), NULL, 0, &e);
    if (!again || strcmp(again->text, s->text) != 0)
        abort();
    for (int i = 0; i < s->host_count; i++)
        scenario_route(s, 0, i, hops, SCENARIO_HOSTS_MAX);
    scenario_free(again);
}

/* Few devices that measure not too often, for a fuzzer's sake, and no files. */
static bool is_quick(const struct scenario *s)
{
    for (int i = 0; i < s->mobility_count; i++)
        if (s->mobilities[i].tracks)
            return false;
    double scans = simtime_seconds(s->duration) / simtime_seconds(s->radio.scan_interval);
    return s->mobility_count > 0 && s->ap_count < 100 && s->mud_count < 10 && scans < 1000 &&
           s->duration.ns <= simtime_s(100).ns;
}

static void move(struct scenario *s)
{
    struct err e = ERR_INIT;
    if (!is_quick(s) || scenario_move(s, 1, &e) < 0)
        return;
    autofree char *text = scenario_text_with_visits(s);
    struct scenario *told = scenario_parse("told", text, strlen(text), NULL, 0, &e);
    if (!told || told->mud_count != s->mud_count)
        abort();
    for (int i = 0; i < s->mud_count; i++) {
        const struct scenario_mud *a = &s->muds[i], *b = &told->muds[i];
        if (a->kind != b->kind || a->visit_count != b->visit_count ||
            (a->visit_count && memcmp(a->visits, b->visits, (size_t)a->visit_count * sizeof *a->visits)))
            abort();
    }
    scenario_free(told);
}

static void parse(const char *text, size_t size, const struct scenario_setting *setting)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_parse("fuzz", text, size, setting, setting != NULL, &e);
    if (!s && (e.code <= 0 || strncmp(e.text, "fuzz: ", 6) != 0))
        abort();
    if (s) {
        read_again(s);
        move(s);
    }
    scenario_free(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *end = memchr(text, '\n', size),
               *equals = end ? memchr(text, '=', (size_t)(end - text)) : NULL;
    if (!equals) {
        parse(text, size, NULL);
        return 0;
    }
    autofree char *path = mem_printf("%.*s", (int)(equals - text), text);
    autofree char *value = mem_printf("%.*s", (int)(end - equals - 1), equals + 1);
    parse(end + 1, size - (size_t)(end + 1 - text), &(struct scenario_setting){path, value});
    return 0;
}
