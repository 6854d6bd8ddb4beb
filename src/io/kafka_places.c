/* Partitions that are ours. */
#include "io/kafka_places.h"

#include <stdlib.h>
#include <string.h>

#include "planlift/arena.h"

void pl_places_init(struct pl_places *places, const struct pl_kafka_options *options,
                    int32_t partition_count)
{
    size_t count = (size_t)partition_count;

    *places = (struct pl_places){.options = options, .count = partition_count};
    places->items = calloc(count, sizeof(*places->items));
    places->owned = calloc(count, sizeof(*places->owned));
    if (places->items == NULL || places->owned == NULL) {
        pl_out_of_memory(count * sizeof(*places->items));
    }
}

void pl_places_done(struct pl_places *places)
{
    free(places->items);
    free(places->owned);
}

void pl_places_forget(struct pl_places *places)
{
    memset(places->items, 0, (size_t)places->count * sizeof(*places->items));
    places->owned_count = 0;
}

static int input_of(const struct pl_places *places, const char *topic)
{
    for (int input = 0; input < PL_INPUT_COUNT; input++) {
        if (strcmp(topic, places->options->topics[input]) == 0) {
            return input;
        }
    }
    return -1;
}

bool pl_places_assign(struct pl_places *places, const rd_kafka_topic_partition_list_t *list)
{
    bool is_good = true;

    pl_places_forget(places);
    for (int i = 0; i < list->cnt; i++) {
        int input = input_of(places, list->elems[i].topic);
        int32_t partition = list->elems[i].partition;

        if (input < 0 || partition < 0 || partition >= places->count) {
            is_good = false;
            continue;
        }
        places->items[partition].is_owned[input] = true;
    }
    for (int32_t partition = 0; partition < places->count; partition++) {
        const struct pl_place *place = &places->items[partition];

        /* I10: both inputs of a partition belong to one process, or a customer had two writers. */
        if (place->is_owned[PL_TOPIC_EVENTS] != place->is_owned[PL_TOPIC_REQUESTS]) {
            is_good = false;
        } else if (place->is_owned[PL_TOPIC_EVENTS]) {
            places->owned[places->owned_count++] = partition;
        }
    }
    return is_good;
}

bool pl_places_start(struct pl_places *places, int32_t partition,
                     const int64_t offsets[PL_INPUT_COUNT])
{
    struct pl_place *place = &places->items[partition];

    if (!place->is_owned[PL_TOPIC_EVENTS]) {
        return false;
    }
    memcpy(place->next, offsets, sizeof(place->next));
    place->is_started = true;
    return true;
}

void pl_places_stop(struct pl_places *places)
{
    for (int32_t partition = 0; partition < places->count; partition++) {
        places->items[partition].is_started = false;
    }
}

rd_kafka_topic_partition_list_t *pl_places_started(const struct pl_places *places)
{
    rd_kafka_topic_partition_list_t *list =
        rd_kafka_topic_partition_list_new(places->count * PL_INPUT_COUNT);

    for (int32_t partition = 0; partition < places->count; partition++) {
        const struct pl_place *place = &places->items[partition];

        for (int input = 0; place->is_started && input < PL_INPUT_COUNT; input++) {
            rd_kafka_topic_partition_list_add(list, places->options->topics[input], partition)
                ->offset = place->next[input];
        }
    }
    return list;
}

bool pl_places_take(struct pl_places *places, const char *topic, int32_t partition, int64_t offset,
                    enum pl_topic *ret_input)
{
    int input = input_of(places, topic);
    struct pl_place *place = &places->items[partition];

    if (input < 0 || !place->is_started || offset < place->next[input]) {
        return false;
    }
    place->next[input] = offset + 1;
    *ret_input = (enum pl_topic)input;
    return true;
}
