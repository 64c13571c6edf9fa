"""Networks as estimators of scikit-learn: `Classifier` and `Regressor`.

They take part in pipelines, cross-validation and searches, as scikit-learn's own estimators do:

    model = make_pipeline(StandardScaler(), Classifier(hidden_sizes=(64, 64), random_state=0))
    search = GridSearchCV(model, {"classifier__lr": [1e-3, 1e-2]})

scikit-learn is needed, and only for this module: pip install 'wengert[sklearn]'.
"""

import copy
from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy import ndarray

import wengert.functions as F
from wengert.arguments import fraction, integer, integers, number
from wengert.config import no_grad, using_config
from wengert.core import Variable
from wengert.data import ArrayDataset, DataLoader, split
from wengert.layers import Layer
from wengert.models import MLP
from wengert.names import public
from wengert.optimizers import Adam, Optimizer
from wengert.random import drawing_from

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import check_random_state
    from sklearn.utils.class_weight import compute_class_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import (
        _check_sample_weight,
        check_array,
        check_is_fitted,
        column_or_1d,
        validate_data,
    )
except ImportError as error:
    raise ImportError(
        "wengert.sklearn: needs scikit-learn 1.6 or later; pip install 'wengert[sklearn]'"
    ) from error

AT_ONCE = 4096  # samples in one prediction


class _Network(BaseEstimator):
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


