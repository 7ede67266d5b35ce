/* TZSP (TaZmen Sniffer Protocol) version 1: an 802.11 frame inside a UDP datagram, so that Wireshark shows
 * the frames between MUD and AP as what they are. Layout: version 1, type, encapsulated protocol be16 (18 =
 * IEEE 802.11 without FCS), tagged fields {type, length, bytes} of which padding (0) and end (1) are the type
 * alone, then the frame. */
#ifndef ROAMLAB_TZSP_H
#define ROAMLAB_TZSP_H

#include "buf.h"
#include "err.h"

enum { TZSP_PORT = 37008, TZSP_HEADER_BYTES = 5 };

/* Appends header, end tag and frame. */
void tzsp_encode(const void *frame, size_t frame_len, struct buf *out);
/* Finds the frame: *frame points into bytes. Tags are skipped. 0 or -EPROTO with the reason. */
int tzsp_decode(const void *bytes, size_t len, const uint8_t **frame, size_t *frame_len, struct err *e);

#endif
