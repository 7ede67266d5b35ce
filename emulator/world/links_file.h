/* A links file: which existing interfaces `roamlab link apply` shapes, and how. JSON, checked as scenarios are, with
 * the keys of a scenario's links:
 *
 *     {"links": [{"here": {"namespace": "blue", "interface": "eth0"}, "there": {…}, "peer": "10.0.2.0/24",
 *                 "rtt_ms": 100, "rate_mbit": {"forward": 80, "back": 20}, …}]}
 *
 * `forward` is what leaves `here`, `back` what arrives there. `there` is the other end, if it is on this machine; without
 * it the kernel's driver can only shape forward and our own only back: what the driver cannot do must be left out.
 * `peer` limits the shaping to packets to (forward) and from (back) these addresses; `namespace` is a name
 * under /run/netns or a path, absent: the present one. */
#ifndef ROAMLAB_LINKS_FILE_H
#define ROAMLAB_LINKS_FILE_H

#include "scenario.h"

#include <netinet/in.h>

struct links_end {
    char *namespace; /* owned path, or NULL: the present one */
    char *interface; /* owned, or NULL: not on this machine */
};

struct links_entry {
    struct links_end ends[2]; /* here, there */
    struct in_addr peer;
    int peer_prefix; /* 0 = all packets */
};

struct links_file {
    struct links_entry *entries; /* owned */
    struct scenario
        links;  /* owned; its links are the entries' parameters, its hosts their ends; nothing else */
    char *text; /* owned: the checked file as JSON, with what it names taken in */
};

/* NULL and `e` (file and JSON path) if anything is wrong. */
struct links_file *links_file_read(const char *path, struct err *e);
/* From text; `path` is for messages and for the files that it names. */
struct links_file *links_file_parse(const char *path, const char *text, size_t len, struct err *e);
void links_file_free(struct links_file *file); /* NULL-safe */

#endif
