/* Two machines behind sshd (tests/machines), and roamlab in their network. */
#ifndef ROAMLAB_LAB_MACHINES_H
#define ROAMLAB_LAB_MACHINES_H

#include "folder.h"
#include "shell_output.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <unistd.h>

static char *lab_folder; /* of the machines; NULL: they cannot be had */
static const char *lab_name;

/* Their clocks are 5 s ahead and 3 s behind. */
static int lab_make(void **state)
{
    int status = -1;
    (void)state;
    char *made = folder_make();
    autofree char *command = mem_printf("MACHINE_OFFSETS='5 -3' tests/machines up %s 2>&1", made);
    if (geteuid() == 0)
        free(shell_output(".", command, &status));
    lab_folder = made;
    lab_name = strrchr(made, '/') + 1;
    if (status == 0)
        return 0;
    printf("skip: no machines to be had: root, network and time namespaces, sshd and ip are needed\n");
    folder_remove(steal(lab_folder));
    return 0;
}

static int lab_take_down(void **state)
{
    int status;
    (void)state;
    if (!lab_folder)
        return 0;
    autofree char *command = mem_printf("tests/machines down %s", lab_folder);
    free(shell_output(".", command, &status));
    free(lab_folder);
    return status;
}

/* Starts roamlab in the lab's network with further words for ssh, and says what it printed. */
static inline char *lab_roamlab_by(const char *ssh_words, const char *arguments, int *status)
{
    autofree char *command = mem_printf("ROAMLAB_SSH='ssh %s -F %s/ssh_config -oServerAliveInterval=1' "
                                        "nsenter --net=/run/netns/roamlab-lab-%s ./roamlab %s 2>&1",
                                        ssh_words, lab_folder, lab_name, arguments);
    char *output = shell_output(".", command, status);
    *status = WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
    return output;
}

static inline char *lab_roamlab(const char *arguments, int *status)
{
    return lab_roamlab_by("", arguments, status);
}

/* What a command of root's prints on a machine; `input` is a file that it reads. */
static inline char *lab_on_machine_with(int machine, const char *command, const char *input)
{
    int status;
    autofree char *whole = mem_printf(
        "nsenter --net=/run/netns/roamlab-lab-%s ssh -F %s/ssh_config root@192.0.2.%d '%s' <%s 2>&1",
        lab_name, lab_folder, machine, command, input);
    return shell_output(".", whole, &status);
}

static inline char *lab_on_machine(int machine, const char *command)
{
    return lab_on_machine_with(machine, command, "/dev/null");
}

/* pc1 and the laptop are on machine 1, pc2 and pc3 on machine 2; the texts are further keys of pc1, and of the hosts on machine 2. */
static inline void lab_write_inventory(const char *file, const char *pc1, const char *on_2)
{
    autofree char *text = mem_printf("{\"pc1\": {\"ssh\": \"root@192.0.2.1\", \"interface\": \"eth0\"%s},\n"
                                     " \"laptop\": {\"ssh\": \"root@192.0.2.1\", \"interface\": \"eth0\"},\n"
                                     " \"pc2\": {\"ssh\": \"root@192.0.2.2\", \"interface\": \"eth0\"%s},\n"
                                     " \"pc3\": {\"ssh\": \"root@192.0.2.2\", \"interface\": \"eth0\"%s},\n"
                                     " \"another\": {\"ssh\": \"root@192.0.2.9\"}}\n",
                                     pc1, on_2, on_2);
    folder_write(lab_folder, file, text);
}

static inline void lab_nothing_is_left(int machine)
{
    for (int tries = 0;; tries++) {
        autofree char *left = lab_on_machine(
            machine,
            "ls /var/lib/roamlab/runs /run/netns 2>/dev/null | grep -v : | grep .; ip -o link show type vxlan");
        if (!*left)
            return;
        if (tries == 300)
            fail_msg("machine %d: %s", machine, left);
        usleep(200000);
    }
}

#endif
