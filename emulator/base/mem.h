/* Small helpers that every room uses: allocation that cannot return NULL, clean-up attributes, container_of.
 *
 * Running out of memory prints one line and ends the process with status 4; a run that is cut off this way is
 * cleaned by the controller or by `roamlab clean`. */
#ifndef ROAMLAB_MEM_H
#define ROAMLAB_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

void *mem_alloc(size_t size);                     /* zeroed; free() it */
void *mem_alloc_array(size_t count, size_t size); /* zeroed; overflow-checked */
void *mem_resize(void *old, size_t size);         /* new bytes are not zeroed */
char *mem_copy_string(const char *s);             /* NULL stays NULL */
char *mem_printf(const char *format, ...) __attribute__((format(printf, 1, 2))); /* free() it */
char *mem_vprintf(const char *format, va_list args) __attribute__((format(printf, 1, 0)));

#define container_of(pointer, type, member) ((type *)((char *)(pointer) - offsetof(type, member)))
#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

/* Locals that clean up after themselves: `autofree char *path = mem_printf(…);`, `autoclose int fd = …;` */
void mem_free_pointer(void *pointer_to_pointer);
void mem_close_fd(const int *fd);
void mem_close_file(FILE **file);
#define autofree __attribute__((cleanup(mem_free_pointer)))
#define autoclose __attribute__((cleanup(mem_close_fd)))
#define autofclose __attribute__((cleanup(mem_close_file)))

/* Hands ownership over: returns the pointer and leaves NULL behind. */
#define steal(pointer)                                                                                       \
    ({                                                                                                       \
        __typeof__(pointer) stolen_ = (pointer);                                                             \
        (pointer) = NULL;                                                                                    \
        stolen_;                                                                                             \
    })

#endif
