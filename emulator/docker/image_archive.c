#include "image_archive.h"
#include "base_layers.h"
#include "image_description.h"
#include "mem.h"
#include "rng.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

enum { BLOCK = 65536, SMALLEST_FILE = 16384, FILE_OCTAVES = 9, FILES_PER_FOLDER = 100 };

/* Where the base data has got to: files take it one after the other. */
struct base {
    const struct image_content *content;
    uint64_t at;
    uint8_t block[BLOCK];
    uint64_t block_number; /* of what is in `block`; UINT64_MAX = nothing */
};

static int base_data(struct archive *a, struct base *base, uint64_t len, struct err *e)
{
    while (len) {
        uint64_t number = base->at / BLOCK, offset = base->at % BLOCK;
        uint64_t part = len < BLOCK - offset ? len : BLOCK - offset;
        if (a->fd >= 0 && base->block_number != number) {
            base->content->base_block(0, number, base->block);
            base->block_number = number;
        }
        int status = archive_data(a, base->block + offset, part, e);
        if (status < 0)
            return status;
        base->at += part;
        len -= part;
    }
    return 0;
}

/* Small files are many, large ones hold as much in all: each size from 16 KiB to 4 MiB half as often as
 * the one before. */
static uint64_t file_size(uint64_t file)
{
    int octave = __builtin_ctzll(rng_mix(file) | 1ull << (FILE_OCTAVES - 1));
    return (uint64_t)SMALLEST_FILE << octave;
}

static int base_layer(struct archive *a, struct base *base, int layer, uint64_t bytes, struct err *e)
{
    char name[ARCHIVE_NAME_MAX + 1];
    int status = layer ? 0 : archive_header(a, "base/", '5', 0755, 0, e);
    snprintf(name, sizeof name, "base/%d/", layer);
    if (status == 0)
        status = archive_header(a, name, '5', 0755, 0, e);
    for (uint64_t file = 0; bytes && status == 0; file++) {
        uint64_t size = file_size(file);
        size = size < bytes ? size : bytes;
        snprintf(name, sizeof name, "base/%d/%llu/", layer, (unsigned long long)file / FILES_PER_FOLDER);
        if (file % FILES_PER_FOLDER == 0)
            status = archive_header(a, name, '5', 0755, 0, e);
        snprintf(name + strlen(name), sizeof name - strlen(name), "%llu", (unsigned long long)file);
        if (status == 0)
            status = archive_header(a, name, '0', 0644, size, e);
        if (status == 0)
            status = base_data(a, base, size, e);
        if (status == 0)
            status = archive_pad(a, size, e);
        bytes -= size;
    }
    return status;
}

static int program_layer(struct archive *a, const struct image_content *content, struct err *e)
{
    int status = archive_header(a, "state/", '5', 0700, 0, e);
    return status == 0 ? archive_file(a, "service", 0755, content->program->data, content->program->len, e)
                       : status;
}

static int layer_content(struct archive *a, struct base *base, int layer, struct err *e)
{
    int status;
    if (layer == BASE_DATA_LAYERS)
        status = program_layer(a, base->content, e);
    else
        status = base_layer(a, base, layer, base_layer_bytes(base->content->base_bytes, layer), e);
    return status == 0 ? archive_end(a, e) : status;
}

/* A dry run tells the size that the header must announce. */
static int layer_size(const struct base *base, int layer, uint64_t *size, struct err *e)
{
    struct archive counter;
    struct base *copy = mem_alloc(sizeof *copy);
    *copy = *base;
    archive_init(&counter, -1, NULL);
    int status = layer_content(&counter, copy, layer, e);
    *size = counter.bytes;
    archive_free(&counter);
    mem_free_pointer(&copy);
    return status;
}

static int write_layer(struct archive *a, struct base *base, int layer, char diff_id[65], struct err *e)
{
    char name[32];
    uint64_t size;
    snprintf(name, sizeof name, "%d/layer.tar", layer);
    int status = layer_size(base, layer, &size, e);
    if (status == 0)
        status = archive_header(a, name, '0', 0644, size, e);
    if (status < 0)
        return status;
    archive_hash_begin(a);
    status = layer_content(a, base, layer, e);
    archive_hash_end(a, diff_id);
    return status == 0 ? archive_pad(a, size, e) : status;
}

static struct json_object *string(const char *text)
{
    return json_object_new_string(text);
}

static struct json_object *configuration(char diff_ids[BASE_LAYERS][65])
{
    struct json_object *o = json_tokener_parse("{\"architecture\": \"amd64\", \"os\": \"linux\","
                                               " \"created\": \"1970-01-01T00:00:00Z\","
                                               " \"config\": {\"Cmd\": [\"/service\"],"
                                               " \"Labels\": {\"roamlab.image\": \"service\"}},"
                                               " \"rootfs\": {\"type\": \"layers\"}}");
    struct json_object *ids = json_object_new_array(), *history = json_object_new_array(), *rootfs;
    for (int i = 0; i < BASE_LAYERS; i++) {
        struct json_object *entry = json_object_new_object();
        autofree char *id = mem_printf("sha256:%s", diff_ids[i]);
        json_object_array_add(ids, string(id));
        json_object_object_add(entry, "created", string("1970-01-01T00:00:00Z"));
        json_object_object_add(entry, "created_by",
                               string(i < BASE_DATA_LAYERS ? "roamlab base data" : "roamlab service"));
        json_object_array_add(history, entry);
    }
    json_object_object_get_ex(o, "rootfs", &rootfs);
    json_object_object_add(rootfs, "diff_ids", ids);
    json_object_object_add(o, "history", history);
    return o;
}

static int write_description(struct archive *a, const char *image_name, char diff_ids[BASE_LAYERS][65],
                             struct err *e)
{
    char names[BASE_LAYERS][32];
    const char *layers[BASE_LAYERS];
    struct json_object *config = configuration(diff_ids);
    for (int i = 0; i < BASE_LAYERS; i++) {
        snprintf(names[i], sizeof names[i], "%d/layer.tar", i);
        layers[i] = names[i];
    }
    int status = image_description_write(a, json_object_to_json_string_ext(config, JSON_C_TO_STRING_PLAIN),
                                         image_name, layers, BASE_LAYERS, e);
    json_object_put(config);
    return status;
}

static int write_all(struct archive *a, const struct image_content *content, struct err *e)
{
    char diff_ids[BASE_LAYERS][65];
    int status = 0;
    struct base *base = mem_alloc(sizeof *base);
    base->content = content;
    base->block_number = UINT64_MAX;
    for (int layer = 0; layer < BASE_LAYERS && status == 0; layer++)
        status = write_layer(a, base, layer, diff_ids[layer], e);
    mem_free_pointer(&base);
    if (status == 0)
        status = write_description(a, content->name, diff_ids, e);
    if (status == 0)
        status = archive_end(a, e);
    return status == 0 ? archive_flush(a, e) : status;
}

int image_archive_write(int fd, const struct image_content *content, struct background *b, uint64_t *bytes,
                        struct err *e)
{
    struct archive a;
    archive_init(&a, fd, b);
    int status = write_all(&a, content, e);
    *bytes = a.bytes;
    archive_free(&a);
    return status;
}