class Classifier(ClassifierMixin, _Network):
    """A network that classifies, as an estimator of scikit-learn.

    The loss is the softmax cross-entropy. All computations are in the dtype of X, float32 or
    float64. Scale X, as with `sklearn.preprocessing.StandardScaler` in a pipeline.

    Args:
        model: a Layer, of which each `fit` trains a copy, or a function (in_size, out_size) →
            Layer; None for an MLP. It gives logits, (N, classes).
        hidden_sizes: of the layers of the MLP.
        optimizer: an optimizer's class, or a function lr → Optimizer; None for Adam.
        lr: learning rate, or a schedule.
        weight_decay: of the optimizer.
        epochs: at most.
        batch_size: samples in a batch; a little fewer if the last one would have a single sample.
        tolerance: by how much the loss has to fall to be an improvement.
        patience: epochs without an improvement that end the training.
        validation_fraction: of the samples, which are held out: their loss ends the training, and
            the weights of the best epoch are kept. 0 holds out none; then the training loss
            decides.
        class_weight: "balanced", a dict from label to weight, or None.
        random_state: an integer gives the same network each time.

    Attributes:
        classes_: the labels, in the order of the probabilities.
        model_: the trained Layer, in inference mode.
        optimizer_: the optimizer.
        n_iter_: epochs that were trained.
        loss_curve_, validation_loss_curve_: mean loss of each epoch.

    Raises:
        ImportError: scikit-learn is not installed.
        TypeError: an argument of `__init__` is of the wrong kind (as of `fit`).
        ValueError: an argument is out of its range, or does not fit X and y.

    Example:
        >>> X, y = [[-2.0], [-1.0], [1.0], [2.0]], ["low", "low", "high", "high"]
        >>> Classifier(lr=0.01, random_state=0).fit(X, y).predict([[-3.0], [3.0]]).tolist()
        ['low', 'high']
    """

    classes_: Any
    _classes: Any  # of the first partial_fit

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
        class_weight: Any = None,
        random_state: Any = None,
    ) -> None:
        super().__init__(
            model,
            hidden_sizes=hidden_sizes,
            optimizer=optimizer,
            lr=lr,
            weight_decay=weight_decay,
            epochs=epochs,
            batch_size=batch_size,
            tolerance=tolerance,
            patience=patience,
            validation_fraction=validation_fraction,
            random_state=random_state,
        )
        self.class_weight = class_weight

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Trains for one epoch on these samples, beginning where the last call ended.

        Args:
            X: samples, (N, features).
            y: labels, (N,).
            classes: all labels that will come, needed in the first call.
            sample_weight: weight of each sample in the loss, (N,).

        Raises:
            ValueError: `classes` is missing in the first call or has changed, or a label is not
                among them.
        """
        first = not hasattr(self, "model_")
        if first and classes is None:
            raise ValueError(
                f"{type(self).__name__}.partial_fit: got no classes, needed all labels in the "
                f"first call"
            )
        if classes is not None:
            classes = np.unique(column_or_1d(classes))
            if not first and not np.array_equal(classes, self.classes_):
                raise ValueError(
                    f"{type(self).__name__}.partial_fit: got classes {classes}, which are not "
                    f"those of the first call, {self.classes_}"
                )
        self._classes = classes if first else self.classes_
        return self._partial_fit(X, y, sample_weight, first=first)

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        self._classes = None  # those of y
        return super().fit(X, y, sample_weight)

    fit.__doc__ = _Network.fit.__doc__

    def predict(self, X: Any) -> ndarray:
        """The most probable label of each sample, (N,)."""
        logits = self._outputs(X)
        return self.classes_[np.argmax(logits, axis=1)]

    def predict_proba(self, X: Any) -> ndarray:
        """The probability of each class, (N, classes), in the order of `classes_`."""
        return F.softmax(self._outputs(X))

    def predict_log_proba(self, X: Any) -> ndarray:
        """The logarithms of `predict_proba`, without rounding small ones to 0."""
        return F.log_softmax(self._outputs(X))

    def _targets(self, y: ndarray, weights: ndarray, *, first: bool) -> ndarray:
        y = column_or_1d(y, warn=True)
        check_classification_targets(y)
        if first:
            self.classes_ = np.unique(y[weights > 0]) if self._classes is None else self._classes
        known = np.isin(y, self.classes_)
        if not known[weights > 0].all():
            raise ValueError(
                f"{type(self).__name__}: got labels {np.unique(y[~known])}, which are not among "
                f"the classes {self.classes_}"
            )
        t = np.searchsorted(self.classes_, np.where(known, y, self.classes_[0]))
        if self.class_weight is not None:
            used = y[weights > 0]
            factors = compute_class_weight(self.class_weight, classes=self.classes_, y=used)
            weights *= factors[t].astype(weights.dtype)
        return t

    def _losses(self, y: Variable, t: ndarray) -> Variable:
        return F.softmax_cross_entropy(y, t, reduction="none")

    def _out_size(self) -> int:
        return len(self.classes_)


class Regressor(RegressorMixin, _Network):
    """A network that predicts numbers, as an estimator of scikit-learn.

    The loss is the mean squared error. Targets are standardized for the training by the mean and
    the standard deviation of those of `fit` (or of the first `partial_fit`), so they need no
    scaling; predictions are in the units of y. All computations are in the dtype of X, float32 or
    float64. Scale X, as with `sklearn.preprocessing.StandardScaler` in a pipeline.

    Args:
        model: a Layer, of which each `fit` trains a copy, or a function (in_size, out_size) →
            Layer; None for an MLP. It gives (N, outputs), (N, 1) for targets (N,).
        hidden_sizes, optimizer, lr, weight_decay, epochs, batch_size, tolerance, patience,
            validation_fraction, random_state: as for `Classifier`.

    Attributes:
        model_: the trained Layer, in inference mode; it gives standardized targets.
        target_mean_, target_std_: of each output.
        optimizer_: the optimizer.
        n_iter_: epochs that were trained.
        loss_curve_, validation_loss_curve_: mean loss of each epoch, of standardized targets.

    Raises:
        ImportError: scikit-learn is not installed.
        TypeError: an argument of `__init__` is of the wrong kind (as of `fit`).
        ValueError: an argument is out of its range, or does not fit X and y.

    Example:
        >>> X = np.linspace(-1, 1, 20).reshape(-1, 1)
        >>> model = Regressor(lr=0.01, random_state=0).fit(X, 100 + 50 * X[:, 0])
        >>> bool(model.score(X, 100 + 50 * X[:, 0]) > 0.99)
        True
    """

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Trains for one epoch on these samples, beginning where the last call ended.

        Args:
            X: samples, (N, features).
            y: targets, (N,) or (N, outputs).
            sample_weight: weight of each sample in the loss, (N,).
        """
        return self._partial_fit(X, y, sample_weight, first=not hasattr(self, "model_"))

    def predict(self, X: Any) -> ndarray:
        """The predicted targets, (N,) or (N, outputs), in the units of y."""
        y = self._outputs(X) * self.target_std_ + self.target_mean_
        return y.astype(self._dtype).reshape(len(y), *self._target_shape)

    def _targets(self, y: ndarray, weights: ndarray, *, first: bool) -> ndarray:
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        shape, y = y.shape[1:], y.reshape(len(y), -1)
        if first:
            self._target_shape = shape
            self.target_mean_ = np.average(y, axis=0, weights=weights)
            std = np.sqrt(np.average((y - self.target_mean_) ** 2, axis=0, weights=weights))
            rounding = len(y) * np.finfo(np.float64).eps * abs(self.target_mean_)
            self.target_std_ = np.where(std <= rounding, 1.0, std)
        if shape != self._target_shape:
            raise ValueError(
                f"{type(self).__name__}: got targets (N, {', '.join(map(str, shape))}), needed "
                f"those of the first call, (N, {', '.join(map(str, self._target_shape))})"
            )
        return ((y - self.target_mean_) / self.target_std_).astype(self._dtype)

    def _losses(self, y: Variable, t: ndarray) -> Variable:
        return F.mean((y - t) ** 2, axis=1)

    def _out_size(self) -> int:
        return len(self.target_mean_)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


__all__, __dir__ = public(globals())
