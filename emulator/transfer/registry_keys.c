#include "registry_keys.h"
#include "certificate.h"
#include "files.h"
#include "mem.h"

#include <crypt.h>
#include <errno.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* bcrypt's least: what it makes slow, guessing, is out of question for 256 random bits, and the registry computes it for every request. */
enum { BCRYPT_COST = 4 };

char *registry_path(const char *folder, const char *name, const char *suffix)
{
    return mem_printf("%s/registry/%s%s", folder, name, suffix);
}

/* --- certificates --------------------------------------------------------------------------------------------------------------- */

static int load_authority(const char *folder, EVP_PKEY **key, X509 **certificate, struct err *e)
{
    autofree char *key_path = registry_path(folder, "ca", ".key"),
                  *path = registry_path(folder, "ca", ".pem");
    autofclose FILE *key_file = fopen(key_path, "re"), *file = fopen(path, "re");
    *key = key_file ? PEM_read_PrivateKey(key_file, NULL, NULL, NULL) : NULL;
    *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    return *key && *certificate ? 0 : err_set(e, ENOENT, "%s: the run's authority cannot be read", path);
}

static int make_authority(const char *folder, struct err *e)
{
    autofree char *path = registry_path(folder, "ca", "");
    return certificate_make_own(path, "roamlab run", "critical,keyCertSign", e);
}

int registry_certificate_make(const char *folder, const struct transfer_host *host, struct err *e)
{
    autofree char *names = mem_printf("IP:%s", host->address), *path = registry_path(folder, host->name, "");
    EVP_PKEY *authority_key, *key;
    X509 *authority, *certificate = certificate_new(&key, host->name);
    int status = load_authority(folder, &authority_key, &authority, e);
    if (status < 0)
        goto out;
    if (certificate && X509_set_issuer_name(certificate, X509_get_subject_name(authority)) &&
        certificate_extend(certificate, authority, NID_subject_alt_name, names) &&
        certificate_extend(certificate, authority, NID_ext_key_usage, "serverAuth") &&
        X509_sign(certificate, authority_key, EVP_sha256()))
        status = certificate_save(path, key, certificate, e);
    else
        status =
            err_set(e, EIO, "registry of %s: no certificate could be made for %s", host->name, host->address);
out:
    X509_free(certificate);
    X509_free(authority);
    EVP_PKEY_free(key);
    EVP_PKEY_free(authority_key);
    return status;
}

/* --- the user ------------------------------------------------------------------------------------------------------------------ */

static int make_password(const char *folder, struct err *e)
{
    autofree char *path = registry_path(folder, "password", ""),
                  *hash_path = registry_path(folder, "htpasswd", "");
    uint8_t random[(REGISTRY_PASSWORD_MAX - 1) / 2];
    char password[REGISTRY_PASSWORD_MAX], salt[CRYPT_GENSALT_OUTPUT_SIZE];
    if (RAND_bytes(random, sizeof random) != 1 ||
        !crypt_gensalt_rn("$2b$", BCRYPT_COST, NULL, 0, salt, sizeof salt))
        return err_set(e, EIO, "registry: no random bytes for the run's password");
    for (size_t i = 0; i < sizeof random; i++)
        sprintf(password + 2 * i, "%02x", random[i]);
    struct crypt_data *data = mem_alloc(sizeof *data);
    autofree char *line = mem_printf("%s:%s\n", REGISTRY_USER, crypt_r(password, salt, data));
    free(data);
    int status = files_replace(hash_path, line, e);
    return status < 0 ? status : files_replace(path, password, e);
}

int registry_password(const char *folder, char out[REGISTRY_PASSWORD_MAX], struct err *e)
{
    autofree char *path = registry_path(folder, "password", "");
    struct buf text = BUF_INIT;
    int status = files_read(path, 0, &text, e);
    if (status == 0 && text.len != REGISTRY_PASSWORD_MAX - 1)
        status = err_set(e, EINVAL, "%s: is not the run's password", path);
    if (status == 0)
        memcpy(out, buf_text(&text), REGISTRY_PASSWORD_MAX);
    buf_free(&text);
    return status;
}

int registry_keys_make(const char *folder, struct err *e)
{
    autofree char *place = mem_printf("%s/registry", folder),
                  *password = registry_path(folder, "password", "");
    if (access(password, F_OK) == 0)
        return 0;
    int status = files_make_folder(place, 0700, e);
    if (status == 0)
        status = make_authority(folder, e);
    return status < 0 ? status : make_password(folder, e);
}
