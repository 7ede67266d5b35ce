/* Comma-separated fields of a line. */
#ifndef ROAMLAB_FIELDS_H
#define ROAMLAB_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

/* Takes spaces, tabs and carriage returns off both ends. */
void field_trim(const char **text, size_t *len);
/* Cuts the next field off `rest`, trimmed; false if there is none left. `rest` is NULL behind the last. */
bool field_next(const char **rest, size_t *rest_len, const char **field, size_t *len);

#endif
