/* Lines of text over a pair of descriptors on the loop: how controller and agent talk over the agent's
 * standard input and output, whether it runs here or behind ssh. Nothing blocks: what the other side does not
 * take yet is kept. Wall time only. */
#ifndef ROAMLAB_CHANNEL_H
#define ROAMLAB_CHANNEL_H

#include "buf.h"
#include "loop.h"

enum { CHANNEL_LINE_MAX = 512 << 20 };

struct channel {
    /* One line without its end, NUL-terminated; valid during the call. It may close the channel. */
    void (*line)(struct channel *channel, char *text, size_t len);
    /* The other side is gone (`e` NULL), or reading or writing failed. Called once; the channel is closed
     * already. */
    void (*closed)(struct channel *channel, const struct err *e);
    /* The other side has taken all that it had to be waited for with; may be NULL. */
    void (*drained)(struct channel *channel);
    struct loop *loop;
    struct watch in, out;
    struct buf incoming, outgoing;
    bool out_watched, paused, open;
};

/* Takes over both descriptors, which become non-blocking. `line` and `closed` are set before. */
int channel_open(struct channel *channel, struct loop *loop, int in_fd, int out_fd, struct err *e);
/* Closes without calling `closed`. Harmless if it is closed. What was not written yet is lost. */
void channel_close(struct channel *channel);
/* Takes nothing more from the other side, which then finds that it must wait, until it goes on. Lines that have arrived
 * already still come. Harmless if closed. */
void channel_pause(struct channel *channel, bool paused);
/* Sends one line (without line breaks in it). Harmless if closed. */
void channel_send(struct channel *channel, const char *text);
/* Blocks until the other side has taken all that was sent, or is gone: what was said last must be taken before a process may
 * go. */
void channel_flush(struct channel *channel);
#endif
