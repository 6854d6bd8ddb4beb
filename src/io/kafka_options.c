/* What the user's kafka.* settings say. */
#include <string.h>

#include "io/kafka.h"

const char *pl_kafka_property(const struct pl_kafka_options *options, const char *name)
{
    for (size_t i = 0; i < options->property_count; i++) {
        if (strcmp(options->properties[i][0], name) == 0) {
            return options->properties[i][1];
        }
    }
    return NULL;
}

const char *pl_kafka_servers(const struct pl_kafka_options *options)
{
    const char *servers = pl_kafka_property(options, "bootstrap.servers");

    if (servers == NULL) { /* librdkafka's other name for it */
        servers = pl_kafka_property(options, "metadata.broker.list");
    }
    return servers == NULL ? PL_KAFKA_DEFAULT_SERVERS : servers;
}

const char *pl_kafka_sasl_mechanism(const struct pl_kafka_options *options)
{
    const char *one = pl_kafka_property(options, "sasl.mechanism");
    const char *other = pl_kafka_property(options, "sasl.mechanisms");

    return one != NULL ? one : other != NULL ? other : "";
}
