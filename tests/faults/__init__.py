"""The fault campaign: real planlift processes on a real Kafka and Redis, and what can go wrong.

campaign     the program: which faults, how many, how it is told
rig          servers, processes, load and watch, together: what a fault works on
fleet        planlift processes in their slots, started again when they end
traffic      a steady random workload
commits      what is committed, seen from outside as it happens
verdict      what is lost, doubled, torn, wrong or stale: from the topics, and Redis at rest
processes, caches, brokers, operators    the faults
failpoint    a process that is to end, or to stop, at a named place (failpoint.c)
proxy        between planlift and Kafka, request by request; between planlift and Redis
recovery     how long it takes, with a large state
table        what is printed at the end
"""
