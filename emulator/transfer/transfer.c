#include "transfer.h"
#include "mem.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fts.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

static const struct carrier *const carriers[] = {&carrier_scp, &carrier_rsync, &carrier_stream, &carrier_nfs,
                                                 &carrier_registry};

const struct carrier *carrier_at(int i)
{
    return i >= 0 && (size_t)i < ARRAY_LEN(carriers) ? carriers[i] : NULL;
}

const struct carrier *carrier_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(carriers); i++)
        if (strcmp(carriers[i]->name, name) == 0)
            return carriers[i];
    return NULL;
}

static int measure_entry(const FTSENT *entry, uint64_t *bytes, struct err *e)
{
    if (strchr(entry->fts_name, '\n'))
        return err_set(e, EINVAL, "%s: a line break in a file's name", entry->fts_path);
    switch (entry->fts_info) {
    case FTS_D:
    case FTS_DP:
        return 0;
    case FTS_F:
        *bytes += (uint64_t)entry->fts_statp->st_size;
        return 0;
    case FTS_DNR:
    case FTS_ERR:
    case FTS_NS:
        return err_set(e, entry->fts_errno, "%s: %s", entry->fts_path, strerror(entry->fts_errno));
    default:
        err_set(e, EINVAL, "%s: neither a regular file nor a folder", entry->fts_path);
        return err_hint(e, "send it inside an archive");
    }
}

int transfer_admits(const struct transfer_settings *settings, const char *folder, struct err *e)
{
    return settings->inbox && strcmp(folder, settings->inbox) == 0
               ? 0
               : err_set(e, EACCES, "folder \"%.200s\" is not the one that takes files here", folder);
}

int transfer_measure(const char *path, uint64_t *bytes, struct err *e)
{
    char *const roots[] = {(char *)path, NULL};
    *bytes = 0;
    FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, NULL);
    if (!tree)
        return err_errno(e, "%s", path);
    int status = 0;
    FTSENT *entry;
    errno = 0;
    while (status == 0 && (entry = fts_read(tree)))
        status = measure_entry(entry, bytes, e);
    if (status == 0 && errno)
        status = err_errno(e, "%s", path);
    fts_close(tree);
    return status;
}

bool transfer_accepts(const struct transfer_host *host)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(host->port)};
    inet_pton(AF_INET, host->address, &to.sin_addr);
    autoclose int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return fd >= 0 && connect(fd, (struct sockaddr *)&to, sizeof to) == 0;
}
