/* What the controller and the outpost on another machine say to each other: one JSON object a line, as with agents (agent_protocol.h), over ssh.
 *
 * Controller → outpost: wire, prepare, tell (a line for every agent there), play, end; ping at any time. The end of its input is as good as end.
 * Outpost → controller: hello (at once), wired, from (a line of an agent), silent (an agent is gone), carried (what its links carried), packets
 * (what its hosts have captured: outpost_packets.h), closed
 * (everything is taken back; then it exits), failed; pong at once. */
#ifndef ROAMLAB_OUTPOST_PROTOCOL_H
#define ROAMLAB_OUTPOST_PROTOCOL_H

#include "agent_protocol.h"
#include "driver.h"
#include "world_real.h"

#include <netinet/in.h>

/* Both sides must be of the same version. */
struct outpost_hello {
    const char *version;
    const char *machine; /* the same however one gets there; NULL: it does not know */
    struct json_object *addresses; /* by interface: its first IPv4 address */
};

struct outpost_orders {
    const char *scenario, *path; /* its text, with visits; for messages */
    uint64_t seed;
    const char *run;    /* its name */
    const char *driver; /* that is wanted, or NULL */
    int hosts;
    bool captures;            /* packets, for the controller */
    bool *here;               /* by host, owned */
    struct in_addr *machines; /* by host, owned */
};

struct json_object *outpost_say_hello(const char *version);
int outpost_read_hello(struct json_object *line, struct outpost_hello *hello, struct err *e);
/* The address of an interface that a hello tells of. */
int outpost_address_of(const struct outpost_hello *hello, const char *interface, struct in_addr *address,
                       struct err *e);

struct json_object *outpost_say_wire(const struct outpost_orders *orders);
int outpost_read_wire(struct json_object *line, struct outpost_orders *orders, struct err *e);
void outpost_orders_free(struct outpost_orders *orders); /* what is owned */

struct json_object *outpost_say_wired(const struct world_real_facts *facts, const char *image);
int outpost_read_wired(struct json_object *line, struct world_real_facts *facts, const char **image,
                       struct err *e);

/* The folders and small files below a folder, with their contents. */
struct json_object *outpost_say_prepare(const char *folder, struct err *e); /* NULL on failure */
/* Makes the folder, which must be new, and those in it (0700), and writes the files (0600). Nothing gets out of it: a name that leads elsewhere,
 * or is hidden, and what is no file in base64, are -EPROTO. */
int outpost_read_prepare(struct json_object *line, const char *folder, struct err *e);

struct json_object *outpost_say_tell(struct json_object *line);  /* takes over its reference */
struct json_object *outpost_read_tell(struct json_object *line); /* borrowed; NULL = there is none */

/* A line of an agent goes on as it came. Text without the line's end; free() it. */
char *outpost_say_from(int host, const char *text);
int outpost_read_from(struct json_object *line, int *host, struct json_object **inner, struct err *e);
struct json_object *outpost_say_silent(int host, uint64_t events);
int outpost_read_silent(struct json_object *line, int *host, uint64_t *events, struct err *e);

struct json_object *outpost_say_carried(int link, int direction, const struct link_counters *counters);
int outpost_read_carried(struct json_object *line, int *link, int *direction, struct link_counters *counters,
                         struct err *e);

struct json_object *outpost_say_time(const char *word, struct simtime asked,
                                     struct simtime clock); /* ping, pong */
int outpost_read_time(struct json_object *line, struct simtime *asked, struct simtime *clock, struct err *e);

#endif
