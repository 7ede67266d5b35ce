#include "registry_keys.h"
#include "files.h"
#include "mem.h"

#include <crypt.h>
#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* bcrypt's least: what it makes slow, guessing, is out of question for 256 random bits, and the registry computes it for every request. */
enum { BCRYPT_COST = 4, DAYS = 30, SERIAL_BITS = 127 };

char *registry_path(const char *folder, const char *name, const char *suffix)
{
    return mem_printf("%s/registry/%s%s", folder, name, suffix);
}

/* --- PEM files ---------------------------------------------------------------------------------------------------------------- */

static FILE *create_private(const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file)
        err_errno(e, "open %s", path);
    return file;
}

static int save(const char *folder, const char *name, EVP_PKEY *key, X509 *certificate, struct err *e)
{
    autofree char *key_path = registry_path(folder, name, ".key"),
                  *path = registry_path(folder, name, ".pem");
    autofclose FILE *key_file = create_private(key_path, e), *file = create_private(path, e);
    if (!key_file || !file)
        return -EIO;
    if (!PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) || !PEM_write_X509(file, certificate))
        return err_set(e, EIO, "%s: cannot be written", path);
    return 0;
}

static int load_authority(const char *folder, EVP_PKEY **key, X509 **certificate, struct err *e)
{
    autofree char *key_path = registry_path(folder, "ca", ".key"),
                  *path = registry_path(folder, "ca", ".pem");
    autofclose FILE *key_file = fopen(key_path, "re"), *file = fopen(path, "re");
    *key = key_file ? PEM_read_PrivateKey(key_file, NULL, NULL, NULL) : NULL;
    *certificate = file ? PEM_read_X509(file, NULL, NULL, NULL) : NULL;
    return *key && *certificate ? 0 : err_set(e, ENOENT, "%s: the run's authority cannot be read", path);
}

/* --- certificates --------------------------------------------------------------------------------------------------------------- */

static bool add_extension(X509 *certificate, X509 *issuer, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, issuer, certificate, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool good = extension && X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
    return good;
}

static bool add_random_serial(X509 *certificate)
{
    BIGNUM *number = BN_new();
    bool good = BN_rand(number, SERIAL_BITS, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) &&
                BN_to_ASN1_INTEGER(number, X509_get_serialNumber(certificate));
    BN_free(number);
    return good;
}

/* Valid from an hour ago on: hosts' clocks may differ. */
static X509 *new_certificate(EVP_PKEY *key, const char *name)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    X509_set_version(certificate, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), DAYS * 86400L);
    if (add_random_serial(certificate) && X509_set_pubkey(certificate, key) &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0))
        return certificate;
    X509_free(certificate);
    return NULL;
}

static int make_authority(const char *folder, struct err *e)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = key ? new_certificate(key, "roamlab run") : NULL;
    int status = -EIO;
    if (certificate && X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) &&
        add_extension(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE") &&
        add_extension(certificate, certificate, NID_key_usage, "critical,keyCertSign") &&
        X509_sign(certificate, key, EVP_sha256()))
        status = save(folder, "ca", key, certificate, e);
    else
        err_set(e, EIO, "registry: the run's authority could not be made");
    X509_free(certificate);
    EVP_PKEY_free(key);
    return status;
}

int registry_certificate_make(const char *folder, const struct transfer_host *host, struct err *e)
{
    autofree char *names = mem_printf("IP:%s", host->address);
    EVP_PKEY *authority_key, *key = EVP_EC_gen("P-256");
    X509 *authority, *certificate = key ? new_certificate(key, host->name) : NULL;
    int status = load_authority(folder, &authority_key, &authority, e);
    if (status < 0)
        goto out;
    if (certificate && X509_set_issuer_name(certificate, X509_get_subject_name(authority)) &&
        add_extension(certificate, authority, NID_subject_alt_name, names) &&
        add_extension(certificate, authority, NID_ext_key_usage, "serverAuth") &&
        X509_sign(certificate, authority_key, EVP_sha256()))
        status = save(folder, host->name, key, certificate, e);
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
