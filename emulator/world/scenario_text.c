#include "scenario_key.h"

#include "mem.h"
#include "rng.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* json-c keeps the last of two equal keys, accepts trailing text if asked nicely, and knows no columns. So
 * the text is walked once here, building nothing, before json-c sees it. */

struct seen_key {
    uint32_t object;     /* which object, counted from 1; 0 = empty slot */
    uint32_t start, len; /* of the key in the text */
};

struct walk {
    const char *text, *at, *end;
    int depth;
    uint32_t objects;
    struct seen_key *seen; /* owned hash table */
    size_t used, capacity;
};

static int walk_value(struct walk *w, const struct scenario_place *place, struct err *e);

static int error_at(const struct walk *w, const char *at, const struct scenario_place *place, struct err *e,
                    const char *what)
{
    int line = 1, column = 1;
    for (const char *c = w->text; c < at; c++) {
        if (*c == '\n') {
            line++;
            column = 1;
        } else if (((unsigned char)*c & 0xc0) !=
                   0x80) { /* count characters, not the bytes that continue one */
            column++;
        }
    }
    return scenario_error(place, e, "line %d, column %d: %s", line, column, what);
}

static int error_here(const struct walk *w, const struct scenario_place *place, struct err *e,
                      const char *what)
{
    if (w->at < w->end)
        return error_at(w, w->at, place, e, what);
    error_at(w, w->end, place, e, "the text ends here, in the middle of the scenario");
    return err_hint(e, "the file is cut off, or a bracket or quote is not closed");
}

static void skip_space(struct walk *w)
{
    while (w->at < w->end && (*w->at == ' ' || *w->at == '\t' || *w->at == '\n' || *w->at == '\r'))
        w->at++;
}

static bool take(struct walk *w, char c)
{
    skip_space(w);
    if (w->at == w->end || *w->at != c)
        return false;
    w->at++;
    return true;
}

static bool is_digit(const struct walk *w)
{
    return w->at < w->end && *w->at >= '0' && *w->at <= '9';
}

static int take_digits(struct walk *w)
{
    int n = 0;
    for (; is_digit(w); w->at++)
        n += n < 1000;
    return n;
}

static int walk_number(struct walk *w, const struct scenario_place *place, struct err *e)
{
    const char *start = w->at;
    w->at += *w->at == '-';
    if (w->at < w->end && *w->at == 'I')
        return error_here(w, place, e, "-Infinity is not a number in JSON");
    const char *first = w->at;
    int whole = take_digits(w);
    if (whole == 0)
        return error_here(w, place, e, "a digit is missing");
    if (whole > 1 && *first == '0')
        return error_at(w, start, place, e, "a number must not begin with 0");
    if (whole > 18)
        return error_at(w, start, place, e, "the number has too many digits");
    if (w->at < w->end && *w->at == '.') {
        w->at++;
        if (take_digits(w) == 0)
            return error_here(w, place, e, "a digit is missing after the point");
    }
    if (w->at < w->end && (*w->at == 'e' || *w->at == 'E')) {
        w->at++;
        w->at += w->at < w->end && (*w->at == '+' || *w->at == '-');
        if (take_digits(w) == 0)
            return error_here(w, place, e, "a digit is missing in the exponent");
    }
    return w->at - start > 64 ? error_at(w, start, place, e, "the number has too many digits") : 0;
}

static int walk_escape(struct walk *w, const struct scenario_place *place, struct err *e)
{
    w->at++;
    if (w->at == w->end || !strchr("\"\\/bfnrtu", *w->at) || !*w->at)
        return error_here(w, place, e, "an unknown escape in a string");
    if (*w->at++ != 'u')
        return 0;
    unsigned value = 0;
    for (int i = 0; i < 4; i++, w->at++) {
        const char *hex = "0123456789abcdefABCDEF";
        const char *digit = w->at < w->end && *w->at ? strchr(hex, *w->at) : NULL;
        if (!digit)
            return error_here(w, place, e, "\\u needs four hexadecimal digits");
        value = value * 16 + (unsigned)(digit - hex < 16 ? digit - hex : digit - hex - 6);
    }
    return value ? 0 : error_at(w, w->at - 6, place, e, "a zero byte in a string");
}

static int walk_string(struct walk *w, const struct scenario_place *place, struct err *e)
{
    const char *start = w->at++;
    while (w->at < w->end && *w->at != '"') {
        if ((unsigned char)*w->at < 0x20)
            return error_at(w, *w->at == '\n' ? start : w->at, place, e,
                            *w->at == '\n' ? "the string is not closed on its line"
                                           : "a control character in a string");
        if (*w->at != '\\')
            w->at++;
        else if (walk_escape(w, place, e) < 0)
            return -EINVAL;
    }
    if (w->at == w->end)
        return error_here(w, place, e, "");
    w->at++;
    return 0;
}

static size_t slot_of(const struct walk *w, const struct seen_key *table, size_t capacity,
                      struct seen_key key)
{
    uint64_t hash = key.object;
    for (uint32_t i = 0; i < key.len; i++)
        hash = (hash ^ (uint8_t)w->text[key.start + i]) * 0x100000001b3u;
    size_t slot = rng_mix(hash) & (capacity - 1);
    for (; table[slot].object; slot = (slot + 1) & (capacity - 1))
        if (table[slot].object == key.object && table[slot].len == key.len &&
            memcmp(w->text + table[slot].start, w->text + key.start, key.len) == 0)
            break;
    return slot;
}

