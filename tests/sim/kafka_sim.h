/* The inside of the simulated librdkafka (2.0.2): what its files share. Its public face is
 * librdkafka's own header. What a real client does on threads of its own happens here in later
 * events of the world, and only while the client's process is alive and not stopped. */
#ifndef PL_TESTS_SIM_KAFKA_SIM_H
#define PL_TESTS_SIM_KAFKA_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <librdkafka/rdkafka.h>

#include "sim.h"

/* ---- requests (kafka_request.c) -------------------------------------------------------------- */

/* Parts of the cluster that can be away. */
enum sim_place { SIM_TXN_COORDINATOR, SIM_GROUP_COORDINATOR, SIM_LEADER, SIM_PLACE_COUNT };

void sim_go_away(struct sim *sim, enum sim_place place, int64_t ms);
bool sim_is_away(const struct sim *sim, enum sim_place place);

/* What can become of a request on its way. */
enum sim_fate {
    SIM_FATE_REQUEST_LOST,
    SIM_FATE_REPLY_LOST,
    SIM_FATE_REPEATED,
    SIM_FATE_LATE,
    SIM_FATE_COUNT
};

/* A kind of request. */
struct sim_api {
    const char *name;
    int16_t key;          /* as interceptors see it */
    enum sim_place place; /* who serves it */
    int fates
        [SIM_FATE_COUNT]; /* the manner that brings it about; -1: it does not befall this kind */
};

#define SIM_NO_FATES                                                                               \
    {                                                                                              \
        -1, -1, -1, -1                                                                             \
    }
#define SIM_ALL_FATES(name)                                                                        \
    {                                                                                              \
        SIM_##name##_REQUEST_LOST, SIM_##name##_REPLY_LOST, SIM_##name##_REPEATED,                 \
            SIM_##name##_LATE                                                                      \
    }

struct sim_request;
/* At the broker: does the work and returns what is answered. May park the request instead, to be
 * answered with sim_answer later. May run more than once for one request. */
typedef rd_kafka_resp_err_t sim_serve_fn(struct sim_request *request);
/* In the client: a broker's answer, or RD_KAFKA_RESP_ERR__TRANSPORT where there was none. */
typedef void sim_answered_fn(struct sim_request *request, rd_kafka_resp_err_t err);

struct sim_request {
    rd_kafka_t *rk;
    const struct sim_api *api;
    sim_serve_fn *serve;
    sim_answered_fn *answered;
    void *data; /* of the kind of request */
    struct pl_fake_session session;
    bool is_parked;   /* set by serve */
    bool is_answered; /* by sim_answer */
    bool is_broken;   /* the client has given up on the connection it was sent on */
    bool is_done;     /* for whoever waits for it */
    rd_kafka_resp_err_t err;
    unsigned attempts;
    uint64_t number; /* of the client's transaction that it belongs to */
    /* Of the transactional id, when it was sent: what a late one is late for. */
    int sent_epoch;
    uint64_t sent_sequence;
};

/* Make one in the world's arena; it stays. */
struct sim_request *sim_request_new(rd_kafka_t *rk, const struct sim_api *api, sim_serve_fn *serve,
                                    sim_answered_fn *answered, void *data);
/* On its way, now or in ms. */
void sim_send(struct sim_request *request);
void sim_send_later(struct sim_request *request, int64_t ms);
/* A broker answers a request that was parked. */
void sim_answer(struct sim_request *request, rd_kafka_resp_err_t err);
/* Notes err and wakes whoever waits for is_done: the answered function of calls that block. */
void sim_request_done(struct sim_request *request, rd_kafka_resp_err_t err);
/* From a process: send it, again and again while the answer is one to try again after, until there
 * is another, or the time has come (RD_KAFKA_RESP_ERR__TIMED_OUT). */
rd_kafka_resp_err_t sim_ask(struct sim_request *request, int64_t deadline_ms);

/* Something that a client's own thread does in ms: not at all if the process is dead or the handle
 * destroyed by then, later if it is stopped. */
typedef void sim_client_fn(rd_kafka_t *rk, void *data);
void sim_client_after(rd_kafka_t *rk, int64_t ms, sim_client_fn *fn, void *data);

int64_t sim_latency(struct sim *sim);                        /* one way, in ms */
int64_t sim_deadline(const struct sim *sim, int timeout_ms); /* -1: never */

/* What a broker says of a producer, as Kafka's error; tallies who was fenced and why. */
rd_kafka_resp_err_t sim_txn_err(struct sim *sim, struct pl_fake_session session,
                                enum pl_fake_answer answer);

/* Before the transaction of an id ends: will its markers be late? */
void sim_draw_marker_delay(struct sim *sim, const char *transactional_id);

/* ---- messages (kafka_message.c) -------------------------------------------------------------- */

struct sim_message {
    rd_kafka_message_t public; /* first: the one is the other */
    rd_kafka_headers_t *headers;
    void *bytes; /* key and value */
    enum pl_topic topic;
    struct sim_message *next;
};

