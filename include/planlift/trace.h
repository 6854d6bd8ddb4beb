/* Trace context of W3C (https://www.w3.org/TR/trace-context/), as records carry it in headers. */
#ifndef PL_TRACE_H
#define PL_TRACE_H

#include <stddef.h>

#include "planlift/bytes.h"
#include "planlift/ports.h"

#define PL_TRACE_ID_BYTES 32

/* The 32 hex digits of the trace id in the header traceparent; null where there is no such header,
 * more than one, or one that is not as the standard says. A view into the header. */
struct pl_bytes pl_trace_id(const struct pl_header *headers, size_t count);

#endif