static void grow(struct walk *w)
{
    size_t capacity = w->capacity ? w->capacity * 2 : 64;
    struct seen_key *table = mem_alloc_array(capacity, sizeof *table);
    for (size_t i = 0; i < w->capacity; i++)
        if (w->seen[i].object)
            table[slot_of(w, table, capacity, w->seen[i])] = w->seen[i];
    free(w->seen);
    w->seen = table;
    w->capacity = capacity;
}

/* False if the object has that key already. */
static bool remember_key(struct walk *w, struct seen_key key)
{
    if (w->used * 2 >= w->capacity)
        grow(w);
    size_t slot = slot_of(w, w->seen, w->capacity, key);
    if (w->seen[slot].object)
        return false;
    w->seen[slot] = key;
    w->used++;
    return true;
}

static int walk_member(struct walk *w, uint32_t object, const struct scenario_place *place, struct err *e)
{
    skip_space(w);
    if (w->at == w->end || *w->at != '"')
        return error_here(w, place, e, "a key in double quotes is expected");
    const char *quote = w->at;
    if (walk_string(w, place, e) < 0)
        return -EINVAL;
    struct seen_key key = {object, (uint32_t)(quote + 1 - w->text), (uint32_t)(w->at - quote - 2)};
    /* No key of ours needs an escape, and with escapes equal keys could look different. */
    if (memchr(quote, '\\', key.len + 1))
        return error_at(w, quote, place, e, "a backslash in a key");
    struct scenario_place member = {place, quote + 1, key.len, 0};
    if (!remember_key(w, key)) {
        error_at(w, quote, &member, e, "is there twice");
        return err_hint(e, "keep one of the two");
    }
    if (!take(w, ':'))
        return error_here(w, &member, e, "a colon is expected after the key");
    return walk_value(w, &member, e);
}

static int walk_object(struct walk *w, const struct scenario_place *place, struct err *e)
{
    uint32_t object = ++w->objects;
    w->at++;
    if (take(w, '}'))
        return 0;
    do
        if (walk_member(w, object, place, e) < 0)
            return -EINVAL;
    while (take(w, ','));
    return take(w, '}') ? 0 : error_here(w, place, e, "a comma or } is expected");
}

static int walk_list(struct walk *w, const struct scenario_place *place, struct err *e)
{
    struct scenario_place item = {place, NULL, 0, 0};
    w->at++;
    if (take(w, ']'))
        return 0;
    do {
        if (walk_value(w, &item, e) < 0)
            return -EINVAL;
        item.index++;
    } while (take(w, ','));
    return take(w, ']') ? 0 : error_here(w, place, e, "a comma or ] is expected");
}

static int walk_word(struct walk *w, const struct scenario_place *place, struct err *e)
{
    static const struct {
        const char *word, *wrong;
    } words[] = {
        {"true", NULL},
        {"false", NULL},
        {"null", NULL},
        {"NaN", "NaN is not a number in JSON"},
        {"Infinity", "Infinity is not a number in JSON"},
        {"}", "a value is expected"},
        {"]", "a value is expected (is there a comma too many?)"},
        {"'", "strings stand in double quotes"},
        {"/", "JSON has no comments"},
        {"#", "JSON has no comments"},
    };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t len = strlen(words[i].word);
        if ((size_t)(w->end - w->at) < len || memcmp(w->at, words[i].word, len) != 0)
            continue;
        if (words[i].wrong)
            return error_here(w, place, e, words[i].wrong);
        w->at += len;
        return 0;
    }
    return error_here(w, place, e, "a value is expected");
}

static int walk_value(struct walk *w, const struct scenario_place *place, struct err *e)
{
    skip_space(w);
    if (w->at == w->end)
        return error_here(w, place, e, "");
    if (*w->at == '"')
        return walk_string(w, place, e);
    if (*w->at == '-' || is_digit(w))
        return walk_number(w, place, e);
    if (*w->at != '{' && *w->at != '[')
        return walk_word(w, place, e);
    if (w->depth == SCENARIO_DEPTH_MAX)
        return error_here(w, place, e, "brackets are nested too deeply");
    w->depth++;
    int result = *w->at == '{' ? walk_object(w, place, e) : walk_list(w, place, e);
    w->depth--;
    return result;
}

int scenario_text_check(const char *text, size_t len, struct err *e)
{
    struct walk w = {.text = text, .at = text, .end = text + len};
    if (len > SCENARIO_BYTES_MAX)
        return err_set(e, EFBIG, "is larger than 256 MB");
    int result = walk_value(&w, NULL, e);
    skip_space(&w);
    if (result == 0 && w.at < w.end)
        result = error_here(&w, NULL, e, "there is text after the end of the scenario");
    free(w.seen);
    return result;
}

json_object *scenario_text_read(const char *text, size_t len, struct err *e)
{
    if (scenario_text_check(text, len, e) < 0)
        return NULL;
    struct json_tokener *tokener = json_tokener_new_ex(SCENARIO_DEPTH_MAX + 2);
    if (!tokener) {
        err_set(e, ENOMEM, "no memory for the JSON reader");
        return NULL;
    }
    json_tokener_set_flags(tokener, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    json_object *root = json_tokener_parse_ex(tokener, text, (int)len);
    if (json_tokener_get_error(tokener) ==
        json_tokener_continue) /* a bare number ends only where the text ends */
        root = json_tokener_parse_ex(tokener, "", 1);
    enum json_tokener_error error = json_tokener_get_error(tokener);
    if (error != json_tokener_success)
        err_set(e, EINVAL, "%s", json_tokener_error_desc(error));
    else if (!root)
        err_set(e, EINVAL, "is null");
    json_tokener_free(tokener);
    return root;
}
