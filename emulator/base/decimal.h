/* Plain decimal numbers as files write them: digits, sign, point, exponent. What strtod(3) takes beyond that (hexadecimal,
 * "nan", "infinity", leading blanks) is a mistake in a file. */
#ifndef ROAMLAB_DECIMAL_H
#define ROAMLAB_DECIMAL_H

#include <stdbool.h>
#include <stddef.h>

/* False if the `len` bytes, which need no end, are no such number. One too great for a double is infinite. */
bool decimal_parse(const char *text, size_t len, double *number);

#endif
