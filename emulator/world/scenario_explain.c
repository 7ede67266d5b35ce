#include "scenario_explain.h"
#include "mem.h"
#include "scenario_key.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* How paths write places in lists and names in maps. */
#define ANY_PLACE "N"
#define ANY_NAME "NAME"

struct search {
    const char *path;
    struct scenario_nearest *nearest;
    FILE *out;
    int found;
};

/* The last segment of the first `len` bytes: where it begins. */
static size_t last_segment(const char *path, size_t len)
{
    while (len > 0 && path[len - 1] != '.')
        len--;
    return len;
}

static bool is_segment(const char *begin, size_t len, const char *word)
{
    return len == strlen(word) && memcmp(begin, word, len) == 0;
}

/* Do the first `length` bytes of the pattern end with the first `len` of the path? Places and names may be left out. */
static bool ends_with(const char *pattern, size_t length, const char *path, size_t len)
{
    if (len == 0)
        return true;
    if (length == 0)
        return false;
    size_t p = last_segment(pattern, length), q = last_segment(path, len);
    bool place = is_segment(pattern + p, length - p, ANY_PLACE),
         name = is_segment(pattern + p, length - p, ANY_NAME);
    bool same = length - p == len - q && memcmp(pattern + p, path + q, len - q) == 0;
    bool fits = same || (name && q < len) || (place && isdigit((unsigned char)path[q]));
    size_t before = p ? p - 1 : 0, rest = q ? q - 1 : 0;
    return (fits && ends_with(pattern, before, path, rest)) ||
           ((place || name) && ends_with(pattern, before, path, len));
}

static const char *kind_words(enum scenario_key_kind kind)
{
    switch (kind) {
    case KEY_OBJECT:
    case KEY_MAP:
        return "an object";
    case KEY_LIST:
        return "a list of objects";
    case KEY_PAIR:
        return "a list of two words";
    case KEY_BOTH_WAYS:
        return "a value for both directions, or {\"forward\", \"back\"}";
    case KEY_NUMBER_OR:
        return "a number or an object";
    case KEY_WORD_OR:
        return "a word or an object";
    case KEY_NUMBER:
        return "a number";
    case KEY_WHOLE:
    case KEY_WHOLE64:
        return "a whole number";
    case KEY_SWITCH:
        return "true or false";
    case KEY_MS:
        return "milliseconds";
    case KEY_SECONDS:
        return "seconds";
    case KEY_WORD:
        return "a word";
    case KEY_PATH:
        return "a file's path, relative to the scenario's";
    case KEY_TEXT:
        return "a text";
    case KEY_TEXTS:
        return "a list of texts";
    }
    return "";
}

static bool is_number(enum scenario_key_kind kind)
{
    return kind == KEY_NUMBER || kind == KEY_WHOLE || kind == KEY_WHOLE64 || kind == KEY_MS ||
           kind == KEY_SECONDS;
}

static void print_key(struct search *s, const char *path, const struct scenario_key *key)
{
    fprintf(s->out, "%s: a key of scenarios\n  %s\n  %s", path, key->help ? key->help : "",
            kind_words(key->kind));
    if (is_number(key->kind))
        fprintf(s->out, " from %.10g to %.10g", key->min, key->max);
    if (key->required)
        fprintf(s->out, ", required");
    else if (is_number(key->kind) && isfinite(key->preset))
        fprintf(s->out, ", %.10g if absent", key->preset);
    fprintf(s->out, "\n  defined in scenarios/scenario.schema.json, told of in scenarios/README.md\n");
    s->found++;
}

static void walk(struct search *s, const char *above, const struct scenario_keys *keys)
{
    for (int i = 0; i < keys->count; i++) {
        const struct scenario_key *key = &keys->at[i];
        autofree char *path = above[0] ? mem_printf("%s.%s", above, key->name) : mem_copy_string(key->name);
        scenario_nearest_offer(s->nearest, key->name);
        if (ends_with(path, strlen(path), s->path, strlen(s->path)))
            print_key(s, path, key);
        if (!key->children)
            continue;
        const char *between = key->kind == KEY_MAP    ? "." ANY_NAME
                              : key->kind == KEY_LIST ? "." ANY_PLACE
                                                      : "";
        autofree char *below = mem_printf("%s%s", path, between);
        walk(s, below, key->children);
    }
}

int scenario_explain(const char *path, struct scenario_nearest *nearest, FILE *out)
{
    struct search s = {.path = path, .nearest = nearest, .out = out};
    if (path[0])
        walk(&s, "", &scenario_keys);
    return s.found;
}
