/* CSV: a line of column names, t, id, x and y among them in any order, then a sample a line, in the order of time; other
 * columns are passed over. Seconds, metres. Where x and y are empty the device is gone. A name may stand in double quotes, but
 * with no comma in it. Blank lines, and those that begin with #, are passed over. */
#include "fields.h"
#include "mem.h"
#include "track_reader.h"

#include <stdlib.h>
#include <string.h>

enum column { TIME, ID, X, Y, COLUMNS };
static const char *const column_names[COLUMNS] = {"t", "id", "x", "y"};

struct csv {
    struct track_reader reader;
    int places[COLUMNS], field_count; /* of the lines' fields, from 0 */
    struct simtime last;
    struct position *positions; /* the devices' last ones, as many as names; owned */
};

struct position {
    double x, y;
};

struct field {
    const char *text;
    size_t len;
};

static void unquote(struct field *field)
{
    if (field->len >= 2 && field->text[0] == '"' && field->text[field->len - 1] == '"')
        field->text++, field->len -= 2;
}

static int next_row(struct csv *csv, const char **line, size_t *len, struct err *e)
{
    int status;
    do
        status = track_reader_line(&csv->reader, line, len, e);
    while (status == 1 && (*line)[0] == '#');
    return status;
}

static int take_name(struct csv *csv, int place, const struct field *name, struct err *e)
{
    for (int i = 0; i < COLUMNS; i++) {
        if (strlen(column_names[i]) != name->len || memcmp(column_names[i], name->text, name->len) != 0)
            continue;
        if (csv->places[i] >= 0)
            return track_reader_error(&csv->reader, e, "column %s is there twice", column_names[i]);
        csv->places[i] = place;
    }
    return 0;
}

static int read_names(struct csv *csv, struct err *e)
{
    static const char mark[] = "\xef\xbb\xbf"; /* the byte order mark, as spreadsheets write it */
    struct field line, name;
    int status = next_row(csv, &line.text, &line.len, e);
    if (status == 0)
        return track_reader_error(&csv->reader, e, "there is no line in it");
    if (status < 0)
        return status;
    if (line.len >= strlen(mark) && memcmp(line.text, mark, strlen(mark)) == 0)
        line.text += strlen(mark), line.len -= strlen(mark);
    for (; field_next(&line.text, &line.len, &name.text, &name.len); csv->field_count++) {
        unquote(&name);
        if ((status = take_name(csv, csv->field_count, &name, e)) < 0)
            return status;
    }
    for (int i = 0; i < COLUMNS; i++)
        if (csv->places[i] < 0) {
            status = track_reader_error(&csv->reader, e, "there is no column %s", column_names[i]);
            err_hint(e, "the first line names the columns: t,id,x,y");
            return status;
        }
    return 0;
}

static int split(struct csv *csv, struct field line, struct field fields[COLUMNS], struct err *e)
{
    struct field field;
    int count = 0;
    for (; field_next(&line.text, &line.len, &field.text, &field.len); count++)
        for (int i = 0; i < COLUMNS; i++)
            if (csv->places[i] == count)
                fields[i] = field;
    if (count != csv->field_count)
        return track_reader_error(&csv->reader, e, "has %d fields, must have %d", count, csv->field_count);
    unquote(&fields[ID]);
    return fields[ID].len ? 0 : track_reader_error(&csv->reader, e, "the id is empty");
}

static int read_time(struct csv *csv, const struct field *field, struct simtime *at, struct err *e)
{
    int status = track_reader_time(&csv->reader, field->text, field->len, at, e);
    if (status < 0)
        return status;
    if (simtime_before(*at, csv->last)) {
        track_reader_error(&csv->reader, e, "%g s is before %g s in the line above", simtime_seconds(*at),
                           simtime_seconds(csv->last));
        return err_hint(e, "sort the lines by time");
    }
    csv->last = *at;
    return 0;
}

/* The room for all devices grows where the names' does. */
static struct position *position_of(struct csv *csv, const struct field *id, uint32_t *device)
{
    uint32_t count = csv->reader.names.count;
    *device = track_names_device(&csv->reader.names, id->text, id->len);
    if (*device == count) {
        if ((count & (count - 1)) == 0)
            csv->positions =
                mem_resize(csv->positions, (count ? count * (size_t)2 : 1) * sizeof *csv->positions);
        csv->positions[count] = (struct position){0};
    }
    return &csv->positions[*device];
}

static int read_place(struct csv *csv, const struct field fields[COLUMNS], struct track_sample *sample,
                      struct err *e)
{
    const struct field *x = &fields[X], *y = &fields[Y];
    struct position *position = position_of(csv, &fields[ID], &sample->device);
    int status = 0;
    sample->gone = x->len == 0 && y->len == 0;
    if (!sample->gone)
        status =
            track_reader_number(&csv->reader, "x", x->text, x->len, TRACK_COORDINATE_MAX, &position->x, e);
    if (!sample->gone && status == 0)
        status =
            track_reader_number(&csv->reader, "y", y->text, y->len, TRACK_COORDINATE_MAX, &position->y, e);
    sample->x = position->x;
    sample->y = position->y;
    return status;
}

static int next(struct track_source *source, struct track_sample *sample, struct err *e)
{
    struct csv *csv = container_of(source, struct csv, reader.source);
    struct field line, fields[COLUMNS];
    *sample = (struct track_sample){0};
    int status = next_row(csv, &line.text, &line.len, e);
    if (status <= 0)
        return status;
    if ((status = split(csv, line, fields, e)) < 0 ||
        (status = read_time(csv, &fields[TIME], &sample->at, e)) < 0 ||
        (status = read_place(csv, fields, sample, e)) < 0)
        return status;
    return 1;
}

static void close_csv(struct track_source *source)
{
    struct csv *csv = container_of(source, struct csv, reader.source);
    track_reader_close(&csv->reader);
    free(csv->positions);
    free(csv);
}

static struct track_source *open_csv(const char *path, struct err *e)
{
    static const struct track_source_operations operations = {next, track_reader_name, close_csv};
    struct csv *csv = mem_alloc(sizeof *csv);
    csv->reader.source = (struct track_source){&operations, .by_time = true};
    for (int i = 0; i < COLUMNS; i++)
        csv->places[i] = -1;
    if (track_reader_open(&csv->reader, path, e) == 0 && read_names(csv, e) == 0)
        return &csv->reader.source;
    close_csv(&csv->reader.source);
    return NULL;
}

const struct track_format track_csv = {"csv", "lines of t,id,x,y (seconds, metres)", open_csv};
