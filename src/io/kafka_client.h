/* What every Kafka handle of planlift shares: the user's settings, and those that we set. */
#ifndef PL_IO_KAFKA_CLIENT_H
#define PL_IO_KAFKA_CLIENT_H

#include <librdkafka/rdkafka.h>

#include "io/kafka.h"
#include "io/kafka_defaults.h"
#include "planlift/compiler.h"
#include "planlift/status.h"

/* How long a single question to Kafka may take before it counts as unanswered. */
#define PL_KAFKA_CALL_TIMEOUT_MS 5000

/* One librdkafka property. */
struct pl_property {
    const char *name;
    const char *value;
};

/* What a kind of handle is made of, beside the user's kafka.* properties. */
struct pl_client_plan {
    rd_kafka_type_t type;
    enum pl_kafka_use use; /* gives the defaults; the user's settings win over these */
    /* These win over the user's; a NULL name ends them; NULL: there are none. */
    const struct pl_property *forced;
    /* Sets callbacks; may be NULL. Errors: PL_FATAL. */
    enum pl_status (*prepare)(rd_kafka_conf_t *conf, void *opaque, struct pl_error *error);
    void *opaque; /* for the callbacks */
};

/* Make a handle. Errors: PL_BAD_DATA (a property is refused).
 * Owns: destroy *ret_rk with rd_kafka_destroy. */
PL_MUST_CHECK enum pl_status pl_kafka_client_new(const struct pl_kafka_options *options,
                                                 const struct pl_client_plan *plan,
                                                 rd_kafka_t **ret_rk, struct pl_error *error);

#endif
