#include "trace.h"
#include "decimal.h"
#include "fields.h"
#include "mem.h"

#include <errno.h>
#include <string.h>

enum {
    FIELD_MAX = 40,
    COLUMNS_MAX = 32,
    OPPORTUNITY_BYTES = LINK_MTU + 14, /* a full packet as link.h counts it */
};

/* A cursor over the lines of a file. */
struct lines {
    const char *name, *at, *end;
    const char *line; /* the present one, without its end */
    size_t len;
    int number;
};

static struct lines lines_of(const char *name, const char *text, size_t len)
{
    struct lines l = {.name = name, .at = text, .end = text + len};
    if (len >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) /* a byte order mark, as spreadsheets write it */
        l.at += 3;
    return l;
}

/* The next line with anything on it; false at the end. */
static bool next_line(struct lines *l)
{
    while (l->at < l->end) {
        const char *stop = memchr(l->at, '\n', (size_t)(l->end - l->at));
        stop = stop ? stop : l->end;
        l->line = l->at;
        l->len = (size_t)(stop - l->at);
        l->at = stop < l->end ? stop + 1 : stop;
        l->number++;
        field_trim(&l->line, &l->len);
        if (l->len && l->line[0] != '#')
            return true;
    }
    return false;
}

static int error_at(const struct lines *l, struct err *e)
{
    return err_wrap(e, "%.200s:%d", l->name, l->number);
}

/* --- csv ------------------------------------------------------------------------------------------------------ */

enum { COLUMN_TIME = SCHEDULE_QUANTITIES };

struct column {
    int quantity; /* or COLUMN_TIME */
    bool directions[2];
};

static const struct {
    const char *name;
    int quantity;
    double min, max;
    double scale; /* from the file's unit to the schedule's */
} kinds[] = {
    {"t_s", COLUMN_TIME, 0, 31536000, 1e9},
    {"rate_mbit", SCHEDULE_RATE, 0, 400000, 1e6},
    {"rtt_ms", SCHEDULE_DELAY, 0, 60000, 0.5e6},
    {"loss", SCHEDULE_LOSS, 0, 1, (double)SCHEDULE_CERTAIN},
    {"jitter_ms", SCHEDULE_JITTER, 0, 60000, 1e6},
    {"duplicate", SCHEDULE_DUPLICATE, 0, 1, (double)SCHEDULE_CERTAIN},
    {"corrupt", SCHEDULE_CORRUPT, 0, 1, (double)SCHEDULE_CERTAIN},
};
enum { COLUMNS_WITHOUT_NAMES = 4 }; /* the first rows, in their order */

struct csv {
    struct lines lines;
    struct column columns[COLUMNS_MAX];
    int column_count;
};

static size_t kind_of(int quantity)
{
    size_t i = 0;
    while (kinds[i].quantity != quantity)
        i++;
    return i;
}

static bool ends_with(const char *field, size_t *len, const char *suffix)
{
    size_t n = strlen(suffix);
    if (*len <= n || memcmp(field + *len - n, suffix, n) != 0)
        return false;
    *len -= n;
    return true;
}

static int name_column(struct csv *csv, const char *field, size_t len, struct err *e)
{
    struct column *column = &csv->columns[csv->column_count];
    size_t whole = len;
    bool forward = ends_with(field, &len, ".forward"), back = !forward && ends_with(field, &len, ".back");
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (strlen(kinds[i].name) != len || memcmp(kinds[i].name, field, len) != 0 ||
            (kinds[i].quantity == COLUMN_TIME && len != whole))
            continue;
        *column = (struct column){kinds[i].quantity, {!back, !forward}};
        for (int k = 0; k < csv->column_count; k++)
            for (int d = 0; d < 2; d++)
                if (csv->columns[k].quantity == column->quantity && csv->columns[k].directions[d] &&
                    column->directions[d])
                    return err_set(e, EINVAL, "column %.*s is there twice", (int)whole, field);
        csv->column_count++;
        return 0;
    }
    err_set(e, EINVAL, "there is no column %.*s", whole < FIELD_MAX ? (int)whole : FIELD_MAX, field);
    return err_hint(
        e, "known: t_s, rate_mbit, rtt_ms, loss, jitter_ms, duplicate, corrupt, and these but t_s with "
           ".forward or .back");
}

