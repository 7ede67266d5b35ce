#include "image_layers.h"
#include "archive.h"
#include "files.h"
#include "image_description.h"
#include "mem.h"
#include "tar_split.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

static const char *digits(const char *digest)
{
    const char *colon = strchr(digest, ':');
    return colon ? colon + 1 : digest;
}

static char *configuration_file(const char *data, const char *id)
{
    return mem_printf("%s/image/overlay2/imagedb/content/sha256/%s", data, digits(id));
}

/* --- which there are ---------------------------------------------------------------------------------------------------------- */

/* OCI image specification, "Layer ChainID". */
static void chain_up(struct image_layer *layer, const struct image_layer *below)
{
    autofree char *text = below ? mem_printf("%s %s", below->chain, layer->diff_id) : NULL;
    if (below)
        image_digest(text, strlen(text), layer->chain);
    else
        memcpy(layer->chain, layer->diff_id, sizeof layer->chain);
}

static int add_layer(struct image_layers *layers, const char *diff_id, struct err *e)
{
    struct image_layer *layer = &layers->list[layers->count];
    if (!diff_id || strlen(diff_id) >= sizeof layer->diff_id)
        return err_set(e, EBADMSG, "image: a layer without a digest");
    strcpy(layer->diff_id, diff_id);
    chain_up(layer, layers->count ? layer - 1 : NULL);
    layers->count++;
    return 0;
}

static int read_diff_ids(struct image_layers *layers, struct err *e)
{
    struct json_object *config = json_tokener_parse(layers->configuration), *rootfs, *ids = NULL;
    if (json_object_object_get_ex(config, "rootfs", &rootfs))
        json_object_object_get_ex(rootfs, "diff_ids", &ids);
    size_t count = json_object_is_type(ids, json_type_array) ? json_object_array_length(ids) : 0;
    int status = count ? 0 : err_set(e, EBADMSG, "image: its configuration names no layers");
    layers->list = mem_alloc_array(count + 1, sizeof *layers->list);
    for (size_t i = 0; i < count && status == 0; i++)
        status = add_layer(layers, json_object_get_string(json_object_array_get_idx(ids, i)), e);
    json_object_put(config);
    return status;
}

int image_layers_read(struct image_layers *layers, const char *data, const char *id, struct err *e)
{
    struct buf text = BUF_INIT;
    autofree char *path = configuration_file(data, id);
    *layers = (struct image_layers){.data = mem_copy_string(data)};
    if (access(path, R_OK) < 0)
        return err_set(e, EOPNOTSUPP, "image: the Engine keeps no layers in %s/overlay2", data);
    int status = files_read(path, 0, &text, e);
    if (status == 0) {
        layers->configuration = mem_copy_string(buf_text(&text));
        status = read_diff_ids(layers, e);
    }
    buf_free(&text);
    return status;
}

void image_layers_free(struct image_layers *layers)
{
    free(layers->data);
    free(layers->configuration);
    free(layers->list);
    *layers = (struct image_layers){0};
}

/* --- which another Engine has --------------------------------------------------------------------------------------------------- */

static char *file_of(const char *data, const char *chain, const char *file)
{
    return mem_printf("%s/image/overlay2/layerdb/sha256/%s/%s", data, digits(chain), file);
}

void image_layers_list(const struct image_layers *layers, const char *id, struct buf *out)
{
    buf_printf(out, "%s\n", id);
    for (int i = 0; i < layers->count; i++)
        buf_printf(out, "%s\n", layers->list[i].chain);
}

static bool is_digest(const char *line)
{
    return !strncmp(line, "sha256:", 7) && strspn(line + 7, "0123456789abcdef") == 64 && !line[71];
}

static bool is_there(char *path)
{
    bool there = access(path, R_OK) == 0;
    free(path);
    return there;
}

int image_layers_choose(const char *data, const char *list, int *count, struct err *e)
{
    autofree char *text = mem_copy_string(list);
    char *save, *id = strtok_r(text, "\n", &save);
    int present = 0;
    *count = 0;
    if (!id || !is_digest(id))
        return err_set(e, EBADMSG, "a list of layers without an image");
    for (char *chain; (chain = strtok_r(NULL, "\n", &save)); ++*count) {
        if (!is_digest(chain))
            return err_set(e, EBADMSG, "a list of layers with a line that is none");
        present += present == *count && is_there(file_of(data, chain, "diff"));
    }
    bool knows_image = is_there(configuration_file(data, id));
    return present && present == *count && !knows_image ? present - 1 : present;
}

/* --- one of them ---------------------------------------------------------------------------------------------------------------- */

