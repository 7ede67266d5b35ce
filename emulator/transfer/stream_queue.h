/* What passes between the loop and the thread of a stream_sender: parcels to send, parcels that have ended, news of the connection.
 *
 * Either side may call what stands under its name below. A parcel in `open` is the thread's, one in `ended` the loop's. */
#ifndef ROAMLAB_STREAM_QUEUE_H
#define ROAMLAB_STREAM_QUEUE_H

#include "stream_sender.h"

#include <pthread.h>

struct stream_queue {
    int wake_fd, event_fd; /* wakes the thread; readable for the loop when something is to be collected */
    pthread_mutex_t lock;  /* of all below, and of the parcels' jobs */
    struct stream_parcel *open;  /* only the thread takes one out */
    struct stream_parcel *ended; /* only the loop does */
    struct stream_attempts attempts;
};

void stream_queue_init(struct stream_queue *q);
void stream_queue_free(struct stream_queue *q); /* with its parcels; the thread has ended */

/* The loop's: as stream_sender_submit(), stream_sender_drop(), stream_sender_collect(). */
void stream_queue_submit(struct stream_queue *q, struct stream_parcel *p);
void stream_queue_drop(struct stream_queue *q, const struct transfer_job *job);
struct stream_parcel *stream_queue_collect(struct stream_queue *q, struct stream_attempts *attempts);

/* The thread's. `e` may be NULL: it ended well. */
void stream_queue_end(struct stream_queue *q, struct stream_parcel *p, const struct err *e);
/* At once, with the attempt to connect that ends them: what is submitted when it is known is a new attempt's. `wire_bytes`: that it took;
 * `e`: code 0 = it succeeded. */
void stream_queue_attempted(struct stream_queue *q, uint64_t wire_bytes, const struct err *e);
/* The open parcel behind `p` (NULL: the first); asked before `p` is touched, because what ends is the loop's. */
struct stream_parcel *stream_queue_next(struct stream_queue *q, const struct stream_parcel *p);
bool stream_queue_called_off(struct stream_queue *q, const struct stream_parcel *p);

#endif
