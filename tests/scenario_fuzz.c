/* Whatever the file holds, the reader gives a checked struct or one error; a good text read again is the same text. The
 * first line, if it contains '=', is taken as a --set PATH=VALUE. */
#include "mem.h"
#include "scenario.h"

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

static void parse(const char *text, size_t size, const struct scenario_setting *setting)
{
    struct err e = ERR_INIT;
    struct scenario *s = scenario_parse("fuzz", text, size, setting, setting != NULL, &e);
    if (!s && (e.code <= 0 || strncmp(e.text, "fuzz: ", 6) != 0))
        abort();
    if (s)
        read_again(s);
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
