/* The HTTP server of a live page, by libmicrohttpd, on 127.0.0.1 only:
 *
 *     GET /              the page (report_live_page())
 *     GET /events        what happens (live_feed.h), from the beginning
 *     GET /report.html   the finished report, once FOLDER has it
 *
 * Anything else is 404, another method 405, another Host 421: what a name that somebody has let point here asks for is not ours to give.
 * Every reader has a thread, so that one that stalls holds up nobody. */
#ifndef ROAMLAB_LIVE_SERVER_H
#define ROAMLAB_LIVE_SERVER_H

#include "err.h"
#include "live_feed.h"

#include <stdint.h>

struct live_server;

/* Port 0 = any that is free; an occupied one is -EADDRINUSE. `page` and `folder` are copied; the feed is borrowed. */
int live_server_start(uint16_t port, const char *page, struct live_feed *feed, const char *folder,
                      struct live_server **out, struct err *e);
uint16_t live_server_port(const struct live_server *server);
/* Somebody has asked for the events. */
bool live_server_is_read(const struct live_server *server);
/* Closes the feed and every connection. NULL-safe. */
void live_server_stop(struct live_server *server);

#endif
