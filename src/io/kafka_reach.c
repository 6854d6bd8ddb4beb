/* Reaching Kafka, by clients made for just that. */
#include "io/kafka_reach.h"

#include <stdio.h>
#include <string.h>

#include "io/kafka_client.h"
#include "io/kafka_error.h"

#define EXPLAIN_MS 3000
#define EXPLAIN_STEP_MS 100
#define SCRAM_FIXED 0x020601ff /* librdkafka 2.6.1 */

enum pl_status pl_kafka_ping(const struct pl_kafka_options *options, int timeout_ms,
                             struct pl_error *error)
{
    const struct pl_client_plan plan = {.type = RD_KAFKA_PRODUCER, .use = PL_KAFKA_OF_QUESTIONS};
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_t *rk = NULL;
    rd_kafka_resp_err_t err;
    enum pl_status status = pl_kafka_client_new(options, &plan, &rk, error);

    if (status != PL_OK) {
        return status;
    }
    err = rd_kafka_metadata(rk, 0, NULL, &metadata, timeout_ms);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_metadata_destroy(metadata);
    } else {
        (void)pl_kafka_fail(error, err, "asking whether Kafka answers");
        status = PL_AGAIN;
    }
    rd_kafka_destroy(rk);
    return status;
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
    const char *servers = pl_kafka_servers(options);

    if (trouble->err == RD_KAFKA_RESP_ERR__AUTHENTICATION &&
        strncmp(pl_kafka_sasl_mechanism(options), "SCRAM", 5) == 0 &&
        rd_kafka_version() < SCRAM_FIXED) {
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

enum pl_status pl_kafka_reach_explain(const struct pl_kafka_options *options,
                                      struct pl_error *error)
{
    struct trouble trouble = {.err = RD_KAFKA_RESP_ERR_NO_ERROR};
    const struct pl_client_plan plan = {.type = RD_KAFKA_PRODUCER,
                                        .use = PL_KAFKA_OF_QUESTIONS,
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

    return status == PL_AGAIN ? pl_kafka_reach_explain(options, error) : status;
}
