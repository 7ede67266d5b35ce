/* report.html: a result as one page that needs nothing else, neither files nor a network. Its data stand in it as JSON
 * (report_data.h); report/page.js draws them.
 *
 * Texts of a scenario or a log reach the page as JSON in which < > & are escaped, and the script puts them there as
 * text: whatever a name holds, it stays a name. */
#ifndef ROAMLAB_REPORT_H
#define ROAMLAB_REPORT_H

#include "buf.h"
#include "err.h"

#include <json-c/json.h>

/* Writes FOLDER/report.html from the folder's result and events, also of repetitions. */
int report_write(const char *folder, struct err *e);
/* Appends the page that shows a run while it goes on: it has report_data_at_start() in it and hears the rest from live_server.h. */
void report_live_page(struct buf *out, json_object *data);

#endif
