/* Requests on their way: sent to Kafka, and their answers waited for. */
#ifndef PL_CLI_SUBMISSION_H
#define PL_CLI_SUBMISSION_H

#include "cli/results/result_print.h"
#include "io/kafka_sender.h"
#include "planlift/model.h"

struct pl_submission {
    struct pl_request request;
    struct pl_place place; /* of its record, once it is sent */
    bool is_answered;
};

/* In place. */
struct pl_submissions {
    struct pl_submission *items;
    size_t count;
};

/* Send all, in their order, each to the partition of its customer. Errors: PL_AGAIN (Kafka has not
 * acknowledged in time; some may be stored), PL_BAD_DATA, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_submissions_send(struct pl_session *session,
                                                 struct pl_submissions *submissions,
                                                 struct pl_error *error);

struct pl_answers; /* the topics that answers come in, from a moment on */

/* Begin to listen: before the requests are sent. Errors: PL_AGAIN, PL_NOT_FOUND, PL_FATAL.
 * Owns: free with pl_answers_free. */
PL_MUST_CHECK enum pl_status pl_answers_listen(struct pl_session *session,
                                               struct pl_answers **ret_answers,
                                               struct pl_error *error);
void pl_answers_free(struct pl_answers *answers); /* NULL is fine */

/* Wait until each request has its result, which is printed, or is a dead letter, which is noted.
 * The submissions are put in another order.
 * Errors: PL_NOT_FOUND: not all came in time, or there were dead letters; PL_AGAIN, PL_FATAL. */
PL_MUST_CHECK enum pl_status pl_answers_await(struct pl_answers *answers,
                                              struct pl_submissions *submissions,
                                              struct pl_result_printer *printer, int64_t timeout_ms,
                                              struct pl_error *error);

#endif