/* -1: not one of the six. */
int sim_topic_of(const struct sim *sim, const char *name);

struct sim_message *sim_message_new(rd_kafka_topic_t *rkt, int32_t partition, struct pl_bytes key,
                                    struct pl_bytes value);
/* As a consumer gets it. */
struct sim_message *sim_message_of(rd_kafka_topic_t *rkt, int32_t partition,
                                   const struct pl_fake_entry *entry);
void sim_message_free(struct sim_message *message);
/* As a broker stores it; headers are in the arena. */
struct pl_message sim_message_store(struct sim *sim, const struct sim_message *message);

/* First in, first out. */
struct sim_queue {
    struct sim_message *first, *last;
    int count;
};

void sim_queue_put(struct sim_queue *queue, struct sim_message *message);
struct sim_message *sim_queue_take(struct sim_queue *queue); /* NULL: empty */

/* ---- errors (kafka_error.c) ------------------------------------------------------------------ */

struct rd_kafka_error_s {
    rd_kafka_resp_err_t code;
    bool is_fatal, is_retriable, requires_abort;
    char text[256];
};

rd_kafka_error_t *sim_error_new(rd_kafka_resp_err_t code, const char *format, ...) PL_PRINTF(2, 3);
rd_kafka_error_t *sim_error_retriable(rd_kafka_error_t *error);
rd_kafka_error_t *sim_error_fatal(rd_kafka_error_t *error);
rd_kafka_error_t *sim_error_requires_abort(rd_kafka_error_t *error);

/* ---- handles (kafka_handle.c) ---------------------------------------------------------------- */

enum { SIM_MAX_PROPERTIES = 48, SIM_MAX_INTERCEPTORS = 4 };

struct sim_property {
    char *name, *value;
};

struct sim_interceptor {
    rd_kafka_interceptor_f_on_new_t *on_new;
    rd_kafka_interceptor_f_on_request_sent_t *on_sent;
    rd_kafka_interceptor_f_on_response_received_t *on_received;
    void *opaque;
};

struct sim_interceptors {
    struct sim_interceptor items[SIM_MAX_INTERCEPTORS];
    int count;
};

struct rd_kafka_conf_s {
    struct sim_property properties[SIM_MAX_PROPERTIES];
    int property_count;
    void (*log_cb)(const rd_kafka_t *rk, int level, const char *facility, const char *text);
    void (*error_cb)(rd_kafka_t *rk, int err, const char *reason, void *opaque);
    void (*dr_msg_cb)(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque);
    void (*rebalance_cb)(rd_kafka_t *rk, rd_kafka_resp_err_t err,
                         rd_kafka_topic_partition_list_t *partitions, void *opaque);
    void *opaque;
    struct sim_interceptors on_new;
};

/* NULL where it is not set. */
const char *sim_property(const rd_kafka_conf_t *conf, const char *name);
int64_t sim_property_number(const rd_kafka_conf_t *conf, const char *name, int64_t otherwise);

struct rd_kafka_topic_s {
    rd_kafka_t *rk;
    char *name;
    int index; /* pl_topic; -1: the broker has none of the name */
};

struct sim_producer; /* kafka_producer.c */
struct sim_txn;      /* kafka_txn.c */
struct sim_consumer; /* kafka_consumer.c */
struct sim_member;   /* kafka_member.c */

struct rd_kafka_s {
    struct sim *sim;
    struct sim_process *process;
    rd_kafka_type_t type;
    rd_kafka_conf_t *conf;
    bool is_destroyed;
    unsigned crashes; /* of brokers that it knows of */
    struct sim_interceptors on_sent, on_received;
    rd_kafka_resp_err_t fatal_err;
    char fatal_text[256];
    bool is_known[PL_TOPIC_COUNT]; /* topics it was told of with rd_kafka_topic_new */
    struct sim_producer *producer;
    struct sim_txn *txn;
    struct sim_consumer *consumer;
    struct sim_member *member; /* NULL: never subscribed */
};

/* The first counts. */
void sim_set_fatal(rd_kafka_t *rk, rd_kafka_resp_err_t err, const char *text);
bool sim_is_read_committed(const rd_kafka_t *rk);

/* ---- producer (kafka_producer.c) and its transactions (kafka_txn.c) -------------------------- */

struct sim_producer *sim_producer_new(rd_kafka_t *rk);
void sim_producer_free(rd_kafka_t *rk);
/* Send what may be sent, soon. */
void sim_producer_kick(rd_kafka_t *rk);
/* What waits to be sent is reported with an error; what is under way is left alone. */
void sim_producer_purge(rd_kafka_t *rk, rd_kafka_resp_err_t err);
/* Messages not reported yet. */
int sim_producer_pending(const rd_kafka_t *rk);

