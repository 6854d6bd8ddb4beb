/* Messages, headers, lists of topic partitions, and partitioners of the simulated librdkafka. Each
 * message has memory of its own, so that a sanitizer sees one that is used after its end. */
#include <assert.h>
#include <stdlib.h>

#include "kafka_sim.h"
#include "planlift/arena.h"

static void *allocate(size_t size)
{
    void *memory = calloc(1, size + 1);

    if (memory == NULL) {
        pl_out_of_memory(size);
    }
    return memory;
}

int sim_topic_of(const struct sim *sim, const char *name)
{
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        if (strcmp(sim->topics[topic], name) == 0) {
            return topic;
        }
    }
    return -1;
}

/* ---- headers --------------------------------------------------------------------------------- */

struct header {
    char *name; /* NUL at its end */
    char *value;
    size_t value_len;
    bool is_null;
};

struct rd_kafka_headers_s {
    struct header *items;
    size_t count, capacity;
};

rd_kafka_headers_t *rd_kafka_headers_new(size_t initial_count)
{
    rd_kafka_headers_t *headers = allocate(sizeof(*headers));

    headers->capacity = initial_count > 0 ? initial_count : 4;
    headers->items = allocate(headers->capacity * sizeof(*headers->items));
    return headers;
}

void rd_kafka_headers_destroy(rd_kafka_headers_t *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        free(headers->items[i].name);
        free(headers->items[i].value);
    }
    free(headers->items);
    free(headers);
}

