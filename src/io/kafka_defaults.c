/* The table of planlift's own defaults for librdkafka. */
#include "io/kafka_defaults.h"

#include <stddef.h>

#include "io/kafka.h"

const struct pl_kafka_default pl_kafka_defaults[] = {
    {"bootstrap.servers", PL_KAFKA_DEFAULT_SERVERS, PL_KAFKA_OF_ALL, "a Kafka beside it", NULL},
    {"reconnect.backoff.max.ms", "1000", PL_KAFKA_OF_ALL,
     "ten seconds are too long after a broker is back", NULL},
    {"socket.connection.setup.timeout.ms", "3000", PL_KAFKA_OF_ALL,
     "a broker that does not answer is left for another one soon", NULL},
    {"fetch.queue.backoff.ms", "10", PL_KAFKA_OF_ALL,
     "a second is too long for who reads as fast as it comes", "2.3.0"},
    {"session.timeout.ms", "10000", PL_KAFKA_OF_INPUTS,
     "so long the partitions of a process that is gone for good stand still", NULL},
    {"heartbeat.interval.ms", "1000", PL_KAFKA_OF_INPUTS, "it goes with session.timeout.ms", NULL},
    {"queued.max.messages.kbytes", "32768", PL_KAFKA_OF_INPUTS, "what is read ahead", NULL},
    {"queued.max.messages.kbytes", "49152", PL_KAFKA_OF_STATE | PL_KAFKA_OF_READING,
     "what is read ahead; less lets librdkafka before 2.3.0 pause for a second", NULL},
    {"queued.min.messages", "150000", PL_KAFKA_OF_STATE | PL_KAFKA_OF_READING,
     "as above, in records", NULL},
    {"fetch.wait.max.ms", "100", PL_KAFKA_OF_INPUTS,
     "how long a fetch of nothing waits at the broker", NULL},
    {"fetch.wait.max.ms", "20", PL_KAFKA_OF_STATE | PL_KAFKA_OF_READING,
     "the end of a partition is told after one fetch of nothing", NULL},
    {"socket.timeout.ms", "6000", PL_KAFKA_OF_INPUTS | PL_KAFKA_OF_STATE,
     "a dead connection is noticed before the group's session is over", NULL},
    {"receive.message.max.bytes", "1000000000", PL_KAFKA_OF_INPUTS | PL_KAFKA_OF_STATE,
     "what a batch of records may unpack to: a small one that unpacks to more than 100 MB would "
     "block its partition for ever",
     NULL},
    {"transaction.timeout.ms", "4000", PL_KAFKA_OF_OUTPUTS,
     "what a dead process leaves open holds its successor up for so long; a transaction spans "
     "nothing but sending and committing",
     NULL},
    {"retry.backoff.ms", "1", PL_KAFKA_OF_OUTPUTS,
     "a transaction waits for the last one's markers in such steps", NULL},
    {"linger.ms", "5", PL_KAFKA_OF_OUTPUTS, "for full batches; a commit does not wait for it",
     NULL},
    {"linger.ms", "0", PL_KAFKA_OF_SENDING, "a few records, at once", NULL},
    {"queue.buffering.max.messages", "500000", PL_KAFKA_OF_OUTPUTS,
     "a batch of many customers with all their pieces", NULL},
    {NULL, NULL, 0, NULL, NULL}};

const char *const pl_kafka_use_names[PL_KAFKA_USE_COUNT] = {
    "inputs", "state topic", "outputs", "commands that read", "commands that send", "questions"};
