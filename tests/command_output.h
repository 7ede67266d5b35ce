/* Commands as main calls them, and what they print. */
#ifndef ROAMLAB_TEST_COMMAND_OUTPUT_H
#define ROAMLAB_TEST_COMMAND_OUTPUT_H

#include "folder.h"
#include "mem.h"

#include <fcntl.h>
#include <stdio.h>

/* Runs it with standard output and error into FOLDER/output; @ at the beginning of arguments stands for FOLDER. */
static inline int command_output(int (*command)(int, char **), const char *folder,
                                 const char *const *arguments)
{
    char *argv[16] = {mem_copy_string("command")};
    int argc = 1;
    for (; arguments[argc - 1]; argc++) {
        const char *a = arguments[argc - 1];
        argv[argc] = a[0] == '@' ? mem_printf("%s%s", folder, a + 1) : mem_copy_string(a);
    }
    autofree char *path = mem_printf("%s/output", folder);
    int saved[2] = {dup(1), dup(2)}, fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);
    fflush(stdout);
    dup2(fd, 1);
    dup2(fd, 2);
    int status = command(argc, argv);
    fflush(stdout);
    dup2(saved[0], 1);
    dup2(saved[1], 2);
    close(saved[0]);
    close(saved[1]);
    close(fd);
    for (int i = 0; i < argc; i++)
        free(argv[i]);
    return status;
}

#endif