static int read_names(struct csv *csv, struct err *e)
{
    const char *rest = csv->lines.line, *field;
    size_t rest_len = csv->lines.len, len;
    bool has_time = false;
    while (field_next(&rest, &rest_len, &field, &len)) {
        if (csv->column_count == COLUMNS_MAX)
            return err_set(e, EINVAL, "has more than %d columns", COLUMNS_MAX);
        if (name_column(csv, field, len, e) < 0)
            return -EINVAL;
        has_time |= csv->columns[csv->column_count - 1].quantity == COLUMN_TIME;
    }
    if (has_time)
        return 0;
    err_set(e, EINVAL, "there is no column t_s");
    return err_hint(e, "seconds from the start, in every line");
}

static void presume_columns(struct csv *csv)
{
    for (int i = 0; i < COLUMNS_WITHOUT_NAMES; i++)
        csv->columns[i] = (struct column){kinds[i].quantity, {true, true}};
    csv->column_count = COLUMNS_WITHOUT_NAMES;
}

static int read_field(const struct column *column, const char *field, size_t len,
                      struct schedule_point points[2], struct err *e)
{
    size_t kind = kind_of(column->quantity);
    double number = 0;
    if (len == 0 && column->quantity != COLUMN_TIME)
        return 0;
    if (!decimal_parse(field, len, &number))
        return err_set(e, EINVAL, "%s: \"%.*s\" is not a number", kinds[kind].name,
                       len < FIELD_MAX ? (int)len : FIELD_MAX, field);
    if (!(number >= kinds[kind].min && number <= kinds[kind].max))
        return err_set(e, EINVAL, "%s is %.16g, must be %.16g to %.16g", kinds[kind].name, number,
                       kinds[kind].min, kinds[kind].max);
    int64_t value = llround(number * kinds[kind].scale);
    if (column->quantity == SCHEDULE_RATE && number > 0 && value == 0)
        return err_set(e, EINVAL, "%s is %.16g, less than a bit a second", kinds[kind].name, number);
    for (int d = 0; d < 2; d++) {
        if (column->quantity == COLUMN_TIME)
            points[d].at = simtime_ns(value);
        else if (column->directions[d]) {
            points[d].sets[column->quantity] = true;
            points[d].values[column->quantity] = value;
        }
    }
    return 0;
}

static int read_line(struct csv *csv, struct schedule schedules[2], struct err *e)
{
    struct schedule_point points[2] = {0};
    const char *rest = csv->lines.line, *field;
    size_t rest_len = csv->lines.len, len;
    int count = 0;
    for (; field_next(&rest, &rest_len, &field, &len); count++) {
        if (count == csv->column_count)
            return err_set(e, EINVAL, "has more fields than the %d columns", csv->column_count);
        if (read_field(&csv->columns[count], field, len, points, e) < 0)
            return -EINVAL;
    }
    /* Without names a shorter line is a narrower table; with them a missing field is a mistake. */
    if (count < csv->column_count)
        return err_set(e, EINVAL, "has %d of %d fields", count, csv->column_count);
    int status = schedule_add(&schedules[0], &points[0], e);
    return status < 0 ? status : schedule_add(&schedules[1], &points[1], e);
}

static int read_lines(struct csv *csv, struct schedule schedules[2], struct err *e)
{
    while (next_line(&csv->lines)) {
        bool names = csv->column_count == 0 && !strchr("0123456789.+-", csv->lines.line[0]);
        int status = 0;
        if (csv->column_count == 0 && !names)
            presume_columns(csv);
        status = names ? read_names(csv, e) : read_line(csv, schedules, e);
        if (status < 0)
            return error_at(&csv->lines, e);
    }
    return 0;
}

static int no_points(const char *name, struct err *e)
{
    return err_set(e, EINVAL, "%.200s: holds no values", name);
}

static int read_csv(const char *name, const char *text, size_t len, struct schedule schedules[2],
                    struct err *e)
{
    struct csv csv = {.lines = lines_of(name, text, len)};
    int status = read_lines(&csv, schedules, e);
    return status < 0 || schedules[0].count ? status : no_points(name, e);
}

/* --- mahimahi -------------------------------------------------------------------------------------------------- */

enum { MAHIMAHI_MS_MAX = 31536000 };