static int read_record(const struct image_layers *layers, int i, struct buf *out, struct err *e)
{
    autofree char *path = file_of(layers->data, layers->list[i].chain, "tar-split.json.gz");
    enum { CHUNK = 65536 };
    gzFile file = gzopen(path, "re");
    if (!file)
        return err_errno(e, "%s", path);
    int got;
    do {
        buf_reserve(out, CHUNK);
        got = gzread(file, out->data + out->len, CHUNK);
        out->len += got > 0 ? (size_t)got : 0;
    } while (got > 0);
    gzclose(file);
    return got < 0 ? err_set(e, EBADMSG, "%s: damaged", path) : 0;
}

static char *folder_of(const struct image_layers *layers, int i, struct err *e)
{
    autofree char *path = file_of(layers->data, layers->list[i].chain, "cache-id");
    struct buf id = BUF_INIT;
    char *folder = files_read(path, 0, &id, e) < 0
                       ? NULL
                       : mem_printf("%s/overlay2/%s/diff", layers->data, buf_text(&id));
    buf_free(&id);
    return folder;
}

static int add_layer_archive(struct archive *a, const struct buf *record, const char *folder, struct err *e)
{
    struct archive counter;
    archive_init(&counter, -1, NULL);
    int status = tar_split_assemble(&counter, (const char *)record->data, record->len, folder, e);
    uint64_t size = counter.bytes;
    archive_free(&counter);
    if (status == 0)
        status = archive_header(a, "layer.tar", '0', 0644, size, e);
    if (status == 0)
        status = tar_split_assemble(a, (const char *)record->data, record->len, folder, e);
    return status == 0 ? archive_pad(a, size, e) : status;
}

/* Of the image that ends with layer `i`: what the Engine needs of it, and no more, unless it is the whole one. */
static char *configuration_up_to(const struct image_layers *layers, int i)
{
    if (i == layers->count - 1)
        return mem_copy_string(layers->configuration);
    struct json_object *config = json_tokener_parse(layers->configuration),
                       *short_one = json_object_new_object();
    static const char *const kept[] = {"architecture", "os"};
    struct json_object *value, *ids = json_object_new_array(), *rootfs = json_object_new_object();
    for (size_t k = 0; k < ARRAY_LEN(kept); k++)
        if (json_object_object_get_ex(config, kept[k], &value))
            json_object_object_add(short_one, kept[k], json_object_get(value));
    for (int k = 0; k <= i; k++)
        json_object_array_add(ids, json_object_new_string(layers->list[k].diff_id));
    json_object_object_add(rootfs, "type", json_object_new_string("layers"));
    json_object_object_add(rootfs, "diff_ids", ids);
    json_object_object_add(short_one, "rootfs", rootfs);
    char *text = mem_copy_string(json_object_to_json_string_ext(short_one, JSON_C_TO_STRING_PLAIN));
    json_object_put(config);
    json_object_put(short_one);
    return text;
}

/* Layers that are known need not be there; the names stand for them. */
static int write_description(struct archive *a, const struct image_layers *layers, int i, const char *name,
                             struct err *e)
{
    autofree char *config = configuration_up_to(layers, i);
    const char **names = mem_alloc_array((size_t)i + 1, sizeof *names);
    for (int k = 0; k <= i; k++)
        names[k] = k == i ? "layer.tar" : "known/layer.tar";
    int status = image_description_write(a, config, i == layers->count - 1 ? name : NULL, names, i + 1, e);
    free(names);
    if (status == 0)
        status = archive_end(a, e);
    return status == 0 ? archive_flush(a, e) : status;
}

static int write_layer(struct archive *a, const struct image_layers *layers, int i, struct err *e)
{
    struct buf record = BUF_INIT;
    autofree char *folder = folder_of(layers, i, e);
    int status = folder ? read_record(layers, i, &record, e) : -e->code;
    if (status == 0)
        status = add_layer_archive(a, &record, folder, e);
    buf_free(&record);
    return status;
}

int image_layers_pack(const struct image_layers *layers, int i, const char *name, const char *path,
                      struct background *b, uint64_t *bytes, struct err *e)
{
    struct archive a;
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "open %s", path);
    archive_init(&a, fd, b);
    int status = write_layer(&a, layers, i, e);
    if (status == 0)
        status = write_description(&a, layers, i, name, e);
    *bytes = a.bytes;
    archive_free(&a);
    return status < 0 ? err_wrap(e, "layer %d of the image", i) : 0;
}

int image_layers_describe(const struct image_layers *layers, int i, const char *path, struct err *e)
{
    struct archive a;
    autoclose int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "open %s", path);
    archive_init(&a, fd, NULL);
    int status = write_description(&a, layers, i, NULL, e);
    archive_free(&a);
    return status;
}
