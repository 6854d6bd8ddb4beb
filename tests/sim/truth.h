/* Short scripts of a Kafka client, written against librdkafka's API and linked twice: with the real
 * library and with the simulated one. What they print must be the same: that is how the simulated
 * Kafka is known to be like the real one. */
#ifndef PL_TESTS_SIM_TRUTH_H
#define PL_TESTS_SIM_TRUTH_H

#include <stdbool.h>

/* Where a script works: topics of one partition that nobody else uses, or used before. */
struct truth {
    const char *servers;
    const char *events, *requests; /* inputs, of which a group consumes */
    const char *results, *state;   /* outputs */
    const char *group;
    const char *id; /* what transactional and instance ids begin with */
};

/* NULL past the last. */
const char *truth_script(int number);

/* Runs the script and prints what comes of each call. */
void truth_run(int number, const struct truth *truth);

#endif
