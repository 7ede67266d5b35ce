/* The machines that play the hosts of a real run: this one (premises.h) and those behind ssh (outpost_link.h), told and heard alike. */
#ifndef ROAMLAB_CONTROLLER_MACHINES_H
#define ROAMLAB_CONTROLLER_MACHINES_H

#include "outpost_link.h"
#include "outpost_protocol.h"
#include "premises.h"

struct controller;

/* A machine behind ssh. */
struct controller_machine {
    struct controller *controller;
    struct outpost_link link;
    struct json_object *hello; /* owned */
    struct simtime origin;     /* the run's, as the machine was told it: by its clock */
    bool wired, closed, failed;
};

/* What a direction of a link has carried, as the machine says that shapes it. */
struct carried {
    bool known;
    struct link_counters counters;
};

struct controller_machines {
    struct controller *controller;
    struct premises here;
    bool *is_here;             /* owned, by host */
    int *machine_of;           /* owned, by host: index into `others`, -1 = here */
    struct in_addr *addresses; /* owned, by host */
    struct controller_machine *others;
    int other_count;
    bool any_here, opening, opened;
    char *run, *carrier_folder; /* owned; the folder only without premises here */
    char *image;                /* owned: the service's, as the first machine has named it; the others must agree */
    struct carried *carried;    /* owned, by link * 2 + direction */
    int log_fd;
};

/* Finds out who plays what; nothing is started. */
void machines_init(struct controller_machines *m, struct controller *c);
/* Starts ssh to the others and waits for what they say first (controller_go_on). */
int machines_greet(struct controller_machines *m, struct err *e);
/* Images, testbeds, agents; controller_go_on when all stand. */
int machines_wire(struct controller_machines *m, struct err *e);
/* Keys for the carrier, and orders to the agents to prepare. */
int machines_prepare(struct controller_machines *m, struct err *e);
void machines_tell(struct controller_machines *m, const char *word);
/* The run begins at `origin` of this machine's clock. */
void machines_begin(struct controller_machines *m, struct simtime origin);
void machines_end(struct controller_machines *m);
void machines_pause(struct controller_machines *m, bool paused);
int machines_change_link(struct controller_machines *m, int link, int direction, const struct link_params *params, struct err *e);
/* What it has carried; false if it is not shaped. Once all have ended. */
bool machines_count_link(struct controller_machines *m, int link, int direction, struct link_counters *counters);
/* Has everybody gone who was there? */
bool machines_gone(const struct controller_machines *m);
/* Takes back what is here, as premises_close(), and lets go of the others. Fills in what is known of their clocks. */
int machines_close(struct controller_machines *m, int status, struct err *e);

/* controller_machines_log.c: a descriptor for what a machine says beside its reports; and their last lines, as a hint to a
 * failure, those first that failed. */
int machines_open_log(const struct controller_machine *o, struct err *e);
void machines_quote_logs(const struct controller_machines *m, struct err *e);

/* controller_news.c: what is heard over that link, or from the premises here, goes to the controller. */
void machines_listen(struct outpost_link *link);
void machines_listen_here(struct premises *here);

#endif
