/* Admin calls of the set-up commands, which no simulated process runs: they are linked because the
 * service's own questions are in the same objects. Each ends the simulation. */
#include <stdio.h>
#include <stdlib.h>

#include <librdkafka/rdkafka.h>

#include "planlift/compiler.h"

PL_NORETURN static void refuse(const char *call)
{
    (void)fprintf(stderr, "the simulated librdkafka has no %s\n", call);
    abort();
}

rd_kafka_AdminOptions_t *rd_kafka_AdminOptions_new(rd_kafka_t *rk, rd_kafka_admin_op_t for_api)
{
    (void)rk, (void)for_api;
    refuse(__func__);
}

void rd_kafka_AdminOptions_destroy(rd_kafka_AdminOptions_t *options)
{
    (void)options;
    refuse(__func__);
}

rd_kafka_resp_err_t rd_kafka_AdminOptions_set_operation_timeout(rd_kafka_AdminOptions_t *options,
                                                                int timeout_ms, char *errstr,
                                                                size_t errstr_size)
{
    (void)options, (void)timeout_ms, (void)errstr, (void)errstr_size;
    refuse(__func__);
}

rd_kafka_NewTopic_t *rd_kafka_NewTopic_new(const char *topic, int num_partitions,
                                           int replication_factor, char *errstr, size_t errstr_size)
{
    (void)topic, (void)num_partitions, (void)replication_factor, (void)errstr, (void)errstr_size;
    refuse(__func__);
}

void rd_kafka_NewTopic_destroy(rd_kafka_NewTopic_t *new_topic)
{
    (void)new_topic;
    refuse(__func__);
}

rd_kafka_resp_err_t rd_kafka_NewTopic_set_config(rd_kafka_NewTopic_t *new_topic, const char *name,
                                                 const char *value)
{
    (void)new_topic, (void)name, (void)value;
    refuse(__func__);
}

void rd_kafka_CreateTopics(rd_kafka_t *rk, rd_kafka_NewTopic_t **new_topics, size_t count,
                           const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue)
{
    (void)rk, (void)new_topics, (void)count, (void)options, (void)queue;
    refuse(__func__);
}

const rd_kafka_CreateTopics_result_t *rd_kafka_event_CreateTopics_result(rd_kafka_event_t *event)
{
    (void)event;
    refuse(__func__);
}

const rd_kafka_topic_result_t **
rd_kafka_CreateTopics_result_topics(const rd_kafka_CreateTopics_result_t *result, size_t *ret_count)
{
    (void)result, (void)ret_count;
    refuse(__func__);
}

rd_kafka_DeleteTopic_t *rd_kafka_DeleteTopic_new(const char *topic)
{
    (void)topic;
    refuse(__func__);
}

void rd_kafka_DeleteTopic_destroy_array(rd_kafka_DeleteTopic_t **topics, size_t count)
{
    (void)topics, (void)count;
    refuse(__func__);
}

void rd_kafka_DeleteTopics(rd_kafka_t *rk, rd_kafka_DeleteTopic_t **topics, size_t count,
                           const rd_kafka_AdminOptions_t *options, rd_kafka_queue_t *queue)
{
    (void)rk, (void)topics, (void)count, (void)options, (void)queue;
    refuse(__func__);
}

const rd_kafka_DeleteTopics_result_t *rd_kafka_event_DeleteTopics_result(rd_kafka_event_t *event)
{
    (void)event;
    refuse(__func__);
}

const rd_kafka_topic_result_t **
rd_kafka_DeleteTopics_result_topics(const rd_kafka_DeleteTopics_result_t *result, size_t *ret_count)
{
    (void)result, (void)ret_count;
    refuse(__func__);
}

rd_kafka_resp_err_t rd_kafka_topic_result_error(const rd_kafka_topic_result_t *result)
{
    (void)result;
    refuse(__func__);
}

const char *rd_kafka_topic_result_error_string(const rd_kafka_topic_result_t *result)
{
    (void)result;
    refuse(__func__);
}

const char *rd_kafka_topic_result_name(const rd_kafka_topic_result_t *result)
{
    (void)result;
    refuse(__func__);
}
