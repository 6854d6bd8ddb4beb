/* The state of a transactional producer, shared by kafka_txn.c and kafka_commit.c. */
#ifndef PL_TESTS_SIM_KAFKA_TXN_H
#define PL_TESTS_SIM_KAFKA_TXN_H

#include "kafka_sim.h"

/* rd_kafka_txn_state_t. */
enum sim_txn_state {
    SIM_STATE_INIT,
    SIM_STATE_WAIT_PID,
    SIM_STATE_READY_NOT_ACKED,
    SIM_STATE_READY,
    SIM_STATE_IN_TRANSACTION,
    SIM_STATE_BEGIN_COMMIT,
    SIM_STATE_COMMITTING,
    SIM_STATE_COMMIT_NOT_ACKED,
    SIM_STATE_BEGIN_ABORT,
    SIM_STATE_ABORTING,
    SIM_STATE_ABORT_NOT_ACKED,
    SIM_STATE_ABORTABLE_ERROR,
    SIM_STATE_FATAL_ERROR
};

/* How far a partition has come into the transaction. */
enum sim_part { SIM_PART_NONE, SIM_PART_PENDING, SIM_PART_WAITING, SIM_PART_REGISTERED };

struct sim_txn {
    rd_kafka_t *rk;
    const char *id;
    enum sim_txn_state state;
    struct pl_fake_session session;
    uint64_t number; /* transactions begun */
    enum sim_part parts[PL_TOPIC_COUNT][PL_FAKE_MAX_PARTITIONS];
    bool is_registering;     /* one AddPartitionsToTxn at a time */
    bool will_register;      /* a timer for the next one runs */
    int request_count;       /* that the coordinator may know of: 0: EndTxn is not sent */
    int64_t failures;        /* messages not delivered */
    bool requires_bump;      /* an abort is not done before the epoch is a new one */
    rd_kafka_resp_err_t err; /* why the transaction failed */
    char err_text[256];
    rd_kafka_resp_err_t init_err; /* what the last InitProducerId was answered */
    /* The call under way. */
    const char *call; /* NULL: none */
    bool has_result;
    rd_kafka_error_t *result;
};

/* Both kinds of fencing are one to the application. */
rd_kafka_resp_err_t sim_txn_normalize(rd_kafka_resp_err_t err);

/* Not NULL: another call is under way. */
rd_kafka_error_t *sim_txn_begin_call(struct sim_txn *txn, const char *call);
/* Whatever a call returns goes through here. */
rd_kafka_error_t *sim_txn_return(struct sim_txn *txn, bool is_resumable, rd_kafka_error_t *error);
/* Let the main thread do something and wait for the result; a result that is there already (of a
 * call that was left) is taken instead. work NULL: it is being done already. */
rd_kafka_error_t *sim_txn_run(struct sim_txn *txn, void (*work)(struct sim_txn *txn),
                              int64_t deadline_ms);
/* What is wrong with the state, where it is not one of the mask's. */
rd_kafka_error_t *sim_txn_require(const struct sim_txn *txn, unsigned mask);
/* Result of the call under way, NULL for success; takes error. The first failure stays. */
void sim_txn_set_result(struct sim_txn *txn, rd_kafka_error_t *error);
/* Ask for a producer id, or a new epoch of the one it has. */
void sim_txn_request_pid(struct sim_txn *txn);
/* All partitions that have come so far are there now. */
void sim_txn_move_parts(struct sim_txn *txn, enum sim_part from, enum sim_part to);

#endif
