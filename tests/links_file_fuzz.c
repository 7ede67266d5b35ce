/* Whatever a links file holds, the reader gives a checked file or one error; what it has taken in reads the same again. */
#include "links_file.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct err e = ERR_INIT;
    struct links_file *file = links_file_parse("fuzz", (const char *)data, size, &e);
    if (!file) {
        if (e.code <= 0 || strncmp(e.text, "fuzz: ", 6) != 0)
            abort();
        return 0;
    }
    struct links_file *again = links_file_parse("again", file->text, strlen(file->text), &e);
    if (!again || strcmp(again->text, file->text) != 0)
        abort();
    links_file_free(again);
    links_file_free(file);
    return 0;
}
