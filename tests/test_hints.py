"""Names of PyTorch, Keras and NumPy: the errors say what to write instead."""

import ast
import copy
import inspect
import pickle
import re

import numpy as np
import pytest

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert import hints, optimizers, schedules, training
from wengert.data import DataLoader, SeqDataLoader, WeightedSampler, k_fold, split

OWNERS = {
    "VARIABLE": wg.Variable(np.ones((2, 2))),
    "FUNCTION": wg.Function(),
    "LAYER": L.Linear(2, in_size=2),
    "OPTIMIZER": optimizers.SGD(),
    "LAYERS": L,
    "FUNCTIONS": F,
    "OPTIMIZERS": optimizers,
    "SCHEDULES": wg.schedules,
    "INITIALIZERS": wg.initializers,
    "DATA": wg.data,
    "TRAINING": training,
    "WENGERT": wg,
}
TABLES = {name: getattr(hints, name) for name in OWNERS}
CODE = {f"{table}.{word}": code for table, words in TABLES.items() for word, code in words.items()}
ROOTS = {
    "x": OWNERS["VARIABLE"],
    "f": OWNERS["FUNCTION"],
    "model": OWNERS["LAYER"],
    "optimizer": OWNERS["OPTIMIZER"],
    "F": F,
    "L": L,
    "np": np,
    "wg": wg,
}


def resolve(node):
    """What a name or an attribute of a hint is; None for a name of the user's, such as `mask`.

    Raises:
        AttributeError: the attribute does not exist.
    """
    if isinstance(node, ast.Name):
        return ROOTS.get(node.id)
    if isinstance(node, ast.Attribute):
        owner = resolve(node.value)
        return None if owner is None else getattr(owner, node.attr)
    if isinstance(node, ast.Call):
        made = resolve(node.func)
        return made if isinstance(made, type) else None
    return None


@pytest.mark.parametrize("code", CODE.values(), ids=CODE)
def test_what_a_hint_recommends_exists(code):
    tree = ast.parse(code)  # a hint without code is a comment
    assigned = {ast.unparse(n.targets[0]) for n in ast.walk(tree) if isinstance(n, ast.Assign)}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node) not in assigned:
            resolve(node)


@pytest.mark.parametrize(("words", "owner"), OWNERS.items(), ids=OWNERS)
def test_no_hint_is_for_a_name_that_exists(words, owner):
    assert not [word for word in TABLES[words] if word in dir(owner)]
    for word, code in TABLES[words].items():
        with pytest.raises(AttributeError) as error:
            getattr(owner, word)
        assert str(error.value).endswith(f"has no {word!r}; here: {code.removeprefix('# ')}")


def test_keyword_arguments_of_the_hints_exist():
    known = set()
    for kind in (k for k in vars(L).values() if isinstance(k, type) and hasattr(k, "_fields")):
        known |= kind._fields.keys()
    explained = (DataLoader, SeqDataLoader, WeightedSampler, k_fold, split)
    trainer = (training.Trainer, training.Trainer.fit, training.EarlyStopping)
    rates = (schedules.ReduceOnPlateau, schedules.step_decay, schedules.cosine)
    for call in (*explained, *trainer, training.SaveCheckpoints, optimizers.ClipNorm, *rates):
        known |= inspect.signature(call).parameters.keys()
    for function in filter(inspect.isfunction, vars(F).values()):
        known |= inspect.signature(function).parameters.keys()
    names = {here for here in hints.ARGUMENTS.values() if not here.startswith("# ")}
    assert names - {"lr"} <= known


@pytest.mark.parametrize("owner", OWNERS.values(), ids=OWNERS)
def test_other_names_keep_pythons_message(owner):
    with pytest.raises(AttributeError, match=r"has no attribute '(\w+)'$") as error:
        owner.nonsense  # noqa: B018
    assert error.value.name == "nonsense"
    assert not hasattr(owner, "nonsense")
    assert getattr(owner, "nonsense", 3) == 3


@pytest.mark.parametrize(
    ("line", "here"),
    [
        ("from wengert import nn", "wengert has no 'nn'; here: wg.layers"),
        ("from wengert.layers import Linear, Dense", "here: L.Linear"),
        ("from wengert.functions import cross_entropy", "here: F.softmax_cross_entropy"),
        ("from wengert.data import TensorDataset", "here: wg.data.ArrayDataset"),
    ],
)
def test_an_import_of_a_name_of_another_framework_has_the_hint(line, here):
    with pytest.raises(ImportError, match=re.escape(here)):
        exec(line)


def test_an_import_of_another_name_keeps_pythons_message():
    with pytest.raises(ImportError, match="cannot import name 'nonsense'"):
        exec("from wengert.layers import nonsense")


@pytest.mark.parametrize("name", ["softmax", "dropout", "huber", "pad"])
def test_the_package_says_that_a_function_is_in_functions(name):
    with pytest.raises(
        AttributeError, match=rf"wengert has no '{name}'; here: .*functions\.{name}"
    ):
        getattr(wg, name)


def test_every_table_of_words_is_tested():
    tables = {name for name, table in vars(hints).items() if name.isupper() and name != "T"}
    assert tables == TABLES.keys() | {"ARGUMENTS"}


def test_python_can_still_suggest_a_similar_name():
    x = wg.Variable(1.0)
    with pytest.raises(AttributeError) as error:
        x.shap  # noqa: B018
    assert error.value.obj is x  # among whose names it searches


