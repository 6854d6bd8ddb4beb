/* A customer's state as Kafka has it now: from the state topic, with Redis as a short cut whose
 * freshness is proven. Changes nothing. */
#ifndef PL_CLI_CUSTOMER_READ_H
#define PL_CLI_CUSTOMER_READ_H

#include "cli/session.h"
#include "planlift/customer.h"

struct pl_customer_view {
    struct pl_customer customer; /* all licences are loaded; empty where it is not known */
    bool is_known;
    int32_t partition;
    int64_t until;  /* the state below this offset of the state topic */
    bool is_cached; /* most of it came from Redis */
    /* By input: offsets of the partition that the state has not taken in yet; markers of
     * transactions count. */
    int64_t behind[PL_INPUT_COUNT];
};

/* Read one partition's word about a customer, into the session's arena. Redis is asked where
 * use_cache, and passed over where it cannot be reached or is not proven to be right. Errors:
 * PL_AGAIN (Kafka is away), PL_NOT_FOUND (there is no such topic), PL_FATAL (the state cannot be
 * read). */
PL_MUST_CHECK enum pl_status pl_customer_read(struct pl_session *session,
                                              struct pl_bytes customer_id, int32_t partition,
                                              bool use_cache, struct pl_customer_view *ret_view,
                                              struct pl_error *error);

#endif
