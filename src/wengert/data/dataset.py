"""Sets of samples."""

from typing import Any, Protocol

import numpy as np
from numpy import ndarray


class Dataset(Protocol):
    """Anything with a length whose items are samples: tuples of arrays or numbers, as (x, t)."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: Any, /) -> Any: ...


class ArrayDataset:
    """Arrays of equal length, side by side: sample i is (x[i], t[i], …).

    A slice or an array of integers gives several samples at once, as a tuple of arrays.
    """

    def __init__(self, *arrays: ndarray) -> None:
        self.arrays = tuple(np.asarray(a) for a in arrays)
        lengths = {a.shape[:1] for a in self.arrays}
        if len(lengths) != 1 or lengths == {()}:
            shapes = ", ".join(str(a.shape) for a in self.arrays)
            raise ValueError(f"ArrayDataset: got shapes {shapes}, needed arrays of equal length")

    def __len__(self) -> int:
        return len(self.arrays[0])

    def __getitem__(self, index: Any, /) -> tuple[Any, ...]:
        return tuple(a[index] for a in self.arrays)

    def __repr__(self) -> str:
        return f"ArrayDataset({', '.join(f'{a.dtype} {a.shape}' for a in self.arrays)})"
