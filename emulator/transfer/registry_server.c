#include "registry_server.h"
#include "files.h"
#include "mem.h"
#include "registry_keys.h"
#include "server_process.h"

#include <openssl/rand.h>
#include <unistd.h>

#define REGISTRY_PROGRAM "/usr/bin/docker-registry"

/* Uploads that were cut stay where they are: the run's folder goes with all of it. HTTP/2 would let one connection have 1 MB in flight. */
static int configure(const char *folder, const struct transfer_host *host, const char *path, struct err *e)
{
    autofree char *data = registry_path(folder, host->name, ".data"),
                  *key = registry_path(folder, host->name, ".key"),
                  *certificate = registry_path(folder, host->name, ".pem"),
                  *passwords = registry_path(folder, "htpasswd", "");
    uint64_t secret;
    RAND_bytes((unsigned char *)&secret, sizeof secret);
    autofree char *text = mem_printf(
        "version: 0.1\n"
        "log: {level: warn, accesslog: {disabled: true}}\n"
        "storage: {filesystem: {rootdirectory: '%s'}, delete: {enabled: true},"
        " maintenance: {uploadpurging: {enabled: false}}}\n"
        "http: {addr: '%s:%d', secret: '%016llx', relativeurls: true, http2: {disabled: true},"
        " tls: {certificate: '%s', key: '%s'}}\n"
        "auth: {htpasswd: {realm: roamlab, path: '%s'}}\n",
        data, host->address, REGISTRY_PORT, (unsigned long long)secret, certificate, key, passwords);
    return files_replace(path, text, e);
}

int registry_server_start(struct transfer_server *server, const struct transfer_settings *settings,
                          const struct transfer_host *host, struct err *e)
{
    autofree char *configuration = registry_path(settings->folder, host->name, ".yml");
    autofree char *place = mem_printf("%s/%s", settings->folder, host->name);
    const struct transfer_host at = {host->name, host->address, REGISTRY_PORT, NULL};
    const char *const argv[] = {REGISTRY_PROGRAM, "serve", configuration, NULL};
    const struct server_program registry = {.program = "docker-registry", .argv = argv};
    int status = access(REGISTRY_PROGRAM, X_OK) < 0 ? err_errno(e, REGISTRY_PROGRAM) : 0;
    if (status < 0)
        err_hint(e, "apt-get install docker-registry");
    if (status == 0)
        status = files_make_folder(place, 0700, e);
    if (status == 0)
        status = registry_certificate_make(settings->folder, host, e);
    if (status == 0)
        status = configure(settings->folder, host, configuration, e);
    return status < 0 ? err_wrap(e, "registry of %s", host->name)
                      : server_process_start(server, settings, &at, &registry, e);
}
