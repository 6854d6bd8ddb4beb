"""Seeded bugs: would the simulation notice if planlift were wrong?

bugs    the table: a file, a snippet of it, what stands there instead
seeded  builds planlift_sim with each and counts the schedules until it is caught
"""
