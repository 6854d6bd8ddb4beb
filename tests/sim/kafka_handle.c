/* Configurations, topics and handles of the simulated librdkafka, with its defaults for what the
 * simulation looks at (CONFIGURATION.md of 2.0.2). Interceptors are called as in rdkafka_buf.c:
 * on_response_received with what became of the request on the wire, not with what the broker said.
 */
#include <assert.h>
#include <stdlib.h>

#include "kafka_sim.h"
#include "planlift/arena.h"

static char *copy_text(const char *text)
{
    size_t size = strlen(text) + 1;
    char *copy = malloc(size);

    if (copy == NULL) {
        pl_out_of_memory(size);
    }
    memcpy(copy, text, size);
    return copy;
}

/* ---- configuration --------------------------------------------------------------------------- */

rd_kafka_conf_t *rd_kafka_conf_new(void)
{
    rd_kafka_conf_t *conf = calloc(1, sizeof(*conf));

    if (conf == NULL) {
        pl_out_of_memory(sizeof(*conf));
    }
    return conf;
}

void rd_kafka_conf_destroy(rd_kafka_conf_t *conf)
{
    for (int i = 0; i < conf->property_count; i++) {
        free(conf->properties[i].name);
        free(conf->properties[i].value);
    }
    free(conf);
}

rd_kafka_conf_res_t rd_kafka_conf_set(rd_kafka_conf_t *conf, const char *name, const char *value,
                                      char *errstr, size_t errstr_size)
{
    int i = 0;

    if (strcmp(name, "group.protocol") == 0) { /* 2.4 and later */
        (void)snprintf(errstr, errstr_size, "No such configuration property: \"%s\"", name);
        return RD_KAFKA_CONF_UNKNOWN;
    }
    while (i < conf->property_count && strcmp(conf->properties[i].name, name) != 0) {
        i++;
    }
    if (i == conf->property_count) {
        assert(i < SIM_MAX_PROPERTIES);
        conf->properties[conf->property_count++].name = copy_text(name);
    } else {
        free(conf->properties[i].value);
    }
    conf->properties[i].value = copy_text(value);
    return RD_KAFKA_CONF_OK;
}

const char *sim_property(const rd_kafka_conf_t *conf, const char *name)
{
    for (int i = 0; i < conf->property_count; i++) {
        if (strcmp(conf->properties[i].name, name) == 0) {
            return conf->properties[i].value;
        }
    }
    return NULL;
}

int64_t sim_property_number(const rd_kafka_conf_t *conf, const char *name, int64_t otherwise)
{
    const char *value = sim_property(conf, name);

    return value == NULL ? otherwise : strtoll(value, NULL, 10);
}

void rd_kafka_conf_set_log_cb(rd_kafka_conf_t *conf,
                              void (*log_cb)(const rd_kafka_t *rk, int level, const char *facility,
                                             const char *text))
{
    conf->log_cb = log_cb;
}

void rd_kafka_conf_set_dr_msg_cb(rd_kafka_conf_t *conf,
                                 void (*dr_msg_cb)(rd_kafka_t *rk,
                                                   const rd_kafka_message_t *message, void *opaque))
{
    conf->dr_msg_cb = dr_msg_cb;
}

void rd_kafka_conf_set_error_cb(rd_kafka_conf_t *conf,
                                void (*error_cb)(rd_kafka_t *rk, int err, const char *reason,
                                                 void *opaque))
{
    conf->error_cb = error_cb;
}

void rd_kafka_conf_set_rebalance_cb(
    rd_kafka_conf_t *conf,
    void (*rebalance_cb)(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque))
{
    conf->rebalance_cb = rebalance_cb;
}

void rd_kafka_conf_set_opaque(rd_kafka_conf_t *conf, void *opaque)
{
    conf->opaque = opaque;
}

/* ---- interceptors ---------------------------------------------------------------------------- */

static struct sim_interceptor *add_interceptor(struct sim_interceptors *list)
{
    assert(list->count < SIM_MAX_INTERCEPTORS);
    return &list->items[list->count++];
}

