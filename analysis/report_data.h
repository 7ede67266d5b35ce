/* What a report shows, as one JSON document for the page's script:
 *
 *   result       result.json as it is
 *   repetitions  0 = a single run; of repetitions, events, messages and places are those of the first
 *   scenario     the scenario's document, null if the run kept none
 *   response     [sent_s, number, mean_ms, min_ms, max_ms, answers]: requests by number over devices and repetitions
 *                (response_curve.h); of very many, neighbours are summed up
 *   events       [at_s, kind, reporter, peer, text, device, begin_s, value, number]: what changes where a device and its
 *                container are, and the links; of the first 40 devices that are heard of
 *   messages     the same, of kinds "sent" and "recvd" and stages, around the first migrations
 *   windows      [device, migration's begin_s, from_s, to_s]: these times around migrations
 *   aps, edges, links   as the log calls them, with their places and parameters
 *   paths        how devices moved, as the log has it (track_paths.h); null if they did not
 */
#ifndef ROAMLAB_REPORT_DATA_H
#define ROAMLAB_REPORT_DATA_H

#include "err.h"
#include "event.h"

#include <json-c/json.h>
#include <stdbool.h>

/* json_object_put() *data. */
int report_data(const char *folder, json_object **data, struct err *e);
/* The same before anything has happened, for a page that hears of it (live_feed.h). Of `result`, which it takes over, the page needs what is
 * known before the run; `document` is the scenario's, `paths` is track_paths_text()'s, or NULL. json_object_put() it. */
json_object *report_data_at_start(json_object *result, const char *document, const char *paths);

/* An event as `events` and `messages` have it; json_object_put() it. */
json_object *report_event(const struct event *event);

/* The devices that a page shows: the first that are heard of. */
struct report_devices {
    int32_t list[40];
    int count;
};
bool report_shows(struct report_devices *devices, int32_t device);

#endif
