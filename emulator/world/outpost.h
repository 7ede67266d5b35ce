/* The outpost on another machine: plays the hosts of a run that are played there, for the controller that has started it over ssh
 * (`roamlab agent --outpost`). It takes orders from its standard input only (outpost_protocol.h), shares no file and no clock with the controller,
 * and when its input ends, it takes back what it made and exits. */
#ifndef ROAMLAB_OUTPOST_H
#define ROAMLAB_OUTPOST_H

/* Serves until told to end. `program`: the service's; `version`: this program's. Returns an exit status. */
int outpost_run(const char *program, const char *version);

#endif
