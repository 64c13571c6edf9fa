"""`Trainer`: the loop over epochs and batches, and all of its state."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from typing import Any

import numpy as np

from wengert import random
from wengert.config import no_grad, test_mode, using_config
from wengert.core import Parameter, Variable
from wengert.files import AnyPath
from wengert.layers import Layer
from wengert.optimizers import ClipNorm, ExponentialMovingAverage, Optimizer
from wengert.training.batches import go_to, groups, is_resumable, joined, load_together, place_in
from wengert.training.callbacks import Callback, check_keys
from wengert.training.checkpoint_folder import trainer_state
from wengert.training.checks import (
    check_batches,
    check_computed,
    check_kinds,
    check_loss,
    checked_parts,
    pair,
    whole,
)
from wengert.training.metrics import Metrics, Scores, number
from wengert.training.progress import Progress


class Trainer:
    """Trains a model on batches (x, t): the loop that one writes by hand, with all around it.

        trainer = Trainer(model, Adam(1e-3), F.softmax_cross_entropy, metrics=[F.accuracy])
        trainer.fit(DataLoader(train, 64), DataLoader(test, 64), epochs=5)

    For other batches or losses a subclass overrides one method: `compute` gives the loss of a
    batch, `learn` makes a whole update (of several optimizers, or by LBFGS, say), `predict_batch`
    gives what `predict` collects, and `batch_size` says how many samples a batch counts for. Such a
    `learn` takes its numbers into the results by `record`, and clips by itself; callbacks are not
    called in its middle, so that it calls `check_finite` where StopOnNaN would.

    Args:
        model: a Layer.
        optimizer: is set up on the model, if it is not set up yet.
        loss: function (y, t) → the mean loss of a batch, one number.
        metrics: functions (y, t) → number, such as `F.accuracy`, and Metrics; see `Scores`.
        callbacks: called in this order; those that save (`last = True`) after the others.
        accumulate: how many batches make one update. Their gradients are averaged over the samples,
            so the update is that of one batch of them all; the last ones of an epoch may be fewer.
        clip_norm: the gradients' common norm is scaled down to this; other hooks are the
            optimizer's.
        average: an average of the weights, taken after each update; then `evaluate` and `predict`
            use the averages in the place of the weights.
        parts: more that is to be saved, by name: what has `state_dict` and `load_state_dict`.
        progress: False shows nothing.

    `step` counts the updates, `epoch` the finished epochs, and `batches` those of the running
    epoch. `history` has a dict for each epoch: "epoch", "step", "lr" (of the last update), "loss"
    and the metrics, which are taken while the weights change; then the same of the validation data,
    "validation_loss" and so on, taken at the end of the epoch. `stopped` says why the training was
    stopped, or is None.

    Raises:
        TypeError: something is not what it must be.
        ValueError: a number is out of its range, or names of metrics or parts are taken twice.
    """

    def __init__(
        self,
        model: Layer,
        optimizer: Optimizer,
        loss: Callable[[Any, Any], Variable] | None = None,
        *,
        metrics: Metrics | None = None,
        callbacks: Sequence[Callback] = (),
        accumulate: int = 1,
        clip_norm: float | None = None,
        average: ExponentialMovingAverage | None = None,
        parts: Mapping[str, Any] | None = None,
        progress: bool = True,
    ) -> None:
        check_kinds(model, optimizer, callbacks)
        if _needs_loss(type(self)):
            check_loss(loss)
        if optimizer.target is None:
            optimizer.setup(model)
        self.model = model
        self.optimizer = optimizer
        self.loss = loss
        self.accumulate = whole("Trainer", "accumulate", accumulate)
        self.clip = None if clip_norm is None else ClipNorm(clip_norm)
        self.average = average
        self.callbacks = sorted(callbacks, key=lambda callback: callback.last)
        self.progress = progress
        self.parts = checked_parts(model, optimizer, average, parts or {})
        self.step = 0
        self.epoch = 0
        self.epochs = 0  # where `fit` ends
        self.batches = 0
        self.fetched_all = False  # known in the middle of an epoch only
        self.history: list[dict[str, Any]] = []
        self.stopped: str | None = None
        self._metrics = metrics
        self._scores = Scores(metrics)  # of the running epoch
        self._latest = Scores()  # of the last update
        self._recording = [self._scores, self._latest]
        self._train: Any = None
        self._validation: Any = None
        self._torn = False  # in the middle of an update, or of an epoch that an error ended
        self._to_resume: dict[str, Any] | None = None  # what `fit` is to load when it begins

    # -- what a subclass may override --

    def compute(self, batch: Any) -> tuple[Variable, dict[str, Any]]:
        """The loss of a batch, one number, and other means over its samples by name."""
        x, t = pair(batch)
        loss = check_loss(self.loss)
        y = self.model(x)
        return loss(y, t), self.measure(y, t)

    def learn(self, batches: list[Any]) -> None:
        """One update from these batches, in the order of the book."""
        self.model.cleargrads()
        sizes = [self.batch_size(batch) for batch in batches]
        for batch, size in zip(batches, sizes, strict=True):
            self._backward(batch, size, size / sum(sizes))
        self._call("on_gradients")
        if self.clip is not None:
            self.clip(self._stepped())
        self.optimizer.update()

    def predict_batch(self, batch: Any) -> Any:
        """The outputs for a batch: x, or a tuple that starts with x."""
        return self.model(batch[0] if isinstance(batch, tuple | list) else batch)

    def batch_size(self, batch: Any) -> int:
        """How many samples a batch counts for in means: the length of its first array.

        Raises:
            ValueError: it begins with something else, or with no sample.
        """
        first = batch
        while isinstance(first, tuple | list | dict) and first:
            first = next(iter(first.values() if isinstance(first, dict) else first))
        shape = getattr(first, "shape", ())
        if not shape or not shape[0]:
            what = f"of shape {shape}" if hasattr(first, "shape") else repr(first)
            raise ValueError(
                f"{type(self).__name__}.batch_size: got a {type(batch).__name__} that begins with "
                f"a {type(first).__name__} {what}, needed an array of one sample or more; for "
                f"other batches override batch_size(self, batch) in a subclass"
            )
        return int(shape[0])

    # -- for use in what is overridden --

    def measure(self, y: Any, t: Any) -> dict[str, float]:
        """The metrics of a batch, from the model's outputs and the targets."""
        return self._recording[0].measure(y, t)

    def record(self, size: int, values: Mapping[str, Any]) -> None:
        """Takes means over so many samples into the results."""
        for scores in self._recording:
            scores.add(size, values)

    # -- training --

    def fit(
        self,
        train: Iterable[Any],
        validation: Iterable[Any] | None = None,
        epochs: int = 1,
        *,
        resume: "Mapping[str, Any] | AnyPath | bool | None" = None,
    ) -> list[dict[str, Any]]:
        """Trains until `epochs` epochs are finished, those before and those resumed included.

        Args:
            train: batches, anew for each epoch: a DataLoader, or a list.
            validation: batches to evaluate after each epoch.
            epochs: in total.
            resume: a checkpoint, or a folder of them (the newest whole one counts), or True for the
                folder of the SaveCheckpoints among the callbacks, or what `state_dict()` gave. The
                training goes on there, and ends as if it had never stopped. Where the folder has no
                checkpoint yet, it starts from the beginning.

        Returns:
            The history.

        Raises:
            RuntimeError: there are no batches.
            TypeError: these are no batches.
            OSError: there is no such checkpoint or folder.
            ValueError: the checkpoint is damaged, or does not fit.
        """
        check_batches("Trainer.fit", train)
        if validation is not None:
            check_batches("Trainer.fit", validation)
        self.epochs = whole("Trainer.fit", "epochs", epochs)
        if resume is True or isinstance(resume, str | os.PathLike):
            resume = trainer_state(resume, self.callbacks)
        if isinstance(resume, Mapping):
            self.load_state_dict(resume)
        elif resume:
            raise TypeError(f"Trainer.fit: got resume={resume!r}, needed a file, folder or state")
        self._train, self._validation = train, validation
        with (
            Progress(self.epochs, self.epoch, show=self.progress) as progress,
            using_config("enable_backprop", True),
            using_config("train", True),
        ):
            self._begin()
            try:
                while self.epoch < self.epochs and self.stopped is None:
                    self._run_epoch(progress)
            except BaseException:
                self._torn = self._torn or self.batches > 0  # the loader's pass has ended, too
                raise
            if self.stopped is not None:
                progress.say(f"stopped: {self.stopped}")
            self._call("on_end")
        return self.history

    def stop(self, reason: str) -> None:
        """Ends the training after this update, or, in `on_epoch`, after this epoch.

        It stays stopped when it is resumed; `trainer.stopped = None` lets the next `fit` go on.
        """
        self.stopped = reason

    def _begin(self) -> None:
        """Begins an epoch, or goes on where a loaded state says."""
        if self.stopped is not None or self.epoch >= self.epochs:  # there is nothing to do
            self._call("on_start")
            return
        self._torn = False
        state = self._to_resume
        if state is None:
            self.batches = 0
            self.fetched_all = False
            self._scores.reset()
            self._call("on_start")
            return
        go_to(state["train"], self._train, "training")
        go_to(state["validation"], self._validation, "validation")
        self._call("on_start")
        random.set_state(state["random"])
        self._to_resume = None  # only now: after an error the next `fit` can go on there

    def _run_epoch(self, progress: Progress) -> None:
        left = () if self.fetched_all else self._train
        # an error's traceback holds this frame, but neither the bar nor the loader's pass
        with closing(progress.watch(left, self.batches, lambda: self.scores)) as watched:
            for batches in groups(watched, self.accumulate):
                self.fetched_all = len(batches) < self.accumulate
                self._update(batches)
                self._call("on_step")
                if self.stopped is not None:
                    # leaving the loop ends the loader's pass
                    self._to_resume = self._places() if is_resumable(self._train) else None
                    return
        if not self.batches:
            raise RuntimeError(
                f"Trainer.fit: the training data gave no batches in epoch {self.epoch + 1}; "
                f"needed a DataLoader or a list (a generator goes once only)"
            )
        result = self._result()
        self.epoch += 1
        self.batches = 0
        self.fetched_all = False
        self._scores.reset()
        self.history.append(result)
        progress.finish_epoch({k: v for k, v in result.items() if k not in ("epoch", "step", "lr")})
        self._call("on_epoch")

    def _update(self, batches: list[Any]) -> None:
        self._torn = True
        self._latest.reset()
        self._call("on_batches", batches)
        self.learn(batches)
        if self.average is not None:
            self.average.update()
        self.step += 1
        self.batches += len(batches)
        self._torn = False

    def _backward(self, batch: Any, size: int, share: float) -> None:
        """Forward and backward of a batch. When it returns, no Variable holds a graph."""
        loss, values = self._computed(batch)
        self._call("on_loss", loss)
        self.record(size, values)
        loss.backward(grad=np.full(loss.shape, share, loss.dtype), retain_graph=False)

    def _computed(self, batch: Any) -> tuple[Variable, dict[str, Any]]:
        """What `compute` gives, checked, with the loss among the numbers too."""
        computed = self.compute(batch)
        loss, values = check_computed(type(self).__name__, computed)
        return loss, {"loss": number(loss, f"{type(self).__name__}: the loss"), **values}

    def _result(self) -> dict[str, Any]:
        """The epoch's line in the history."""
        result = {"epoch": self.epoch + 1, "step": self.step, "lr": self.lr}
        result |= self._scores.compute()
        if self._validation is not None:
            scores = self.evaluate(self._validation)
            result |= {f"validation_{name}": value for name, value in scores.items()}
        return result

    @property
    def lr(self) -> float:
        """The learning rate of the last update."""
        lr = self.optimizer.lr
        return float(lr(max(self.optimizer.steps - 1, 0)) if callable(lr) else lr)

    @property
    def scores(self) -> dict[str, Any]:
        """Loss and metrics over the running epoch so far."""
        return self._scores.compute()

    @property
    def latest(self) -> dict[str, Any]:
        """Loss, and metrics that are functions, of the last update."""
        return self._latest.compute()

    def _stepped(self) -> list[Parameter]:
        target = self.optimizer.target
        assert target is not None  # it was set up
        params = target.named_params().values()
        return [p for p in params if p.grad is not None and p.requires_grad]

    def _call(self, moment: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, moment)(self, *arguments)

    # -- use --

    def averaged(self) -> AbstractContextManager[None]:
        """`with trainer.averaged():` has the averages in the place of the weights, if any."""
        if self.average is None or not self.average.averages:
            return nullcontext()
        return self.average.swapped_in()

    def evaluate(self, batches: Iterable[Any]) -> dict[str, Any]:
        """Loss and metrics over the batches, by name, without recording and in test mode.

        Raises:
            RuntimeError: there are no batches.
            TypeError: these are no batches.
        """
        check_batches("Trainer.evaluate", batches)
        scores = Scores(self._metrics)
        running, self._recording = self._recording, [scores]
        try:
            with self.averaged(), no_grad(), test_mode():
                for batch in batches:
                    self.record(self.batch_size(batch), self._computed(batch)[1])
        finally:
            self._recording = running
        if not scores.means:
            raise RuntimeError("Trainer.evaluate: there were no batches, needed one or more")
        return scores.compute()

    def predict(self, batches: Iterable[Any]) -> Any:
        """The model's outputs for all batches, (N, ...), without recording and in test mode.

        Args:
            batches: each x, or a tuple that starts with x, such as (x, t).

        Returns:
            An array; or a tuple, list or dict of arrays, if the model gives that.

        Raises:
            RuntimeError: there are no batches.
            TypeError: these are no batches.
        """
        check_batches("Trainer.predict", batches)
        with self.averaged(), no_grad(), test_mode():
            outputs = [self.predict_batch(batch) for batch in batches]
        if not outputs:
            raise RuntimeError("Trainer.predict: there were no batches, needed one or more")
        return joined(outputs)

    # -- to stop and go on --

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to go on from here: model, optimizer, place in the data, callbacks, …

        Raises:
            RuntimeError: an update is under way, an error ended the epoch, the model has no sizes
                yet, or the training data cannot be resumed in the middle of the epoch.
        """
        if self._torn:
            raise RuntimeError(
                "Trainer.state_dict: an update is under way, or the epoch was interrupted; save in "
                "on_step or on_epoch, and resume from what was saved last"
            )
        if self._to_resume is None and self.batches and not is_resumable(self._train):
            raise RuntimeError(
                f"Trainer.state_dict: the epoch is under way, and a {type(self._train).__name__} "
                f"cannot say where it stands; train on a DataLoader, or save after epochs"
            )
        return {
            "parts": {name: dict(part.state_dict()) for name, part in self.parts.items()},
            "callbacks": {n: c.state_dict() for n, c in self._named_callbacks().items()},
            "scores": self._scores.state_dict(),
            **{name: getattr(self, name) for name in _COUNTS},
            "history": [dict(result) for result in self.history],
            **(self._to_resume or self._places()),
        }

    def _places(self) -> dict[str, Any]:
        """Where the data and the random numbers stand."""
        return {
            "train": place_in(self._train),
            "validation": place_in(self._validation),
            "random": random.get_state(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Makes the next `fit` go on where `state_dict()` was called.

        (The places in the data and the random numbers are loaded when `fit` begins.)

        Raises:
            ValueError: it does not fit; then nothing is loaded, except that a model that waited for
                its sizes may have them.
        """
        check_keys("Trainer", state, dict.fromkeys(_STATE))
        callbacks = self._named_callbacks()
        check_keys("Trainer (parts)", state["parts"], self.parts)
        check_keys("Trainer (callbacks)", state["callbacks"], callbacks)
        load_together(
            [
                ("scores", self._scores, state["scores"]),
                *((name, part, state["parts"][name]) for name, part in self.parts.items()),
                *((name, c, state["callbacks"][name]) for name, c in callbacks.items()),
            ]
        )
        for name in _COUNTS:
            setattr(self, name, state[name])
        self.history = [dict(result) for result in state["history"]]
        self._torn = False
        self._to_resume = {name: state[name] for name in ("train", "validation", "random")}

    def _named_callbacks(self) -> dict[str, Callback]:
        """The callbacks that have a state, as "CSVLog", "CSVLog 2", … in their order."""
        named: dict[str, Callback] = {}
        counts: dict[str, int] = {}
        for callback in self.callbacks:
            name = type(callback).__name__
            counts[name] = counts.get(name, 0) + 1
            if type(callback).state_dict is not Callback.state_dict:
                named[name if counts[name] == 1 else f"{name} {counts[name]}"] = callback
        return named


_COUNTS = ("step", "epoch", "batches", "fetched_all", "stopped")
_STATE = (*_COUNTS, "parts", "callbacks", "scores", "history", "train", "validation", "random")


def _needs_loss(kind: type[Trainer]) -> bool:
    return kind.compute is Trainer.compute and kind.learn is Trainer.learn
