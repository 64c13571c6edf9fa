"""The estimators: `Classifier` and `Regressor`."""

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
from numpy import ndarray
from sklearn.base import ClassifierMixin, RegressorMixin
from sklearn.utils.class_weight import compute_class_weight
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_array, column_or_1d

import wengert.functions as F
from wengert.core import Variable
from wengert.layers import Layer
from wengert.optimizers import Optimizer
from wengert.sklearn.network import Network


class Classifier(ClassifierMixin, Network):
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

    fit.__doc__ = Network.fit.__doc__

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


class Regressor(RegressorMixin, Network):
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


__all__ = ["Classifier", "Regressor"]
