/* Making handles. */
#include "io/kafka_client.h"

#include <syslog.h>

#include "io/kafka_login.h"
#include "planlift/log.h"

/* librdkafka's own log lines; connection trouble comes here as well. */
static void log_line(const rd_kafka_t *rk, int level, const char *facility, const char *text)
{
    (void)rk;
    if (level <= LOG_ERR) {
        pl_log(WARN, "kafka_client", PL_F_TEXT("facility", facility), PL_F_TEXT("text", text));
    } else {
        pl_log(DEBUG, "kafka_client", PL_F_TEXT("facility", facility), PL_F_TEXT("text", text));
    }
}

static enum pl_status set_property(rd_kafka_conf_t *conf, const char *name, const char *value,
                                   struct pl_error *error)
{
    char text[512];

    if (rd_kafka_conf_set(conf, name, value, text, sizeof(text)) == RD_KAFKA_CONF_OK) {
        return PL_OK;
    }
    return pl_fail(error, PL_BAD_DATA, "kafka.%s is refused: %s", name, text);
}

static enum pl_status set_defaults(rd_kafka_conf_t *conf, enum pl_kafka_use use,
                                   struct pl_error *error)
{
    char unused[256];
    enum pl_status status = PL_OK;

    for (const struct pl_kafka_default *row = pl_kafka_defaults;
         status == PL_OK && row->name != NULL; row++) {
        if ((row->uses & use) == 0) {
            continue;
        }
        if (row->since != NULL) { /* it may not be known */
            (void)rd_kafka_conf_set(conf, row->name, row->value, unused, sizeof(unused));
        } else {
            status = set_property(conf, row->name, row->value, error);
        }
    }
    return status;
}

/* A consumer's property means nothing to a producer and the other way round: librdkafka takes both
 * but warns; the warning goes to the debug log. */
static enum pl_status set_all(rd_kafka_conf_t *conf, const struct pl_kafka_options *options,
                              const struct pl_client_plan *plan, struct pl_error *error)
{
    enum pl_status status = set_property(conf, "client.id", options->client_id, error);

    if (status == PL_OK) {
        status = set_defaults(conf, plan->use, error);
    }
    for (size_t i = 0; status == PL_OK && i < options->property_count; i++) {
        status = set_property(conf, options->properties[i][0], options->properties[i][1], error);
    }
    for (const struct pl_property *forced = plan->forced;
         status == PL_OK && forced != NULL && forced->name != NULL; forced++) {
        status = set_property(conf, forced->name, forced->value, error);
    }
    return status;
}

enum pl_status pl_kafka_client_new(const struct pl_kafka_options *options,
                                   const struct pl_client_plan *plan, rd_kafka_t **ret_rk,
                                   struct pl_error *error)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[512];
    rd_kafka_t *rk;
    enum pl_status status;

    rd_kafka_conf_set_log_cb(conf, log_line);
    rd_kafka_conf_set_opaque(conf, plan->opaque);
    status = set_all(conf, options, plan, error);
    if (status == PL_OK) {
        status = pl_kafka_login_prepare(options, conf, error);
    }
    if (status == PL_OK && plan->prepare != NULL) {
        status = plan->prepare(conf, plan->opaque, error);
    }
    if (status != PL_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    rk = rd_kafka_new(plan->type, conf, text, sizeof(text)); /* takes conf on success only */
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return pl_fail(error, PL_BAD_DATA,
                       "Kafka client cannot be made of the kafka.* settings: %s", text);
    }
    pl_kafka_login_serve(options, rk);
    *ret_rk = rk;
    return PL_OK;
}
