/* The two handles, what they know of the topics, and what they are asked. */
#include "io/kafka_pair.h"

#include <inttypes.h>

#include "io/kafka_client.h"
#include "io/kafka_login.h"
#include "io/kafka_partitions.h"

static enum pl_status new_handle(const struct pl_kafka_options *options, enum pl_kafka_use use,
                                 const char *isolation, const char *when_gone, rd_kafka_t **ret_rk,
                                 struct pl_error *error)
{
    const struct pl_property forced[] = {
        {"group.id", options->group_id}, /* needed to assign; never joined, nothing is committed */
        {"enable.auto.commit", "false"},  {"enable.auto.offset.store", "false"},
        {"auto.offset.reset", when_gone}, {"enable.partition.eof", "true"},
        {"isolation.level", isolation},   {NULL, NULL}};
    const struct pl_client_plan plan = {.type = RD_KAFKA_CONSUMER, .use = use, .forced = forced};
    enum pl_status status = pl_kafka_client_new(options, &plan, ret_rk, error);

    if (status == PL_OK) {
        rd_kafka_poll_set_consumer(*ret_rk);
    }
    return status;
}

enum pl_status pl_kafka_pair_init(struct pl_kafka_pair *pair,
                                  const struct pl_kafka_options *options, enum pl_kafka_use use,
                                  const char *when_gone, struct pl_error *error)
{
    enum pl_status status;

    *pair = (struct pl_kafka_pair){.options = options};
    status = new_handle(options, use, "read_committed", when_gone, &pair->committed, error);
    return status == PL_OK
               ? new_handle(options, use, "read_uncommitted", when_gone, &pair->uncommitted, error)
               : status;
}

static void close_topics(rd_kafka_topic_t *topics[PL_TOPIC_COUNT])
{
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        if (topics[topic] != NULL) {
            rd_kafka_topic_destroy(topics[topic]);
        }
    }
}

void pl_kafka_pair_done(struct pl_kafka_pair *pair)
{
    pl_kafka_pair_forget(pair);
    close_topics(pair->committed_topics);
    close_topics(pair->uncommitted_topics);
    if (pair->committed != NULL) {
        rd_kafka_destroy(pair->committed);
    }
    if (pair->uncommitted != NULL) {
        rd_kafka_destroy(pair->uncommitted);
    }
}

/* ---- questions ------------------------------------------------------------------------------- */

static enum pl_status open_topic(rd_kafka_t *rk, const char *name, rd_kafka_topic_t **topic,
                                 struct pl_error *error)
{
    if (*topic == NULL) {
        *topic = rd_kafka_topic_new(rk, name, NULL);
    }
    return *topic != NULL ? PL_OK
                          : pl_fail(error, PL_BAD_DATA, "\"%s\" cannot be a topic: %s", name,
                                    rd_kafka_err2str(rd_kafka_last_error()));
}

enum pl_status pl_kafka_pair_know(struct pl_kafka_pair *pair, enum pl_topic topic,
                                  struct pl_error *error)
{
    const char *name = pair->options->topics[topic];
    enum pl_status status =
        open_topic(pair->committed, name, &pair->committed_topics[topic], error);

    return status == PL_OK
               ? open_topic(pair->uncommitted, name, &pair->uncommitted_topics[topic], error)
               : status;
}

enum pl_status pl_kafka_pair_counts(struct pl_kafka_pair *pair, int32_t ret_counts[PL_TOPIC_COUNT],
                                    struct pl_error *error)
{
    return pl_kafka_partition_counts(pair->uncommitted, pair->options, ret_counts, error);
}

static void renew_login(struct pl_kafka_pair *pair)
{
    pl_kafka_login_renew(pair->options, pair->committed, &pair->committed_hangups_seen);
    pl_kafka_login_renew(pair->options, pair->uncommitted, &pair->uncommitted_hangups_seen);
}

enum pl_status pl_kafka_pair_range(struct pl_kafka_pair *pair, enum pl_topic topic,
                                   int32_t partition, int64_t *ret_first, int64_t *ret_end,
                                   struct pl_error *error)
{
    const char *name = pair->options->topics[topic];
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    const rd_kafka_topic_partition_t *place =
        rd_kafka_topic_partition_list_add(list, name, partition);
    enum pl_status status;

    renew_login(pair);
    status = pl_kafka_offsets(pair->uncommitted, RD_KAFKA_OFFSET_BEGINNING, list, error);
    if (status == PL_OK) {
        *ret_first = place->offset;
        status = pl_kafka_offsets(pair->uncommitted, RD_KAFKA_OFFSET_END, list, error);
    }
    if (status == PL_OK) {
        *ret_end = place->offset;
    }
    rd_kafka_topic_partition_list_destroy(list);
    return status == PL_OK ? PL_OK : pl_fail_at(error, status, "%s/%" PRId32, name, partition);
}

enum pl_status pl_kafka_pair_ends(struct pl_kafka_pair *pair, bool is_stable,
                                  rd_kafka_topic_partition_list_t *list, struct pl_error *error)
{
    renew_login(pair);
    return pl_kafka_offsets(is_stable ? pair->committed : pair->uncommitted, RD_KAFKA_OFFSET_END,
                            list, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static rd_kafka_resp_err_t assign(struct pl_kafka_pair *pair, rd_kafka_t *rk,
                                  const rd_kafka_topic_partition_list_t *list)
{
    pl_kafka_pair_forget(pair);
    renew_login(pair);
    if (pair->reading != NULL && pair->reading != rk) {
        (void)rd_kafka_assign(pair->reading, NULL); /* nothing to do where it fails */
    }
    pair->reading = rk;
    return rd_kafka_assign(rk, list->cnt == 0 ? NULL : list);
}

rd_kafka_resp_err_t pl_kafka_pair_assign(struct pl_kafka_pair *pair,
                                         const rd_kafka_topic_partition_list_t *list)
{
    return assign(pair, pair->committed, list);
}

rd_kafka_resp_err_t pl_kafka_pair_assign_uncommitted(struct pl_kafka_pair *pair,
                                                     const rd_kafka_topic_partition_list_t *list)
{
    return assign(pair, pair->uncommitted, list);
}

const rd_kafka_message_t *pl_kafka_pair_poll(struct pl_kafka_pair *pair, int timeout_ms)
{
    pl_kafka_pair_forget(pair);
    pair->message = rd_kafka_consumer_poll(pair->reading, timeout_ms);
    return pair->message;
}

void pl_kafka_pair_forget(struct pl_kafka_pair *pair)
{
    if (pair->message != NULL) {
        rd_kafka_message_destroy(pair->message);
        pair->message = NULL;
    }
}
