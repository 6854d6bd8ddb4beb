/* The pages that the HTTP port serves beside health: /metrics, and what /readyz tells beside it. */
#ifndef PL_CLI_RUN_METRICS_PAGE_H
#define PL_CLI_RUN_METRICS_PAGE_H

#include "planlift/buffer.h"
#include "planlift/health.h"
#include "planlift/metrics.h"

/* What is told beside the numbers; borrowed. */
struct pl_metrics_about {
    const char *topics[PL_INPUT_COUNT];
    int64_t started_ms; /* wall clock */
};

/* Append the page in Prometheus' text format 0.0.4. Thread: any. */
void pl_metrics_page(struct pl_metrics *metrics, struct pl_health *health,
                     const struct pl_metrics_about *about, struct pl_buffer *page);

/* Append "catalogue VERSION sha256 DIGEST", a line of /readyz; nothing before one is loaded. */
void pl_metrics_put_catalogue(struct pl_metrics *metrics, struct pl_buffer *page);

#endif
