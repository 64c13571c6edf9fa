"""Transforms that are fitted to the training data: `StandardScaler` and `MinMaxScaler`.

Their statistics are computed in float64, and missing numbers (NaN) are left out. A fitted scaler
has a state, which `save_state` and `save_checkpoint` write and a `Trainer` keeps as one of its
parts.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

import numpy as np
from numpy import ndarray

from wengert.arguments import boolean, explains_call, integer, integers, number
from wengert.core import Variable
from wengert.data.arguments import array_of
from wengert.data.dataset import BaseDataset, Dataset, batch_of, check_dataset
from wengert.state import check_names

CHUNK = 2**20  # elements


class Scaler:
    """Base of the scalers: y = (x - shift) / scale + offset, for each feature.

    A subclass defines `_statistics`, the names of its state, `_update(x)`, which takes more data
    into account, and `_affine()`, which computes shift, scale and offset.

    Args:
        axis: the axes over which the statistics are computed; the first is 0, that of the samples.
            For 0, each element of a sample is a feature, as for the columns of a table. For
            (0, 2, 3), each channel of images (N, C, H, W) is a feature.

    Raises:
        TypeError: `axis` is neither an integer nor a tuple of integers.
        ValueError: `axis` does not start with 0.
    """

    _statistics: tuple[str, ...] = ()

    def __init__(self, axis: int | Sequence[int] = 0) -> None:
        name = type(self).__name__
        self.axis = integers(name, "axis", axis, least=0)
        if self.axis[:1] != (0,) or len(set(self.axis)) < len(self.axis):
            raise ValueError(
                f"{name}: got axis {axis!r:.60}, needed 0, or a tuple that starts with 0"
            )
        self._fitted: dict[str, ndarray] = {}
        self._numbers: tuple[ndarray, ndarray, float] | None = None  # shift, scale, offset

    def fit(self, data: Any, component: int = 0) -> Self:
        """Measures the data, which replaces what was measured before; returns the scaler.

        Args:
            data: an array whose first axis is the samples, or a data set.
            component: of the samples of a data set: 0 for x, 1 for t.

        Raises:
            TypeError: the data are no numbers.
            ValueError: there is no data, a feature has no numbers, or a number is infinite.
        """
        before = self._fitted, self._numbers
        self._fitted, self._numbers = {}, None
        try:
            return self.update(data, component)
        except BaseException:
            self._fitted, self._numbers = before
            raise

    def update(self, data: Any, component: int = 0) -> Self:
        """Takes more data into account, as if they had been part of the data of `fit`."""
        before = dict(self._fitted)
        try:
            for x in _chunks(self._caller("fit"), data, component):
                self._check(x)
                self._update(x)
            if not self._fitted:
                raise ValueError(f"{self._caller('fit')}: got no samples, needed at least one")
            self._set_affine()
        except BaseException:
            self._fitted = before
            raise
        return self

    def __call__(self, x: Any) -> Any:
        """The scaled sample, or batch of samples; in x's dtype, float32 for integers.

        NaN remains NaN. Of a Variable the result is a recorded Variable.

        Raises:
            RuntimeError: the scaler has not been fitted.
            ValueError: x has other features.
        """
        shift, scale, offset = self._for("transform", x)
        if isinstance(x, Variable):
            return (x - shift.astype(x.dtype)) / scale.astype(x.dtype) + offset
        x = self._array("transform", x)
        return ((x - shift) / scale + offset).astype(_dtype(x))

    def inverse(self, y: Any) -> Any:
        """The sample or batch that was scaled to `y`, such as predictions in their own units."""
        shift, scale, offset = self._for("inverse", y)
        if isinstance(y, Variable):
            return (y - offset) * scale.astype(y.dtype) + shift.astype(y.dtype)
        y = self._array("inverse", y)
        return ((y - offset) * scale + shift).astype(_dtype(y))

    def state_dict(self) -> dict[str, ndarray]:
        """What has been measured, as arrays by name; empty before `fit`."""
        return {name: np.array(value) for name, value in self._fitted.items()}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Restores what was measured.

        Raises:
            ValueError: the state has other names or its arrays have different shapes; nothing is
                loaded then.
        """
        caller = self._caller("load_state_dict")
        check_names(caller, state, self._statistics if state else ())
        values = {name: np.array(state[name], np.float64) for name in state}
        if len({value.shape for value in values.values()}) > 1:
            raise ValueError(f"{caller}: got arrays of different shapes; nothing was loaded")
        self._fitted, self._numbers = values, None
        if values:
            self._set_affine()

    def _update(self, x: ndarray) -> None:
        raise NotImplementedError

    def _affine(self) -> tuple[ndarray, ndarray, float]:
        raise NotImplementedError

    def _set_affine(self) -> None:
        self._numbers = self._affine()

    def _caller(self, method: str) -> str:
        return f"{type(self).__name__}.{method}"

    def _check(self, x: ndarray) -> None:
        caller = self._caller("fit")
        if max(self.axis) >= x.ndim:
            raise ValueError(f"{caller}: got data {x.shape}, which has no axis {max(self.axis)}")
        if np.isinf(x).any():
            where = np.argwhere(np.isinf(x))[0].tolist()
            raise ValueError(f"{caller}: got an infinite number, at {where}; needed finite ones")
        shape = tuple(1 if k in self.axis else n for k, n in enumerate(x.shape))[1:]
        if self._fitted and self._shape != shape:
            raise ValueError(
                f"{caller}: got samples {x.shape[1:]} after others, with features {self._shape}"
            )

    def _array(self, method: str, x: Any) -> ndarray:
        array = np.asarray(x)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"{self._caller(method)}: got {array.dtype}, needed numbers")
        return array

    @property
    def _shape(self) -> tuple[int, ...]:
        return next(iter(self._fitted.values())).shape

    def _for(self, method: str, x: Any) -> tuple[ndarray, ndarray, float]:
        """The numbers, after a check that they fit the features of x."""
        self._measured()
        if not isinstance(x, Variable):
            self._array(method, x)
        shape = x.shape if isinstance(x, Variable) else np.shape(x)
        trailing = shape[len(shape) - len(self._shape) :]
        if len(shape) < len(self._shape) or any(
            n not in (1, m) for n, m in zip(self._shape, trailing, strict=True)
        ):
            raise ValueError(
                f"{self._caller(method)}: got {shape}, needed samples with the features "
                f"{self._shape} of the data of fit, or a batch of them"
            )
        assert self._numbers is not None
        return self._numbers

    def _measured(self) -> dict[str, ndarray]:
        if not self._fitted:
            raise RuntimeError(
                f"{type(self).__name__}: it has not been fitted; call fit(x) with the training data"
            )
        return self._fitted

    def __repr__(self) -> str:
        fitted = f", fitted to features {self._shape}" if self._fitted else ""
        axis = self.axis if len(self.axis) > 1 else 0
        return f"{type(self).__name__}(axis={axis}{fitted})"


