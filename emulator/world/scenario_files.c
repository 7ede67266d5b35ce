/* The files that a scenario names, taken into its text: so that a run can be repeated from the text alone, its hash
 * covers them, and the agents need no file. */
#include "scenario_key.h"

#include "buf.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files only: a pipe or device might never end. */
int scenario_read_file(const char *path, size_t most, struct buf *out, struct err *e)
{
    struct stat status;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) < 0)
        return err_errno(e, "cannot be read");
    if (!S_ISREG(status.st_mode))
        return err_set(e, EINVAL, "is not a file");
    while ((uint64_t)status.st_size <= most && out->len <= most) {
        buf_reserve(out, 65536);
        ssize_t n = read(fd, out->data + out->len, out->capacity - out->len);
        if (n < 0 && errno != EINTR)
            return err_errno(e, "cannot be read");
        if (n == 0)
            return 0;
        out->len += n > 0 ? (size_t)n : 0;
    }
    return err_set(e, EFBIG, "is larger than %zu MB", most >> 20);
}

/* What is not ASCII can only be in a comment, and JSON takes no bytes that are not UTF-8. */
static int make_plain(struct buf *text, struct err *e)
{
    if (text->len >= 3 && memcmp(text->data, "\xef\xbb\xbf", 3) == 0)
        buf_consume(text, 3);
    for (size_t i = 0; i < text->len; i++) {
        if (text->data[i] == 0)
            return err_set(e, EINVAL, "is not a text file");
        if (text->data[i] >= 0x80)
            text->data[i] = '?';
    }
    return 0;
}

char *scenario_path_beside(const char *scenario_path, const char *file)
{
    const char *slash = strrchr(scenario_path, '/');
    if (file[0] == '/' || !slash)
        return mem_copy_string(file);
    return mem_printf("%.*s%s", (int)(slash + 1 - scenario_path), scenario_path, file);
}

/* OBJECT.file becomes OBJECT.text beside it, unless that is there. */
static int take_file(json_object *object, const char *file_key, const char *text_key,
                     const char *scenario_path, const struct scenario_place *place, struct err *e)
{
    const char *file = scenario_word(object, file_key);
    if (!file || scenario_member(object, text_key))
        return 0;
    autofree char *path = scenario_path_beside(scenario_path, file);
    struct buf text = BUF_INIT;
    struct err why = ERR_INIT;
    int status = scenario_read_file(path, SCENARIO_FILE_MAX, &text, &why);
    if (status == 0)
        status = make_plain(&text, &why);
    if (status < 0)
        scenario_error(PLACE_NAMED(place, file_key), e, "%.240s %.200s", path, why.text);
    else
        json_object_object_add(object, text_key, json_object_new_string_len(buf_text(&text), (int)text.len));
    buf_free(&text);
    return status < 0 ? -EINVAL : 0;
}

static int take_distribution(json_object *value, const char *scenario_path,
                             const struct scenario_place *place, struct err *e)
{
    static const char *const ways[] = {"forward", "back"};
    if (!json_object_is_type(value, json_type_object))
        return 0;
    int status = take_file(value, "file", "text", scenario_path, place, e);
    for (int i = 0; i < 2 && status == 0; i++) {
        json_object *way = scenario_member(value, ways[i]);
        if (json_object_is_type(way, json_type_object))
            status = take_file(way, "file", "text", scenario_path, PLACE_NAMED(place, ways[i]), e);
    }
    return status;
}

int scenario_take_files(json_object *link, const char *scenario_path, const struct scenario_place *place,
                        struct err *e)
{
    const struct scenario_place *trace_place = PLACE_NAMED(place, "trace");
    json_object *trace = scenario_member(link, "trace");
    int status = take_distribution(scenario_member(link, "distribution"), scenario_path,
                                   PLACE_NAMED(place, "distribution"), e);
    if (status == 0 && trace)
        status = take_file(trace, "file", "text", scenario_path, trace_place, e);
    if (status == 0 && trace)
        status = take_file(trace, "file_back", "text_back", scenario_path, trace_place, e);
    return status;
}
