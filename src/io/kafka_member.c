/* Joining the group. */
#include "io/kafka_member.h"

#include <string.h>

#include "base/clock.h"
#include "io/kafka_client.h"
#include "io/kafka_error.h"
#include "planlift/log.h"

#define NAME_BYTES 256

static enum pl_status prepare(rd_kafka_conf_t *conf, void *opaque, struct pl_error *error)
{
    const struct pl_member *member = opaque;
    char unused[256];

    (void)error;
    rd_kafka_conf_set_opaque(conf, member->opaque);
    rd_kafka_conf_set_rebalance_cb(conf, member->on_rebalance);
    /* Older versions do not know the property and have only this protocol. */
    (void)rd_kafka_conf_set(conf, "group.protocol", "classic", unused, sizeof(unused));
    return PL_OK;
}

static enum pl_status subscribe(const struct pl_member *member, struct pl_error *error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(PL_INPUT_COUNT);
    rd_kafka_resp_err_t err;

    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        rd_kafka_topic_partition_list_add(list, member->options->topics[input],
                                          RD_KAFKA_PARTITION_UA);
    }
    err = rd_kafka_subscribe(member->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? PL_OK
                                             : pl_kafka_fail(error, err, "joining the group");
}

static enum pl_status open_consumer(struct pl_member *member, struct pl_error *error)
{
    const struct pl_property forced[] = {{"group.id", member->options->group_id},
                                         {"group.instance.id", member->options->instance_id},
                                         {"enable.auto.commit", "false"},
                                         {"enable.auto.offset.store", "false"},
                                         {"auto.offset.reset", "error"},
                                         {"isolation.level", "read_committed"},
                                         {"partition.assignment.strategy", "range"},
                                         {"enable.partition.eof", "false"},
                                         {NULL, NULL}};
    const struct pl_client_plan plan = {.type = RD_KAFKA_CONSUMER,
                                        .use = PL_KAFKA_OF_INPUTS,
                                        .forced = forced,
                                        .prepare = prepare,
                                        .opaque = member};
    enum pl_status status = pl_kafka_client_new(member->options, &plan, &member->rk, error);

    if (status == PL_OK) {
        rd_kafka_poll_set_consumer(member->rk);
        status = subscribe(member, error);
    }
    return status;
}

/* Whoever joins says so first: the one that it fences finds its name. */
static enum pl_status claim_slot(const struct pl_member *member, struct pl_error *error)
{
    const struct pl_slot_book *book = &member->options->book;

    return book->claim == NULL ? PL_OK : book->claim(book->self, error);
}

enum pl_status pl_member_join(struct pl_member *member, struct pl_error *error)
{
    enum pl_status status = claim_slot(member, error);

    return status == PL_OK ? open_consumer(member, error) : status;
}

void pl_member_leave(struct pl_member *member)
{
    if (member->rk != NULL) {
        (void)rd_kafka_consumer_close(member->rk); /* leaving anyway */
        rd_kafka_destroy(member->rk);
        member->rk = NULL;
    }
}

/* Where a join of ours was served but its answer lost, as in a broker's restart, the group takes
 * the next one for that of a newcomer, and fences us although nobody but ourselves has claimed the
 * slot: then we join anew. */
enum pl_status pl_member_judge(struct pl_member *member, int timeout_ms, struct pl_error *error)
{
    const struct pl_slot_book *book = &member->options->book;
    char name[NAME_BYTES] = "another process";
    enum pl_status status =
        book->holder == NULL ? PL_OK : book->holder(book->self, name, sizeof(name), error);

    if (status == PL_AGAIN) {
        pl_clock_wait(timeout_ms); /* asked again with the next poll */
        return PL_OK;
    }
    member->is_in_doubt = false;
    if (status == PL_OK && strcmp(name, member->options->client_id) != 0) {
        return pl_fail(error, PL_FENCED, "%s has taken the slot %s", name,
                       member->options->instance_id);
    }
    if (status != PL_OK && status != PL_NOT_FOUND) {
        return status;
    }
    pl_log(WARN, "joining_anew",
           PL_F_TEXT("reason", "fenced by the group, but no other process has the slot"));
    member->must_rejoin = true;
    return PL_OK;
}

enum pl_status pl_member_rejoin(struct pl_member *member, int timeout_ms, struct pl_error *error)
{
    enum pl_status status = claim_slot(member, error);

    if (status == PL_AGAIN) {
        pl_clock_wait(timeout_ms); /* tried again with the next poll */
        return PL_OK;
    }
    if (status == PL_OK) {
        pl_member_leave(member); /* it is out of the group already */
        member->must_rejoin = false;
        status = open_consumer(member, error);
    }
    return status;
}
