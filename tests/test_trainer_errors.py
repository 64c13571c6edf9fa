"""Error messages of a Trainer."""

import numpy as np
import pytest

import wengert.functions as F
from test_trainer import DATA, T, X, loader, network, trainer
from wengert.data import Padded
from wengert.optimizers import SGD
from wengert.training import Callback, Trainer


def test_wrong_parts_are_refused():
    model, loss = network(), F.softmax_cross_entropy
    with pytest.raises(TypeError, match="needed a Layer"):
        Trainer(F.relu, SGD(0.1), loss)
    with pytest.raises(TypeError, match="order"):
        Trainer(model, loss, SGD(0.1))
    with pytest.raises(TypeError, match="compute"):
        Trainer(model, SGD(0.1))
    with pytest.raises(TypeError, match="On\\(every"):
        Trainer(model, SGD(0.1), loss, callbacks=[print])
    with pytest.raises(TypeError, match="a list"):
        Trainer(model, SGD(0.1), loss, callbacks=Callback())
    with pytest.raises(TypeError, match="a list"):
        Trainer(model, SGD(0.1), loss, callbacks=None)
    with pytest.raises(ValueError, match="accumulate"):
        Trainer(model, SGD(0.1), loss, accumulate=0)
    with pytest.raises(ValueError, match="limit"):
        Trainer(model, SGD(0.1), loss, clip_norm=-1)
    with pytest.raises(ValueError, match="another"):
        Trainer(model, SGD(0.1), loss, parts={"model": SGD(0.1)})
    with pytest.raises(ValueError, match="state_dict"):
        Trainer(model, SGD(0.1), loss, parts={"rate": 0.1})
    with pytest.raises(ValueError, match="epochs"):
        trainer().fit(loader(), epochs=0)


@pytest.mark.parametrize("batches", [X, DATA, {"x": X}, "digits", 3, None])
@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_an_argument_that_is_not_batches_is_refused(method, batches):
    with pytest.raises(TypeError, match="DataLoader"):
        getattr(trainer(), method)(batches)


@pytest.mark.parametrize("method", ["fit", "evaluate", "predict"])
def test_empty_batches_are_refused(method):
    with pytest.raises(RuntimeError, match="no batches"):
        getattr(trainer(), method)([])


def test_a_generator_can_be_iterated_only_once():
    with pytest.raises(RuntimeError, match=r"in epoch 2.*generator"):
        trainer().fit(iter([(X, T)]), epochs=2)


@pytest.mark.parametrize(("batch", "error"), [
    (X, "a ndarray as batch"),
    ((X, T, T), "a tuple of 3 as batch, with 2 inputs, but Sequential.forward takes"),
    ({"x": X, "y": T}, "a dict of 2 as batch, needed .*key \"t\""),
    ({"t": T}, "a dict of 1 as batch"),
    ({"x": X, "lengths": T, "t": T}, "the inputs x, lengths, but Sequential.forward takes"),
    ({"x": X, "mask": T, "t": T}, r"as forward\(self, x, mask\), or override compute"),
    ((Padded(X, T), T), "the inputs x, lengths, but Sequential.forward takes"),
])  # fmt: skip
def test_batches_that_are_not_pairs_are_refused(batch, error):
    with pytest.raises(TypeError, match=error):
        trainer().fit([batch])


def test_a_dict_whose_keys_are_no_arguments_of_the_model_is_passed_as_one_and_the_error_says_so():
    with pytest.raises(TypeError) as raised:
        trainer().fit([{"image": X, "t": T}])
    assert "the inputs image were passed as one dict" in raised.value.__notes__[0]
    assert "forward takes (x)" in raised.value.__notes__[0]


def test_a_tuple_for_a_model_of_one_input_is_passed_as_one_and_the_error_says_so():
    with pytest.raises(ValueError) as raised:
        trainer().fit([((X, T), T)])
    assert "2 inputs were passed as one tuple" in raised.value.__notes__[0]


@pytest.mark.parametrize(("compute", "kind", "error"), [
    (lambda y: y, TypeError, "returned a Variable, needed"),
    (lambda y: (y, {}), ValueError, "take its mean"),
    (lambda y: (1.0, {}), TypeError, "is a float, needed a Variable"),
    (lambda y: (np.mean(y), {"y": y}), ValueError, "y: got shape"),
    (lambda y: (np.mean(y).detach(), {}), RuntimeError, "no graph"),
])  # fmt: skip
def test_a_loss_must_be_one_number_with_a_graph(compute, kind, error):
    class Wrong(Trainer):
        def compute(self, batch):
            return compute(self.model(batch))

    with pytest.raises(kind, match=error):
        Wrong(network(), SGD(0.1), progress=False).fit([X])


@pytest.mark.parametrize(
    "batch",
    [(X[:0], T[:0]), (), (X[0, 0], T[0]), {"count": 3, "x": X}, (["a", "b"], T[:2]), 3.0],
)
def test_a_batch_that_does_not_start_with_samples_has_no_size(batch):
    with pytest.raises(ValueError, match=r"batch_size: got .*, needed an array of one sample"):
        trainer().batch_size(batch)


@pytest.mark.parametrize("name", ["loss", "epoch", "step", "lr"])
def test_names_of_the_history_are_taken(name):
    class Numbers(Trainer):
        def compute(self, batch):
            return np.mean(self.model(batch)), {name: 1.0}

    with pytest.raises(ValueError, match=f"'{name}' is taken"):
        trainer(metrics={name: F.accuracy})
    with pytest.raises(ValueError, match=f"the name '{name}' is taken"):
        Numbers(network(), SGD(0.1), progress=False).fit([X])


def test_results_beside_the_loss_have_names():
    class Unnamed(Trainer):
        def compute(self, batch):
            return np.mean(self.model(batch)), [1.0]

    with pytest.raises(TypeError, match="returned a tuple of Variable and list, needed"):
        Unnamed(network(), SGD(0.1), progress=False).fit([X])


def test_a_trainer_with_its_own_learn_needs_a_loss_to_be_evaluated():
    class OwnLearn(Trainer):
        def learn(self, batches):
            pass

    with pytest.raises(TypeError, match="got loss None, needed"):
        OwnLearn(network(), SGD(0.1), progress=False).evaluate([(X, T)])
