/* What the tools of the benchmarks share: Kafka clients from a list of settings, and giving up. */
#include "kafka_tool.h"

#include <stdio.h>
#include <stdlib.h>

void bench_die(const char *what, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", what, why);
    exit(1); /* NOLINT(concurrency-mt-unsafe): nothing is to be kept */
}

/* Without one, the flush in each commit waits 10 ms. */
static void on_report(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    (void)rk;
    (void)opaque;
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        bench_die("a record was not accepted", rd_kafka_err2str(message->err));
    }
}

rd_kafka_t *bench_client(rd_kafka_type_t type, const struct bench_setting *settings)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char text[512];
    rd_kafka_t *rk;

    for (; settings->name != NULL; settings++) {
        if (rd_kafka_conf_set(conf, settings->name, settings->value, text, sizeof(text)) !=
            RD_KAFKA_CONF_OK) {
            bench_die(settings->name, text);
        }
    }
    if (type == RD_KAFKA_PRODUCER) {
        rd_kafka_conf_set_dr_msg_cb(conf, on_report);
    }
    rk = rd_kafka_new(type, conf, text, sizeof(text));
    if (rk == NULL) {
        bench_die("client", text);
    }
    return rk;
}
