#include "pull.h"
#include "mem.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

/* The Engine's X-Registry-Auth: JSON in base64url (RFC 4648 §5). */
static char *authorisation_of(const struct image_source *source)
{
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "username", json_object_new_string(source->user));
    json_object_object_add(o, "password", json_object_new_string(source->password));
    json_object_object_add(o, "serveraddress", json_object_new_string(source->registry));
    const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
    char *encoded = mem_alloc(strlen(text) * 4 / 3 + 8);
    EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)text, (int)strlen(text));
    json_object_put(o);
    for (char *c = encoded; *c; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    return encoded;
}

static void release(struct image_pull *p)
{
    loop_cancel(docker_api_loop(p->api), &p->look);
    free(steal(p->registry));
    free(steal(p->reference));
    free(steal(p->tag));
    free(steal(p->as));
    free(steal(p->as_tag));
    free(steal(p->authorisation));
    p->api = NULL;
}

static void finish(struct image_pull *p, int status, const struct err *e)
{
    struct err copy = *e;
    release(p);
    p->done(p, status, &copy);
}

/* --- progress ---------------------------------------------------------------------------------------------------------------------- */

static uint64_t progress_of(const struct image_pull *p)
{
    return p->request.received.len + (p->moved ? p->moved(p->registry) : 0);
}

/* Its last word is about a layer that has come, or it is to give a name. */
static bool works_alone(struct image_pull *p)
{
    static const char *const words[] = {"Verifying Checksum", "Download complete", "Extracting", "Pull complete", "Digest: ", "Status: "};
    static const char key[] = "\"status\":\"";
    const char *last = NULL;
    for (const char *at = buf_text(&p->request.received); (at = strstr(at, key)); last = at)
        at += sizeof key - 1;
    for (size_t i = 0; last && i < ARRAY_LEN(words); i++)
        if (!strncmp(last, words[i], strlen(words[i])))
            return true;
    return !p->request.streams;
}

static struct simtime patience_of(struct image_pull *p)
{
    return works_alone(p) ? p->work : p->patience;
}

static void await_progress(struct image_pull *p)
{
    struct loop *loop = docker_api_loop(p->api);
    p->progress = progress_of(p);
    p->progressed = loop_now(loop);
    loop_arm_after(loop, &p->look, p->patience);
}

static void lose_patience(struct image_pull *p)
{
    struct err e = ERR_INIT;
    err_set(&e, ETIMEDOUT, "docker: %s: neither a word of the Engine's nor a byte of the registry's for %g s", p->request.what,
            simtime_seconds(patience_of(p)));
    docker_api_cancel(&p->request);
    finish(p, -ETIMEDOUT, &e);
}

static void look_for_progress(struct timer *timer)
{
    struct image_pull *p = container_of(timer, struct image_pull, look);
    struct loop *loop = docker_api_loop(p->api);
    if (progress_of(p) != p->progress)
        await_progress(p);
    else if (simtime_before(loop_now(loop), simtime_add(p->progressed, patience_of(p))))
        loop_arm_after(loop, timer, p->patience);
    else
        lose_patience(p);
}

/* --- two requests each ------------------------------------------------------------------------------------------------------------- */

static void begin(struct image_pull *p, struct docker_api *api, const struct image_source *source,
                  const char *as)
{
    const char *colon = strrchr(as, ':');
    *p = (struct image_pull){.done = p->done, .patience = p->patience, .work = p->work, .moved = p->moved, .api = api};
    p->registry = mem_copy_string(source->registry);
    p->reference = mem_printf("%s/%s", source->registry, source->repository);
    p->tag = mem_copy_string(source->tag);
    p->as = mem_printf("%.*s", colon ? (int)(colon - as) : (int)strlen(as), as);
    p->as_tag = mem_copy_string(colon ? colon + 1 : "latest");
    p->authorisation = authorisation_of(source);
    p->look.fire = look_for_progress;
}

/* The request was sent, or not. */
static int started(struct image_pull *p, int status)
{
    if (status < 0)
        release(p);
    else
        await_progress(p);
    return status;
}

static void went_on(struct image_pull *p, int status, const struct err *e)
{
    if (status < 0)
        finish(p, status, e);
    else
        await_progress(p);
}

static void last_answer(struct docker_request *r, int status, struct json_object *answer, const struct err *e)
{
    (void)answer;
    finish(container_of(r, struct image_pull, request), status, e);
}

static void pulled(struct docker_request *r, int status, struct json_object *answer, const struct err *e)
{
    (void)answer;
    struct image_pull *p = container_of(r, struct image_pull, request);
    struct err err = *e;
    p->request = (struct docker_request){.done = last_answer};
    if (status == 0)
        status =
            docker_api_request(p->api, &p->request, "POST", NULL, &err, "/images/%s:%s/tag?repo=%s&tag=%s",
                               p->reference, p->tag, p->as, p->as_tag);
    went_on(p, status, &err);
}

int image_pull(struct image_pull *p, struct docker_api *api, const struct image_source *source,
               const char *as, struct err *e)
{
    begin(p, api, source, as);
    p->request = (struct docker_request){.done = pulled, .authorisation = p->authorisation, .streams = true};
    return started(p, docker_api_request(api, &p->request, "POST", NULL, e,
                                         "/images/create?fromImage=%s&tag=%s", p->reference, p->tag));
}

static void named(struct docker_request *r, int status, struct json_object *answer, const struct err *e)
{
    (void)answer;
    struct image_pull *p = container_of(r, struct image_pull, request);
    struct err err = *e;
    p->request =
        (struct docker_request){.done = last_answer, .authorisation = p->authorisation, .streams = true};
    if (status == 0)
        status = docker_api_request(p->api, &p->request, "POST", NULL, &err, "/images/%s/push?tag=%s",
                                    p->reference, p->tag);
    went_on(p, status, &err);
}

int image_push(struct image_pull *p, struct docker_api *api, const struct image_source *target,
               const char *as, struct err *e)
{
    begin(p, api, target, as);
    p->request = (struct docker_request){.done = named};
    return started(p,
                   docker_api_request(api, &p->request, "POST", NULL, e, "/images/%s:%s/tag?repo=%s&tag=%s",
                                      p->as, p->as_tag, p->reference, p->tag));
}

void image_pull_cancel(struct image_pull *p)
{
    if (!p->api)
        return;
    docker_api_cancel(&p->request);
    release(p);
}
