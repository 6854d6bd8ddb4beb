/* What the scripts of truth_scripts.c share: clients, and telling what came of a call. */
#ifndef PL_TESTS_SIM_TRUTH_CLIENT_H
#define PL_TESTS_SIM_TRUTH_CLIENT_H

#include <stdint.h>

#include <librdkafka/rdkafka.h>

#include "truth.h"

/* What callbacks note of a handle. */
struct client {
    rd_kafka_t *rk;
    const char *name; /* in what is printed */
    int assigned;     /* rebalances that gave it partitions, perhaps none */
    int ends_sent;    /* EndTxn requests */
};

/* Transactional; timeout_ms as text. */
void client_producer(struct client *client, const struct truth *truth, const char *id,
                     const char *timeout_ms);
/* Reads by assignment and tells the ends of partitions. */
void client_reader(struct client *client, const struct truth *truth, const char *isolation);
/* A member of the group; instance NULL: dynamic. */
void client_member(struct client *client, const struct truth *truth, const char *instance);
void client_close(struct client *client);

/* Print "name what: outcome". */
void tell(const struct client *client, const char *what, rd_kafka_error_t *error); /* takes it */
void tell_err(const struct client *client, const char *what, rd_kafka_resp_err_t err);

/* Put a record; prints only where it is refused. */
void put(struct client *client, const char *topic, int32_t partition, const char *value);
/* Wait for the reports, which are printed as they come. */
void flush(struct client *client);
/* A whole transaction with one record, all of it to work. */
void put_whole(struct client *client, const char *topic, const char *value);

/* First offset and end of partition 0, as the handle sees them. */
void tell_range(struct client *reader, const char *topic);
/* Until both readers see the same end: all markers are there. */
void await_markers(struct client *committed, struct client *uncommitted, const char *topic);
/* The same by offsets_for_times. */
void tell_places(struct client *reader, const char *topic);
/* Records of partition 0 from an offset to the end, and the end. */
void read_on(struct client *reader, const char *topic, int64_t from);
/* In two steps: until an end at or past a place is told; ends before it are not printed. */
void start_reading(struct client *reader, const char *topic, int64_t from);
void read_until(struct client *reader, int64_t end);

/* The group's offset of events/0, asked for so long. */
void tell_committed(struct client *client, const struct truth *truth, int timeout_ms);
/* Offsets of events/0 into the transaction. NULL metadata: of somebody outside the group. */
void send_offset(struct client *producer, const struct truth *truth, int64_t offset,
                 rd_kafka_consumer_group_metadata_t *metadata);

/* Poll all until each has been given partitions so many times. */
void await_assigned(struct client *const *members, const int *wanted, int count);
void pause_ms(int ms);

#endif
