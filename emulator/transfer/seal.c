#include "seal.h"
#include "files.h"
#include "mem.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEX = 64, PART = 256 << 10 };

/* Read, not mapped: who sends it again may cut it short meanwhile. */
static int digest_of(const char *path, uint64_t *bytes, char hex[HEX + 1], struct err *e)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    autofree char *part = mem_alloc(PART);
    autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return err_errno(e, "%s", path);
    EVP_MD_CTX *sum = EVP_MD_CTX_new();
    ssize_t got;
    *bytes = 0;
    EVP_DigestInit_ex(sum, EVP_sha256(), NULL);
    while ((got = read(fd, part, PART)) > 0) {
        EVP_DigestUpdate(sum, part, (size_t)got);
        *bytes += (uint64_t)got;
    }
    EVP_DigestFinal_ex(sum, digest, NULL);
    EVP_MD_CTX_free(sum);
    if (got < 0)
        return err_errno(e, "%s", path);
    for (int i = 0; i < HEX / 2; i++)
        snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    return 0;
}

int seal_make(const char *path, char **sealed, struct err *e)
{
    char hex[HEX + 1];
    uint64_t bytes;
    int status = digest_of(path, &bytes, hex, e);
    if (status < 0)
        return status;
    autofree char *name = mem_printf("%s.%llu.%s", path, (unsigned long long)bytes, hex);
    if (link(path, name) < 0 && errno != EEXIST)
        return err_errno(e, "%s", name);
    *sealed = steal(name);
    return 0;
}

/* Of a seal's name: where the name that it stands for ends, how large the file is; NULL if it is none. */
static const char *seal_in(const char *name, uint64_t *bytes)
{
    const char *hex = strrchr(name, '.');
    if (!hex || strlen(hex + 1) != HEX || strspn(hex + 1, "0123456789abcdef") != HEX)
        return NULL;
    const char *size = memrchr(name, '.', (size_t)(hex - name));
    if (!size || size == name || (size_t)(hex - size - 1) != strspn(size + 1, "0123456789"))
        return NULL;
    *bytes = strtoull(size + 1, NULL, 10);
    return size;
}

static int open_seal(const char *folder, const char *name, const char *end, uint64_t bytes, struct err *e)
{
    autofree char *sealed = mem_printf("%s/%s", folder, name),
                  *plain = mem_printf("%s/%.*s", folder, (int)(end - name), name);
    char hex[HEX + 1];
    int status = digest_of(sealed, &bytes, hex, e);
    if (status < 0)
        return status;
    if (strcmp(hex, name + strlen(name) - HEX) != 0)
        return err_set(e, EBADMSG, "%s: what has arrived is not what was sent", plain);
    return rename(sealed, plain) < 0 ? err_errno(e, "%s", sealed) : 0;
}

/* All of it is there, of a file whose name begins so. */
static bool has_arrived(const char *folder, const char *name, const char *beginning, const char **end,
                        uint64_t *bytes)
{
    autofree char *path = mem_printf("%s/%s", folder, name);
    uint64_t now;
    return strncmp(name, beginning, strlen(beginning)) == 0 && (*end = seal_in(name, bytes)) &&
           files_size(path, &now, NULL) == 0 && now == *bytes;
}

static int go_through(const char *folder, const char *beginning, bool opens, struct err *e)
{
    DIR *names = opendir(folder);
    const char *end;
    uint64_t bytes;
    int status = names ? 0 : err_errno(e, "%s", folder), count = 0;
    for (const struct dirent *entry; status == 0 && (entry = readdir(names));) {
        if (!has_arrived(folder, entry->d_name, beginning, &end, &bytes))
            continue;
        count++;
        if (opens && (status = open_seal(folder, entry->d_name, end, bytes, e)) == -ENOENT)
            status = 0; /* another has opened it */
    }
    if (names)
        closedir(names);
    return status < 0 ? status : count;
}

int seal_count(const char *folder, const char *beginning, struct err *e)
{
    return go_through(folder, beginning, false, e);
}

int seal_open(const char *folder, const char *beginning, struct err *e)
{
    return go_through(folder, beginning, true, e);
}
