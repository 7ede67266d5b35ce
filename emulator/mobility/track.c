#include "track.h"
#include "mem.h"
#include "track_reader.h"

#include <string.h>

static const struct track_format *const formats[] = {&track_ns2, &track_fcd, &track_bonnmotion, &track_csv};

const struct track_format *track_format_at(int i)
{
    return i >= 0 && i < (int)ARRAY_LEN(formats) ? formats[i] : NULL;
}

const struct track_format *track_format_of(const char *name)
{
    for (size_t i = 0; i < ARRAY_LEN(formats); i++)
        if (strcmp(formats[i]->name, name) == 0)
            return formats[i];
    return NULL;
}
