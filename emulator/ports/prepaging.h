/* Pre-paging of lazy pages (Hines, Deshpande and Gopalan, "Post-copy live migration of virtual machines", SIGOPS Operating Systems Review 43 (3),
 * 2009), at the target.
 *
 * CRIU's lazy-pages asks for what a process touches and, while that asks for nothing, for the rest: one request at a time, of 64 kB when there are
 * faults, so at most that comes in a round trip. This stands between it and the page server of the source: it asks for all pages in the order of
 * their addresses, so many ahead that the link is busy but nothing queues (page_window.h), and gives CRIU what has come. What CRIU
 * wants and is not on its way is asked for at once. It speaks CRIU's page server protocol (criu/page-xfer.c, versions 3 and 4) both ways: by TLS 1.3 to the source, by a
 * Unix socket to CRIU.
 *
 * Wall time only. One thread of its own, from the start until CRIU says that it has all and the source has closed, or one side breaks: then it closes the
 * other. */
#ifndef ROAMLAB_PREPAGING_H
#define ROAMLAB_PREPAGING_H

#include "err.h"

#include <stdint.h>

struct prepaging;

struct prepaging_options {
    const char *images;  /* the folder of CRIU's images: which pages come later */
    const char *address; /* numeric, of the page server, */
    uint16_t port;       /* which serves one connection */
    const char *keys;    /* KEYS.pem, KEYS.key: struct docker_paging */
};

/* The options are copied. NULL and `e` if there are no such images or keys; a page server that is not
 * there is seen by CRIU alone, as one that breaks. */
struct prepaging *prepaging_start(const struct prepaging_options *options, struct err *e);
/* For CRIU (--ps-socket); the caller's. Once. */
int prepaging_take_socket(struct prepaging *p);
/* Ends it, wherever it stands. `why`, which may be NULL, gets what broke between the two hosts, or nothing. NULL-safe. */
void prepaging_free(struct prepaging *p, struct err *why);

#endif