class StandardScaler(Scaler):
    """(x - mean) / std of each feature, measured on the training data.

    A feature that is constant in the training data becomes 0.

    Args:
        axis: the axes over which the statistics are computed; the first is 0, that of the samples:
            0 for the columns of a table, (0, 2, 3) for the channels of images.

    Attributes:
        mean, std: of each feature, float64.

    Raises:
        TypeError: `axis` is neither an integer nor a tuple of integers.
        ValueError: `axis` does not start with 0.

    Example:
        >>> scaler = StandardScaler().fit(np.array([[1.0, 7.0], [3.0, 7.0]]))
        >>> scaler(np.array([5.0, 8.0])), scaler.inverse(np.array([3.0, 1.0]))
        (array([3., 1.]), array([5., 8.]))
    """

    _statistics = ("count", "mean", "squares")  # squares: the sum of (x - mean)²

    @property
    def mean(self) -> ndarray:
        return self._measured()["mean"]

    @property
    def std(self) -> ndarray:
        measured = self._measured()
        return np.sqrt(measured["squares"] / measured["count"])

    def _update(self, x: ndarray) -> None:
        known = ~np.isnan(x)
        n = known.sum(axis=self.axis, keepdims=True)
        mean = np.where(known, x, 0).sum(axis=self.axis, keepdims=True) / np.maximum(n, 1)
        d = np.where(known, x - mean, 0)
        error = d.sum(axis=self.axis, keepdims=True) / np.maximum(n, 1)  # of the rounded mean
        squares = (d * d).sum(axis=self.axis, keepdims=True) - n * error**2
        n, mean, squares = n[0], (mean + error)[0], np.maximum(squares[0], 0)
        if self._fitted:
            n0, mean0, squares0 = (self._fitted[name] for name in self._statistics)
            both, d = n0 + n, mean - mean0
            part = n / np.maximum(both, 1)
            n, mean = both, np.where(n0 > 0, mean0 + d * part, mean)
            squares = squares0 + squares + np.where(n0 > 0, d * d * n0 * part, 0)
        self._fitted = dict(zip(self._statistics, map(np.asarray, (n, mean, squares)), strict=True))

    def _affine(self) -> tuple[ndarray, ndarray, float]:
        n, mean, squares = (self._fitted[name] for name in self._statistics)
        _check_any(self._caller("fit"), n)
        # A variance that rounding alone can explain is 0.
        eps = np.finfo(np.float64).eps
        constant = squares / n <= n * eps * squares / n + (n * mean * eps) ** 2
        return mean, np.where(constant, 1.0, np.sqrt(squares / n)), 0.0


