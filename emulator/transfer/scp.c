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
 * more than 10 MB/s at RTT 200 ms. After a cut all of the job is sent again. */
#include "buf.h"
#include "mem.h"
#include "server_process.h"
#include "ssh_copy.h"
#include "ssh_keys.h"
#include "sshd.h"

/* "peer:'FOLDER/.'": the peer's shell reads it, and "/." makes scp refuse a folder that is not there. */
static char *remote_target(const char *folder)
{
    struct buf text = BUF_INIT;
    buf_printf(&text, "peer:'");
    for (const char *c = folder; *c; c++)
        if (*c == '\'')
            buf_printf(&text, "'\\''");
        else
            buf_add_u8(&text, (uint8_t)*c);
    buf_printf(&text, "/.'");
    char *target = mem_copy_string(buf_text(&text));
    buf_free(&text);
    return target;
}

static char *scp_command(const char *argv[SSH_COPY_WORDS], const char *configuration, const char *shell,
                         const struct transfer_job *job)
{
    (void)shell;
    char *target = remote_target(job->remote);
    const char *const words[] = {"-O", "-q", "-r", "-F", configuration, "--", job->local, target};
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        argv[1 + i] = words[i];
    return target;
}

static int scp_open(struct transfer_peer **peer, const struct transfer_settings *settings,
                    const struct transfer_host *host, transfer_opened *opened, void *context, struct err *e)
{
    static const struct ssh_program scp = {"scp", "openssh-client", false, scp_command};
    return ssh_copy_open(peer, &scp, settings, host, opened, context, e);
}

const struct carrier carrier_scp = {
    .name = "scp",
    .help =
        "OpenSSH scp over a connection opened early and kept; keys of the run, host keys checked; after a cut all is sent again",
    .prepare = ssh_keys_make,
    .serve = sshd_start,
    .stop = server_process_stop,
    .open = scp_open,
    .close = ssh_copy_close,
    .send = ssh_copy_send,
    .cancel = ssh_copy_cancel,
};
