/* An inventory: a file that maps host names to machines, so that one scenario runs in virtual time, on this machine and on a lab's without an
 * edit. JSON: {"pc1": {"ssh": "root@192.0.2.1", "interface": "eth0"}, …}, each with the keys of a scenario's hosts. */
#ifndef ROAMLAB_INVENTORY_H
#define ROAMLAB_INVENTORY_H

#include "command_line.h"

/* Adds a setting for each host of the scenario that the inventory knows; machines that the scenario does not need are passed over. The
 * settings point into the inventory: json_object_put() it after the last use. NULL after printing what is wrong. */
struct json_object *inventory_take(const char *path, const char *scenario, const char *command,
                                   struct command_settings *settings);

/* Copies this program and the service's to every machine that plays hosts of the scenario, into ~/.local/bin. 0 or -errno. */
int inventory_push(const struct scenario *s, struct err *e);

#endif
