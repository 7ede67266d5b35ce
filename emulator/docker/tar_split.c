#include "tar_split.h"
#include "buf.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { TYPE_FILE = 1, TYPE_SEGMENT = 2, CHUNK = 256 * 1024 };

struct assembly {
    struct archive *archive;
    int folder;
    uint8_t *chunk;
};

static struct json_object *member(struct json_object *entry, const char *name)
{
    struct json_object *value;
    return json_object_object_get_ex(entry, name, &value) ? value : NULL;
}

/* Appends what base64 text stands for. */
static int decode(struct json_object *text, struct buf *out, struct err *e)
{
    const char *base64 = json_object_get_string(text);
    int len = base64 ? json_object_get_string_len(text) : 0;
    buf_reserve(out, (size_t)len);
    int got = len ? EVP_DecodeBlock(out->data + out->len, (const unsigned char *)base64, len) : 0;
    if (got < 0)
        return err_set(e, EBADMSG, "tar-split: not in base64");
    for (int i = len; i > 0 && base64[i - 1] == '='; i--)
        got--;
    out->len += got > 0 ? (size_t)got : 0;
    return 0;
}

static int add_segment(struct assembly *as, struct json_object *entry, struct err *e)
{
    struct buf bytes = BUF_INIT;
    int status = decode(member(entry, "payload"), &bytes, e);
    if (status == 0)
        status = archive_data(as->archive, bytes.data, bytes.len, e);
    buf_free(&bytes);
    return status;
}

/* A link on the way means what it means inside the folder, as it did when the Engine unpacked the layer. */
static int open_within(int folder, const char *name)
{
    struct open_how how = {.flags = O_RDONLY | O_CLOEXEC | O_NOFOLLOW, .resolve = RESOLVE_IN_ROOT};
    return (int)syscall(SYS_openat2, folder, name, &how, sizeof how);
}

static int add_contents(struct assembly *as, const char *name, uint64_t size, struct err *e)
{
    autoclose int fd = open_within(as->folder, name);
    if (fd < 0)
        return err_errno(e, "layer: %s", name);
    while (size) {
        ssize_t got = read(fd, as->chunk, size < CHUNK ? (size_t)size : CHUNK);
        if (got <= 0)
            return got < 0 ? err_errno(e, "layer: %s", name)
                           : err_set(e, EBADMSG, "layer: %s is shorter than it was", name);
        int status = archive_data(as->archive, as->chunk, (size_t)got, e);
        if (status < 0)
            return status;
        size -= (uint64_t)got;
    }
    return 0;
}

/* A name that is no UTF-8 stands in name_raw. */
static int add_file(struct assembly *as, struct json_object *entry, struct err *e)
{
    int64_t size = json_object_get_int64(member(entry, "size"));
    struct json_object *raw = member(entry, "name_raw");
    struct buf name = BUF_INIT;
    int status = raw ? decode(raw, &name, e) : 0;
    if (!raw)
        buf_printf(&name, "%s", json_object_get_string(member(entry, "name")));
    if (status == 0 && size < 0)
        status = err_set(e, EBADMSG, "tar-split: a file of negative size");
    else if (status == 0 && as->archive->fd < 0)
        status = archive_data(as->archive, NULL, (size_t)size, e);
    else if (status == 0 && size > 0)
        status = add_contents(as, buf_text(&name), (uint64_t)size, e);
    buf_free(&name);
    return status;
}

static int add_entry(struct assembly *as, struct json_object *entry, struct err *e)
{
    switch (json_object_get_int(member(entry, "type"))) {
    case TYPE_FILE:
        return add_file(as, entry, e);
    case TYPE_SEGMENT:
        return add_segment(as, entry, e);
    default:
        return err_set(e, EBADMSG, "tar-split: an entry that is neither file nor segment");
    }
}

static int add_entries(struct assembly *as, const char *record, size_t len, struct err *e)
{
    struct json_tokener *tokener = json_tokener_new();
    int status = 0;
    for (const char *end = record + len; status == 0 && record < end && *record;
         record += strspn(record, "\n ")) {
        struct json_object *entry = json_tokener_parse_ex(tokener, record, (int)(end - record));
        status = json_object_is_type(entry, json_type_object)
                     ? add_entry(as, entry, e)
                     : err_set(e, EBADMSG, "tar-split: not a list of JSON objects");
        json_object_put(entry);
        record += json_tokener_get_parse_end(tokener);
    }
    json_tokener_free(tokener);
    return status;
}

int tar_split_assemble(struct archive *a, const char *record, size_t len, const char *folder, struct err *e)
{
    struct buf text = BUF_INIT; /* with a NUL behind it */
    struct assembly as = {.archive = a, .folder = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC)};
    if (as.folder < 0)
        return err_errno(e, "layer: %s", folder);
    as.chunk = mem_alloc(CHUNK);
    buf_add(&text, record, len);
    int status = add_entries(&as, buf_text(&text), len, e);
    buf_free(&text);
    free(as.chunk);
    close(as.folder);
    return status;
}