rd_kafka_resp_err_t rd_kafka_conf_interceptor_add_on_new(rd_kafka_conf_t *conf, const char *name,
                                                         rd_kafka_interceptor_f_on_new_t *on_new,
                                                         void *opaque)
{
    (void)name;
    *add_interceptor(&conf->on_new) = (struct sim_interceptor){.on_new = on_new, .opaque = opaque};
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t
rd_kafka_interceptor_add_on_request_sent(rd_kafka_t *rk, const char *name,
                                         rd_kafka_interceptor_f_on_request_sent_t *on_sent,
                                         void *opaque)
{
    (void)name;
    *add_interceptor(&rk->on_sent) = (struct sim_interceptor){.on_sent = on_sent, .opaque = opaque};
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

rd_kafka_resp_err_t rd_kafka_interceptor_add_on_response_received(
    rd_kafka_t *rk, const char *name, rd_kafka_interceptor_f_on_response_received_t *on_received,
    void *opaque)
{
    (void)name;
    *add_interceptor(&rk->on_received) =
        (struct sim_interceptor){.on_received = on_received, .opaque = opaque};
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- handles --------------------------------------------------------------------------------- */

rd_kafka_t *rd_kafka_new(rd_kafka_type_t type, rd_kafka_conf_t *conf, char *errstr,
                         size_t errstr_size)
{
    struct sim_process *process = sim_self();
    /* In the arena: later events may look at it when it is destroyed. */
    rd_kafka_t *rk = pl_arena_zalloc(&process->sim->world.arena, 1, sizeof(*rk));

    rk->sim = process->sim;
    rk->process = process;
    rk->type = type;
    rk->conf = conf;
    /* A broker that comes back is away for a while: who connects then is told of it as well. */
    rk->crashes = rk->sim->crashes - (sim_now(rk->sim) < rk->sim->crash_told_until_ms ? 1 : 0);
    if (type == RD_KAFKA_PRODUCER) {
        rk->txn = sim_txn_new(rk);
        rk->producer = sim_producer_new(rk);
    } else {
        rk->consumer = sim_consumer_new(rk);
    }
    for (int i = 0; i < conf->on_new.count; i++) {
        (void)conf->on_new.items[i].on_new(rk, conf, conf->on_new.items[i].opaque, errstr,
                                           errstr_size);
    }
    return rk;
}

void rd_kafka_destroy(rd_kafka_t *rk)
{
    sim_yield();
    if (rk->type == RD_KAFKA_CONSUMER) {
        (void)rd_kafka_consumer_close(rk);
    }
    rk->is_destroyed = true;
    if (rk->type == RD_KAFKA_PRODUCER) {
        sim_producer_free(rk);
        sim_txn_free(rk);
    } else {
        sim_consumer_free(rk);
    }
    /* conf stays: requests that are still under way look at it. */
}

void sim_set_fatal(rd_kafka_t *rk, rd_kafka_resp_err_t err, const char *text)
{
    if (rk->fatal_err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return;
    }
    rk->fatal_err = err;
    (void)snprintf(rk->fatal_text, sizeof(rk->fatal_text), "%s", text); /* cut to fit */
    sim_trace(rk->sim, "  %s: fatal error %s: %s", rk->process->host, rd_kafka_err2name(err), text);
    if (rk->type == RD_KAFKA_CONSUMER) {
        sim_consumer_tell_fatal(rk);
    } else {
        sim_producer_purge(rk, RD_KAFKA_RESP_ERR__PURGE_QUEUE);
    }
}

rd_kafka_resp_err_t rd_kafka_fatal_error(rd_kafka_t *rk, char *errstr, size_t errstr_size)
{
    if (rk->fatal_err != RD_KAFKA_RESP_ERR_NO_ERROR && errstr != NULL) {
        (void)snprintf(errstr, errstr_size, "%s", rk->fatal_text); /* cut to fit */
    }
    return rk->fatal_err;
}

bool sim_is_read_committed(const rd_kafka_t *rk)
{
    const char *isolation = sim_property(rk->conf, "isolation.level");

    return isolation == NULL || strcmp(isolation, "read_committed") == 0;
}

void rd_kafka_mem_free(rd_kafka_t *rk, void *memory)
{
    (void)rk;
    free(memory);
}

/* ---- topics ---------------------------------------------------------------------------------- */

/* One that the broker does not have is known only once somebody asks it. */
rd_kafka_topic_t *rd_kafka_topic_new(rd_kafka_t *rk, const char *name, rd_kafka_topic_conf_t *conf)
{
    rd_kafka_topic_t *rkt = pl_arena_zalloc(&rk->sim->world.arena, 1, sizeof(*rkt));

    free(conf); /* nothing in it that the simulation looks at */
    rkt->rk = rk;
    rkt->name = copy_text(name);
    rkt->index = sim_topic_of(rk->sim, name);
    if (rkt->index >= 0) {
        rk->is_known[rkt->index] = true;
    }
    return rkt;
}

void rd_kafka_topic_destroy(rd_kafka_topic_t *rkt)
{
    free(rkt->name);
    rkt->name = NULL;
}

const char *rd_kafka_topic_name(const rd_kafka_topic_t *rkt)
{
    return rkt->name;
}

struct rd_kafka_topic_conf_s {
    int nothing;
};

rd_kafka_topic_conf_t *rd_kafka_topic_conf_new(void)
{
    rd_kafka_topic_conf_t *conf = calloc(1, sizeof(*conf));

    if (conf == NULL) {
        pl_out_of_memory(sizeof(*conf));
    }
    return conf;
}

rd_kafka_conf_res_t rd_kafka_topic_conf_set(rd_kafka_topic_conf_t *conf, const char *name,
                                            const char *value, char *errstr, size_t errstr_size)
{
    (void)conf, (void)name, (void)value, (void)errstr, (void)errstr_size;
    return RD_KAFKA_CONF_OK;
}
