#include "live_feed.h"
#include "buf.h"
#include "json_file.h"
#include "mem.h"
#include "report_data.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { BYTES_MAX = 32 << 20, QUIET_S = 10 };

struct live_feed {
    pthread_mutex_t lock;
    pthread_cond_t more;
    struct buf text;
    struct report_devices devices;
    bool full, over;
};

struct live_feed *live_feed_new(void)
{
    struct live_feed *feed = mem_alloc(sizeof *feed);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&feed->lock, NULL);
    pthread_cond_init(&feed->more, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return feed;
}

void live_feed_free(struct live_feed *feed)
{
    if (!feed)
        return;
    pthread_cond_destroy(&feed->more);
    pthread_mutex_destroy(&feed->lock);
    buf_free(&feed->text);
    free(feed);
}

/* --- writing ---------------------------------------------------------------------------------------------------------- */

static json_object *request_row(const struct event *ev)
{
    json_object *row = json_object_new_array();
    json_object_array_add(row, json_rounded(simtime_seconds(ev->begin), 6));
    json_object_array_add(row, json_object_new_int(ev->number));
    for (int i = 0; i < 3; i++)
        json_object_array_add(row, json_rounded(simtime_to_ms(simtime_sub(ev->at, ev->begin)), 3));
    json_object_array_add(row, json_object_new_int(1));
    json_object_array_add(row, json_object_new_int(ev->mud));
    return row;
}

/* What readers call it; NULL = they do not hear of it. */
static const char *name_for_readers(const struct event *ev)
{
    switch (ev->kind) {
    case EVENT_REQUEST:
        return "request";
    case EVENT_MESSAGE:
        return strncmp(ev->text, "SVC", 3) == 0 ? NULL : "message";
    case EVENT_MARK:
    case EVENT_CONTAINER:
    case EVENT_STAGE:
    case EVENT_MIGRATION:
    case EVENT_SENT_TOTAL:
    case EVENT_NOTE:
    case EVENT_LINK:
    case EVENT_HANDOFF:
    case EVENT_OUTAGE:
    case EVENT_SUPERVISION:
    case EVENT_CLAIM:
        return "event";
    case EVENT_TRANSITION:
    case EVENT_UNEXPECTED:
    case EVENT_EXECUTED:
    case EVENT_ABANDONED:
    case EVENT_CARRIED:
    case EVENT_CPU:
    case EVENT_WARMED:
    case EVENT_KINDS:
        break;
    }
    return NULL;
}

/* Takes the row over. */
static void say(struct live_feed *feed, const char *name, json_object *row)
{
    buf_printf(&feed->text, "event: %s\ndata: %s\n\n", name,
               json_object_to_json_string_ext(row, JSON_C_TO_STRING_PLAIN));
    json_object_put(row);
    pthread_cond_broadcast(&feed->more);
}

static void say_event(struct live_feed *feed, const char *name, const struct event *ev)
{
    if (feed->full || !report_shows(&feed->devices, ev->mud))
        return;
    feed->full = feed->text.len >= BYTES_MAX;
    if (feed->full)
        say(feed, "full", json_object_new_int(0));
    else
        say(feed, name, ev->kind == EVENT_REQUEST ? request_row(ev) : report_event(ev));
}

void live_feed_add(struct live_feed *feed, const struct event *event)
{
    const char *name = name_for_readers(event);
    if (!name)
        return;
    pthread_mutex_lock(&feed->lock);
    say_event(feed, name, event);
    pthread_mutex_unlock(&feed->lock);
}

void live_feed_end(struct live_feed *feed, const char *how)
{
    pthread_mutex_lock(&feed->lock);
    say(feed, "end", json_text(how));
    feed->over = true;
    pthread_mutex_unlock(&feed->lock);
}

void live_feed_close(struct live_feed *feed)
{
    pthread_mutex_lock(&feed->lock);
    feed->over = true;
    pthread_cond_broadcast(&feed->more);
    pthread_mutex_unlock(&feed->lock);
}

/* --- reading ---------------------------------------------------------------------------------------------------------- */

/* With the lock held. */
static void wait_for_more(struct live_feed *feed, size_t at)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += QUIET_S;
    while (at >= feed->text.len && !feed->over &&
           pthread_cond_timedwait(&feed->more, &feed->lock, &until) != ETIMEDOUT)
        ;
}

ssize_t live_feed_read(struct live_feed *feed, size_t at, char *out, size_t most)
{
    pthread_mutex_lock(&feed->lock);
    wait_for_more(feed, at);
    size_t left = at < feed->text.len ? feed->text.len - at : 0, count = left < most ? left : most;
    if (count)
        memcpy(out, feed->text.data + at, count);
    bool over = count == 0 && feed->over;
    pthread_mutex_unlock(&feed->lock);
    return over ? -1 : (ssize_t)count;
}
