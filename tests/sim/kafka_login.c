/* Logging in, which the simulated Kafka does not ask for: in place of src/io/kafka_login.c
 * and of what io/kafka_reach.c tells of a login that failed. */
#include "io/kafka_login.h"

#include "io/kafka_reach.h"

enum pl_status pl_kafka_login_prepare(const struct pl_kafka_options *options, rd_kafka_conf_t *conf,
                                      struct pl_error *error)
{
    (void)options, (void)conf, (void)error;
    return PL_OK;
}

void pl_kafka_login_serve(const struct pl_kafka_options *options, rd_kafka_t *rk)
{
    (void)options, (void)rk;
}

void pl_kafka_login_renew(const struct pl_kafka_options *options, rd_kafka_t *rk, int *seen)
{
    (void)options, (void)rk, (void)seen;
}

enum pl_status pl_kafka_reach_explain(const struct pl_kafka_options *options,
                                      struct pl_error *error)
{
    (void)options, (void)error;
    return PL_AGAIN;
}
