/* X.509 certificates of a run (RFC 5280): ECDSA P-256, good for thirty days, as PEM files of mode 0600. Blocking, milliseconds. */
#ifndef ROAMLAB_CERTIFICATE_H
#define ROAMLAB_CERTIFICATE_H

#include "err.h"

#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdbool.h>

/* Of that name (CN) and with a new key, not signed yet; both are the caller's, NULL on failure. */
X509 *certificate_new(EVP_PKEY **key, const char *name);
/* An extension with its value as openssl's configurations write it. */
bool certificate_extend(X509 *certificate, X509 *issuer, int nid, const char *value);
/* PATH.key, PATH.pem. */
int certificate_save(const char *path, EVP_PKEY *key, X509 *certificate, struct err *e);

/* PATH.key, PATH.pem: one that signs itself, for `key_usage` alone (NULL: anything): an authority, or what parties know each other by who all
 * have it and trust nothing else. */
int certificate_make_own(const char *path, const char *name, const char *key_usage, struct err *e);

/* TLS 1.3 (RFC 8446) between such parties: each shows PATH.pem and wants to see it. SSL_CTX_free() it; NULL and `e` on failure. */
SSL_CTX *certificate_tls_context(const char *path, struct err *e);

#endif
