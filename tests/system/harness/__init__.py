"""The outside of planlift, for the system tests: its topics, its process, its environment.

deadline  how long a test waits, and for what
kafka     topics as a test sees them: make, write, read, look at a group's offsets
groups    requests about a consumer group that the Python client cannot make
planlift  the program under test as a process
world     all of it for one test, with names that no other test has
samples   facts and requests of an ordinary customer
verdict   what the history checker says of the topics
stored    what planlift has stored, and whether anything has changed
remedy    the remedies of docs/operations.md, carried out
root      what needs to be root
secure_kafka  a Kafka with TLS, logins and rights
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
