"""An independent second implementation of planlift's rules.

Written from the public contract alone, never from the C code, so that what the two
agree on is the contract. System tests and fuzzers judge the C program with it.

    catalogue    contract 4      offers, services, families, the upgrade matrix
    state        contract 5      a customer, the events, the Once memory
    decide       contract 6      CHECK, UPGRADE, ADD_LICENSES
    compare      contract 6, 9   differences between two answers, and what messages must say
    lines        contract 9      one line of `planlift decide`, good or bad
    vectors      contract 9      random catalogues, lines and bad lines
    fuzz_decide  contract 9      compares a binary's `decide` with this package
    strict_avro  contract 3, 7   byte-exact Avro reading and schema resolution
    wire         contract 2, 3   framing, partitioners, headers
    records      contract 7      what a single input record is: good, or which dead letter
    workload     contract 1-7    seeded streams of events and requests
    breakage     contract 3, 7   broken records of a workload, evolved schemas, unusual bytes
    history      contract 2-7    judges the content of the topics after a run
    perfect      contract 1-7    a planlift in memory that makes right histories (for tests)

Only the standard library is needed; `wire` and what builds on it also need fastavro. The package
is found with `tests/` on PYTHONPATH; its own tests are run with `pytest tests/oracle/tests`.
"""
