/* The controller's end of an outpost: ssh, the lines that go over it, and the clock at the other end. */
#ifndef ROAMLAB_OUTPOST_LINK_H
#define ROAMLAB_OUTPOST_LINK_H

#include "channel.h"
#include "clock_offset.h"
#include "process.h"

#include <json-c/json.h>

/* What ssh exits with when it does not get there (ssh(1)); and the shell there when it finds no such command, or may not execute it. */
enum { OUTPOST_LINK_UNREACHED = 255, OUTPOST_LINK_NO_COMMAND = 127, OUTPOST_LINK_NO_PROGRAM = 126 };

/* What to do then, a format. */
#define OUTPOST_LINK_TRY "this must work without a question: ssh %s true"

struct outpost_link {
    /* The owner's, set before opening. */
    struct loop *loop;
    const char *machine; /* as ssh has it */
    const char *command; /* how roamlab is called there; NULL: roamlab, from ~/.local/bin or PATH */
    void (*heard)(struct outpost_link *link, const char *word, struct json_object *line);
    void (*in_time)(struct outpost_link *link); /* the other clock has been asked often enough to begin, and after each answer */
    void (*gone)(struct outpost_link *link);    /* called once, when ssh has ended, too; the link is closed already */
    /* Good any time */
    struct clock_offset clock;
    bool open;
    int exit_status; /* ssh's, once gone: that of the command there, or OUTPOST_LINK_UNREACHED; -1 = it has not ended in time */
    /* Its own */
    struct process process;
    struct channel channel;
    struct timer ping, parting;
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
