#include "kim22_log.h"
#include "buf.h"
#include "log_date.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static const char form[] =
    "a line reads YYYY-MM-DD-hh-mm-ss-uuuuuu REPORTER PEER SENDER MESSAGE (sent) or (recvd), "
    "or DATE REPORTER PEER migr begins";

/* Cuts the next word off; NULL if there is none. */
static char *next_word(char **at)
{
    char *word = *at + strspn(*at, " \t");
    if (!*word)
        return NULL;
    char *end = word + strcspn(word, " \t");
    *at = end;
    if (*end) {
        *end = '\0';
        *at = end + 1;
    }
    return word;
}

static const char *name_of(const char *word)
{
    return strcmp(word, "-") == 0 ? "" : word;
}

static void trim_end(char *text)
{
    size_t len = strlen(text);
    while (len && (text[len - 1] == ' ' || text[len - 1] == '\t' || text[len - 1] == '\r'))
        text[--len] = '\0';
}

/* Cuts "(sent)" or "(recvd)", with or without parentheses, off the end. */
static enum event_direction cut_direction(char *rest)
{
    static const struct {
        const char *word;
        enum event_direction direction;
    } words[] = {
        {"(sent)", EVENT_SENT}, {"(recvd)", EVENT_RECEIVED}, {"sent", EVENT_SENT}, {"recvd", EVENT_RECEIVED}};
    size_t len = strlen(rest);
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        size_t word = strlen(words[i].word);
        if (len >= word && strcmp(rest + len - word, words[i].word) == 0 &&
            (len == word || strchr(" \t", rest[len - word - 1]))) {
            rest[len - word] = '\0';
            trim_end(rest);
            return words[i].direction;
        }
    }
    return EVENT_NONE;
}

static const char *parse_line(char *text, struct kim22_line *line)
{
    char *date = next_word(&text);
    if (!log_date_parse(date, strlen(date), &line->at))
        return "the date is none";
    char *reporter = next_word(&text), *peer = next_word(&text);
    if (!reporter || !peer)
        return "reporter or peer is missing";
    line->reporter = reporter;
    line->peer = name_of(peer);
    line->sender = line->from = "";
    line->direction = cut_direction(text);
    line->kind = line->direction ? EVENT_MESSAGE : EVENT_MARK;
    if (line->kind == EVENT_MESSAGE) {
        char *sender = next_word(&text);
        if (!sender)
            return "the sender is missing";
        line->sender = name_of(sender);
    }
    line->text = text + strspn(text, " \t");
    if (!line->text[0])
        return "the message is missing";
    if (line->direction == EVENT_SENT)
        line->from = line->reporter;
    return NULL;
}

static struct kim22_line *new_line(struct kim22_log *log)
{
    if ((log->line_count & (log->line_count - 1)) == 0) /* full at every power of two */
        log->lines = mem_resize(log->lines, (log->line_count ? log->line_count * 2 : 1) * sizeof *log->lines);
    struct kim22_line *line = &log->lines[log->line_count++];
    *line = (struct kim22_line){0};
    return line;
}

static int parse_lines(struct kim22_log *log, char *end, struct err *e)
{
    char *at = log->memory;
    for (int number = 1; at < end; number++) {
        char *newline = memchr(at, '\n', (size_t)(end - at));
        char *next = newline ? newline + 1 : end;
        if (newline)
            *newline = '\0';
        if (strlen(at) < (size_t)((newline ? newline : end) - at))
            return err_set(e, EINVAL, "%s:%d: a zero byte: this is no text", log->path, number);
        trim_end(at);
        if (at[strspn(at, " \t")]) {
            struct kim22_line *line = new_line(log);
            line->number = number;
            const char *wrong = parse_line(at, line);
            if (wrong) {
                err_set(e, EINVAL, "%s:%d: %s", log->path, number, wrong);
                return err_hint(e, "%s", form);
            }
        }
        at = next;
    }
    if (!log->line_count)
        return err_set(e, EINVAL, "%s: no line in it", log->path);
    return 0;
}

static int by_reporter(const void *a, const void *b, void *lines_)
{
    const struct kim22_line *lines = lines_;
    size_t i = *(const size_t *)a, j = *(const size_t *)b;
    int order = strcmp(lines[i].reporter, lines[j].reporter);
    return order ? order : (i > j) - (i < j);
}

/* The first line of each reporter's run in `sorted` stands for it; that line's order in the file numbers the
 * reporter. */
static void number_reporters(struct kim22_log *log)
{
    size_t n = log->line_count;
    size_t *sorted = mem_alloc_array(n, sizeof *sorted), *first = mem_alloc_array(n, sizeof *first);
    for (size_t i = 0; i < n; i++)
        sorted[i] = i;
    qsort_r(sorted, n, sizeof *sorted, by_reporter, log->lines);
    for (size_t i = 0; i < n; i++) {
        bool same = i && strcmp(log->lines[sorted[i]].reporter, log->lines[sorted[i - 1]].reporter) == 0;
        first[sorted[i]] = same ? first[sorted[i - 1]] : sorted[i];
        log->reporter_count += !same;
    }
    log->reporters = mem_alloc_array((size_t)log->reporter_count, sizeof *log->reporters);
    int next = 0;
    for (size_t i = 0; i < n; i++) {
        if (first[i] == i) {
            log->reporters[next].name = log->lines[i].reporter;
            log->lines[i].reporter_index = next++;
        }
        log->lines[i].reporter_index = log->lines[first[i]].reporter_index;
    }
    free(sorted);
    free(first);
}

int kim22_log_parse(const char *path, const char *text, size_t len, struct kim22_log **out, struct err *e)
{
    struct kim22_log *log = mem_alloc(sizeof *log);
    log->path = mem_copy_string(path);
    log->memory = mem_alloc(len + 1);
    memcpy(log->memory, text, len);
    int status = parse_lines(log, log->memory + len, e);
    if (status < 0) {
        kim22_log_free(log);
        return status;
    }
    number_reporters(log);
    *out = log;
    return 0;
}

int kim22_log_read(const char *path, struct kim22_log **out, struct err *e)
{
    autofclose FILE *f = fopen(path, "re");
    if (!f)
        return err_errno(e, "%s", path);
    struct buf text = BUF_INIT;
    char chunk[65536];
    for (size_t got; (got = fread(chunk, 1, sizeof chunk, f)) > 0;)
        buf_add(&text, chunk, got);
    int status =
        ferror(f) ? err_errno(e, "%s", path) : kim22_log_parse(path, buf_text(&text), text.len, out, e);
    buf_free(&text);
    return status;
}

void kim22_log_free(struct kim22_log *log)
{
    if (!log)
        return;
    free(log->path);
    free(log->memory);
    free(log->lines);
    free(log->reporters);
    free(log->impossible);
    free(log);
}
