#include "registry_reply.h"
#include "mem.h"

#include <ctype.h>
#include <errno.h>
#include <json-c/json.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEX = 64, PREFIX = 7, DEPTH_MAX = 32, LOCATION_MAX = 8192 };

void registry_digest(const void *bytes, size_t len, char out[REGISTRY_DIGEST])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL);
    strcpy(out, "sha256:");
    for (size_t i = 0; i < HEX / 2; i++)
        sprintf(out + PREFIX + 2 * i, "%02x", digest[i]);
}

int registry_digest_check(const char *text, struct err *e)
{
    if (text && !strncmp(text, "sha256:", PREFIX) && strlen(text) == PREFIX + HEX &&
        strspn(text + PREFIX, "0123456789abcdef") == HEX)
        return 0;
    return err_set(e, EBADMSG, "registry: not a SHA-256 digest: \"%.80s\"", text ? text : "");
}

/* --- JSON -------------------------------------------------------------------------------------------------------------------- */

/* An object, or NULL: nothing behind it, not too deep. */
static struct json_object *parse(const char *text, size_t len)
{
    if (len > REGISTRY_MANIFEST_MAX)
        return NULL;
    struct json_tokener *tokener = json_tokener_new_ex(DEPTH_MAX);
    json_tokener_set_flags(tokener, JSON_TOKENER_VALIDATE_UTF8);
    struct json_object *o = json_tokener_parse_ex(tokener, text, (int)len);
    json_tokener_free(tokener);
    if (o && json_object_is_type(o, json_type_object))
        return o;
    json_object_put(o);
    return NULL;
}

static struct json_object *member(struct json_object *o, const char *name, enum json_type type)
{
    struct json_object *value = NULL;
    if (json_object_is_type(o, json_type_object))
        json_object_object_get_ex(o, name, &value);
    return json_object_is_type(value, type) ? value : NULL;
}

static const char *word(struct json_object *o, const char *name)
{
    struct json_object *value = member(o, name, json_type_string);
    return value ? json_object_get_string(value) : NULL;
}

/* --- manifests ---------------------------------------------------------------------------------------------------------------- */

static int read_blob(struct json_object *o, struct registry_blob *blob, struct err *e)
{
    const char *digest = word(o, "digest");
    struct json_object *size = member(o, "size", json_type_int);
    int64_t bytes = size ? json_object_get_int64(size) : -1;
    if (registry_digest_check(digest, e) < 0)
        return -EBADMSG;
    if (bytes < 0 || bytes > (int64_t)REGISTRY_BLOB_MAX_GB << 30)
        return err_set(e, EBADMSG, "registry: %s has no size, or one that must not be", digest);
    strcpy(blob->digest, digest);
    blob->bytes = (uint64_t)bytes;
    return 0;
}

static int read_layers(struct json_object *list, struct registry_manifest *m, struct err *e)
{
    size_t count = list ? json_object_array_length(list) : 0;
    if (!list || count > REGISTRY_BLOBS_MAX)
        return err_set(e, EBADMSG, "registry: a manifest without layers, or with too many");
    m->layers = mem_alloc_array(count + 1, sizeof *m->layers);
    for (size_t i = 0; i < count; i++)
        if (read_blob(json_object_array_get_idx(list, i), &m->layers[m->layer_count++], e) < 0)
            return -EBADMSG;
    return 0;
}

int registry_manifest_read(const char *text, size_t len, struct registry_manifest *m, struct err *e)
{
    *m = (struct registry_manifest){0};
    struct json_object *o = parse(text, len);
    const char *content = word(member(o, "annotations", json_type_object), REGISTRY_CONTENT);
    int status = o ? read_blob(member(o, "config", json_type_object), &m->config, e)
                   : err_set(e, EBADMSG, "registry: a manifest that is no JSON object");
    if (status == 0)
        status = read_layers(member(o, "layers", json_type_array), m, e);
    if (status == 0 && content)
        status = registry_digest_check(content, e);
    if (status == 0 && content)
        strcpy(m->content, content);
    json_object_put(o);
    if (status < 0)
        registry_manifest_free(m);
    return status;
}

void registry_manifest_free(struct registry_manifest *m)
{
    free(m->layers);
    *m = (struct registry_manifest){0};
}

uint64_t registry_manifest_bytes(const struct registry_manifest *m)
{
    uint64_t bytes = m->config.bytes;
    for (int i = 0; i < m->layer_count; i++)
        bytes += m->layers[i].bytes;
    return bytes;
}

/* --- the rest ------------------------------------------------------------------------------------------------------------------ */

int registry_catalogue_has(const char *text, size_t len, const char *name, struct err *e)
{
    struct json_object *o = parse(text, len), *list = member(o, "repositories", json_type_array);
    int found = list ? 0 : err_set(e, EBADMSG, "registry: a catalogue that is none");
    for (size_t i = 0; list && i < json_object_array_length(list); i++) {
        struct json_object *entry = json_object_array_get_idx(list, i);
        if (json_object_is_type(entry, json_type_string) && !strcmp(json_object_get_string(entry), name))
            found = 1;
    }
    json_object_put(o);
    return found;
}

void registry_error_words(const char *text, size_t len, char *out, size_t max)
{
    struct json_object *o = parse(text, len), *list = member(o, "errors", json_type_array);
    struct json_object *first =
        list && json_object_array_length(list) ? json_object_array_get_idx(list, 0) : NULL;
    const char *words = word(first, "message");
    size_t used = 0;
    for (; words && *words && used + 1 < max; words++)
        out[used++] = isprint((unsigned char)*words) ? *words : '?';
    out[used] = '\0';
    json_object_put(o);
}

char *registry_location(const char *base, const char *location, struct err *e)
{
    size_t len = strlen(base);
    bool plain =
        strspn(location, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~:/?&=%+") ==
        strlen(location);
    if (plain && strlen(location) <= LOCATION_MAX && location[0] == '/' && location[1] != '/')
        return mem_printf("%s%s", base, location);
    if (plain && strlen(location) <= LOCATION_MAX && !strncmp(location, base, len) && location[len] == '/')
        return mem_copy_string(location);
    err_set(e, EBADMSG, "registry: leads elsewhere: \"%.80s\"", location);
    return NULL;
}
