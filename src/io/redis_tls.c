/* TLS for Redis: OpenSSL's, given to hiredis. hiredis itself does not look whether a certificate is
 * for the host that was asked for, so it is told of by OpenSSL before it shakes hands. */
#include "io/redis_tls.h"

#ifdef PLANLIFT_REDIS_TLS

#include <stdlib.h>

#include <hiredis/hiredis.h>
#include <hiredis/hiredis_ssl.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "planlift/arena.h"

struct pl_redis_tls {
    SSL_CTX *context;
};

bool pl_redis_tls_is_built(void)
{
    return true;
}

/* What OpenSSL has against it. */
static enum pl_status refused(const char *what, const char *name, struct pl_error *error)
{
    char reason[256];
    unsigned long code = ERR_get_error();

    ERR_error_string_n(code, reason, sizeof(reason));
    ERR_clear_error();
    return pl_fail(error, PL_AGAIN, "Redis over TLS: %s %s: %s", what, name,
                   code == 0 ? "refused" : reason);
}

static enum pl_status read_files(SSL_CTX *context, const struct pl_redis_url *url,
                                 struct pl_error *error)
{
    if (url->ca == NULL ? SSL_CTX_set_default_verify_paths(context) != 1
                        : SSL_CTX_load_verify_locations(context, url->ca, NULL) != 1) {
        return refused("certificates of", url->ca == NULL ? "the system" : url->ca, error);
    }
    if (url->certificate != NULL &&
        SSL_CTX_use_certificate_chain_file(context, url->certificate) != 1) {
        return refused("certificate", url->certificate, error);
    }
    if (url->key != NULL && SSL_CTX_use_PrivateKey_file(context, url->key, SSL_FILETYPE_PEM) != 1) {
        return refused("key", url->key, error);
    }
    return PL_OK;
}

enum pl_status pl_redis_tls_new(const struct pl_redis_url *url, struct pl_redis_tls **ret_tls,
                                struct pl_error *error)
{
    struct pl_redis_tls *tls = calloc(1, sizeof(*tls));
    enum pl_status status;

    if (tls == NULL) {
        pl_out_of_memory(sizeof(*tls));
    }
    tls->context = SSL_CTX_new(TLS_client_method());
    if (tls->context == NULL) {
        pl_out_of_memory(sizeof(*tls));
    }
    (void)SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION); /* known to all */
    SSL_CTX_set_verify(tls->context, SSL_VERIFY_PEER, NULL);
    status = read_files(tls->context, url, error);
    if (status != PL_OK) {
        pl_redis_tls_free(tls);
        return status;
    }
    *ret_tls = tls;
    return PL_OK;
}

void pl_redis_tls_free(struct pl_redis_tls *tls)
{
    if (tls != NULL) {
        SSL_CTX_free(tls->context);
        free(tls);
    }
}

/* The name or address that the certificate must be for. */
static bool set_host(SSL *ssl, const char *host)
{
    if (X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1) {
        return true;
    }
    ERR_clear_error(); /* it is no address */
    return SSL_set1_host(ssl, host) == 1 && SSL_set_tlsext_host_name(ssl, host) == 1;
}

enum pl_status pl_redis_tls_start(struct pl_redis_tls *tls, struct redisContext *context,
                                  const char *host, struct pl_error *error)
{
    SSL *ssl = SSL_new(tls->context);
    long verdict;

    if (ssl == NULL) {
        pl_out_of_memory(sizeof(*tls));
    }
    if (!set_host(ssl, host)) {
        SSL_free(ssl);
        return refused("host", host, error);
    }
    if (redisInitiateSSL(context, ssl) == REDIS_OK) {
        return PL_OK; /* which has taken it */
    }
    verdict = SSL_get_verify_result(ssl);
    SSL_free(ssl);
    if (verdict != X509_V_OK) {
        return pl_fail(error, PL_AGAIN,
                       "Redis at %s shows a certificate that is not trusted: %s; put "
                       "?cacert=FILE with the authority that signed it into redis.url",
                       host, X509_verify_cert_error_string(verdict));
    }
    return pl_fail(error, PL_AGAIN, "Redis at %s: no TLS connection: %s", host, context->errstr);
}

#else

bool pl_redis_tls_is_built(void)
{
    return false;
}

enum pl_status pl_redis_tls_new(const struct pl_redis_url *url, struct pl_redis_tls **ret_tls,
                                struct pl_error *error)
{
    (void)url;
    (void)ret_tls;
    return pl_fail(error, PL_AGAIN, "this build of planlift has no TLS for Redis");
}

void pl_redis_tls_free(struct pl_redis_tls *tls)
{
    (void)tls;
}

enum pl_status pl_redis_tls_start(struct pl_redis_tls *tls, struct redisContext *context,
                                  const char *host, struct pl_error *error)
{
    (void)tls;
    (void)context;
    (void)host;
    return pl_fail(error, PL_AGAIN, "this build of planlift has no TLS for Redis");
}

#endif
