"""The base of the estimators: training of a network, and its outputs."""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy import ndarray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

import wengert.functions as F
from wengert.arguments import fraction, integer, integers, number
from wengert.config import no_grad, using_config
from wengert.core import Variable
from wengert.data import ArrayDataset, DataLoader, split
from wengert.layers import Layer
from wengert.models import MLP
from wengert.optimizers import Adam, Optimizer
from wengert.random import drawing_from

AT_ONCE = 4096  # samples in one prediction


class Network(BaseEstimator):
    """What `Classifier` and `Regressor` share: the training, and outputs of the model."""

    model_: Layer
    optimizer_: Optimizer
    n_iter_: int
    loss_curve_: list[float]
    validation_loss_curve_: list[float]
    _dtype: Any  # of X
    _seed: int

    def __init__(
        self,
        model: "Layer | Callable[[int, int], Layer] | None" = None,
        *,
        hidden_sizes: int | Sequence[int] = (100,),
        optimizer: Callable[..., Optimizer] | None = None,
        lr: Any = 0.001,
        weight_decay: float = 0.0,
        epochs: int = 200,
        batch_size: int = 200,
        tolerance: float = 1e-4,
        patience: int = 10,
        validation_fraction: float = 0.0,
        random_state: Any = None,
    ) -> None:
        self.model = model
        self.hidden_sizes = hidden_sizes
        self.optimizer = optimizer
        self.lr = lr
        self.weight_decay = weight_decay
        self.epochs = epochs
        self.batch_size = batch_size
        self.tolerance = tolerance
        self.patience = patience
        self.validation_fraction = validation_fraction
        self.random_state = random_state

    # -- what a subclass defines --

    def _targets(self, y: ndarray, weights: ndarray, *, first: bool) -> ndarray:
        """The targets of the loss; `first` takes the classes or the range of y from them.

        The weights may be changed.
        """
        raise NotImplementedError

    def _losses(self, y: Variable, t: ndarray) -> Variable:
        """The loss of each sample, (N,)."""
        raise NotImplementedError

    def _out_size(self) -> int:
        raise NotImplementedError

    # -- training --

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains a new network.

        Args:
            X: samples, (N, features).
            y: labels, (N,), or targets of a regression, (N,) or (N, outputs).
            sample_weight: weight of each sample in the loss, (N,); None weights all by 1.

        Returns:
            The estimator.
        """
        x, t, weights = self._checked(X, y, sample_weight, first=True)
        fraction_ = fraction(type(self).__name__, "validation_fraction", self.validation_fraction)
        epochs = integer(type(self).__name__, "epochs", self.epochs, least=1)
        self._begin(x)
        train = ArrayDataset(x, t, weights)
        with drawing_from(self._seed), using_config("enable_backprop", True):
            if fraction_:
                train, held_out = self._split(train, fraction_)
                self._train(train, epochs, held_out)
            else:
                self._train(train, epochs, None)
        return self

    def _train(self, train: Any, epochs: int, held_out: Any) -> None:
        """Epochs until the loss, of the held out samples if there are some, stops improving."""
        batches = self._batches(train)
        best, waited, weights = np.inf, 0, None
        tolerance = number(type(self).__name__, "tolerance", self.tolerance)
        patience = integer(type(self).__name__, "patience", self.patience, least=1)
        for _ in range(epochs):
            loss = self._epoch(batches)
            if held_out is not None:
                loss = self._mean_loss(held_out)
                self.validation_loss_curve_.append(loss)
            waited = 0 if loss < best - tolerance else waited + 1
            if loss < best:
                best = loss
                weights = self.model_.state_dict() if held_out is not None else None
                weights = copy.deepcopy(weights)
            if waited >= patience:
                break
        if weights is not None:
            self.model_.load_state_dict(weights)

    def _partial_fit(self, X: Any, y: Any, sample_weight: Any, *, first: bool) -> Self:
        x, t, weights = self._checked(X, y, sample_weight, first=first)
        if first:
            self._begin(x)
        with (
            drawing_from((self._seed, self.n_iter_ + 1)),
            using_config("enable_backprop", True),
        ):
            self._epoch(self._batches(ArrayDataset(x, t, weights)))
        return self

    def _checked(
        self, X: Any, y: Any, sample_weight: Any, *, first: bool
    ) -> tuple[ndarray, ndarray, ndarray]:
        """Samples, targets, and weights whose mean is 1; without samples of weight 0."""
        dtypes = [np.float64, np.float32] if first else self._dtype
        X, y = validate_data(
            self, X, y, dtype=dtypes, multi_output=True, y_numeric=False, reset=first
        )
        weights = _check_sample_weight(sample_weight, X, dtype=X.dtype, ensure_non_negative=True)
        used = weights > 0
        if not used.any():
            raise ValueError(
                f"{type(self).__name__}: all sample weights are zero, needed at least one > 0"
            )
        self._dtype = X.dtype
        t = self._targets(y, weights, first=first)
        weights = weights[used] / np.mean(weights[used])
        return X[used], t[used], weights

    def _begin(self, x: ndarray) -> None:
        """A new model and its optimizer, and no history."""
        rng = check_random_state(self.random_state)
        self._seed = int(rng.randint(np.iinfo(np.int32).max))
        with drawing_from(self._seed):
            self.model_ = self._new_model(x.shape[1]).astype(x.dtype)
        if not (self.optimizer is None or callable(self.optimizer)):
            raise TypeError(
                f"{type(self).__name__}: got optimizer {self.optimizer!r:.60}, needed a class, as "
                f"wengert.optimizers.SGD, or a function lr → Optimizer"
            )
        options = {"weight_decay": self.weight_decay} if self.weight_decay else {}
        self.optimizer_ = (self.optimizer or Adam)(self.lr, **options).setup(self.model_)
        self.n_iter_ = 0
        self.loss_curve_ = []
        self.validation_loss_curve_ = []

    def _new_model(self, in_size: int) -> Layer:
        name = type(self).__name__
        if self.model is None:
            sizes = integers(name, "hidden_sizes", self.hidden_sizes, least=1)
            return MLP((*sizes, self._out_size()), in_size=in_size)
        if isinstance(self.model, Layer):
            return self.model.copy()
        if not callable(self.model):
            raise TypeError(
                f"{name}: got model {self.model!r:.60}, needed a Layer, or a function "
                f"(in_size, out_size) → Layer"
            )
        made: Any = self.model(in_size, self._out_size())
        if not isinstance(made, Layer):
            raise TypeError(f"{name}: model returned a {type(made).__name__}, needed a Layer")
        return made

    def _split(self, dataset: ArrayDataset, fraction_: float) -> tuple[Any, Any]:
        n = len(dataset)
        held_out = min(max(1, round(fraction_ * n)), n - 1)
        if not held_out:
            raise ValueError(
                f"{type(self).__name__}: 1 sample cannot be split; needed more samples, or "
                f"validation_fraction=0"
            )
        parts = split(dataset, n - held_out, held_out, seed=self._seed)
        return parts[0], parts[1]

    def _batches(self, train: Any) -> DataLoader:
        largest = integer(type(self).__name__, "batch_size", self.batch_size, least=1)
        size = min(largest, len(train))
        while size > 2 and len(train) % size == 1:
            size -= 1  # (batch normalisation cannot take a batch of one sample)
        batches = DataLoader(train, size, seed=self._seed)
        batches.passes = self.n_iter_  # another order in each epoch, also of `partial_fit`
        return batches

    def _epoch(self, batches: DataLoader) -> float:
        """One pass over the batches; the mean loss."""
        self.model_.train()
        total = 0.0
        for x, t, weights in batches:
            # (divided by their sum, a sample would have another weight in each batch)
            loss = F.sum(self._losses(self._called(x), t) * weights) / len(x)
            self.model_.cleargrads()
            loss.backward(retain_graph=False)
            self.optimizer_.update()
            total += float(loss.data) * len(x)
        self.model_.eval()
        if not np.isfinite(total):
            raise ValueError(
                f"{type(self).__name__}: the loss is {total} in epoch {self.n_iter_ + 1}; scale X, "
                f"or lower lr, which is {self.lr!r:.60}"
            )
        self.n_iter_ += 1
        self.loss_curve_.append(total / len(batches.dataset))
        return self.loss_curve_[-1]

    def _mean_loss(self, dataset: Any) -> float:
        """The mean loss in inference mode."""
        x, t, weights = dataset[:]
        with no_grad():
            losses = self._losses(self._called(x), t)
        return float(np.average(losses.data, weights=weights))

    # -- outputs --

    def _called(self, x: ndarray) -> Variable:
        y = self.model_(Variable(x))
        if y.shape != (len(x), self._out_size()):
            raise ValueError(
                f"{type(self).__name__}: the model gives {y.shape} for {x.shape}, needed "
                f"({len(x)}, {self._out_size()})"
            )
        return y

    def _outputs(self, X: Any) -> ndarray:
        """What the model gives for X, (N, outputs)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype=self._dtype, reset=False)
        with no_grad():
            parts = [self._called(X[k : k + AT_ONCE]).data for k in range(0, len(X), AT_ONCE)]
        return np.concatenate(parts)
