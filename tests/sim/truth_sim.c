/* truth_sim SCRIPT [TRACE]: the script on the simulated Kafka, where nothing goes wrong; with any
 * second word what happens is told on the standard error. */
#include <stdlib.h>
#include <string.h>

#include "sim.h"
#include "truth.h"

#define MOST_STEPS 100000

static int script; /* the one that the process below runs */

static void run_script(struct sim_process *process)
{
    const struct sim *sim = process->sim;
    struct truth truth = {"simulated:9092",
                          sim->topics[PL_TOPIC_EVENTS],
                          sim->topics[PL_TOPIC_REQUESTS],
                          sim->topics[PL_TOPIC_RESULTS],
                          sim->topics[PL_TOPIC_STATE],
                          sim->group_id,
                          "truth"};

    truth_run(script, &truth);
}

int main(int argc, char **argv)
{
    static struct sim sim; /* large, and must not move */
    struct sim_options options = {.seed = 1,
                                  .partition_count = 1,
                                  .slot_count = 1,
                                  .is_faultless = true,
                                  .main = run_script,
                                  .trace = argc > 2 ? stderr : NULL};
    struct sim_process *process;

    while (argc > 1 && truth_script(script) != NULL && strcmp(truth_script(script), argv[1]) != 0) {
        script++;
    }
    if (argc < 2 || truth_script(script) == NULL) {
        (void)fprintf(stderr, "usage: truth_sim SCRIPT\n");
        return 2;
    }
    sim_init(&sim, &options);
    sim.slots[0].is_in_service = false; /* nobody starts it again */
    for (int topic = 0; topic < PL_TOPIC_COUNT; topic++) {
        sim.world.broker.broker_limits[topic] = 1048588; /* max.message.bytes, by default */
    }
    process = sim_start(&sim, 0);
    for (int i = 0; i < MOST_STEPS && process->state != SIM_PROCESS_ENDED; i++) {
        sim_run(&sim, 1);
    }
    if (process->state != SIM_PROCESS_ENDED) {
        (void)puts("the script does not end");
        return 1;
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
