/* Logging in to Kafka: what a handle needs for it. */
#include "io/kafka_login.h"

#include <string.h>

#include "planlift/log.h"

static bool is_by_token(const struct pl_kafka_options *options)
{
    return strcmp(pl_kafka_sasl_mechanism(options), "OAUTHBEARER") == 0;
}

/* ---- making a handle ------------------------------------------------------------------------- */

/* Where tokens come from; librdkafka refuses by itself what it was built without. */
static enum pl_status check_tokens(const struct pl_kafka_options *options, struct pl_error *error)
{
    const char *method = pl_kafka_property(options, "sasl.oauthbearer.method");
    const char *unsecure = pl_kafka_property(options, "enable.sasl.oauthbearer.unsecure.jwt");

    if ((method != NULL && strcmp(method, "oidc") == 0) ||
        (unsecure != NULL && strcmp(unsecure, "true") == 0)) {
        return PL_OK;
    }
    return pl_fail(error, PL_BAD_DATA,
                   "kafka.sasl.mechanism=OAUTHBEARER needs kafka.sasl.oauthbearer.method=oidc and "
                   "the settings of your token endpoint (kafka.sasl.oauthbearer.*)");
}

enum pl_status pl_kafka_login_prepare(const struct pl_kafka_options *options, rd_kafka_conf_t *conf,
                                      struct pl_error *error)
{
    char *password = NULL;
    enum pl_status status = PL_OK;

    if (is_by_token(options)) {
        rd_kafka_conf_enable_sasl_queue(conf, 1);
        return check_tokens(options, error);
    }
    if (options->sasl_password.file != NULL) {
        char text[256];

        status = pl_secret_get(&options->sasl_password, &password, error);
        if (status == PL_OK && rd_kafka_conf_set(conf, "sasl.password", password, text,
                                                 sizeof(text)) != RD_KAFKA_CONF_OK) {
            status = pl_fail(error, PL_BAD_DATA, "kafka.sasl.password is refused");
        }
        pl_secret_free(password);
    }
    return status;
}

void pl_kafka_login_serve(const struct pl_kafka_options *options, rd_kafka_t *rk)
{
    if (is_by_token(options)) { /* by a thread of librdkafka's: not every handle is polled */
        rd_kafka_error_destroy(rd_kafka_sasl_background_callbacks_enable(rk));
    }
}

/* ---- another password ------------------------------------------------------------------------ */

void pl_kafka_login_renew(const struct pl_kafka_options *options, rd_kafka_t *rk, int *seen)
{
    const char *user = pl_kafka_property(options, "sasl.username");
    struct pl_error error = {""};
    char *password = NULL;
    int asked = options->hangups == NULL ? 0 : (int)*options->hangups;

    if (asked == *seen) {
        return;
    }
    *seen = asked;
    if (options->sasl_password.file == NULL || user == NULL) {
        return;
    }
    if (pl_secret_get(&options->sasl_password, &password, &error) != PL_OK) {
        pl_log(WARN, "password_not_read", PL_F_TEXT("reason", error.text));
        return;
    }
    rd_kafka_error_destroy(rd_kafka_sasl_set_credentials(rk, user, password));
    pl_secret_free(password);
    pl_log(INFO, "password_read", PL_F_TEXT("file", options->sasl_password.file));
}
