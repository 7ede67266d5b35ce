#include "text_file.h"

#include <stdio.h>

int text_file_write(const char *path, const struct buf *text, struct err *e)
{
    FILE *f = fopen(path, "we");
    if (!f)
        return err_errno(e, "%s", path);
    bool written = fwrite(text->data, 1, text->len, f) == text->len;
    return fclose(f) == 0 && written ? 0 : err_errno(e, "%s", path);
}
