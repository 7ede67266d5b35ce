#include "registry_fetch.h"
#include "registry_artifact.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

void registry_fetch_order(struct buf *out, const char *address, const char *digest, const char *folder)
{
    buf_printf(out, "%s\n%s\n%s", address, digest, folder);
}

static int turn_to(struct registry_fetch *f, const struct transfer_settings *settings, const char *address,
                   int stop_fd, struct err *e)
{
    struct in_addr any;
    if (!strcmp(address, f->address))
        return 0;
    registry_fetch_close(f);
    if (inet_pton(AF_INET, address, &any) != 1)
        return err_set(e, EPROTO, "registry: \"%s\" is not an IPv4 address", address);
    int status = registry_client_open(&f->client, settings, address, stop_fd, e);
    if (status == 0)
        snprintf(f->address, sizeof f->address, "%s", address);
    return status;
}

int registry_fetch(struct registry_fetch *f, const struct transfer_settings *settings, const char *order,
                   int stop_fd, struct err *e)
{
    char address[64], digest[REGISTRY_DIGEST];
    int folder = 0;
    if (sscanf(order, "%63[^\n]\n%71[^\n]\n%n", address, digest, &folder) != 2 || !folder)
        return err_set(e, EPROTO, "registry: an order to fetch that is none");
    int status = transfer_admits(settings, order + folder, e);
    if (status == 0)
        status = turn_to(f, settings, address, stop_fd, e);
    return status < 0 ? status : registry_artifact_pull(&f->client, digest, order + folder, e);
}

void registry_fetch_close(struct registry_fetch *f)
{
    registry_client_close(&f->client);
    f->address[0] = '\0';
}
