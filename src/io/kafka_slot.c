/* Does anybody hold our slot? Asked by a client made for just that. */
#include <string.h>

#include "io/kafka.h"
#include "io/kafka_client.h"
#include "io/kafka_error.h"

static bool has_holder(const rd_kafka_ConsumerGroupDescription_t *group, const char *instance_id)
{
    size_t count = rd_kafka_ConsumerGroupDescription_member_count(group);
    bool is_found = false;

    for (size_t i = 0; i < count && !is_found; i++) {
        const char *found = rd_kafka_MemberDescription_group_instance_id(
            rd_kafka_ConsumerGroupDescription_member(group, i));

        is_found = found != NULL && strcmp(found, instance_id) == 0;
    }
    return is_found;
}

/* The one group that was asked for. */
static enum pl_status read_answer(rd_kafka_event_t *event, const struct pl_kafka_options *options,
                                  struct pl_error *error)
{
    static const char what[] = "asking Kafka for the members of the group";
    const rd_kafka_ConsumerGroupDescription_t **groups;
    const rd_kafka_error_t *group_error;
    size_t count = 0;

    if (rd_kafka_event_error(event) != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return pl_kafka_fail(error, rd_kafka_event_error(event), what);
    }
    groups = rd_kafka_DescribeConsumerGroups_result_groups(
        rd_kafka_event_DescribeConsumerGroups_result(event), &count);
    if (count != 1) {
        return pl_fail(error, PL_FATAL, "%s: %zu answers", what, count);
    }
    group_error = rd_kafka_ConsumerGroupDescription_error(groups[0]);
    if (group_error != NULL) {
        return pl_kafka_fail(error, rd_kafka_error_code(group_error), what);
    }
    return has_holder(groups[0], options->instance_id) ? PL_OK : PL_NOT_FOUND;
}

static enum pl_status ask(rd_kafka_t *rk, const struct pl_kafka_options *options,
                          struct pl_error *error)
{
    const char *groups[] = {options->group_id};
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_event_t *event;
    enum pl_status status;

    rd_kafka_DescribeConsumerGroups(rk, groups, 1, NULL, queue);
    event = rd_kafka_queue_poll(queue, PL_KAFKA_CALL_TIMEOUT_MS);
    if (event == NULL) {
        status = pl_fail(error, PL_AGAIN, "Kafka does not say who is in the group");
    } else {
        status = read_answer(event, options, error);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_queue_destroy(queue);
    return status;
}

enum pl_status pl_kafka_slot_check(const struct pl_kafka_options *options, struct pl_error *error)
{
    const struct pl_client_plan plan = {.type = RD_KAFKA_PRODUCER, .use = PL_KAFKA_OF_QUESTIONS};
    rd_kafka_t *rk = NULL;
    enum pl_status status = pl_kafka_client_new(options, &plan, &rk, error);

    if (status == PL_OK) {
        status = ask(rk, options, error);
        rd_kafka_destroy(rk);
    }
    return status;
}
