#include "scenario_key.h"

#include "buf.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Files only: a pipe or device might never end. */
static int read_file(const char *path, struct buf *out, struct err *e)
{
    struct stat status;
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &status) < 0)
        return err_errno(e, "cannot be read");
    if (!S_ISREG(status.st_mode))
        return err_set(e, EINVAL, "is not a file");
    if ((uint64_t)status.st_size > SCENARIO_BYTES_MAX)
        return err_set(e, EFBIG, "is larger than 256 MB");
    while (out->len <= SCENARIO_BYTES_MAX) {
        buf_reserve(out, 65536);
        ssize_t n = read(fd, out->data + out->len, out->capacity - out->len);
        if (n < 0 && errno != EINTR)
            return err_errno(e, "cannot be read");
        if (n == 0)
            return 0;
        out->len += n > 0 ? (size_t)n : 0;
    }
    return err_set(e, EFBIG, "is larger than 256 MB");
}

static void hash_text(const char *text, char hex[65])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL);
    for (int i = 0; i < 32; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
}

static int fill_in(struct scenario *s, json_object *root, const struct scenario_setting *settings,
                   int setting_count, struct err *e)
{
    if (!json_object_is_type(root, json_type_object))
        return scenario_check_shape(root, e);
    for (int i = 0; i < setting_count; i++)
        if (scenario_set(root, &settings[i], e) < 0)
            return -EINVAL;
    if (scenario_check_shape(root, e) < 0 || scenario_build(s, root, e) < 0)
        return -EINVAL;
    s->text = mem_copy_string(
        json_object_to_json_string_ext(root, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE));
    hash_text(s->text, s->sha256);
    return scenario_check_rules(s, e);
}

struct scenario *scenario_parse(const char *path, const char *text, size_t len,
                                const struct scenario_setting *settings, int setting_count, struct err *e)
{
    struct scenario *s = mem_alloc(sizeof *s);
    s->path = mem_copy_string(path);
    json_object *root = scenario_text_read(text, len, e);
    bool good = root && fill_in(s, root, settings, setting_count, e) == 0;
    json_object_put(root);
    if (good)
        return s;
    err_wrap(e, "%.240s", path);
    scenario_free(s);
    return NULL;
}

struct scenario *scenario_read(const char *path, const struct scenario_setting *settings, int setting_count,
                               struct err *e)
{
    struct buf text = BUF_INIT;
    struct scenario *s = NULL;
    if (read_file(path, &text, e) < 0)
        err_wrap(e, "%.240s", path);
    else
        s = scenario_parse(path, (const char *)text.data, text.len, settings, setting_count, e);
    buf_free(&text);
    return s;
}

static void free_muds(struct scenario *s)
{
    for (int i = 0; i < s->mud_count; i++) {
        free(s->muds[i].name);
        if (!s->muds[i].visits_shared)
            free(s->muds[i].visits);
    }
    free(s->muds);
}

void scenario_free(struct scenario *s)
{
    if (!s)
        return;
    for (int i = 0; i < s->host_count; i++)
        free(s->hosts[i].name);
    for (int i = 0; i < s->edge_count; i++)
        free(s->edges[i].name);
    for (int i = 0; i < s->ap_count; i++)
        free(s->aps[i].name);
    for (int i = 0; i < s->expect_count; i++)
        free(s->expects[i].metric);
    free_muds(s);
    free(s->hosts);
    free(s->edges);
    free(s->aps);
    free(s->links);
    free(s->faults);
    free(s->expects);
    free(s->path);
    free(s->text);
    free(s->name);
    free(s->description);
    free(s);
}
