/* Who holds our slot now? Asked once, when this process was told that it has lost it. */
#include <stdio.h>
#include <string.h>

#include "kafka_client.h"

static const struct pl_property no_properties[] = {{NULL, NULL}};

/* The member of the group with our instance id, as text. */
static void find_holder(const rd_kafka_ConsumerGroupDescription_t *group, const char *instance_id,
                        char *ret_holder, size_t size)
{
    size_t count = rd_kafka_ConsumerGroupDescription_member_count(group);

    for (size_t i = 0; i < count; i++) {
        const rd_kafka_MemberDescription_t *member =
            rd_kafka_ConsumerGroupDescription_member(group, i);
        const char *found = rd_kafka_MemberDescription_group_instance_id(member);

        if (found != NULL && strcmp(found, instance_id) == 0) {
            (void)snprintf(ret_holder, size, "%s (address %s)", /* cut to fit */
                           rd_kafka_MemberDescription_client_id(member),
                           rd_kafka_MemberDescription_host(member));
        }
    }
}

static void ask(rd_kafka_t *rk, const struct pl_kafka_options *options, char *ret_holder,
                size_t size)
{
    const char *groups[] = {options->group_id};
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_event_t *event;

    rd_kafka_DescribeConsumerGroups(rk, groups, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, PL_KAFKA_CALL_TIMEOUT_MS);
    if (event != NULL && rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR_NO_ERROR) {
        size_t count;
        const rd_kafka_ConsumerGroupDescription_t **found =
            rd_kafka_DescribeConsumerGroups_result_groups(
                rd_kafka_event_DescribeConsumerGroups_result(event), &count);

        for (size_t i = 0; i < count; i++) {
            find_holder(found[i], options->instance_id, ret_holder, size);
        }
    }
    if (event != NULL) {
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
}

void pl_kafka_slot_holder(const struct pl_kafka_options *options, char *ret_holder, size_t size)
{
    const struct pl_client_plan plan = {
        .type = RD_KAFKA_PRODUCER, .defaults = no_properties, .forced = no_properties};
    rd_kafka_t *rk = NULL;

    (void)snprintf(ret_holder, size, "a process that Kafka does not name");
    if (pl_kafka_client_new(options, &plan, &rk, NULL) == PL_OK) {
        ask(rk, options, ret_holder, size);
        rd_kafka_destroy(rk);
    }
}
