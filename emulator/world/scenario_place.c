#include "scenario_key.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PATH_MAX_SHOWN = 200, PART_MAX_SHOWN = 64 };

static size_t write_path(const struct scenario_place *place, char *out, size_t size)
{
    size_t used = place->up ? write_path(place->up, out, size) : 0;
    if (used + 1 >= size)
        return used;
    const char *dot = used ? "." : "";
    int n = place->name
                ? snprintf(out + used, size - used, "%s%.*s", dot,
                           (int)(place->len < PART_MAX_SHOWN ? place->len : PART_MAX_SHOWN), place->name)
                : snprintf(out + used, size - used, "%s%d", dot, place->index);
    return used + (size_t)n < size ? used + (size_t)n : size - 1;
}

int scenario_error(const struct scenario_place *place, struct err *e, const char *format, ...)
{
    char path[PATH_MAX_SHOWN] = "", what[360];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    if (!place)
        return err_set(e, EINVAL, "%s", what);
    write_path(place, path, sizeof path);
    return err_set(e, EINVAL, "%s: %s", path, what);
}

int scenario_wrap(const struct scenario_place *place, struct err *e)
{
    char path[PATH_MAX_SHOWN] = "";
    write_path(place, path, sizeof path);
    err_wrap(e, "%s", path);
    return -EINVAL;
}

/* Levenshtein's distance between the word and the candidate, by one row of his table. */
static int edit_distance(const char *word, size_t len, const char *candidate)
{
    int row[SCENARIO_WORD_MAX + 1];
    size_t width = strlen(candidate);
    for (size_t j = 0; j <= width; j++)
        row[j] = (int)j;
    for (size_t i = 1; i <= len; i++) {
        int diagonal = row[0];
        row[0] = (int)i;
        for (size_t j = 1; j <= width; j++) {
            int change = diagonal + (word[i - 1] != candidate[j - 1]);
            diagonal = row[j];
            int add_or_drop = 1 + (row[j] < row[j - 1] ? row[j] : row[j - 1]);
            row[j] = change < add_or_drop ? change : add_or_drop;
        }
    }
    return row[width];
}

/* "rtt" is far from "rtt_ms" by letters but plainly meant: a word that the other begins with counts as
 * near. */
static bool one_begins_the_other(const char *word, size_t len, const char *candidate)
{
    size_t width = strlen(candidate), shorter = len < width ? len : width;
    return shorter >= 3 && strncmp(word, candidate, shorter) == 0;
}

void scenario_nearest_offer(struct scenario_nearest *n, const char *candidate)
{
    if (n->len == 0 || n->len > SCENARIO_WORD_MAX || strlen(candidate) > SCENARIO_WORD_MAX)
        return;
    int distance = edit_distance(n->word, n->len, candidate);
    int near = n->len < 5 ? 1 : 2 + (int)n->len / 8;
    if (distance > near && !one_begins_the_other(n->word, n->len, candidate))
        return;
    if (!n->best || distance < n->distance) {
        n->best = candidate;
        n->distance = distance;
    }
}

int scenario_nearest_hint(const struct scenario_nearest *n, struct err *e, const char *otherwise)
{
    return n->best ? err_hint(e, "did you mean %s?", n->best) : err_hint(e, "%s", otherwise);
}