class MinMaxScaler(Scaler):
    """x mapped to the range from `low` to `high`, which the training data fill, for each feature.

    A feature that is constant in the training data becomes `low`. Other data may be outside the
    range.

    Args:
        low, high: ends of the range.
        axis: as for `StandardScaler`.
        clip: limits other data to the range.

    Raises:
        TypeError: `low` or `high` is not a number, or another option has the wrong type.
        ValueError: `low` ≥ `high`, or `axis` does not start with 0.

    Example:
        >>> scaler = MinMaxScaler().fit(np.array([[1.0, 7.0], [3.0, 9.0]]))
        >>> scaler(np.array([2.0, 9.0])), scaler.inverse(np.array([0.0, 0.5]))
        (array([0.5, 1. ]), array([1., 8.]))
    """

    _statistics = ("least", "greatest")

    @explains_call()
    def __init__(
        self,
        low: float = 0.0,
        high: float = 1.0,
        *,
        axis: int | Sequence[int] = 0,
        clip: bool = False,
    ) -> None:
        super().__init__(axis)
        self.low = number("MinMaxScaler", "low", low)
        self.high = number("MinMaxScaler", "high", high, above=self.low)
        self.clip = boolean("MinMaxScaler", "clip", clip)

    def __call__(self, x: Any) -> Any:
        y = super().__call__(x)
        return y.clip(self.low, self.high) if self.clip else y

    def _update(self, x: ndarray) -> None:
        known = ~np.isnan(x)
        least = np.min(x, self.axis, initial=np.inf, where=known, keepdims=True)[0]
        greatest = np.max(x, self.axis, initial=-np.inf, where=known, keepdims=True)[0]
        if self._fitted:
            least = np.minimum(least, self._fitted["least"])
            greatest = np.maximum(greatest, self._fitted["greatest"])
        self._fitted = {"least": np.asarray(least), "greatest": np.asarray(greatest)}

    def _affine(self) -> tuple[ndarray, ndarray, float]:
        least, greatest = self._fitted["least"], self._fitted["greatest"]
        _check_any(self._caller("fit"), np.isfinite(least))
        width = np.where(greatest > least, greatest - least, 1.0)
        return least, width / (self.high - self.low), self.low

    def __repr__(self) -> str:
        options = super().__repr__().partition("(")[2]
        return f"MinMaxScaler(low={self.low}, high={self.high}, clip={self.clip}, {options}"


def _check_any(caller: str, counts: ndarray) -> None:
    """Raises ValueError if a feature has no number."""
    empty = np.argwhere(counts == 0)
    if len(empty):
        where = empty[0].tolist()
        feature = where[0] if len(where) == 1 else where
        raise ValueError(f"{caller}: feature {feature} has no number but NaN; leave it out")


def _chunks(caller: str, data: Any, component: int) -> Iterator[ndarray]:
    """The data in float64, a part of the samples at a time."""
    is_array = hasattr(data, "__array__") or _is_nested(data)
    if isinstance(data, BaseDataset) or not is_array:
        component = integer(caller, "component", component)
        yield from (_numbers(caller, x) for x in _of_dataset(caller, data, component))
        return
    array = array_of(caller, "data", data)
    if not array.ndim:
        raise ValueError(f"{caller}: got data (), needed an array whose first axis is the samples")
    rows = max(1, CHUNK // max(1, array[:1].size))
    yield from (_numbers(caller, array[k : k + rows]) for k in range(0, len(array), rows))


def _is_nested(data: Any) -> bool:
    """Whether the data are nested lists of numbers, not a list of samples."""
    return isinstance(data, list) and bool(data) and not isinstance(data[0], tuple | dict)


def _of_dataset(caller: str, dataset: Dataset, component: int) -> Iterator[ndarray]:
    check_dataset(caller, dataset)
    n, at_once = len(dataset), 256
    for k in range(0, n, at_once):
        indices = np.arange(k, min(k + at_once, n))
        batch = batch_of(dataset, indices)
        if isinstance(batch, tuple | list):
            if not -len(batch) <= component < len(batch):
                raise ValueError(
                    f"{caller}: got component {component}, but the samples have {len(batch)}"
                )
            batch = batch[component]
        if not isinstance(batch, ndarray):
            raise TypeError(f"{caller}: got samples of {type(batch).__name__}, needed tuples")
        yield batch


def _numbers(caller: str, x: ndarray) -> ndarray:
    if x.dtype.kind not in "fiub":
        raise TypeError(f"{caller}: got data {x.dtype} {x.shape}, needed numbers")
    return x.astype(np.float64)


def _dtype(x: ndarray) -> "np.dtype[Any]":
    return x.dtype if x.dtype.kind == "f" else np.dtype(np.float32)
