/* What planlift sets otherwise than librdkafka unless the user does: the one table, which gives the
 * handles their settings and docs/configuration.md its list. */
#ifndef PL_IO_KAFKA_DEFAULTS_H
#define PL_IO_KAFKA_DEFAULTS_H

/* The handles there are, as bits. */
enum pl_kafka_use {
    PL_KAFKA_OF_INPUTS = 1,    /* the service's consumer */
    PL_KAFKA_OF_STATE = 2,     /* its reader of the state topic */
    PL_KAFKA_OF_OUTPUTS = 4,   /* its transactional producer */
    PL_KAFKA_OF_READING = 8,   /* commands that read topics */
    PL_KAFKA_OF_SENDING = 16,  /* commands that write to topics */
    PL_KAFKA_OF_QUESTIONS = 32 /* handles that only ask: what topics, who is in the group */
};
#define PL_KAFKA_OF_ALL 63u
#define PL_KAFKA_USE_COUNT 6

struct pl_kafka_default {
    const char *name; /* of librdkafka's setting */
    const char *value;
    unsigned uses; /* bits */
    const char *reason;
    const char *since; /* version of librdkafka that knows it; NULL: all that planlift runs with */
};

/* A NULL name ends them. */
extern const struct pl_kafka_default pl_kafka_defaults[];

/* What a handle is for, in a word or three, by bit number. */
extern const char *const pl_kafka_use_names[PL_KAFKA_USE_COUNT];

#endif
