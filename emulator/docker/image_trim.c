#include "image_trim.h"
#include "image_layers.h"
#include "mem.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

static void release(struct image_trim *trim)
{
    if (trim->archive)
        unlink(trim->archive);
    free(steal(trim->archive));
    free(steal(trim->name));
    free(steal(trim->data));
}

static void end(struct image_trim *trim, int status, const struct err *e)
{
    struct err copy = *e;
    if (status < 0)
        err_wrap(&copy, "image: keep %d layers", trim->count);
    release(trim);
    trim->done(trim, status, &copy);
}

static void removed(struct docker_request *r, int status, struct json_object *answer, const struct err *e)
{
    (void)answer;
    end(container_of(r, struct image_trim, request), status, e);
}

static int remove_whole(struct image_trim *trim, struct err *e)
{
    trim->request.done = removed;
    return docker_api_request(trim->api, &trim->request, "DELETE", NULL, e, "/images/%s", trim->name);
}

static void kept(struct docker_transfer *t, int status, uint64_t bytes, const struct err *e)
{
    struct image_trim *trim = container_of(t, struct image_trim, transfer);
    struct err copy = *e;
    (void)bytes;
    if (status == 0)
        status = remove_whole(trim, &copy);
    if (status < 0)
        end(trim, status, &copy);
}

static int keep(struct image_trim *trim, const char *id, struct err *e)
{
    struct image_layers layers = {0};
    int status = image_layers_read(&layers, trim->data, id, e);
    if (status == 0)
        status = image_layers_describe(&layers, trim->count - 1, trim->archive, e);
    image_layers_free(&layers);
    trim->transfer.done = kept;
    return status == 0
               ? docker_api_upload(trim->api, &trim->transfer, trim->archive, e, "/images/load?quiet=1")
               : status;
}

static void inspected(struct docker_request *r, int status, struct json_object *answer, const struct err *e)
{
    struct image_trim *trim = container_of(r, struct image_trim, request);
    struct json_object *id = NULL;
    struct err copy = *e;
    if (status == 0 && !json_object_object_get_ex(answer, "Id", &id))
        status = err_set(&copy, EPROTO, "docker: an image without an Id");
    if (status == 0)
        status = trim->count ? keep(trim, json_object_get_string(id), &copy) : remove_whole(trim, &copy);
    if (status < 0)
        end(trim, status, &copy);
}

int image_trim(struct image_trim *trim, struct docker_api *api, const char *data, const char *name, int count,
               struct err *e)
{
    trim->api = api;
    trim->name = mem_copy_string(name);
    trim->data = mem_copy_string(data);
    trim->archive = mem_printf("%s/roamlab-trim.tar", data);
    trim->count = count;
    trim->request.done = inspected;
    int status = docker_api_request(api, &trim->request, "GET", NULL, e, "/images/%s/json", name);
    if (status < 0)
        release(trim);
    return status;
}

void image_trim_cancel(struct image_trim *trim)
{
    if (!trim->api)
        return;
    docker_api_cancel(&trim->request);
    docker_api_cancel_transfer(&trim->transfer);
    release(trim);
}
