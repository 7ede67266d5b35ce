/* One registry as its client sees it (OCI Distribution Specification 1.0, HTTP API of registry 2): HTTPS by libcurl over a kept
 * connection, the run's user, trust in the run's authority alone, no redirects. Blocking: for threads, one client a thread.
 *
 * A request on which no byte moves for the patience fails with -ETIMEDOUT; one whose connection breaks with -ECONNRESET: the next opens
 * another. Errors name host, request, and the registry's own words. */
#ifndef ROAMLAB_REGISTRY_CLIENT_H
#define ROAMLAB_REGISTRY_CLIENT_H

#include "buf.h"
#include "registry_reply.h"
#include "transfer.h"

#include <curl/curl.h>
#include <stdatomic.h>

struct registry_client {
    /* the client's own */
    CURL *curl;
    char *base, *user_password, *authority;
    struct simtime connect_timeout, patience;
    _Atomic int socket;     /* that of the present request, -1 = none */
    bool keeps_socket;      /* the present request goes over that one or not at all */
    atomic_bool called_off; /* until it is closed */
    int stop_fd;
    uint64_t ended_bytes; /* on the wire, by connections that are closed */
    uint64_t progress;
    struct simtime moved;
};

/* The registry at `address`; keys from settings->folder. Connects nothing. `stop_fd`: every request ends with -ECANCELED when it is
 * readable; -1 = none. */
int registry_client_open(struct registry_client *c, const struct transfer_settings *settings,
                         const char *address, int stop_fd, struct err *e);
void registry_client_close(struct registry_client *c); /* harmless when closed */
/* From another thread: ends what it does with -ECANCELED, and all that it is asked from now on. */
void registry_client_call_off(struct registry_client *c);

/* IP bytes that it has put on the wire so far. */
uint64_t registry_client_wire_bytes(const struct registry_client *c);

/* Is it there, and does it know us? */
int registry_ping(struct registry_client *c, struct err *e);
/* 1, 0, or -errno. */
int registry_has_blob(struct registry_client *c, const char *repository, const char *digest, struct err *e);
int registry_put_blob(struct registry_client *c, const char *repository, const char *digest,
                      const void *bytes, size_t len, struct err *e);
/* Appends what is missing: `out` holds the beginning already (Range, RFC 9110 §14.2), all of it in the end, its digest checked. What
 * arrived before a failure stays. */
int registry_get_blob(struct registry_client *c, const char *repository, const struct registry_blob *blob,
                      struct buf *out, struct err *e);
/* `reference`: a tag or a digest. */
int registry_put_manifest(struct registry_client *c, const char *repository, const char *reference,
                          const char *media_type, const char *text, struct err *e);
/* -ENOENT if there is none. */
int registry_get_manifest(struct registry_client *c, const char *repository, const char *reference,
                          struct buf *out, struct err *e);
/* By digest; absent is good. */
int registry_delete_manifest(struct registry_client *c, const char *repository, const char *digest,
                             struct err *e);
int registry_get_catalogue(struct registry_client *c, struct buf *out, struct err *e);

#endif
