/* Link drivers: what makes real packets late, few and rare, as link.h says.
 *
 * A link driver shapes one direction of a veth pair at a time. The kernel's netem works where packets leave,
 * roamlab's own emulator where they arrive (see userspace.h), so the caller names both ends and the driver
 * takes the one that it needs.
 *
 *     const struct link_driver *driver = link_driver_choose(NULL, needs, count, &e);   once, near main
 *     struct link_drive *drive = link_drive_start(driver, &e);           once a run
 *     link_shape(drive, &ends, &params, &shaper, &e);                    per link and direction
 *     …
 *     link_drive_stop(drive);
 *
 * A live link is changed in place by link_change; no packet that is on it gets lost or comes earlier or later.
 *
 * There is no third driver over AF_PACKET for kernels without NFQUEUE and netem: it would copy every packet and put it back at layer 2,
 * checksum and segmentation offload included, a second data path for machines that one module makes whole (the probes name it).
 *
 * What both drivers share: ARP is not shaped by the emulator (the testbed's neighbours are permanent, so
 * there is none). Below 1 Gbit/s, and where anything random happens, segmentation offload is turned
 * off where packets leave, so that the unit on the line is a packet and not a burst of 64 KB; a change that no longer needs
 * that puts back what was on. What a driver cannot do is an error that names it; link.h says what that is. */
#ifndef ROAMLAB_DRIVER_H
#define ROAMLAB_DRIVER_H

#include "err.h"
#include "lateness.h"
#include "link.h"

#include <netinet/in.h>
#include <stdbool.h>

struct link_drive;
struct link_shaper;

/* The two ends of a direction: paths of namespaces such as /run/netns/NAME (NULL: the calling thread's), and the
 * interfaces in them. An end that is not on this machine has a NULL interface; a driver that needs it says so: the
 * kernel's needs the first end, our own the second.
 *
 * `peer_prefix` other than 0 shapes only packets to addresses that begin with so many bits of `to_peer` (kernel), or
 * from addresses that begin with those of `from_peer` (our own), so that one interface has many links. */
struct link_ends {
    const char *from_namespace, *from_interface;
    const char *to_namespace, *to_interface;
    struct in_addr from_peer, to_peer;
    int peer_prefix; /* 1 to 32; 0 = all packets */
    bool varies;     /* it will be changed: there is a shaper even while the parameters ask for nothing */
};

/* One direction of a link, as it will be asked for. */
struct link_need {
    int link;    /* for messages: its number … */
    bool back;   /* … and direction */
    struct link_ends ends;
    struct link_params params;
};

struct link_counters {
    uint64_t packets; /* delivered; a super-packet above 1 Gbit/s counts as the packets that it stands for, but as one
                         where it passed our own driver's queue by */
    uint64_t bytes;   /* IP bytes of these */
    uint64_t dropped; /* found the queue full */
    uint64_t lost;    /* by a loss model; netem counts them under dropped */
    bool seeded;      /* the seed decides what happens; netem draws as it likes before Linux 6.6 */
    struct lateness lateness; /* of deliveries behind their due times; zeros where the driver cannot know */
};

/* One row per driver. Adding a driver = one file + one row in driver.c. */
struct link_driver {
    const char *name;    /* as result.json shows it */
    const char *summary; /* for people */
    bool at_arrival;     /* shapes packets where they arrive, not where they leave */
    /* Does this host have it? Tried out in a private namespace. 0, or -errno and why not. */
    int (*probe)(struct err *e);
    /* Is it able to shape like this? Pure. EOPNOTSUPP names what it cannot do. */
    int (*can)(const struct link_ends *ends, const struct link_params *params, struct err *e);
    struct link_drive *(*start)(struct err *e);
    void (*stop)(struct link_drive *drive);
    int (*shape)(struct link_drive *drive, const struct link_ends *ends, const struct link_params *params,
                 struct link_shaper **shaper, struct err *e);
    int (*change)(struct link_shaper *shaper, const struct link_params *params, struct err *e);
    int (*count)(struct link_shaper *shaper, struct link_counters *counters, struct err *e);
    /* What all shaping of this driver on the interface has carried, whichever process put it there; ENOENT if there is
     * none. NULL: only the process knows that holds it. */
    int (*read)(const char *namespace, const char *interface, struct link_counters *sum, struct err *e);
    /* Takes away what any process's drive of this driver has left on the interface, and nothing else. */
    int (*clear)(const char *namespace, const char *interface, struct err *e);
};

extern const struct link_driver link_driver_kernel, link_driver_userspace;

/* The first driver in the table, or the one that is `wanted` by name (NULL: any), that works on this host and can do
 * all that is needed. NULL and `e`: why each does not, or why not the wanted one. */
const struct link_driver *link_driver_choose(const char *wanted, const struct link_need *needs, int count,
                                             struct err *e);
/* The same from another table, NULL at its end. */
const struct link_driver *link_driver_choose_from(const struct link_driver *const *drivers, const char *wanted,
                                                  const struct link_need *needs, int count, struct err *e);
/* By name; NULL if there is none of that name. */
const struct link_driver *link_driver_named(const char *name);

/* Whatever the driver needs for a run (the emulator: its thread). NULL and `e` on failure. */
struct link_drive *link_drive_start(const struct link_driver *driver, struct err *e);
/* Ends all shaping of the drive and frees its shapers. Links that the emulator shaped at that time carry nothing
 * afterwards: a link whose shaper is gone never turns into a fast one. NULL-safe. */
void link_drive_stop(struct link_drive *drive);

/* Shapes the direction. *shaper is the drive's and lives as long as the drive; it is NULL if `params` ask for
 * nothing and ends->varies is false. EBUSY names a queueing discipline of somebody else's. */
int link_shape(struct link_drive *drive, const struct link_ends *ends, const struct link_params *params,
               struct link_shaper **shaper, struct err *e);
/* Other parameters from now on; those of a table or the like must live as long as the link has them. On an error
 * the link is as before. */
int link_change(struct link_shaper *shaper, const struct link_params *params, struct err *e);
int link_count(struct link_shaper *shaper, struct link_counters *counters, struct err *e);

/* What every driver's drive and shaper begin with. */
struct link_drive {
    const struct link_driver *driver;
};
/* Segmentation offload where packets leave. */
struct link_offload {
    char *namespace, *interface; /* owned; a NULL interface is elsewhere */
    bool shared;                 /* by other links */
    bool forbidden;              /* we turned it off; `on` is what was on before */
    unsigned on;
};

struct link_shaper {
    const struct link_driver *driver;
    struct link_params params;
    struct link_offload offload;
};
/* To be called by drivers that free a shaper. */
void link_shaper_clear(struct link_shaper *shaper);

#endif
