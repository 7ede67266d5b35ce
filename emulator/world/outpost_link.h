/* The controller's end of an outpost: ssh, the lines that go over it, and the clock at the other end. */
#ifndef ROAMLAB_OUTPOST_LINK_H
#define ROAMLAB_OUTPOST_LINK_H

#include "channel.h"
#include "clock_offset.h"
#include "process.h"

#include <json-c/json.h>

struct outpost_link {
    /* The owner's, set before opening. */
    struct loop *loop;
    const char *machine; /* as ssh has it */
    const char *command; /* how roamlab is called there; NULL: roamlab, from PATH or ~/.local/bin */
    void (*heard)(struct outpost_link *link, const char *word, struct json_object *line);
    void (*in_time)(struct outpost_link *link); /* the other clock has been asked often enough to begin, and after each answer */
    void (*gone)(struct outpost_link *link);    /* called once; the link is closed already */
    /* Good any time */
    struct clock_offset clock;
    bool open;
    /* Its own */
    struct process process;
    struct channel channel;
    struct timer ping;
    int pings;
};

/* Starts ssh, or what ROAMLAB_SSH says in its place, with its messages to `log_fd`. From then on the other clock is asked for. */
int outpost_link_open(struct outpost_link *link, int log_fd, struct err *e);
/* Takes over the reference. Harmless if closed. */
void outpost_link_say(struct outpost_link *link, struct json_object *line);
/* Has the other clock been asked often enough to begin? */
bool outpost_link_in_time(const struct outpost_link *link);
/* Ends ssh; gone() is not called. Harmless if closed. */
void outpost_link_close(struct outpost_link *link);

/* Copies a program into ~/.local/bin there. Blocking. */
int outpost_link_push(const char *machine, const char *program, struct err *e);

#endif
