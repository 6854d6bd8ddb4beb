/* Frames. */
#include "dump.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "planlift/buffer.h"
#include "planlift/state.h"
#include "redis.h"

static void put_frame(FILE *out, char letter, const void *data, size_t len)
{
    uint32_t size = (uint32_t)len;
    unsigned char head[5] = {(unsigned char)letter};

    for (size_t i = 0; i < 4; i++) {
        head[1 + i] = (unsigned char)(size >> (8 * i));
    }
    if (fwrite(head, sizeof(head), 1, out) != 1 || (len > 0 && fwrite(data, len, 1, out) != 1)) {
        abort(); /* into memory, or nobody listens */
    }
}

void sim_dump_text(FILE *out, char letter, const char *format, ...)
{
    char text[4096];
    va_list arguments;
    int len;

    va_start(arguments, format);
    len = vsnprintf(text, sizeof(text), format, arguments);
    va_end(arguments);
    put_frame(out, letter, text,
              len < 0                      ? 0
              : (size_t)len < sizeof(text) ? (size_t)len
                                           : sizeof(text) - 1);
}

void sim_dump_settings(const struct sim *sim, uint64_t seed, FILE *out)
{
    sim_dump_text(out, 'S',
                  "{\"seed\": %" PRIu64 ", \"partitions\": %d, \"dlq_partitions\": %d, "
                  "\"max_accounts\": %zu, \"batch\": %zu, \"slots\": %d, \"foreign\": %s}",
                  seed, (int)sim->world.broker.partition_count,
                  (int)sim->world.broker.dlq_partition_count, sim->result_max_accounts,
                  sim->batch_max_records, sim->slot_count,
                  sim->options.has_foreign_writer ? "true" : "false");
}

/* ---- logs ------------------------------------------------------------------------------------ */

static void put_number(struct pl_buffer *buffer, uint64_t number, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        char byte = (char)(number >> (8 * i) & 0xff);

        pl_buffer_put(buffer, &byte, 1);
    }
}

static void put_length(struct pl_buffer *buffer, struct pl_bytes bytes)
{
    put_number(buffer, pl_bytes_is_null(bytes) ? UINT32_MAX : bytes.len, 4);
}

static void put_bytes(struct pl_buffer *buffer, struct pl_bytes bytes)
{
    if (bytes.len > 0) {
        pl_buffer_put(buffer, bytes.data, bytes.len);
    }
}

/* topic, partition, kind and state (a byte each), offset (8), producer (2), stamp (8); number of
 * headers (2), the lengths of key and value (4 each; all ones: null) and of each header's name and
 * value; then all of these one after the other. */
static void put_entry(FILE *out, struct pl_buffer *buffer, enum pl_topic topic, int32_t partition,
                      const struct pl_fake_entry *entry)
{
    buffer->len = 0;
    put_number(buffer, topic, 1);
    put_number(buffer, (uint64_t)partition, 1);
    put_number(buffer, entry->kind, 1);
    put_number(buffer, entry->state, 1);
    put_number(buffer, (uint64_t)entry->offset, 8);
    put_number(buffer, (uint64_t)entry->producer & 0xffff, 2);
    put_number(buffer, entry->stamp, 8);
    put_number(buffer, entry->header_count, 2);
    put_length(buffer, entry->key);
    put_length(buffer, entry->value);
    for (size_t i = 0; i < entry->header_count; i++) {
        put_length(buffer, entry->headers[i].name);
        put_length(buffer, entry->headers[i].value);
    }
    put_bytes(buffer, entry->key);
    put_bytes(buffer, entry->value);
    for (size_t i = 0; i < entry->header_count; i++) {
        put_bytes(buffer, entry->headers[i].name);
        put_bytes(buffer, entry->headers[i].value);
    }
    put_frame(out, 'R', buffer->data, buffer->len);
}

