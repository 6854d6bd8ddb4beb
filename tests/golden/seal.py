"""The envelope of a stored value: format version, check sum over version, field name and body.

It is the same for all format versions, so that a newer one is told from a damaged value.
"""

from __future__ import annotations

import ctypes
import struct
from functools import cache

ENVELOPE = struct.Struct("<BQ")


def seal(version: int, field: bytes, body: bytes) -> bytes:
    """The stored value of a body."""
    return ENVELOPE.pack(version, _check_sum(version, field, body)) + body


def unseal(field: bytes, value: bytes) -> tuple[int, bytes]:
    """Format version and body; fails where the check sum is wrong."""
    version, check_sum = ENVELOPE.unpack_from(value)
    body = value[ENVELOPE.size :]
    assert check_sum == _check_sum(version, field, body), f"check sum of {field!r} is wrong"
    return version, body


def newer(field: bytes, value: bytes) -> bytes:
    """The same body as the next format version would store it."""
    version, body = unseal(field, value)
    return seal(version + 1, field, body)


def _check_sum(version: int, field: bytes, body: bytes) -> int:
    return _xxh3(body, _xxh3(field, version))


def _xxh3(data: bytes, seed: int) -> int:
    return _library().XXH3_64bits_withSeed(data, len(data), seed)


@cache
def _library() -> ctypes.CDLL:
    """The xxHash that planlift is linked with: a wheel of its own is not worth one function."""
    library = ctypes.CDLL("libxxhash.so.0")
    library.XXH3_64bits_withSeed.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_uint64]
    library.XXH3_64bits_withSeed.restype = ctypes.c_uint64
    return library
