/* Carrier scp: OpenSSH's scp over a kept connection (ssh_copy.h) to the peer's own server (sshd.h).
 *
 * scp -O, the original protocol, because it waits less often for the other side: five round trips and two per
 * file, against ten and four of the sftp protocol. Over a kept connection at RTT 200 ms and 80 Mbit/s, in
 * seconds:
 *
 *                  6 bytes      12 small files   20 MB        29 MB
 *     -O           1.1 to 1.3   5.9 to 6.1       3.4 to 3.5   4.4 to 5.3
 *     sftp         2.0 to 2.3   11.4             4.6          5.8 to 6.6
 *
 * It is also what scp spoke by default until 2022 (OpenSSH 9.0). SSH keeps at most 2 MB in flight per job: no
 * more than 10 MB/s at RTT 200 ms.
 *
 * scp itself always begins at the first byte. After a cut a file goes on, by ssh over the new connection, from what arrived intact; a
 * folder is sent again. */
#include "buf.h"
#include "mem.h"
#include "server_process.h"
#include "ssh_copy.h"
#include "ssh_keys.h"
#include "sshd.h"

#include <string.h>
#include <sys/stat.h>

/* As a word of the peer's shell. */
static char *quoted(const char *path)
{
    struct buf text = BUF_INIT;
    buf_add_u8(&text, '\'');
    for (const char *c = path; *c; c++)
        if (*c == '\'')
            buf_printf(&text, "'\\''");
        else
            buf_add_u8(&text, (uint8_t)*c);
    buf_add_u8(&text, '\'');
    char *word = mem_copy_string(buf_text(&text));
    buf_free(&text);
    return word;
}

/* For a shell, with what is ssh, the file, its quoted name at the peer, and the command that sends all of it. What is there is compared by
 * digests, one for every 64 MB: they are what shows that it goes on. The peer's end of the cut transfer may still write what it has
 * received: the same bytes to the same place. */
static const char go_on[] =
    "shell=$1 file=$2 remote=$3 digests='split -b 64M --filter=sha256sum'\n"
    "shift 3\n"
    "there=$($shell peer \"stat -c %s $remote\") &&\n"
    "    head -c $there \"$file\" | $digests |\n"
    "        $shell peer \"{ head -c $there $remote | $digests | cmp -s - /dev/fd/3; } 3<&0\" ||\n"
    "    exec \"$@\"\n"
    "exec < \"$file\"\n"
    "dd iflag=skip_bytes skip=$there count=0 status=none\n"
    "exec $shell peer \"dd of=$remote oflag=seek_bytes seek=$there conv=notrunc,nocreat bs=64K status=none &&\n"
    "    [ \\$(stat -c %s $remote) = $(stat -c %s \"$file\") ]\"\n";

static bool is_file(const struct transfer_job *job)
{
    struct stat st;
    return stat(job->local, &st) == 0 && S_ISREG(st.st_mode);
}

/* "/." makes scp refuse a folder that is not there. */
static void scp_command(struct ssh_command *command, const char *configuration, const char *shell,
                        const struct transfer_job *job)
{
    autofree char *folder = mem_printf("%s/.", job->remote), *file = mem_printf("%s%s", job->remote, strrchr(job->local, '/'));
    autofree char *into = quoted(folder), *remote = quoted(file), *target = mem_printf("peer:%s", into);
    const char *const rest[] = {"sh", "-c", go_on, "sh", shell, job->local, remote};
    const char *const whole[] = {"scp", "-O", "-q", "-r", "-F", configuration, "--", job->local, target};
    if (job->cuts > 0 && is_file(job))
        ssh_command_add(command, rest, ARRAY_LEN(rest));
    ssh_command_add(command, whole, ARRAY_LEN(whole));
}

static int scp_open(struct transfer_peer **peer, const struct transfer_settings *settings,
                    const struct transfer_host *host, transfer_opened *opened, void *context, struct err *e)
{
    static const struct ssh_program scp = {"scp", "openssh-client", is_file, scp_command};
    return ssh_copy_open(peer, &scp, settings, host, opened, context, e);
}

const struct carrier carrier_scp = {
    .name = "scp",
    .help =
        "OpenSSH scp over a connection opened early and kept; keys of the run, host keys checked; a file resumes after a cut",
    .prepare = ssh_keys_make,
    .serve = sshd_start,
    .stop = server_process_stop,
    .open = scp_open,
    .close = ssh_copy_close,
    .send = ssh_copy_send,
    .cancel = ssh_copy_cancel,
};