rd_kafka_resp_err_t rd_kafka_header_add(rd_kafka_headers_t *headers, const char *name,
                                        ssize_t name_size, const void *value, ssize_t value_size)
{
    size_t name_len = name_size < 0 ? strlen(name) : (size_t)name_size;
    struct header *header;

    if (headers->count == headers->capacity) {
        struct header *items = allocate(headers->capacity * 2 * sizeof(*items));

        memcpy(items, headers->items, headers->count * sizeof(*items));
        free(headers->items);
        headers->items = items;
        headers->capacity *= 2;
    }
    header = &headers->items[headers->count++];
    header->name = allocate(name_len);
    memcpy(header->name, name, name_len);
    header->is_null = value == NULL;
    if (value != NULL) {
        header->value_len = value_size < 0 ? strlen(value) : (size_t)value_size;
        header->value = allocate(header->value_len);
        memcpy(header->value, value, header->value_len);
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

size_t rd_kafka_header_cnt(const rd_kafka_headers_t *headers)
{
    return headers->count;
}

rd_kafka_resp_err_t rd_kafka_header_get_all(const rd_kafka_headers_t *headers, size_t index,
                                            const char **ret_name, const void **ret_value,
                                            size_t *ret_size)
{
    if (index >= headers->count) {
        return RD_KAFKA_RESP_ERR__NOENT;
    }
    *ret_name = headers->items[index].name;
    *ret_value = headers->items[index].value;
    *ret_size = headers->items[index].value_len;
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- messages -------------------------------------------------------------------------------- */

struct sim_message *sim_message_new(rd_kafka_topic_t *rkt, int32_t partition, struct pl_bytes key,
                                    struct pl_bytes value)
{
    struct sim_message *message = allocate(sizeof(*message));
    char *bytes = allocate(key.len + value.len);

    message->bytes = bytes;
    if (key.len > 0) {
        memcpy(bytes, key.data, key.len);
    }
    if (value.len > 0) {
        memcpy(bytes + key.len, value.data, value.len);
    }
    message->topic = (enum pl_topic)rkt->index;
    message->public.rkt = rkt;
    message->public.partition = partition;
    message->public.key = key.data == NULL ? NULL : bytes;
    message->public.key_len = key.len;
    message->public.payload = value.data == NULL ? NULL : bytes + key.len;
    message->public.len = value.len;
    message->public.offset = RD_KAFKA_OFFSET_INVALID;
    return message;
}

struct sim_message *sim_message_of(rd_kafka_topic_t *rkt, int32_t partition,
                                   const struct pl_fake_entry *entry)
{
    struct sim_message *message = sim_message_new(rkt, partition, entry->key, entry->value);

    message->public.offset = entry->offset;
    if (entry->header_count > 0) {
        message->headers = rd_kafka_headers_new(entry->header_count);
    }
    for (size_t i = 0; i < entry->header_count; i++) {
        const struct pl_header *header = &entry->headers[i];

        (void)rd_kafka_header_add(message->headers, header->name.data, (ssize_t)header->name.len,
                                  header->value.data, (ssize_t)header->value.len);
    }
    return message;
}

void sim_message_free(struct sim_message *message)
{
    if (message->headers != NULL) {
        rd_kafka_headers_destroy(message->headers);
    }
    free(message->bytes);
    free(message);
}

struct pl_message sim_message_store(struct sim *sim, const struct sim_message *message)
{
    size_t count = message->headers == NULL ? 0 : message->headers->count;
    struct pl_header *headers = pl_arena_zalloc(&sim->world.arena, count + 1, sizeof(*headers));

    for (size_t i = 0; i < count; i++) {
        const struct header *header = &message->headers->items[i];

        headers[i].name = pl_bytes_of(header->name);
        headers[i].value =
            header->is_null ? PL_NULL_BYTES : (struct pl_bytes){header->value, header->value_len};
    }
    return (struct pl_message){.topic = message->topic,
                               .partition = message->public.partition,
                               .key = {message->public.key, message->public.key_len},
                               .value = {message->public.payload, message->public.len},
                               .headers = headers,
                               .header_count = count};
}

void sim_queue_put(struct sim_queue *queue, struct sim_message *message)
{
    message->next = NULL;
    if (queue->last == NULL) {
        queue->first = message;
    } else {
        queue->last->next = message;
    }
    queue->last = message;
    queue->count++;
}

struct sim_message *sim_queue_take(struct sim_queue *queue)
{
    struct sim_message *message = queue->first;

    if (message != NULL) {
        queue->first = message->next;
        queue->count--;
        if (queue->first == NULL) {
            queue->last = NULL;
        }
    }
    return message;
}

void rd_kafka_message_destroy(rd_kafka_message_t *message)
{
    sim_message_free((struct sim_message *)message);
}

const char *rd_kafka_message_errstr(const rd_kafka_message_t *message)
{
    return rd_kafka_err2str(message->err);
}

rd_kafka_resp_err_t rd_kafka_message_headers(const rd_kafka_message_t *message,
                                             rd_kafka_headers_t **ret_headers)
{
    *ret_headers = ((const struct sim_message *)message)->headers;
    return *ret_headers == NULL ? RD_KAFKA_RESP_ERR__NOENT : RD_KAFKA_RESP_ERR_NO_ERROR;
}

/* ---- lists of topic partitions --------------------------------------------------------------- */

rd_kafka_topic_partition_list_t *rd_kafka_topic_partition_list_new(int size)
{
    rd_kafka_topic_partition_list_t *list = allocate(sizeof(*list));

    list->size = size > 0 ? size : 1;
    list->elems = allocate((size_t)list->size * sizeof(*list->elems));
    return list;
}

void rd_kafka_topic_partition_list_destroy(rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++) {
        free(list->elems[i].topic);
    }
    free(list->elems);
    free(list);
}

rd_kafka_topic_partition_t *rd_kafka_topic_partition_list_add(rd_kafka_topic_partition_list_t *list,
                                                              const char *topic, int32_t partition)
{
    rd_kafka_topic_partition_t *element;

    if (list->cnt == list->size) {
        rd_kafka_topic_partition_t *elements = allocate((size_t)list->size * 2 * sizeof(*elements));

        memcpy(elements, list->elems, (size_t)list->cnt * sizeof(*elements));
        free(list->elems);
        list->elems = elements;
        list->size *= 2;
    }
    element = &list->elems[list->cnt++];
    element->topic = allocate(strlen(topic));
    memcpy(element->topic, topic, strlen(topic));
    element->partition = partition;
    element->offset = RD_KAFKA_OFFSET_INVALID;
    return element;
}

/* ---- partitioners ---------------------------------------------------------------------------- */

static uint32_t murmur2(const unsigned char *data, size_t len)
{
    const uint32_t m = 0x5bd1e995;
    uint32_t h = 0x9747b28cU ^ (uint32_t)len;

    for (; len >= 4; data += 4, len -= 4) {
        uint32_t k = (uint32_t)data[0] | (uint32_t)data[1] << 8 | (uint32_t)data[2] << 16 |
                     (uint32_t)data[3] << 24;

        k *= m;
        k ^= k >> 24;
        h = h * m ^ k * m;
    }
    if (len == 3) {
        h ^= (uint32_t)data[2] << 16;
    }
    if (len >= 2) {
        h ^= (uint32_t)data[1] << 8;
    }
    if (len >= 1) {
        h = (h ^ data[0]) * m;
    }
    h ^= h >> 13;
    h *= m;
    return h ^ h >> 15;
}

/* As Java's and librdkafka's partitioner of the name. */
int32_t rd_kafka_msg_partitioner_murmur2(const rd_kafka_topic_t *rkt, const void *key,
                                         size_t key_len, int32_t partition_count, void *rkt_opaque,
                                         void *msg_opaque)
{
    (void)rkt, (void)rkt_opaque, (void)msg_opaque;
    return (int32_t)((murmur2(key, key_len) & 0x7fffffffU) % (uint32_t)partition_count);
}

/* CRC32, librdkafka's default. */
int32_t rd_kafka_msg_partitioner_consistent(const rd_kafka_topic_t *rkt, const void *key,
                                            size_t key_len, int32_t partition_count,
                                            void *rkt_opaque, void *msg_opaque)
{
    const unsigned char *bytes = key;
    uint32_t crc = UINT32_MAX;

    (void)rkt, (void)rkt_opaque, (void)msg_opaque;
    for (size_t i = 0; i < key_len; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ (0xedb88320U & (0U - (crc & 1U)));
        }
    }
    return (int32_t)(~crc % (uint32_t)partition_count);
}
