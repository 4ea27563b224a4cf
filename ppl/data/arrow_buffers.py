"""Between Arrow and numpy by way of their buffers.

Arrow's own conversions import pandas wherever it is installed, which costs 0.3 s.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ppl.data.where import Array

if TYPE_CHECKING:
    import pyarrow as pa


def numbers(array: Any) -> Array:
    """The values of a primitive Arrow array, chunked or not; those of null cells mean nothing.

    >>> import pyarrow
    >>> numbers(pyarrow.array([1, 2]))
    array([1, 2])
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_boolean(array.type):
        return numbers(pc.cast(array, pa.uint8())).astype(np.bool_)
    dtype = np.dtype(str(array.type).replace("halffloat", "float16").replace("double", "float64"))
    chunks = array.chunks if isinstance(array, pa.ChunkedArray) else [array]
    parts = [
        np.frombuffer(c.buffers()[1], dtype=dtype, count=len(c), offset=c.offset * dtype.itemsize)
        for c in chunks
        if len(c)
    ]
    if len(parts) == 1:
        return parts[0]  # read-only: the memory is Arrow's
    return np.concatenate(parts) if parts else np.zeros(0, dtype=dtype)


def joined(parts: list[Array], dtype: type) -> Array:
    """Arrays one after another in memory of their own, converted while they are copied.

    >>> joined([np.arange(2, dtype=np.int32), np.arange(1, dtype=np.int32)], np.int64)
    array([0, 1, 0])
    """
    out: Array = np.empty(sum(map(len, parts)), dtype=dtype)
    if parts:
        np.concatenate(parts, out=out, casting="unsafe")
    return out


def strings(texts: list[str]) -> pa.Array:
    """Texts as an Arrow array."""
    import pyarrow as pa

    encoded = [t.encode() for t in texts]
    offsets = np.cumsum([0, *map(len, encoded)], dtype=np.int32)
    return pa.StringArray.from_buffers(len(texts), pa.py_buffer(offsets), pa.py_buffer(b"".join(encoded)))


def mask(flags: Array) -> pa.Array:
    """A numpy mask as an Arrow array."""
    import pyarrow as pa

    bits = np.packbits(flags, bitorder="little")
    return pa.Array.from_buffers(pa.bool_(), len(flags), [None, pa.py_buffer(bits)])
