/* What can be reported about a run: the kinds of events. Actors report them through their port, the repository keeps them (event.h). */
#ifndef ROAMLAB_EVENT_KIND_H
#define ROAMLAB_EVENT_KIND_H

enum event_kind {
    EVENT_MESSAGE,    /* a message sent or received: Kim22's log line. text = message ("SVCQ 12"), peer, sender */
    EVENT_MARK,       /* "migr begins" (reporter: source edge), "migr finished" (reporter: target AP): a line without direction. text, peer */
    EVENT_TRANSITION, /* an actor's state changed: text = "OLD -> NEW on EVENT" */
    EVENT_UNEXPECTED, /* an actor had no cell for an event: text = "STATE on EVENT" */
    EVENT_REQUEST,    /* reported by the MUD when answered: number, begin = first sent, at = answered, value = times sent; text = "ok" or what is wrong with the digest */
    EVENT_EXECUTED,   /* reported by the edge: its live container executed `number` for the first time in this lineage; value = container's migration id */
    EVENT_CONTAINER,  /* reported by the edge: text = "live", "standby", "halted" (cold: stopped, kept) or "gone"; migration = the one that brought it (0 = fresh) */
    EVENT_STAGE,      /* a migration's stage ended: text = stage's name, begin, bytes, value = 0 or -errno */
    EVENT_MIGRATION,  /* a migration ended: text = "finished", "failed", "superseded"; begin = "migr begins" if the reporter knows it (else the mark says it); peer = "FROM TO" edges; sender = strategy; value = requests replayed */
    EVENT_SENT_TOTAL, /* reported by the MUD at the end: number = requests sent, value = answered */
    EVENT_NOTE,       /* anything a reader should know: text */
    EVENT_LINK,       /* reported by the world: a link's parameters changed; reporter = "pc1-pc2", number = link, begin = when it was due, text = what changed */
    EVENT_KINDS
};

enum event_direction { EVENT_NONE, EVENT_SENT, EVENT_RECEIVED };

#endif
