#include "nfs_client.h"
#include "mem.h"

#include <string.h>

static const struct nfs_client *const clients[] = {&nfs_client_kernel, &nfs_client_libnfs};

const struct nfs_client *nfs_client_at(int i)
{
    return i >= 0 && (size_t)i < ARRAY_LEN(clients) ? clients[i] : NULL;
}

const struct nfs_client *nfs_client_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(clients); i++)
        if (strcmp(clients[i]->name, name) == 0)
            return clients[i];
    return NULL;
}

const struct nfs_client *nfs_client_choose(const struct nfs_client *wanted)
{
    for (int i = 0; !wanted; i++)
        if (nfs_client_at(i)->attempt(NULL) == 0)
            wanted = nfs_client_at(i);
    return wanted;
}
