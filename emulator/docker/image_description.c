#include "image_description.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

void image_digest(const void *bytes, size_t len, char out[72])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_Digest(bytes, len, digest, NULL, EVP_sha256(), NULL);
    int at = sprintf(out, "sha256:");
    for (int i = 0; i < 32; i++)
        at += sprintf(out + at, "%02x", digest[i]);
}

static struct json_object *manifest(const char *config, const char *name, const char *const *layers,
                                    int count)
{
    struct json_object *list = json_object_new_array(), *entry = json_object_new_object(),
                       *tags = name ? json_object_new_array() : NULL, *files = json_object_new_array();
    for (int i = 0; i < count; i++)
        json_object_array_add(files, json_object_new_string(layers[i]));
    if (name)
        json_object_array_add(tags, json_object_new_string(name));
    json_object_object_add(entry, "Config", json_object_new_string(config));
    json_object_object_add(entry, "RepoTags", tags);
    json_object_object_add(entry, "Layers", files);
    json_object_array_add(list, entry);
    return list;
}

int image_description_write(struct archive *a, const char *configuration, const char *name,
                            const char *const *layers, int count, struct err *e)
{
    char id[72], file[80];
    image_digest(configuration, strlen(configuration), id);
    snprintf(file, sizeof file, "%s.json", strchr(id, ':') + 1);
    int status = archive_file(a, file, 0644, configuration, strlen(configuration), e);
    if (status < 0)
        return status;
    struct json_object *o = manifest(file, name, layers, count);
    const char *text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
    status = archive_file(a, "manifest.json", 0644, text, strlen(text), e);
    json_object_put(o);
    return status;
}
