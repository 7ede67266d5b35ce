#include "image.h"
#include "files.h"
#include "image_archive.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* Whoever changes the archive's form counts this up. */
static const char form[] = "roamlab image 2";

static void key_of(const struct image *image, const struct buf *program, char key[17])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    struct buf all = BUF_INIT;
    buf_printf(&all, "%s %llu ", form, (unsigned long long)image->base_bytes);
    buf_add(&all, program->data, program->len);
    EVP_Digest(all.data, all.len, digest, NULL, EVP_sha256(), NULL);
    buf_free(&all);
    for (int i = 0; i < 8; i++)
        sprintf(key + 2 * i, "%02x", digest[i]);
}

/* Beside the archive stand its ratio and size. An archive of another size was cut off by a power failure. */
static bool in_cache(struct image *image, const char *facts)
{
    struct stat st;
    struct buf text = BUF_INIT;
    bool found =
        stat(image->archive, &st) == 0 && files_read(facts, 0, &text, NULL) == 0 &&
        sscanf(buf_text(&text), "zstd_ratio %lf bytes %" SCNu64, &image->ratio, &image->bytes) == 2 &&
        image->bytes == (uint64_t)st.st_size;
    buf_free(&text);
    return found;
}

static int build(struct image *image, const struct buf *program, const char *facts, struct err *e)
{
    autofree char *part = mem_printf("%s.tmp", image->archive);
    autoclose int fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (fd < 0)
        return err_errno(e, "open %s", part);
    struct image_content content = {image->name, program, image->base_bytes, image->base_block};
    int status = image_archive_write(fd, &content, &image->background, &image->bytes, e);
    uint64_t sample = image->base_bytes < 32000000 ? image->base_bytes : 32000000;
    image->ratio = 0;
    if (status == 0 && sample)
        status = zstd_ratio(part, sample, &image->ratio, e);
    autofree char *text = mem_printf("zstd_ratio %.3f bytes %" PRIu64 "\n", image->ratio, image->bytes);
    if (status == 0)
        status = files_write(facts, text, e);
    if (status == 0 && rename(part, image->archive) < 0)
        status = err_errno(e, "rename %s", part);
    if (status < 0)
        unlink(part);
    return status < 0 ? err_wrap(e, "%s", part) : 0;
}

static int prepare_locked(struct image *image, const struct buf *program, const char *key, struct err *e)
{
    autofree char *facts = mem_printf("%s/service-%s.txt", image->cache, key);
    autofree char *lock = mem_printf("%s/service-%s.lock", image->cache, key);
    autoclose int lock_fd = open(lock, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock_fd < 0)
        return err_errno(e, "open %s", lock);
    while (flock(lock_fd, LOCK_EX | LOCK_NB) < 0) {
        if (background_cancelled(&image->background))
            return err_set(e, ECANCELED, "called off");
        usleep(20000);
    }
    return in_cache(image, facts) ? 0 : build(image, program, facts, e);
}

static int prepare(struct background *b, struct err *e)
{
    struct image *image = container_of(b, struct image, background);
    struct buf program = BUF_INIT;
    char key[17];
    int status = files_make_folder(image->cache, 0700, e);
    if (status == 0)
        status = files_read(image->program, 0, &program, e);
    if (status == 0) {
        key_of(image, &program, key);
        image->name = mem_printf("roamlab/service:%s", key);
        image->archive = mem_printf("%s/service-%s.tar", image->cache, key);
        status = prepare_locked(image, &program, key, e);
    }
    buf_free(&program);
    return status < 0 ? err_wrap(e, "image") : 0;
}

static void prepared(struct background *b, int status, const struct err *e)
{
    struct image *image = container_of(b, struct image, background);
    image->done(image, status, e);
}

int image_prepare(struct image *image, struct loop *loop, const struct image_options *o, struct err *e)
{
    image->cache = mem_copy_string(o->cache);
    image->program = mem_copy_string(o->program);
    image->base_bytes = o->base_bytes;
    image->base_block = o->base_block;
    image->background.done = prepared;
    int status = background_start(loop, &image->background, prepare, e);
    if (status < 0)
        image_free(image);
    return status;
}

void image_free(struct image *image)
{
    background_cancel(&image->background);
    free(steal(image->name));
    free(steal(image->archive));
    free(steal(image->cache));
    free(steal(image->program));
}

/* STEM.tar.tmp and STEM.layers.tmp are built under STEM.lock and STEM.layers.lock. */
static int remove_unfinished(const char *cache, const char *name, size_t stem, struct err *e)
{
    if (stem > 4 && !strncmp(name + stem - 4, ".tar", 4))
        stem -= 4;
    autofree char *path = mem_printf("%s/%s", cache, name), *lock = mem_printf("%s/%.*s.lock", cache, (int)stem, name);
    autoclose int lock_fd = open(lock, O_RDWR | O_CLOEXEC);
    bool being_built = lock_fd >= 0 && flock(lock_fd, LOCK_EX | LOCK_NB) < 0;
    return being_built ? 0 : files_remove(path, e);
}

int image_cache_clean(const char *cache, struct err *e)
{
    DIR *folder = opendir(cache);
    int status = folder || errno == ENOENT ? 0 : err_errno(e, "%s", cache);
    for (struct dirent *entry; folder && status == 0 && (entry = readdir(folder));) {
        size_t len = strlen(entry->d_name);
        if (len > 4 && !strcmp(entry->d_name + len - 4, ".tmp"))
            status = remove_unfinished(cache, entry->d_name, len - 4, e);
    }
    if (folder)
        closedir(folder);
    return status;
}

static void loaded(struct docker_transfer *t, int status, uint64_t bytes, const struct err *e)
{
    struct image_install *install = container_of(t, struct image_install, transfer);
    struct err copy = *e;
    free(steal(install->archive));
    if (status < 0)
        err_wrap(&copy, "image");
    install->done(install, status, bytes, &copy);
}

static void looked(struct docker_request *r, int status, struct json_object *answer, const struct err *e)
{
    (void)answer;
    struct image_install *install = container_of(r, struct image_install, request);
    struct err copy = *e;
    if (status == -ENOENT) {
        install->transfer.done = loaded;
        status = docker_api_upload(install->api, &install->transfer, install->archive, &copy,
                                   "/images/load?quiet=1");
        if (status == 0)
            return;
    }
    free(steal(install->archive));
    install->done(install, status, 0, &copy);
}

int image_install(struct image_install *install, struct docker_api *api, const struct image *image,
                  struct err *e)
{
    install->api = api;
    install->archive = mem_copy_string(image->archive);
    install->request.done = looked;
    return docker_api_request(api, &install->request, "GET", NULL, e, "/images/%s/json", image->name);
}

void image_install_cancel(struct image_install *install)
{
    if (install->api) {
        docker_api_cancel(&install->request);
        docker_api_cancel_transfer(&install->transfer);
    }
    free(steal(install->archive));
}
