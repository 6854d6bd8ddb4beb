"""The simulation's judge: runs planlift_sim, and asks the oracle what it thinks of the outcome.

schedule   what planlift_sim writes about a schedule (tests/sim/dump.h)
verdict    is it right? by the oracle, from the topics alone
simulate   many schedules, a table of the bad manners, one replay command for a failure
"""
