/* What can be reported about a run: the kinds of events. Actors report them through their port, the
 * repository keeps them (event.h). */
#ifndef ROAMLAB_EVENT_KIND_H
#define ROAMLAB_EVENT_KIND_H

enum event_kind {
    /* A message sent or received: Kim22's log line. text = message ("SVCQ 12"); peer; sender. */
    EVENT_MESSAGE,
    /* A line of the log without direction: "migr begins" (reporter: source edge), "migr finished" (the commit; reporter:
     * target AP; value = replayed requests). text; peer. */
    EVENT_MARK,
    /* An actor's state changed: text = "OLD -> NEW on EVENT". */
    EVENT_TRANSITION,
    /* An actor had no cell for an event: text = "STATE on EVENT". */
    EVENT_UNEXPECTED,
    /* Reported by the MUD when answered: number, begin = first sent, at = answered, value = times sent;
     * text = "ok" or what is wrong with the digest. */
    EVENT_REQUEST,
    /* Reported by the edge: its live container executed `number` for the first time in this lineage; value =
     * the container's migration. text = "executed up to here": and all before it, after the edge's restart. */
    EVENT_EXECUTED,
    /* Reported by the edge: text = "live", "standby", "halted" (cold: stopped, kept), "gone", "lost" (gone, and nobody else
     * may serve the device) or "stopped" (the same, by supervision); migration = the one that brought it (0 = fresh). */
    EVENT_CONTAINER,
    /* A migration's stage ended: text = stage's name, begin, bytes, value = 0 or -errno. */
    EVENT_STAGE,
    /* Reported by the source edge, once: a migration ended, and nothing of it is undone any more. text = "finished" (as of the mark
     * "migr finished", if there is one), "failed", "superseded"; begin, unless the mark says it; peer = "FROM TO" edges; sender =
     * strategy; value = 0, or -errno of what failed. number = EVENT_TOLD_AGAIN: by a source that has been started again and does not know
     * whether it told it; the repository, which does, leaves it out then. */
    EVENT_MIGRATION,
    /* Reported by the MUD at the end: number = requests sent, value = answered. */
    EVENT_SENT_TOTAL,
    /* Anything a reader should know: text. */
    EVENT_NOTE,
    /* Reported by the world: a link's parameters changed. reporter = "pc1-pc2"; number = link; value = bit/s
     * from the first to the second; text = what changed. */
    EVENT_LINK,
    /* Reported by the MUD when an access point has accepted it: peer = that one, begin = when it fell silent; number =
     * association sequence; text = "first association" (which is no handoff), "silent", or "probe 50.000 ms,
     * authentication 2.000 ms, reassociation 3.000 ms". */
    EVENT_HANDOFF,
    /* Reported by the MUD when it hears an access point again, or ends without: begin; peer = the last one. */
    EVENT_OUTAGE,
    /* Reported by a MUD that is out of reach for good: number = a request that it sent and that nobody can answer
     * any more; begin = first sent. */
    EVENT_ABANDONED,
    /* Reported by the world at the end: what a link's direction has delivered. reporter = "pc1-pc2", from and to;
     * number = link; direction = sent in the order of the scenario, received back; value = packets; bytes = of IP; text =
     * "dropped 3, lost 0": by a full queue, by a loss model. */
    EVENT_CARRIED,
    /* Reported by a host's agent: what all processes of a program have used since `begin`. reporter = the host; text = the
     * program; value = nanoseconds of CPU time. */
    EVENT_CPU,
    /* Reported by the edge: what supervision does to a device's container. text = "delegated" (peer = where to), "recalled", or what it
     * uses beyond its allowance, "memory", "cpu" or "requests"; value = how much: bytes, thousandths of a CPU, thousandths of a request
     * per second. */
    EVENT_SUPERVISION,
    /* Reported by an access point: the device's token was nowhere, all edge servers have answered its claim, and it holds the token now. number =
     * association sequence; peer = where the container is, if anywhere; text. */
    EVENT_CLAIM,
    /* Reported by an edge server: connections of its carrier were warmed by padding, before the run or after a cut. number = how many;
     * bytes = IP bytes, handshakes included. */
    EVENT_WARMED,
    EVENT_KINDS
};

enum { EVENT_TOLD_AGAIN = 1 };

enum event_direction { EVENT_NONE, EVENT_SENT, EVENT_RECEIVED };

#endif
