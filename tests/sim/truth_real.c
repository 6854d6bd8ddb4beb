/* truth_real SERVERS SCRIPT PREFIX: the script on a real Kafka, on topics PREFIX-events, -requests,
 * -results, -state; or just --list: the scripts' names. */
#include <stdio.h>
#include <string.h>

#include "truth.h"

int main(int argc, char **argv)
{
    char names[5][128];
    static const char *const ends[] = {"events", "requests", "results", "state", "group"};
    struct truth truth;

    if (argc == 2 && strcmp(argv[1], "--list") == 0) {
        for (int i = 0; truth_script(i) != NULL; i++) {
            (void)puts(truth_script(i));
        }
        return 0;
    }
    if (argc != 4) {
        (void)fprintf(stderr, "usage: truth_real SERVERS SCRIPT PREFIX | --list\n");
        return 2;
    }
    for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
        (void)snprintf(names[i], sizeof(names[i]), "%s-%s", argv[3], ends[i]); /* cut to fit */
    }
    truth = (struct truth){argv[1], names[0], names[1], names[2], names[3], names[4], argv[3]};
    for (int i = 0; truth_script(i) != NULL; i++) {
        if (strcmp(truth_script(i), argv[2]) == 0) {
            truth_run(i, &truth);
            return fflush(stdout) == 0 ? 0 : 1;
        }
    }
    (void)fprintf(stderr, "there is no script %s\n", argv[2]);
    return 2;
}
