#include "mem.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *checked(void *p)
{
    if (!p) {
        fputs("roamlab: out of memory (use a smaller scenario or a larger machine)\n", stderr);
        _exit(4);
    }
    return p;
}

void *mem_alloc(size_t size)
{
    return checked(calloc(1, size ? size : 1));
}

void *mem_alloc_array(size_t count, size_t size)
{
    return checked(calloc(count ? count : 1, size ? size : 1));
}

void *mem_resize(void *old, size_t size)
{
    return checked(realloc(old, size ? size : 1));
}

char *mem_copy_string(const char *s)
{
    return s ? checked(strdup(s)) : NULL;
}

char *mem_vprintf(const char *format, va_list args)
{
    char *text = NULL;
    return vasprintf(&text, format, args) < 0 ? checked(NULL) : text;
}

char *mem_printf(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    char *text = mem_vprintf(format, args);
    va_end(args);
    return text;
}

void mem_free_pointer(void *pointer_to_pointer)
{
    free(*(void **)pointer_to_pointer);
}

void mem_close_fd(const int *fd)
{
    if (*fd >= 0)
        close(*fd);
}

void mem_close_file(FILE **file)
{
    if (*file)
        fclose(*file);
}