def test_a_user_defined_attribute_comes_before_the_hint():
    class Model(L.Layer):
        def predict(self, x):
            return x

    model = Model()
    model.weights = [1]
    assert (model.weights, model.predict(2)) == ([1], 2)
    assert {"weights", "predict"} < set(dir(model))
    assert "zero_grad" not in dir(model)


def test_an_error_inside_a_property_is_not_hidden():
    class Broken(L.Layer):
        @property
        def size(self):
            return self.absent

    with pytest.raises(AttributeError, match="'Broken' object has no attribute 'absent'"):
        Broken().size  # noqa: B018


@pytest.mark.parametrize("x", [wg.Variable(np.ones(2), "x"), L.Linear(2, in_size=1)])
@pytest.mark.parametrize(
    "copied", [copy.copy, copy.deepcopy, lambda x: pickle.loads(pickle.dumps(x))]
)
def test_copies_and_pickles_need_no_attribute_that_is_missing(copied, x):
    assert type(copied(x)) is type(x)
    assert copied(x).__reduce_ex__(2)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: L.Linear(out_features=3), "argument 'out_features'; here: out_size"),
        (lambda: L.Conv2d(3, kernel_size=3), "argument 'kernel_size'; here: kernel"),
        (lambda: L.LSTM(3, num_layers=2), "argument 'num_layers'; here: layers"),
        (lambda: L.Embedding(3, 2, padding_idx=0), "argument 'padding_idx'; here: padding_index"),
        (lambda: L.LayerNorm(3, elementwise_affine=False), "here: affine"),
        (lambda: L.Softmax(dim=1), "argument 'dim'; here: axis"),
        (lambda: L.ReLU(inplace=True), "argument 'inplace'; here: nothing is computed in place"),
        (lambda: optimizers.Adam(betas=(0.9, 0.99)), "argument 'betas'; here: beta1 and beta2"),
        (lambda: optimizers.SGD(momentum=0.9), "here: the optimizers Momentum and Nesterov"),
        (lambda: optimizers.SGD(learning_rate=0.1), "argument 'learning_rate'; here: lr"),
        (
            lambda: optimizers.SGD(L.Linear(2, in_size=3).params(), lr=0.1),
            r"SGD\(lr\)\.setup\(model\)",
        ),
        (lambda: L.ReLU(dim=1), r"unexpected keyword argument 'dim'; it is ReLU\(\)"),
    ],
)
def test_keyword_arguments_of_other_frameworks_are_answered_with_ours(call, match):
    with pytest.raises(TypeError, match=match):
        call()


@pytest.mark.parametrize("name", ["median", "diff", "nanmean", "hypot", "searchsorted"])
def test_functions_name_the_function_of_numpy_that_is_recorded(name):
    with pytest.raises(AttributeError, match=rf"has no '{name}'; here: np\.{name}\(x\)"):
        getattr(F, name)


@pytest.mark.parametrize(
    ("call", "name", "here"),
    [
        (lambda x: F.softmax(x, dim=1), "dim", "axis"),
        (lambda x: F.log_softmax(x, dim=1), "dim", "axis"),
        (lambda x: F.softmax_cross_entropy(x, np.array([0, 1]), dim=1), "dim", "axis"),
        (lambda x: F.leaky_relu(x, negative_slope=0.1), "negative_slope", "slope"),
        (lambda x: F.batch_norm(x, training=True), "training", "train"),
        (lambda x: F.dropout(x, training=True), "training", "train"),
        (lambda x: F.dropout(x, rate=0.1), "rate", "p"),
        (lambda x: F.layer_norm(x, epsilon=0.1), "epsilon", "eps"),
        (lambda x: F.logsumexp(x, keepdim=True), "keepdim", "keepdims"),
    ],
)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.int64])
def test_keyword_arguments_of_functions_have_hints(call, name, here, dtype):
    x = np.ones((2, 2), dtype)
    for given in (x, wg.Variable(x)):
        with pytest.raises(TypeError, match=f"unexpected keyword argument '{name}'; here: {here};"):
            call(given)


def test_another_wrong_keyword_shows_the_arguments():
    with pytest.raises(
        TypeError, match=r"softmax: got an unexpected keyword argument 'dims'; it is soft"
    ):
        F.softmax(np.ones(2), dims=1)


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (
            lambda: training.EarlyStopping(restore_best_weights=True),
            "here: restore_best; it is Early",
        ),
        (lambda: training.SaveCheckpoints("x", save_best_only=True), "here: best; it is SaveCheck"),
        (
            lambda: training.Trainer(loss_fn=None),
            "here: loss; it is Trainer(model, optimizer, loss",
        ),
        (lambda: training.Trainer.fit(None, [], validation_data=[]), "here: validation; it is Tra"),
        (
            lambda: training.Evaluator(None, criterion=None),
            "here: loss; it is Evaluator(model, loss",
        ),
        (lambda: optimizers.ClipNorm(max_norm=1.0), "here: limit; it is ClipNorm(limit)"),
        (lambda: schedules.cosine(0.1, T_max=5), "here: steps; it is cosine(start, steps, end)"),
        (
            lambda: schedules.exponential(0.1, gamma=0.5),
            "here: factor; it is exponential(start, fac",
        ),
        (lambda: schedules.step_decay(0.1, milestones=[5]), "here: at; it is step_decay(start"),
        (lambda: schedules.ReduceOnPlateau(0.1, mode="max"), "here: maximize; it is ReduceOnPlat"),
    ],
)
def test_options_of_other_trainers_and_schedules_have_hints(call, said):
    with pytest.raises(TypeError) as raised:
        call()
    assert said in str(raised.value)