/* NULL: not configured as transactional. */
struct sim_txn *sim_txn_new(rd_kafka_t *rk);
void sim_txn_free(rd_kafka_t *rk);
bool sim_txn_may_produce(const rd_kafka_t *rk);
/* May this partition's messages go? It is registered for that where it is not yet. */
void sim_txn_add_partition(rd_kafka_t *rk, enum pl_topic topic, int32_t partition);
bool sim_txn_may_send(const rd_kafka_t *rk, enum pl_topic topic, int32_t partition);
struct pl_fake_session sim_txn_session(const rd_kafka_t *rk);
uint64_t sim_txn_number(const rd_kafka_t *rk); /* of transactions begun; 0: none, or no producer */
bool sim_txn_is_aborting(const rd_kafka_t *rk);
void sim_txn_count_failure(rd_kafka_t *rk); /* a message was not delivered */
void sim_txn_require_bump(rd_kafka_t *rk);  /* the abort is to ask for a new epoch (KIP-360) */
void sim_txn_fail(rd_kafka_t *rk, rd_kafka_resp_err_t err, const char *text);       /* abortable */
void sim_txn_fail_fatal(rd_kafka_t *rk, rd_kafka_resp_err_t err, const char *text); /* for good */

/* ---- consumer (kafka_consumer.c) and its membership (kafka_member.c) ------------------------- */

struct sim_consumer *sim_consumer_new(rd_kafka_t *rk);
void sim_consumer_free(rd_kafka_t *rk);
void sim_consumer_assign(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list);
/* Nothing is delivered while a rebalance waits for the application. */
void sim_consumer_hold(rd_kafka_t *rk, bool is_held);
/* The application gets an RD_KAFKA_RESP_ERR__FATAL from its next poll. */
void sim_consumer_tell_fatal(rd_kafka_t *rk);
/* Has it records of these that are not handled? For tallies. */
bool sim_consumer_is_reading(const rd_kafka_t *rk);

void sim_member_subscribe(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list);
/* A rebalance callback is to be made: makes it. */
bool sim_member_has_callback(const rd_kafka_t *rk);
void sim_member_call_back(rd_kafka_t *rk);
/* The application called assign (list NULL: unassign). */
void sim_member_note_assign(rd_kafka_t *rk, bool is_unassign);
bool sim_member_is_cooperative(const rd_kafka_t *rk);
void sim_member_close(rd_kafka_t *rk);
/* What it knows of itself; generation -1, id "": no member. */
int32_t sim_member_generation(const rd_kafka_t *rk);
const char *sim_member_id(const rd_kafka_t *rk);

struct rd_kafka_consumer_group_metadata_s {
    char group_id[64], member_id[96], instance_id[64];
    int32_t generation;
};

/* ---- the group coordinator (kafka_group.c) --------------------------------------------------- */

enum { SIM_MAX_MEMBERS = 16 };

/* Topic partitions, by input. */
struct sim_share {
    bool has[PL_INPUT_COUNT][PL_FAKE_MAX_PARTITIONS];
};

/* What a member asks of the coordinator, and what it is answered; one for each kind. */
struct sim_group_call {
    char member_id[96];
    char instance_id[64]; /* "": a dynamic member */
    char host[64];
    int32_t generation;
    int64_t session_timeout_ms;
    struct sim_share owned; /* join: for assignors that want it */
    bool is_cooperative;
    struct sim_process *process;
    /* Answers to a join. */
    char ret_member_id[96];
    int32_t ret_generation;
    bool ret_is_leader;
    int ret_member_count;
    char ret_members[SIM_MAX_MEMBERS][96]; /* in the order of the assignor */
    struct sim_share ret_owned[SIM_MAX_MEMBERS];
    /* sync: of the leader, by the order of ret_members; and the answer. */
    bool has_shares;
    int share_count;
    char share_members[SIM_MAX_MEMBERS][96];
    struct sim_share shares[SIM_MAX_MEMBERS];
    struct sim_share ret_share;
};

sim_serve_fn sim_group_join, sim_group_sync, sim_group_heartbeat, sim_group_leave;

/* As TxnOffsetCommit and OffsetCommit are judged. */
rd_kafka_resp_err_t sim_group_check(struct sim *sim,
                                    const struct rd_kafka_consumer_group_metadata_s *metadata);
/* A member as it is told to others. */
struct sim_group_view {
    char instance_id[64], client_id[64];
};

/* Returns how many there are. */
size_t sim_group_describe(const struct sim *sim, struct sim_group_view ret_views[SIM_MAX_MEMBERS]);

/* Nobody is a member any more, not even by a session that has not run out yet. */
bool sim_group_is_empty(const struct sim *sim);
/* The group's offsets expire, or an operator sets one back: which can be done to an empty group. */
void sim_group_lose_offsets(struct sim *sim);
/* Somebody asks for a partition's offsets. */
void sim_group_note_asked(struct sim *sim, int32_t partition);
/* A slot came or went: the next rebalance is of that. */
void sim_group_note_scaling(struct sim *sim);

#endif
