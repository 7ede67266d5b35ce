#include "registry_image.h"
#include "files.h"
#include "mem.h"
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

enum { PIECE = 1 << 20 };

#define MANIFEST_TYPE "application/vnd.docker.distribution.manifest.v2+json"
#define CONFIG_TYPE "application/vnd.docker.container.image.v1+json"
#define LAYER_TYPE "application/vnd.docker.image.rootfs.diff.tar.gzip"

static char *folder_of(const char *archive)
{
    return mem_printf("%.*s.layers", (int)(strlen(archive) - strlen(".tar")), archive);
}

/* --- files as bytes --------------------------------------------------------------------------------------------------------------- */

struct mapping {
    void *bytes;
    size_t len;
};

static int map_file(const char *path, struct mapping *m, struct err *e)
{
    struct stat st;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) < 0)
        return err_errno(e, "%s", path);
    m->len = (size_t)st.st_size;
    m->bytes = mmap(NULL, m->len ? m->len : 1, PROT_READ, MAP_PRIVATE, fd, 0);
    return m->bytes == MAP_FAILED ? err_errno(e, "%s", path) : 0;
}

static void unmap(const struct mapping *m)
{
    munmap(m->bytes, m->len ? m->len : 1);
}

/* --- making it --------------------------------------------------------------------------------------------------------------------- */

static int compress_file(struct background *b, const char *from, const char *to, struct err *e)
{
    autofree uint8_t *piece = mem_alloc(PIECE);
    autoclose int in = open(from, O_RDONLY | O_CLOEXEC);
    gzFile out = gzopen(to, "wbe");
    ssize_t got = in < 0 || !out ? -1 : 1;
    while (got > 0 && !background_cancelled(b) && (got = read(in, piece, PIECE)) > 0)
        if (gzwrite(out, piece, (unsigned)got) != got)
            got = -1;
    if (out && gzclose(out) != Z_OK)
        got = -1;
    if (background_cancelled(b))
        return err_set(e, ECANCELED, "called off");
    return got < 0 ? err_errno(e, "compress %s", from) : 0;
}

static int describe(const char *path, const char *media_type, struct json_object **out, struct err *e)
{
    struct mapping m;
    char digest[REGISTRY_DIGEST];
    int status = map_file(path, &m, e);
    if (status < 0)
        return status;
    registry_digest(m.bytes, m.len, digest);
    *out = json_object_new_object();
    json_object_object_add(*out, "mediaType", json_object_new_string(media_type));
    json_object_object_add(*out, "size", json_object_new_int64((int64_t)m.len));
    json_object_object_add(*out, "digest", json_object_new_string(digest));
    unmap(&m);
    return 0;
}

static int take_layers(struct background *b, const char *folder, struct json_object *names,
                       struct json_object *layers, struct err *e)
{
    int status = 0;
    for (size_t i = 0; i < json_object_array_length(names) && status == 0; i++) {
        autofree char *from =
            mem_printf("%s/%s", folder, json_object_get_string(json_object_array_get_idx(names, i)));
        autofree char *to = mem_printf("%s/%zu.gz", folder, i);
        struct json_object *layer = NULL;
        status = compress_file(b, from, to, e);
        if (status == 0)
            status = describe(to, LAYER_TYPE, &layer, e);
        json_object_array_add(layers, layer);
        files_remove(from, NULL);
    }
    return status;
}

/* The archive's own list: [{"Config": NAME, "Layers": [NAME…]}]. */
static int build_manifest(struct background *b, const char *folder, struct json_object *list,
                          struct json_object *manifest, struct err *e)
{
    struct json_object *entry = json_object_array_get_idx(list, 0), *config_name, *names, *config,
                       *layers = json_object_new_array();
    json_object_object_get_ex(entry, "Config", &config_name);
    json_object_object_get_ex(entry, "Layers", &names);
    autofree char *from = mem_printf("%s/%s", folder, json_object_get_string(config_name)),
                  *to = mem_printf("%s/config", folder);
    if (rename(from, to) < 0)
        return err_errno(e, "%s", from);
    int status = describe(to, CONFIG_TYPE, &config, e);
    if (status < 0)
        return status;
    json_object_object_add(manifest, "schemaVersion", json_object_new_int(2));
    json_object_object_add(manifest, "mediaType", json_object_new_string(MANIFEST_TYPE));
    json_object_object_add(manifest, "config", config);
    json_object_object_add(manifest, "layers", layers);
    return take_layers(b, folder, names, layers, e);
}

static int unpack(const char *archive, const char *folder, struct err *e)
{
    struct process_options o = PROCESS_OPTIONS_INIT;
    o.argv = (const char *const[]){"tar", "-C", folder, "-xf", archive, NULL};
    o.interruptible = true;
    return process_run(&o, NULL, e);
}

