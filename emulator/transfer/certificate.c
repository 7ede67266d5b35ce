#include "certificate.h"
#include "mem.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <unistd.h>

enum { DAYS = 30, SERIAL_BITS = 127 };

static FILE *create_private(const char *path, struct err *e)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (!file)
        err_errno(e, "open %s", path);
    return file;
}

int certificate_save(const char *path, EVP_PKEY *key, X509 *certificate, struct err *e)
{
    autofree char *key_path = mem_printf("%s.key", path), *certificate_path = mem_printf("%s.pem", path);
    autofclose FILE *key_file = create_private(key_path, e), *file = create_private(certificate_path, e);
    if (!key_file || !file)
        return -EIO;
    if (!PEM_write_PrivateKey(key_file, key, NULL, NULL, 0, NULL, NULL) || !PEM_write_X509(file, certificate) ||
        fflush(key_file) != 0 || fflush(file) != 0)
        return err_set(e, EIO, "%s: cannot be written", certificate_path);
    return 0;
}

bool certificate_extend(X509 *certificate, X509 *issuer, int nid, const char *value)
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
X509 *certificate_new(EVP_PKEY **key, const char *name)
{
    X509 *certificate = X509_new();
    X509_NAME *subject = X509_get_subject_name(certificate);
    *key = EVP_EC_gen("P-256");
    X509_set_version(certificate, X509_VERSION_3);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), DAYS * 86400L);
    if (*key && add_random_serial(certificate) && X509_set_pubkey(certificate, *key) &&
        X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name, -1, -1, 0))
        return certificate;
    X509_free(certificate);
    EVP_PKEY_free(*key);
    *key = NULL;
    return NULL;
}

int certificate_make_own(const char *path, const char *name, const char *key_usage, struct err *e)
{
    EVP_PKEY *key;
    X509 *certificate = certificate_new(&key, name);
    bool made = certificate && X509_set_issuer_name(certificate, X509_get_subject_name(certificate)) &&
                certificate_extend(certificate, certificate, NID_basic_constraints, "critical,CA:TRUE") &&
                (!key_usage || certificate_extend(certificate, certificate, NID_key_usage, key_usage)) &&
                X509_sign(certificate, key, EVP_sha256());
    int status = made ? certificate_save(path, key, certificate, e)
                      : err_set(e, EIO, "%s.pem: no certificate could be made", path);
    X509_free(certificate);
    EVP_PKEY_free(key);
    return status;
}

SSL_CTX *certificate_tls_context(const char *path, struct err *e)
{
    autofree char *key = mem_printf("%s.key", path), *certificate = mem_printf("%s.pem", path);
    SSL_CTX *context = SSL_CTX_new(TLS_method());
    SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION);
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) == 1 &&
        SSL_CTX_load_verify_file(context, certificate) == 1)
        return context;
    SSL_CTX_free(context);
    err_set(e, EIO, "%s: no certificate and key that TLS takes", certificate);
    return NULL;
}
