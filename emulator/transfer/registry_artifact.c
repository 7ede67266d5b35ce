#include "registry_artifact.h"
#include "mem.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

enum { CUTS_MAX = 3, DIGEST_PREFIX = 7 };

#define MANIFEST_TYPE "application/vnd.oci.image.manifest.v1+json"
#define CONFIG_TYPE "application/vnd.roamlab.files.config.v1+json"
#define PART_TYPE "application/vnd.roamlab.files.part.v1"
static const char configuration[] = "{}";

static bool is_cut(int status)
{
    return status == -ECONNRESET || status == -ECONNREFUSED;
}

/* --- push -------------------------------------------------------------------------------------------------------------------------- */

static int push_blob(struct registry_client *c, const void *bytes, size_t len, char digest[REGISTRY_DIGEST],
                     struct err *e)
{
    registry_digest(bytes, len, digest);
    int status = -ECONNRESET;
    for (int cuts = 0; cuts < CUTS_MAX && is_cut(status); cuts++) {
        int there = cuts ? registry_has_blob(c, REGISTRY_REPOSITORY, digest, e) : 0;
        status = there > 0   ? 0
                 : there < 0 ? there
                             : registry_put_blob(c, REGISTRY_REPOSITORY, digest, bytes, len, e);
    }
    return status;
}

static struct json_object *descriptor(const char *media_type, const char *digest, size_t bytes)
{
    struct json_object *o = json_object_new_object();
    json_object_object_add(o, "mediaType", json_object_new_string(media_type));
    json_object_object_add(o, "digest", json_object_new_string(digest));
    json_object_object_add(o, "size", json_object_new_int64((int64_t)bytes));
    return o;
}

/* Takes the list of parts over. */
static struct json_object *manifest(struct json_object *parts, const uint8_t whole[STREAM_DIGEST])
{
    char digest[REGISTRY_DIGEST] = "sha256:";
    struct json_object *o = json_object_new_object(), *annotations = json_object_new_object();
    for (size_t i = 0; i < STREAM_DIGEST; i++)
        sprintf(digest + DIGEST_PREFIX + 2 * i, "%02x", whole[i]);
    json_object_object_add(annotations, REGISTRY_CONTENT, json_object_new_string(digest));
    registry_digest(configuration, strlen(configuration), digest);
    json_object_object_add(o, "schemaVersion", json_object_new_int(2));
    json_object_object_add(o, "mediaType", json_object_new_string(MANIFEST_TYPE));
    json_object_object_add(o, "config", descriptor(CONFIG_TYPE, digest, strlen(configuration)));
    json_object_object_add(o, "layers", parts);
    json_object_object_add(o, "annotations", annotations);
    return o;
}

static int push_parts(struct registry_client *c, struct stream_content *content, struct json_object *parts,
                      struct err *e)
{
    autofree uint8_t *part = mem_alloc(REGISTRY_PART_BYTES);
    char digest[REGISTRY_DIGEST];
    ssize_t len;
    while ((len = stream_content_read(content, part, REGISTRY_PART_BYTES, e)) > 0) {
        int status = push_blob(c, part, (size_t)len, digest, e);
        if (status < 0)
            return status;
        json_object_array_add(parts, descriptor(PART_TYPE, digest, (size_t)len));
    }
    return (int)len;
}

int registry_artifact_prepare(struct registry_client *c, struct err *e)
{
    char digest[REGISTRY_DIGEST];
    return push_blob(c, configuration, strlen(configuration), digest, e);
}

int registry_artifact_push(struct registry_client *c, struct stream_content *content,
                           char digest[REGISTRY_DIGEST], struct err *e)
{
    struct json_object *parts = json_object_new_array();
    uint8_t whole[STREAM_DIGEST];
    int status = push_parts(c, content, parts, e);
    if (status < 0) {
        json_object_put(parts);
        return status;
    }
    stream_content_digest(content, whole);
    struct json_object *o = manifest(parts, whole);
    const char *text =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE);
    registry_digest(text, strlen(text), digest);
    status = -ECONNRESET;
    for (int cuts = 0; cuts < CUTS_MAX && is_cut(status); cuts++)
        status = registry_put_manifest(c, REGISTRY_REPOSITORY, digest, MANIFEST_TYPE, text, e);
    json_object_put(o);
    return status;
}

/* --- pull -------------------------------------------------------------------------------------------------------------------------- */

static int pull_manifest(struct registry_client *c, const char *digest, struct registry_manifest *m,
                         struct err *e)
{
    struct buf text = BUF_INIT;
    char own[REGISTRY_DIGEST];
    int status = -ECONNRESET;
    for (int cuts = 0; cuts < CUTS_MAX && is_cut(status); cuts++) {
        buf_clear(&text);
        status = registry_get_manifest(c, REGISTRY_REPOSITORY, digest, &text, e);
    }
    registry_digest(text.data, text.len, own);
    if (status == 0 && strcmp(own, digest))
        status = err_set(e, EBADMSG, "registry: the manifest is not the one that was asked for");
    if (status == 0)
        status = registry_manifest_read(buf_text(&text), text.len, m, e);
    buf_free(&text);
    return status;
}

static int pull_part(struct registry_client *c, const struct registry_blob *blob, struct buf *part,
                     struct err *e)
{
    int status = blob->bytes > REGISTRY_PART_BYTES
                     ? err_set(e, EBADMSG, "registry: %s is longer than a part may be", blob->digest)
                     : -ECONNRESET;
    for (int cuts = 0; cuts < CUTS_MAX && is_cut(status); cuts++) {
        size_t before = part->len;
        status = registry_get_blob(c, REGISTRY_REPOSITORY, blob, part, e);
        if (part->len > before)
            cuts = -1;
    }
    return status;
}

static int take_parts(struct registry_client *c, const struct registry_manifest *m,
                      struct stream_intake *intake, struct err *e)
{
    struct buf part = BUF_INIT;
    int status = 0;
    for (int i = 0; i < m->layer_count && status == 0; i++) {
        buf_clear(&part);
        status = pull_part(c, &m->layers[i], &part, e);
        if (status == 0)
            status = stream_intake_take(intake, part.data, part.len, e);
    }
    buf_free(&part);
    return status;
}

static int finish(const struct registry_manifest *m, struct stream_intake *intake, struct err *e)
{
    uint8_t whole[STREAM_DIGEST];
    if (!m->content[0])
        return err_set(e, EBADMSG, "registry: the manifest does not name its content's digest");
    for (size_t i = 0; i < STREAM_DIGEST; i++) {
        unsigned byte;
        sscanf(m->content + DIGEST_PREFIX + 2 * i, "%2x", &byte);
        whole[i] = (uint8_t)byte;
    }
    return stream_intake_finish(intake, whole, e);
}

int registry_artifact_pull(struct registry_client *c, const char *digest, const char *folder, struct err *e)
{
    struct registry_manifest m;
    int status = registry_digest_check(digest, e);
    if (status == 0)
        status = pull_manifest(c, digest, &m, e);
    if (status < 0)
        return status;
    struct stream_intake *intake = stream_intake_open(folder, e);
    status = intake ? take_parts(c, &m, intake, e) : -EINVAL;
    if (status == 0)
        status = finish(&m, intake, e);
    stream_intake_free(intake);
    registry_manifest_free(&m);
    return status;
}