static int build(struct background *b, const char *archive, const char *folder, struct err *e)
{
    autofree char *part = mem_printf("%s.tmp", folder), *list_path = mem_printf("%s/manifest.json", part);
    struct json_object *manifest = json_object_new_object(), *list = NULL;
    int status = files_remove(part, e);
    if (status == 0)
        status = files_make_folder(part, 0700, e);
    if (status == 0)
        status = unpack(archive, part, e);
    if (status == 0 && !(list = json_object_from_file(list_path)))
        status = err_set(e, EBADMSG, "%s: no list of layers", archive);
    if (status == 0)
        status = build_manifest(b, part, list, manifest, e);
    if (status == 0)
        status = files_replace(list_path,
                               json_object_to_json_string_ext(manifest, JSON_C_TO_STRING_NOSLASHESCAPE), e);
    if (status == 0 && rename(part, folder) < 0)
        status = err_errno(e, "%s", folder);
    json_object_put(list);
    json_object_put(manifest);
    if (status < 0)
        files_remove(part, NULL);
    return status;
}

/* One at a time on the machine. */
static int prepare(struct background *b, struct err *e)
{
    const struct registry_image *image = container_of(b, struct registry_image, background);
    autofree char *folder = folder_of(image->archive), *lock = mem_printf("%s.lock", folder);
    autoclose int fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "%s", lock);
    while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
        if (background_cancelled(b))
            return err_set(e, ECANCELED, "called off");
        usleep(20000);
    }
    if (access(folder, F_OK) == 0 || build(b, image->archive, folder, e) == 0)
        return 0;
    return err_wrap(e, "image for registries");
}

static void prepared(struct background *b, int status, const struct err *e)
{
    struct registry_image *image = container_of(b, struct registry_image, background);
    image->done(image, status, e);
}

int registry_image_prepare(struct registry_image *image, struct loop *loop, const char *archive,
                           struct err *e)
{
    image->archive = mem_copy_string(archive);
    image->background.done = prepared;
    return background_start(loop, &image->background, prepare, e);
}

void registry_image_free(struct registry_image *image)
{
    background_cancel(&image->background);
    free(steal(image->archive));
}

/* --- pushing it ----------------------------------------------------------------------------------------------------------------------- */

char *registry_image_repository(const char *image, const char **tag)
{
    const char *colon = strrchr(image, ':');
    *tag = colon ? colon + 1 : "latest";
    return mem_printf("%.*s", colon ? (int)(colon - image) : (int)strlen(image), image);
}

static int push_file(struct registry_client *c, const char *repository, const char *digest, const char *path,
                     struct err *e)
{
    struct mapping m;
    int status = map_file(path, &m, e);
    if (status < 0)
        return status;
    status = registry_put_blob(c, repository, digest, m.bytes, m.len, e);
    unmap(&m);
    return status;
}

static int push_all(struct registry_client *c, const char *folder, const char *repository,
                    const struct registry_manifest *m, struct err *e)
{
    autofree char *config = mem_printf("%s/config", folder);
    int status = push_file(c, repository, m->config.digest, config, e);
    for (int i = 0; i < m->layer_count && status == 0; i++) {
        autofree char *layer = mem_printf("%s/%d.gz", folder, i);
        status = push_file(c, repository, m->layers[i].digest, layer, e);
    }
    return status;
}

int registry_image_push(struct registry_client *c, const char *archive, const char *image, struct err *e)
{
    const char *tag;
    autofree char *folder = folder_of(archive), *path = mem_printf("%s/manifest.json", folder),
                  *repository = registry_image_repository(image, &tag);
    struct buf text = BUF_INIT;
    struct registry_manifest m = {0};
    int status = files_read(path, 0, &text, e);
    if (status == 0)
        status = registry_manifest_read(buf_text(&text), text.len, &m, e);
    if (status == 0)
        status = push_all(c, folder, repository, &m, e);
    if (status == 0)
        status = registry_put_manifest(c, repository, tag, MANIFEST_TYPE, buf_text(&text), e);
    registry_manifest_free(&m);
    buf_free(&text);
    return status;
}

int registry_image_withdraw(struct registry_client *c, const char *image, struct err *e)
{
    const char *tag;
    autofree char *repository = registry_image_repository(image, &tag);
    struct buf text = BUF_INIT;
    struct err err = ERR_INIT;
    char digest[REGISTRY_DIGEST];
    int status = registry_get_manifest(c, repository, tag, &text, &err);
    registry_digest(text.data, text.len, digest);
    buf_free(&text);
    if (status == 0)
        return registry_delete_manifest(c, repository, digest, e);
    if (status == -ENOENT)
        return 0;
    *e = err;
    return status;
}
