/* Logging in to Kafka. */
#include "io/kafka_login.h"

#include <stdio.h>
#include <string.h>

#include "io/kafka_client.h"
#include "planlift/log.h"

#define EXPLAIN_MS 3000
#define EXPLAIN_STEP_MS 100
#define SCRAM_FIXED 0x020601ff /* librdkafka 2.6.1 */

static const char *property(const struct pl_kafka_options *options, const char *name)
{
    for (size_t i = 0; i < options->property_count; i++) {
        if (strcmp(options->properties[i][0], name) == 0) {
            return options->properties[i][1];
        }
    }
    return NULL;
}

/* The mechanism that is set, under either of its names; "" where there is none. */
static const char *mechanism_of(const struct pl_kafka_options *options)
{
    const char *one = property(options, "sasl.mechanism");
    const char *other = property(options, "sasl.mechanisms");

    return one != NULL ? one : other != NULL ? other : "";
}

static bool is_by_token(const struct pl_kafka_options *options)
{
    return strcmp(mechanism_of(options), "OAUTHBEARER") == 0;
}

/* ---- making a handle ------------------------------------------------------------------------- */

/* Where tokens come from; librdkafka refuses by itself what it was built without. */
static enum pl_status check_tokens(const struct pl_kafka_options *options, struct pl_error *error)
{
    const char *method = property(options, "sasl.oauthbearer.method");
    const char *unsecure = property(options, "enable.sasl.oauthbearer.unsecure.jwt");

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
    const char *user = property(options, "sasl.username");
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

/* ---- what went wrong ------------------------------------------------------------------------- */

/* The most telling error of a handle's connections. */
struct trouble {
    rd_kafka_resp_err_t err;
    char text[512];
};

static void note(rd_kafka_t *rk, int err, const char *reason, void *opaque)
{
    struct trouble *trouble = opaque;

    (void)rk;
    if (err == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && trouble->err != 0) {
        return; /* which follows from the other */
    }
    trouble->err = (rd_kafka_resp_err_t)err;
    (void)snprintf(trouble->text, sizeof(trouble->text), "%s", reason); /* cut to fit */
}

static enum pl_status hear_errors(rd_kafka_conf_t *conf, void *opaque, struct pl_error *error)
{
    (void)opaque;
    (void)error;
    rd_kafka_conf_set_error_cb(conf, note);
    return PL_OK;
}

static enum pl_status tell(const struct pl_kafka_options *options, const struct trouble *trouble,
                           struct pl_error *error)
{
    const char *servers = property(options, "bootstrap.servers");

    servers = servers == NULL ? PL_KAFKA_DEFAULT_SERVERS : servers;
    if (trouble->err == RD_KAFKA_RESP_ERR__AUTHENTICATION &&
        strncmp(mechanism_of(options), "SCRAM", 5) == 0 && rd_kafka_version() < SCRAM_FIXED) {
        return pl_fail(
            error, PL_FATAL,
            "Kafka at %s refuses our login: librdkafka %s, which this planlift is linked "
            "with, cannot log in by SCRAM to Kafka 3.8.1 and later (2.6.1 and later "
            "can): use the image or a build on Debian 13, or another way to log in, as "
            "SASL PLAIN over TLS; if Kafka is older, check kafka.sasl.username and "
            "kafka.sasl.password (%s)",
            servers, rd_kafka_version_str(), trouble->text);
    }
    if (trouble->err == RD_KAFKA_RESP_ERR__AUTHENTICATION) {
        return pl_fail(error, PL_AGAIN,
                       "Kafka at %s refuses our login: check kafka.sasl.username, "
                       "kafka.sasl.password and kafka.sasl.mechanism (%s)",
                       servers, trouble->text);
    }
    if (trouble->err == RD_KAFKA_RESP_ERR__SSL) {
        return pl_fail(error, PL_AGAIN,
                       "no TLS connection to Kafka at %s: check kafka.ssl.ca.location, "
                       "kafka.ssl.certificate.location and kafka.security.protocol (%s)",
                       servers, trouble->text);
    }
    return pl_fail(error, PL_AGAIN, "Kafka at %s cannot be reached: %s", servers, trouble->text);
}

enum pl_status pl_kafka_login_explain(const struct pl_kafka_options *options,
                                      struct pl_error *error)
{
    static const struct pl_property none[] = {{NULL, NULL}};
    struct trouble trouble = {.err = RD_KAFKA_RESP_ERR_NO_ERROR};
    const struct pl_client_plan plan = {.type = RD_KAFKA_PRODUCER,
                                        .defaults = none,
                                        .forced = none,
                                        .prepare = hear_errors,
                                        .opaque = &trouble};
    rd_kafka_t *rk;

    if (pl_kafka_client_new(options, &plan, &rk, error) != PL_OK) {
        return PL_AGAIN;
    }
    for (int waited = 0; waited < EXPLAIN_MS && trouble.err == RD_KAFKA_RESP_ERR_NO_ERROR;
         waited += EXPLAIN_STEP_MS) {
        (void)rd_kafka_poll(rk, EXPLAIN_STEP_MS);
    }
    rd_kafka_destroy(rk);
    return trouble.err == RD_KAFKA_RESP_ERR_NO_ERROR ? PL_AGAIN : tell(options, &trouble, error);
}

enum pl_status pl_kafka_reach(const struct pl_kafka_options *options, struct pl_error *error)
{
    enum pl_status status = pl_kafka_ping(options, PL_KAFKA_CALL_TIMEOUT_MS, error);

    return status == PL_AGAIN ? pl_kafka_login_explain(options, error) : status;
}
