#include "event.h"
#include "mem.h"

#include <string.h>

static const char *const names[EVENT_KINDS] = {
    [EVENT_MESSAGE] = "message",       [EVENT_MARK] = "mark",       [EVENT_TRANSITION] = "transition",
    [EVENT_UNEXPECTED] = "unexpected", [EVENT_REQUEST] = "request", [EVENT_EXECUTED] = "executed",
    [EVENT_CONTAINER] = "container",   [EVENT_STAGE] = "stage",     [EVENT_MIGRATION] = "migration",
    [EVENT_SENT_TOTAL] = "sent total", [EVENT_NOTE] = "note",       [EVENT_LINK] = "link",
    [EVENT_HANDOFF] = "handoff",       [EVENT_OUTAGE] = "outage",   [EVENT_ABANDONED] = "abandoned",
    [EVENT_CARRIED] = "carried",       [EVENT_CPU] = "cpu",
    [EVENT_SUPERVISION] = "supervision", [EVENT_CLAIM] = "claim",
    [EVENT_WARMED] = "warmed",
};

struct event event_note(struct simtime at, const char *reporter, const char *text)
{
    return (struct event){.at = at,
                          .kind = EVENT_NOTE,
                          .reporter = reporter,
                          .peer = "",
                          .sender = "",
                          .text = text,
                          .mud = -1,
                          .number = -1,
                          .migration = -1};
}

const char *event_kind_name(enum event_kind kind)
{
    return (unsigned)kind < ARRAY_LEN(names) ? names[kind] : "?";
}

enum event_kind event_kind_of(const char *name)
{
    for (int i = 0; i < EVENT_KINDS; i++)
        if (strcmp(names[i], name) == 0)
            return (enum event_kind)i;
    return EVENT_KINDS;
}
