/* Encodings of which one byte is spoiled: the decoder must refuse each, and say what is wrong. */
#ifndef ROAMLAB_SPOILED_BYTES_H
#define ROAMLAB_SPOILED_BYTES_H

#include "buf.h"
#include "err.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

struct spoiled_byte {
    size_t at;
    uint8_t value;
    const char *says;
};

static inline void assert_spoiled_refused(const struct buf *bytes, const struct spoiled_byte *rows, size_t count,
                                          int (*decode)(const void *bytes, size_t len, struct err *e))
{
    for (size_t i = 0; i < count; i++) {
        struct err e = ERR_INIT;
        uint8_t good = bytes->data[rows[i].at];
        bytes->data[rows[i].at] = rows[i].value;
        assert_int_equal(decode(bytes->data, bytes->len, &e), -EPROTO);
        if (!strstr(e.text, rows[i].says))
            fail_msg("\"%s\" does not say \"%s\"", e.text, rows[i].says);
        bytes->data[rows[i].at] = good;
    }
}

#endif
