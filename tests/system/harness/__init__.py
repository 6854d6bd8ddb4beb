"""The outside of planlift, for the system tests: its topics, its process, its environment.

deadline  how long a test waits, and for what
kafka     topics as a test sees them: make, write, read, look at a group's offsets
planlift  the program under test as a process
world     all of it for one test, with names that no other test has
"""

from .deadline import Deadline, eventually
from .kafka import KafkaClient, Message
from .planlift import Finished, Planlift
from .world import Topics, World

__all__ = [
    "Deadline",
    "Finished",
    "KafkaClient",
    "Message",
    "Planlift",
    "Topics",
    "World",
    "eventually",
]