static void dump_log(FILE *out, struct pl_fake_broker *broker, enum pl_topic topic,
                     int32_t partition)
{
    const struct pl_fake_log *log = pl_fake_log(broker, topic, partition);
    struct pl_buffer buffer = {NULL, 0, 0};

    for (int64_t offset = log->first; offset < log->end; offset++) {
        if (!log->entries[offset]->is_gone) {
            put_entry(out, &buffer, topic, partition, log->entries[offset]);
        }
    }
    pl_buffer_done(&buffer);
}

void sim_dump_logs(struct sim *sim, FILE *out)
{
    struct pl_fake_broker *broker = &sim->world.broker;

    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        int32_t count = pl_fake_partition_count(broker, (enum pl_topic)topic);

        for (int32_t partition = 0; partition < count; partition++) {
            dump_log(out, broker, (enum pl_topic)topic, partition);
        }
    }
}

/* ---- the rest -------------------------------------------------------------------------------- */

void sim_dump_tallies(const struct sim *sim, FILE *out)
{
    struct pl_buffer buffer = {NULL, 0, 0};

    for (int i = 0; i < SIM_MANNER_COUNT; i++) {
        put_number(&buffer, sim->tallies[i].rate, 8);
        put_number(&buffer, sim->tallies[i].occurred, 8);
        put_number(&buffer, sim->tallies[i].mattered, 8);
    }
    put_frame(out, 'M', buffer.data, buffer.len);
    pl_buffer_done(&buffer);
}

/* How far a partition's inputs were taken in, by the newest committed progress record of ours. */
static void find_progress(struct sim *sim, int32_t partition, int64_t ret_next[PL_INPUT_COUNT])
{
    const struct pl_fake_log *log = pl_fake_log(&sim->world.broker, PL_TOPIC_STATE, partition);

    memset(ret_next, 0, PL_INPUT_COUNT * sizeof(*ret_next));
    for (int64_t offset = log->end - 1; offset >= log->first; offset--) {
        const struct pl_fake_entry *entry = log->entries[offset];
        struct pl_progress progress;

        if (entry->kind == PL_FAKE_ENTRY_RECORD && entry->state == PL_FAKE_ENTRY_COMMITTED &&
            !entry->is_gone && entry->producer >= 0 &&
            pl_bytes_equal(entry->key, PL_PROGRESS_FIELD) &&
            pl_progress_decode(entry->value, &progress, NULL) == PL_OK) {
            memcpy(ret_next, progress.next, sizeof(progress.next));
            return;
        }
    }
}

/* "[[events, requests], ...]" by partition. */
static void print_progress(struct sim *sim, FILE *text)
{
    for (int32_t partition = 0; partition < sim->world.broker.partition_count; partition++) {
        int64_t next[PL_INPUT_COUNT];

        find_progress(sim, partition, next);
        (void)fprintf(text, "%s[%" PRId64 ", %" PRId64 "]", partition == 0 ? "" : ", ",
                      next[PL_TOPIC_EVENTS], next[PL_TOPIC_REQUESTS]);
    }
}

void sim_dump_end(struct sim *sim, const struct sim_workload *workload, FILE *out)
{
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);

    if (stream == NULL) {
        abort();
    }
    (void)fprintf(stream, "{\"progress\": [");
    print_progress(sim, stream);
    (void)fprintf(stream, "], \"first_probes\": [");
    for (int32_t partition = 0; partition < sim->world.broker.partition_count; partition++) {
        (void)fprintf(stream, "%s%" PRId64, partition == 0 ? "" : ", ",
                      sim_workload_first_probe(workload, partition));
    }
    (void)fprintf(stream,
                  "], \"steps\": %" PRIu64 ", \"simulated_ms\": %" PRId64
                  ", \"processes\": %d, \"redis_commands\": %" PRIu64 "}",
                  sim->steps, sim_now(sim), sim->process_count, sim_redis_commands(sim));
    if (fclose(stream) != 0) {
        abort();
    }
    put_frame(out, 'E', text, size);
    free(text);
}