/* A day of milliseconds and more fits: whole numbers only. */
static int read_milliseconds(const struct lines *l, int64_t *ms, struct err *e)
{
    *ms = 0;
    for (size_t i = 0; i < l->len && *ms <= (int64_t)MAHIMAHI_MS_MAX * 1000; i++) {
        if (l->line[i] < '0' || l->line[i] > '9')
            return err_set(e, EINVAL, "\"%.*s\" is not a whole number of milliseconds",
                           l->len < FIELD_MAX ? (int)l->len : FIELD_MAX, l->line);
        *ms = *ms * 10 + (l->line[i] - '0');
    }
    return *ms <= (int64_t)MAHIMAHI_MS_MAX * 1000 ? 0 : err_set(e, EINVAL, "is more than a year");
}

/* The opportunities in order: how many, and when the last one is. */
static int survey(struct lines l, size_t *count, int64_t *last, struct err *e)
{
    int64_t ms, before = 0;
    for (*count = 0; next_line(&l); ++*count, before = ms) {
        int status = read_milliseconds(&l, &ms, e);
        if (status == 0 && ms < before)
            status = err_set(e, EINVAL, "%lld ms is before %lld ms in the line above", (long long)ms,
                             (long long)before);
        if (status < 0)
            return error_at(&l, e);
    }
    *last = before;
    if (*count == 0)
        return no_points(l.name, e);
    return before ? 0 : err_set(e, EINVAL, "%.200s: all opportunities are at 0 ms", l.name);
}

struct bins {
    struct schedule *schedules; /* two, alike */
    int64_t length_ms, period_ms;
    int64_t begin_ms;
    uint64_t count; /* opportunities in the present bin */
    int64_t last_rate;
};

/* The last bin may be shorter than the others. */
static int close_bin(struct bins *b, struct err *e)
{
    int64_t end = b->begin_ms + b->length_ms < b->period_ms ? b->begin_ms + b->length_ms : b->period_ms;
    uint64_t packets = b->count ? b->count : 1;
    int64_t rate = llround((double)packets * OPPORTUNITY_BYTES * 8e3 / (double)(end - b->begin_ms));
    struct schedule_point point = {.at = simtime_ms(b->begin_ms), .sets = {[SCHEDULE_RATE] = true}};
    point.values[SCHEDULE_RATE] = rate;
    int status = 0;
    for (int d = 0; d < 2 && status == 0 && rate != b->last_rate; d++)
        status = schedule_add(&b->schedules[d], &point, e);
    b->begin_ms = end;
    b->count = 0;
    b->last_rate = rate;
    return status;
}

/* An opportunity at the very end belongs to the last bin: it is where the period ends. */
static int fill_bins(struct bins *b, struct lines l, struct err *e)
{
    int status = 0;
    while (status == 0 && next_line(&l)) {
        int64_t ms;
        status = read_milliseconds(&l, &ms, e);
        while (status == 0 && ms >= b->begin_ms + b->length_ms && b->begin_ms + b->length_ms < b->period_ms)
            status = close_bin(b, e);
        b->count++;
    }
    return status == 0 ? close_bin(b, e) : status;
}

/* The end as a point of its own, so that the schedule lasts as long as the trace does. */
static int mark_end(struct bins *b, struct err *e)
{
    const struct schedule_point end = {.at = simtime_ms(b->period_ms)};
    int status = schedule_add(&b->schedules[0], &end, e);
    return status < 0 ? status : schedule_add(&b->schedules[1], &end, e);
}

static int read_mahimahi(const char *name, const char *text, size_t len, struct schedule schedules[2],
                         struct err *e)
{
    struct lines lines = lines_of(name, text, len);
    struct bins bins = {.schedules = schedules};
    size_t count;
    int status = survey(lines, &count, &bins.period_ms, e);
    if (status < 0)
        return status;
    bins.length_ms = (bins.period_ms + TRACE_BINS_MAX - 1) / TRACE_BINS_MAX;
    bins.length_ms = bins.length_ms < TRACE_BIN_MS ? TRACE_BIN_MS : bins.length_ms;
    status = fill_bins(&bins, lines, e);
    return status < 0 ? status : mark_end(&bins, e);
}

/* ----------------------------------------------------------------------------------------------------------------- */

static const struct trace_format formats[] = {
    {"csv", "time, rate, round-trip time, loss", false, read_csv},
    {"mahimahi", "packet-delivery opportunities in milliseconds", true, read_mahimahi},
};

const struct trace_format *trace_format_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(formats) ? &formats[i] : NULL;
}

const struct trace_format *trace_format_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (strcmp(formats[i].name, name) == 0)
            return &formats[i];
    return NULL;
}
