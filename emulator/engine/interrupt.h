/* SIGINT, SIGTERM and SIGHUP: remembered, so that whoever runs can stop at a good place, clean up and exit
 * with 128 + signal. */
#ifndef ROAMLAB_INTERRUPT_H
#define ROAMLAB_INTERRUPT_H

/* From now on the signals are remembered instead of ending the process. */
void interrupt_catch(void);
/* The first signal that came, or 0. */
int interrupt_signal(void);
/* A descriptor that becomes readable when a signal comes, for the loop; the module's own. Valid after
 * interrupt_catch. */
int interrupt_fd(void);

#endif
