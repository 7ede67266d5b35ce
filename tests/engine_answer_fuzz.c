/* What an Engine may answer, and what stands in its folder: statuses with any body, streams of progress, an image's configuration; and the list of a
 * checkpoint's files, which comes from the other side. Each is understood, or is one error. */
#include "api.h"
#include "files.h"
#include "image_layers.h"
#include "manifest.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/dev/shm/engine-answer-fuzz-XXXXXX";
static const char id[] = "sha256:0000000000000000000000000000000000000000000000000000000000000000";
static char *configuration, *list;

static void remove_folder(void)
{
    files_remove(folder, NULL);
}

static void make_folder(void)
{
    if (configuration)
        return;
    if (!mkdtemp(folder))
        abort();
    atexit(remove_folder);
    autofree char *content = mem_printf("%s/image/overlay2/imagedb/content/sha256", folder);
    if (files_make_folder(content, 0700, NULL) < 0)
        abort();
    configuration = mem_printf("%s/%s", content, id + strlen("sha256:"));
    list = mem_printf("%s/%s", folder, MANIFEST_NAME);
}

static void judge(const uint8_t *data, size_t size)
{
    static const long statuses[] = {200, 204, 304, 400, 404, 409, 500, 0, -1, 99999};
    for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
        struct buf received = BUF_INIT;
        struct err e = ERR_INIT;
        buf_add(&received, data, size);
        int status = docker_api_judge("GET /x", statuses[i], &received, &e);
        if (status > 0 || (status < 0 && (e.code != -status || strncmp(e.text, "docker: GET /x", 14) != 0)))
            abort();
        free(docker_api_stream_error(&received));
        buf_free(&received);
    }
}

static void read_layers(const char *text)
{
    struct image_layers layers = {0};
    struct err e = ERR_INIT;
    if (files_write(configuration, text, NULL) < 0)
        abort();
    if (image_layers_read(&layers, folder, id, &e) < 0 && e.code <= 0)
        abort();
    image_layers_free(&layers);
}

static void check_list(const char *text)
{
    struct err e = ERR_INIT;
    uint64_t bytes;
    if (files_write(list, text, NULL) < 0)
        abort();
    if (manifest_check(folder, &bytes, &e) < 0 && e.code != EBADMSG)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    make_folder();
    autofree char *text = mem_printf("%.*s", (int)size, (const char *)data);
    judge(data, size);
    read_layers(text);
    check_list(text);
    return 0;
}
