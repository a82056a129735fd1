"""What a host tells all others of its peers is packed: names of fields and states come again in each row."""

import zlib

MOST = 8 * 1024 * 1024
"""Bytes that one value may hold: some 40,000 rows."""


def pack(data: bytes) -> bytes:
    """The same in less."""
    return zlib.compress(data, 1)


def unpack(packed: bytes) -> bytes:
    """What was packed. Raises ValueError: it was not, or it is more than may be."""
    opened = zlib.decompressobj()
    try:
        data = opened.decompress(packed, MOST)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not opened.eof:
        raise ValueError("it is cut off, or too much")
    return data
