"""`Trainer`: the loop over epochs and batches, and its state."""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from typing import Any

import numpy as np

from wengert.arguments import explains_call, integer
from wengert.config import using_config
from wengert.core import Variable
from wengert.files import AnyPath
from wengert.layers import Layer
from wengert.optimizers import ClipNorm, ExponentialMovingAverage, Optimizer
from wengert.state import check_names
from wengert.training.accumulation import Accumulation, MeanCheck
from wengert.training.batches import groups
from wengert.training.callbacks import Callback, named_callbacks
from wengert.training.checks import check_batches, check_loss, check_parts, named_parts
from wengert.training.evaluator import Evaluator
from wengert.training.plain import Outputs, Weighted
from wengert.training.position import DataState, Position
from wengert.training.progress import Progress
from wengert.training.resumable import is_resumable, load_together
from wengert.training.resume import state_to_resume
from wengert.training.scores import Metrics, Scores
from wengert.training.upgrade import upgraded


class Trainer(Evaluator):
    """Trains a model on batches (x, t): the hand-written training loop, with logging, evaluation
    and resuming.

        trainer = Trainer(model, Adam(1e-3), F.softmax_cross_entropy, metrics=[F.accuracy])
        trainer.fit(DataLoader(train, 64), DataLoader(test, 64), epochs=5)

    For other batches or losses a subclass overrides one method: `compute` returns the loss of a
    batch and other results, `learn` makes a whole update (with several optimizers, or by LBFGS,
    say), `predict_batch` returns what `predict` collects, and `batch_size` the number of samples in
    a batch. A `learn` of a subclass adds its numbers by `record` and clips the gradients itself.
    No callbacks are called in it, so it also calls `check_finite`, in place of StopOnNaN.

    Args:
        model: a Layer.
        optimizer: is set up on the model, unless it has been set up before.
        loss, metrics: see `Evaluator`.
        callbacks: called in this order; those that save (`last = True`) after the others.
        accumulate: how many batches make one update, that of one large batch: their gradients are
            weighted by what the losses divide by, such as the number of labels that are not
            ignored. The last ones of an epoch may be fewer. Batches without any sample that counts
            make no change of the weights.
        clip_norm: the largest common norm of the gradients; other hooks are the optimizer's.
        average: an average of the weights, updated after each update of the weights; `evaluate` and
            `predict` use it in place of the weights.
        parts: further parts of the state, by name: objects with `state_dict` and `load_state_dict`.
        progress: False shows nothing.

    Attributes:
        position: how far the training has come; also `step` (updates), `epoch` (finished epochs)
            and `batches` (of the running epoch).
        history: a dict for each epoch: "epoch", "step", "lr" (of the last update), "loss" and the
            metrics, measured while the weights change; then the same for the validation data,
            "validation_loss" and so on, measured at the end of the epoch.
        stopped: why the training was stopped, or None.
        restored: the epoch whose weights a callback, such as BestWeights, has restored at the end;
            None if the model has the weights of the last update.
        seconds: duration of the last epoch with its validation, as far as this `fit` ran it; None
            before its end.

    Raises:
        TypeError: an argument is of the wrong kind.
        ValueError: a number is out of its range, or two metrics or parts have the same name.
    """

    @explains_call()
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
        check_parts(model, optimizer, callbacks)
        if _needs_loss(type(self)):
            check_loss("Trainer", loss)
        super().__init__(model, loss, metrics=metrics, average=average)
        if optimizer.target is None:
            optimizer.setup(model)
        self.optimizer = optimizer
        self.accumulate = integer("Trainer", "accumulate", accumulate, least=1)
        self._check = None if accumulate == 1 or loss is None else MeanCheck(loss)
        self.clip = None if clip_norm is None else ClipNorm(clip_norm)
        self.callbacks = sorted(callbacks, key=lambda callback: callback.last)
        self.progress = progress
        self.parts = named_parts(model, optimizer, average, parts or {})
        self.position = Position()
        self.epochs = 0  # the last epoch of `fit`
        self.history: list[dict[str, Any]] = []
        self.stopped: str | None = None
        self.restored: int | None = None
        self.seconds: float | None = None
        self._latest = Scores()  # of the last update; `_scores` are of the running epoch
        self._train: Any = None
        self._validation: Any = None
        self._mid_update = False  # also after an error in the middle of an epoch
        self._to_resume: DataState | None = None  # restored at the start of `fit`

    # -- methods that a subclass may override, besides those of Evaluator --

    def learn(self, batches: list[Any]) -> None:
        """One update from these batches: new gradients, their sum over the batches, the step."""
        self.model.cleargrads()
        weights = Accumulation()
        for batch in batches:
            self._backward(batch, self.batch_size(batch), weights)
        factor = weights.factor
        if factor == 0:
            return  # no sample counts in any of the batches
        if factor != 1:
            self._scale_gradients(factor)
        self._call("on_gradients")
        if self.clip is not None:
            self.clip(self._updated_params())
        self.optimizer.update()

    # -- for use in overridden methods --

    def record(self, size: int, values: Mapping[str, Any]) -> None:
        """Adds the means of a batch of `size` samples to the scores of the running epoch."""
        self._scores.add(size, values)
        numbers = {name: value for name, value in values.items() if not _is_kept(value)}
        self._latest.add(size, numbers)

    # -- training --

    @explains_call()
    def fit(
        self,
        train: Iterable[Any],
        validation: Iterable[Any] | None = None,
        epochs: int = 1,
        *,
        resume: "Mapping[str, Any] | AnyPath | bool | None" = None,
    ) -> list[dict[str, Any]]:
        """Trains until `epochs` epochs are finished, earlier and resumed ones included.

        Args:
            train: batches, iterated once per epoch: a DataLoader, or a list.
            validation: batches to evaluate after each epoch.
            epochs: in total.
            resume: where to resume: a checkpoint, a folder of checkpoints (the newest intact one is
                used), True for the folder of the SaveCheckpoints among the callbacks, or what
                `state_dict()` returned. The training ends as if it had never been interrupted. If
                the folder has no checkpoint yet, training starts from the beginning.

        Returns:
            The history.

        Raises:
            RuntimeError: there are no batches.
            TypeError: an argument is not an iterable of batches.
            OSError: there is no such checkpoint or folder.
            ValueError: the checkpoint is damaged, or does not fit.
        """
        check_batches("Trainer.fit", train)
        if validation is not None:
            check_batches("Trainer.fit", validation)
        self.epochs = integer("Trainer.fit", "epochs", epochs, least=1)
        state = state_to_resume(resume, self.callbacks)
        if state is not None:
            self.load_state_dict(state)
        start = _start(resume, state is not None, self.position)
        del state  # which may be large
        self._train, self._validation = train, validation
        with (
            Progress(self.epochs, self.epoch, show=self.progress) as progress,
            using_config("enable_backprop", True),
            using_config("train", True),
        ):
            if start is not None:
                progress.say(start)
            if not getattr(self.model, "training", True):
                self.model.train()
            self._begin()
            try:
                while self.epoch < self.epochs and self.stopped is None:
                    self._run_epoch(progress)
            except BaseException as error:
                self._after_error(error)
                raise
            if self.stopped is not None:
                progress.say(f"stopped: {self.stopped}")
            self._call_each("on_end")
        return self.history

    def stop(self, reason: str) -> None:
        """Ends the training after this update, or, in `on_epoch`, after this epoch.

        A resumed training remains stopped; `trainer.stopped = None` lets the next `fit` continue.
        """
        self.stopped = reason

    @property
    def _is_saved(self) -> bool:
        """Whether a callback may save the state after an error."""
        return any(type(callback).on_error is not Callback.on_error for callback in self.callbacks)

    def _begin(self) -> None:
        """Starts an epoch, or resumes one at the position of the loaded state."""
        if self.stopped is not None or self.epoch >= self.epochs:  # nothing to do
            self._call("on_start")
            return
        self._mid_update = False
        state = self._to_resume
        if state is None:
            self.position = self.position.at_start_of_epoch()
            self._scores.reset()
            self._call("on_start")
            return
        state.restore_batches(self._train, self._validation)
        self._call("on_start")
        state.restore_random()
        self._to_resume = None  # not earlier: after an error, the next `fit` can resume there

    def _run_epoch(self, progress: Progress) -> None:
        left = () if self.position.fetched_all else self._train
        # an error's traceback holds this frame, but neither the bar nor the loader's pass
        with closing(progress.watch(left, self.batches, self._scores.running)) as watched:
            fetching = groups(watched, self.accumulate)
            while (batches := self._fetched(fetching)) is not None:
                self._update(batches)
                self._on_step()
                if self.stopped is not None:
                    # leaving the loop ends the loader's pass
                    resumable = is_resumable(self._train)
                    self._to_resume = self._data_state() if resumable else None
                    return
        if not self.batches:
            raise RuntimeError(
                f"Trainer.fit: the training data gave no batches in epoch {self.epoch + 1}; "
                f"needed a DataLoader or a list (a generator can be iterated only once)"
            )
        self._end_epoch(progress)

    def _after_error(self, error: BaseException) -> None:
        # (the iterator of the loader has ended as well)
        lost = self.batches > 0 and self._to_resume is None
        self._mid_update = self._mid_update or lost
        if not isinstance(error, Exception | KeyboardInterrupt):
            return  # (the process ends)
        try:
            self._call_each("on_error", error)
        except Exception as another:
            error.add_note(_another(another))

    def _fetched(self, batches: Iterator[list[Any]]) -> list[Any] | None:
        """The batches of the next update; None after the last one."""
        if not self._is_saved:
            return next(batches, None)
        state = self._data_state() if is_resumable(self._train) else None
        try:
            return next(batches, None)
        except BaseException:  # such as a damaged file: no update is lost
            self._to_resume = state if self.batches else None
            raise

    def _on_step(self) -> None:
        try:
            self._call("on_step")
        except BaseException:  # no update is lost: the next `fit` can continue here
            self._to_resume = self._data_state() if is_resumable(self._train) else None
            raise

    def _end_epoch(self, progress: Progress) -> None:
        # after an error in the validation, the next `fit` begins with the validation
        self.position = self.position.at_end_of_epoch()
        self._to_resume = self._data_state()
        result = self._result()
        self._to_resume = None
        self.position = self.position.after_epoch()
        self._scores.reset()
        self.history.append(result)
        progress.finish_epoch({k: v for k, v in result.items() if k not in ("epoch", "step", "lr")})
        self.seconds = progress.seconds
        self._call("on_epoch")

    def _update(self, batches: list[Any]) -> None:
        self._mid_update = True
        self.restored = None
        self._latest.reset()
        self._call("on_batches", batches)
        self.learn(batches)
        if self.average is not None:
            self.average.update()
        is_last = len(batches) < self.accumulate
        self.position = self.position.after_update(len(batches), is_last)
        self._mid_update = False

    def _see(self, y: Any, t: Any) -> None:
        if self._check is not None and self._mid_update:
            self._check.see(y, t)

    def _backward(self, batch: Any, size: int, weights: Accumulation) -> None:
        """Forward and backward of a batch. When it returns, no Variable holds a graph."""
        loss, value = self._forward(batch, size)
        share = weights.share(value, size)
        if share != 0:
            loss.backward(grad=np.full(loss.shape, share, loss.dtype), retain_graph=False)

    def _forward(self, batch: Any, size: int) -> tuple[Variable, Weighted]:
        """The loss of a batch, recorded. When it returns, only the graph holds the outputs."""
        loss, values = self._computed(batch)
        self._call("on_loss", loss)
        self.record(size, values)
        return loss, values["loss"]

    def _scale_gradients(self, factor: float) -> None:
        params = [*self.model.named_params().values(), *self._updated_params()]
        for p in {id(p): p for p in params}.values():
            if p.grad is not None:
                p.grad = p.grad.data * factor

    def _result(self) -> dict[str, Any]:
        """The entry of the running epoch in the history."""
        result = {"epoch": self.epoch + 1, "step": self.step, "lr": self.lr}
        result |= self._scores.compute()
        if self._validation is not None:
            scores = self.evaluate(self._validation)
            result |= {f"validation_{name}": value for name, value in scores.items()}
        return result

    def _updated_params(self) -> list[Variable]:
        target = self.optimizer.target
        assert target is not None  # it was set up
        params = target.named_params().values()
        return [p for p in params if p.grad is not None and p.requires_grad]

    def _call(self, moment: str, *arguments: Any) -> None:
        for callback in self.callbacks:
            getattr(callback, moment)(self, *arguments)

    def _call_each(self, moment: str, *arguments: Any) -> None:
        """Calls all callbacks, also after an error in one of them, which is raised in the end."""
        errors: list[Exception] = []
        for callback in self.callbacks:
            try:
                getattr(callback, moment)(self, *arguments)
            except Exception as error:
                errors.append(error)
        if errors:
            first, *others = errors
            for other in others:
                first.add_note(_another(other))
            raise first

    # -- position --

    @property
    def step(self) -> int:
        """How many updates have been made."""
        return self.position.step

    @property
    def epoch(self) -> int:
        """How many epochs are finished."""
        return self.position.epoch

    @property
    def batches(self) -> int:
        """How many batches of the running epoch have been used."""
        return self.position.batches

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

    def __repr__(self) -> str:
        loss = "" if self.loss is None else f", {getattr(self.loss, '__name__', self.loss)}"
        return (
            f"{type(self).__name__}({type(self.model).__name__}, {self.optimizer!r}{loss}, "
            f"epoch={self.epoch}, step={self.step})"
        )

    # -- saving and resuming --

    def state_dict(self) -> dict[str, Any]:
        """All that is needed to resume: model, optimizer, positions in the data, callbacks, …

        Raises:
            RuntimeError: an update is running, an error ended the epoch, the model has lazy
                parameters, or the position in the middle of the training data cannot be saved.
        """
        if self._mid_update:
            raise RuntimeError(
                "Trainer.state_dict: an update is running, or the epoch was interrupted; save in "
                "on_step or on_epoch, and resume from what was saved last"
            )
        if self._to_resume is None and self.batches and not is_resumable(self._train):
            raise RuntimeError(
                f"Trainer.state_dict: the position in the middle of a {type(self._train).__name__} "
                f"cannot be saved; train on a DataLoader, or save after epochs"
            )
        callbacks = named_callbacks(self.callbacks)
        return {
            "parts": {name: dict(part.state_dict()) for name, part in self.parts.items()},
            "callbacks": {name: callback.state_dict() for name, callback in callbacks.items()},
            "scores": self._scores.state_dict(),
            "position": self.position.state_dict(),
            "stopped": self.stopped,
            "restored": self.restored,
            "history": [dict(result) for result in self.history],
            **vars(self._to_resume or self._data_state()),
        }

    def _data_state(self) -> DataState:
        return DataState.of(self._train, self._validation)

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Lets the next `fit` resume where `state_dict()` was called.

        (The positions in the data and in the random numbers are restored when `fit` starts.)

        Raises:
            ValueError: the state does not fit; nothing is loaded, except that lazy parameters of
                the model may have received their sizes.
        """
        state = upgraded(state)
        check_names("Trainer.load_state_dict", state, _STATE)
        callbacks = named_callbacks(self.callbacks)
        check_names("Trainer.load_state_dict (parts)", state["parts"], self.parts)
        check_names("Trainer.load_state_dict (callbacks)", state["callbacks"], callbacks)
        restored = Position.from_state(state["position"])
        load_together(
            [
                ("scores", self._scores, state["scores"]),
                *((name, part, state["parts"][name]) for name, part in self.parts.items()),
                *((name, c, state["callbacks"][name]) for name, c in callbacks.items()),
            ]
        )
        self.position = restored
        self.stopped = state["stopped"]
        self.restored = state["restored"]
        self.history = [dict(result) for result in state["history"]]
        self._mid_update = False
        self._to_resume = DataState(state["train"], state["validation"], state["random"])


_STATE = (
    *("parts", "callbacks", "scores", "position", "stopped", "restored", "history"),
    *("train", "validation", "random"),
)


def _start(resume: Any, found: bool, position: Position) -> str | None:
    """What to say about where the training resumes."""
    if resume is None or resume is False:
        return None
    if not found:
        return "there is no checkpoint yet: the training starts from the beginning"
    inside = position.batches > 0 or position.epoch == 0
    where = f"in epoch {position.epoch + 1}" if inside else f"after epoch {position.epoch}"
    return f"resumed {where}, at step {position.step}"


def _another(error: Exception) -> str:
    return f"Trainer.fit: another error came after this one: {error!r}"


def _is_kept(value: Any) -> bool:
    """Whether it is a result that has no number for a batch."""
    empty = isinstance(value, Weighted) and value.weight == 0 and math.isnan(value)
    return empty or isinstance(value, Outputs)


def _needs_loss(kind: type[Trainer]) -> bool:
    return kind.compute is Evaluator.compute and kind.learn is Trainer.learn
