"""`Evaluator`: loss, metrics and predictions of a model over batches."""

from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from wengert.arguments import explains_call, text_of
from wengert.config import no_grad, test_mode
from wengert.core import Variable
from wengert.data import Padded
from wengert.functions.counting import counting, record_in_outer
from wengert.layers import Layer
from wengert.optimizers import ExponentialMovingAverage
from wengert.training.batches import (
    call,
    check_target_or_lengths,
    has_lengths,
    inputs_of,
    joined,
    parted,
    takes,
)
from wengert.training.checks import check_batches, check_computed, check_loss, check_model
from wengert.training.metrics import number
from wengert.training.order import outputs_first
from wengert.training.plain import SAMPLES, Weighted, weight_of
from wengert.training.scores import Metrics, Scores


class Evaluator:
    """Evaluates a model on batches (x, t), and collects its predictions.

        evaluator = Evaluator(model, F.softmax_cross_entropy, metrics=[F.accuracy])
        evaluator.evaluate(DataLoader(test, 64))  # {"loss": 0.31, "accuracy": 0.91}

    A batch is (inputs, t), with one input x or several, all of which the model gets:

    - ((x, lengths), t) and (x, lengths, t) call model(x, lengths=lengths) if its `forward` has an
      argument of this name, and else model(x, lengths);
    - (Padded(x, lengths), t), as the collate function `ragged` makes it, does the same; if t is
      Padded, too, loss and metrics see the outputs and targets of the steps within the lengths
      (of other targets they see all, and leave out those with the label `ignore_index`);
    - a dict {"x": x, "mask": mask, "t": t} calls model(x=x, mask=mask).

    For other batches or losses a subclass overrides `compute`, `predict_batch` or `batch_size`.

    Args:
        model: a Layer.
        loss: function (y, t) → the mean loss of a batch, one number; or its sum, by our losses with
            reduction="sum". `predict` needs none. The loss over several batches is that of one
            large batch: what the losses of wengert.functions divide by is taken into account.
            A function with the arguments (y_true, y_pred) gets the targets first.
        metrics: functions (y, t) → number, such as `F.accuracy`, and Metrics; see `Scores`.
        average: an average of the weights, which is used in place of the weights.

    Raises:
        TypeError: the model is not a Layer, or a metric is not one.
        ValueError: two metrics have the same name.
    """

    @explains_call()
    def __init__(
        self,
        model: Layer,
        loss: Callable[[Any, Any], Variable] | None = None,
        *,
        metrics: Metrics | None = None,
        average: ExponentialMovingAverage | None = None,
    ) -> None:
        check_model(type(self).__name__, model)
        self.model = model
        self.loss = loss
        self.average = average
        self._scores = Scores(metrics)
        self._count: float | None = None
        self._called: tuple[Any, Any] = (None, None)  # the loss, and how it is called

    # -- methods that a subclass may override --

    def compute(self, batch: Any) -> tuple[Variable, dict[str, Any]]:
        """The loss of a batch, one number, and other results by name.

        A result is a mean over the samples of the batch, or comes from `measure`.
        """
        caller = f"{type(self).__name__}.compute"
        inputs, t = parted(caller, batch)
        loss = self._loss_of_outputs()
        with counting():  # (losses within the model do not belong to this loss)
            y = call(caller, self.model, batch, inputs)
        if not isinstance(t, Padded):
            self._see(y, t)
            return loss(y, t), self.measure(y, t)
        y, t = t.steps(y), t.steps(t.x)
        self._see(y, t)
        with counting() as counts:
            value = loss(y, t)
        # a loss that does not count is a mean over steps
        counts.losses = counts.losses or [len(t)]
        record_in_outer(counts)
        values = self.measure(y, t)
        for metric in values.values():
            if isinstance(metric, Weighted) and metric.weight is SAMPLES:
                metric.weight = len(t)
        return value, values

    def _see(self, y: Any, t: Any) -> None:
        """Called with the outputs and targets of each batch, before the loss."""

    def predict_batch(self, batch: Any) -> Any:
        """The outputs for a batch: inputs, or a batch with inputs and targets.

        A tuple of two is (inputs, t); one of more has the target last. (If a subclass defines its
        own batches by `compute`, and the model takes one input, that is the first.)
        """
        caller = f"{type(self).__name__}.predict_batch"
        check_target_or_lengths(caller, self.model, batch)
        inputs = inputs_of(batch)
        own = type(self).compute is not Evaluator.compute
        if own and type(inputs) is tuple and len(batch) > 2 and not takes(self.model, inputs):
            inputs = batch[0]  # such as (x, t, weight)
        return call(caller, self.model, batch, inputs)

    def batch_size(self, batch: Any) -> int:
        """How many samples a batch has, for means over samples: the length of its first array.

        Raises:
            ValueError: the batch does not start with an array of one sample or more.
        """
        first = batch
        while isinstance(first, tuple | list | dict) and first:
            first = next(iter(first.values() if isinstance(first, dict) else first))
        shape = getattr(first, "shape", ())
        if not shape or not shape[0]:
            what = f"of shape {shape}" if hasattr(first, "shape") else repr(first)
            raise ValueError(
                f"{type(self).__name__}.batch_size: got a {type(batch).__name__} that starts with "
                f"a {type(first).__name__} {what}, needed an array of one sample or more; for "
                f"other batches override batch_size(self, batch) in a subclass"
            )
        return int(shape[0])

    # -- for use in overridden methods --

    def measure(self, y: Any, t: Any) -> dict[str, Any]:
        """The results of the metrics for a batch, from the model's outputs and the targets.

        `compute` returns them among its results, from which a Metric accumulates them.
        """
        return self._scores.measure(y, t)

    def count(self, n: float) -> None:
        """Sets what the loss of a batch divides by; for a `compute` of a subclass.

        The losses of `wengert.functions` do so themselves. Another loss is taken as a mean over the
        samples. For a mean over other elements, call `count` with their number: the weight of the
        batch in `evaluate`, in the history, and in the gradients that `accumulate` adds:

            def compute(self, batch):
                x, t, mask = batch
                self.count(mask.sum())
                return np.sum(mask * (self.model(x) - t) ** 2) / max(mask.sum(), 1), {}
        """
        self._count = float(n)

    # -- evaluation --

    def averaged(self) -> AbstractContextManager[None]:
        """Within `with trainer.averaged():` the model has the averages, if there are any."""
        if self.average is None or not self.average.averages:
            return nullcontext()
        return self.average.swapped_in()

    @explains_call()
    def evaluate(self, batches: Iterable[Any]) -> dict[str, Any]:
        """Loss and metrics over the batches, by name, without recording and in inference mode.

        Raises:
            RuntimeError: there are no batches.
            TypeError: the argument is not an iterable of batches.
        """
        caller = f"{type(self).__name__}.evaluate"
        check_batches(caller, batches)
        scores = self._scores.empty()
        with self.averaged(), no_grad(), test_mode():
            for batch in batches:
                scores.add(self.batch_size(batch), self._computed(batch)[1])
        if not scores.means:
            raise RuntimeError(f"{caller}: there were no batches, needed one or more")
        return scores.compute()

    @explains_call()
    def predict(self, batches: Iterable[Any]) -> Any:
        """The model's outputs for all batches, (N, ...), without recording and in inference mode.

        Args:
            batches: each x, or a batch as for `evaluate`, whose target is not used. The inputs
                (x, lengths) without a target are written ((x, lengths),) or Padded(x, lengths).

        Returns:
            An array; or a tuple, list or dict of arrays, if the model returns that. If batches with
            lengths have outputs for each step, those of shorter batches end with zeros.

        Raises:
            RuntimeError: there are no batches.
            TypeError: the argument is not an iterable of batches.
        """
        caller = f"{type(self).__name__}.predict"
        check_batches(caller, batches)
        sizes: list[int] = []
        outputs = []
        with self.averaged(), no_grad(), test_mode():
            for batch in batches:
                outputs.append(self.predict_batch(batch))
                if has_lengths(self.model, inputs_of(batch)):
                    sizes.append(self.batch_size(batch))
        if not outputs:
            raise RuntimeError(f"{caller}: there were no batches, needed one or more")
        return joined(outputs, sizes)

    def _loss_of_outputs(self) -> Callable[[Any, Any], Any]:
        """The loss as a function of (y, t)."""
        if self._called[0] is not self.loss or self.loss is None:
            loss = check_loss(type(self).__name__, self.loss)
            self._called = loss, outputs_first(loss)
        called: Callable[[Any, Any], Any] = self._called[1]
        return called

    def _computed(self, batch: Any) -> tuple[Variable, dict[str, Any]]:
        """The checked results of `compute`, with the loss among them."""
        name = type(self).__name__
        self._count = None
        with counting() as counts:
            loss, values = check_computed(name, self.compute(batch))
        value = number(loss, f"{name}: the loss")
        if self._count is not None:
            counts.losses = [self._count]
        counts.metrics = []
        weighted = Weighted(value, weight_of(counts, loss), counts=counts.losses)
        return loss, {"loss": weighted, **values}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({type(self.model).__name__}, {text_of(self.loss)})"
