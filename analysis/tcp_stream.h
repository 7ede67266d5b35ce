/* The bytes of TCP streams, put together from packets as they were received: in order, each once (RFC 9293, 3.4). One
 * direction of a connection is a stream. Packets that came early wait for those before them; what a capture has missed
 * becomes a gap once 4 MB wait behind it, or at the end. */
#ifndef ROAMLAB_TCP_STREAM_H
#define ROAMLAB_TCP_STREAM_H

#include "packet_file.h"

struct tcp_streams;

/* One stream, for as long as the streams live. */
struct tcp_stream {
    uint32_t from, to;
    uint16_t from_port, to_port;
    void *owners; /* whatever hears the bytes; NULL at first */
};

/* The next bytes of the stream. after_gap: they do not follow those before: a gap, or a new connection of the same ports. */
typedef void tcp_stream_bytes(void *context, struct tcp_stream *stream, const uint8_t *bytes, size_t len,
                              bool after_gap);

struct tcp_streams *tcp_streams_new(tcp_stream_bytes *hear, void *context);
/* Takes a TCP packet. */
void tcp_streams_add(struct tcp_streams *streams, const struct packet *packet);
/* Lets what still waits through. Returns how many gaps there were in all. */
uint64_t tcp_streams_finish(struct tcp_streams *streams);
/* `free_owners` gets each stream's `owners`. */
void tcp_streams_free(struct tcp_streams *streams, void (*free_owners)(void *));

#endif
