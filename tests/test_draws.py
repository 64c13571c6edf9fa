"""Random draws of a data set's own code: the same from any workers, all different, none outside."""

import multiprocessing
import pickle
import random
from functools import partial

import numpy as np
import pytest

import wengert as wg
from loaders import WORKERS, assert_no_worker_is_left
from wengert.data import ArrayDataset, DataLoader, SeqDataLoader, TransformDataset, collate
from wengert.data.draws import Draws
from wengert.data.transforms import Compose, RandomFlip, StandardScaler

# Python 3.12 and 3.13 fork by default, and warn when there are threads, as NumPy's are.
pytestmark = [
    pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:DataLoader. the data set draws:UserWarning"),
]

N = 16
of_module = np.random.default_rng(0)
old_of_module = np.random.RandomState(0)


def numpy_global(x):
    return x + np.random.rand()


def numpy_normal(x):
    return x + np.random.normal()


def python_global(x):
    return x + random.random()


def python_gauss(x):
    return x + random.gauss(0, 1)


def module_generator(x):
    return x + of_module.random()


def module_random_state(x):
    return x + old_of_module.standard_normal()


def with_default(x, rng=np.random.default_rng(0)):  # noqa: B008
    return x + rng.random()


def with_option(rng, x):
    return x + rng.random()


def in_a_comprehension(x):
    return x + sum(of_module.random() for _ in range(2))


class Adds:
    def __init__(self, rng):
        self.rng = rng

    def __call__(self, x):
        return x + self.rng.random()


class InSlots:
    __slots__ = ("rng",)

    def __init__(self, rng):
        self.rng = rng

    def __call__(self, x):
        return x + self.rng.random()


class OwnGenerator:
    """A data set that makes its generator when it is made, as those of PyTorch's users do."""

    def __init__(self, make):
        self.rng = make()

    def __len__(self):
        return N

    def __getitem__(self, i):
        return (i + self.rng.random(),)


class DeepGenerator(OwnGenerator):
    def __init__(self, make):
        self.options = {"augment": [Adds(make())]}

    def __getitem__(self, i):
        return (self.options["augment"][0](i),)


class DrawsInItself(OwnGenerator):
    def __init__(self):
        pass

    def __getitem__(self, i):
        return (i + np.random.rand(),)


def adds_in_batch(samples):
    (x,) = collate(samples)
    return (x + np.random.rand(len(x)),)


def plain():
    return ArrayDataset(np.arange(float(N)))


def transformed(fn):
    return TransformDataset(plain(), fn)


def closure():
    rng = np.random.default_rng(0)
    return lambda x: x + rng.random()


# A data set that draws in its own way, and the generators that it keeps.
CASES = {
    "np.random": lambda: transformed(numpy_global),
    "np.random.normal": lambda: transformed(numpy_normal),
    "random": lambda: transformed(python_global),
    "random.gauss": lambda: transformed(python_gauss),
    "in __getitem__": DrawsInItself,
    "generator of the module": lambda: transformed(module_generator),
    "RandomState of the module": lambda: transformed(module_random_state),
    "in a comprehension": lambda: transformed(in_a_comprehension),
    "default argument": lambda: transformed(with_default),
    "partial": lambda: transformed(partial(with_option, np.random.default_rng(0))),
    "closure": lambda: transformed(closure()),
    "transform with a generator": lambda: transformed(Adds(np.random.default_rng(0))),
    "in slots": lambda: transformed(InSlots(np.random.default_rng(0))),
    "bound method": lambda: transformed(Adds(np.random.default_rng(0)).__call__),
    "Compose": lambda: transformed(Compose(Adds(np.random.default_rng(0)), np.negative)),
    "of a sample": lambda: TransformDataset(plain(), sample=lambda s: (s[0] + random.random(),)),
    "unseeded generator": lambda: OwnGenerator(np.random.default_rng),
    "Philox": lambda: OwnGenerator(lambda: np.random.Generator(np.random.Philox(0))),
    "RandomState": lambda: OwnGenerator(np.random.RandomState),
    "RandomState of PCG64": lambda: OwnGenerator(
        lambda: np.random.RandomState(np.random.PCG64(0))
    ),
    "random.Random": lambda: OwnGenerator(random.Random),
    "deep inside": lambda: DeepGenerator(np.random.default_rng),
    "collate": plain,
}  # fmt: skip


@pytest.fixture(params=CASES, ids=str)
def make(request):
    """A function that makes a loader of a data set; always of the same one."""
    dataset = CASES[request.param]()
    options = {"collate": adds_in_batch} if request.param == "collate" else {}

    def loader(workers=0, kind="thread", **more):
        own = {"seed": 5, "shuffle": False, "workers": workers, "worker_kind": kind}
        return DataLoader(dataset, 3, **options | own | more)

    return loader


def drawn(batches):
    return np.concatenate([x for (x,) in batches]).tolist()


def test_each_sample_gets_draws_of_its_own_from_processes(make):
    draws = abs(np.array(drawn(make(3, "process")))) - np.arange(N)
    assert len(set(draws.round(10))) == N
    assert_no_worker_is_left()


@pytest.mark.parametrize(("workers", "kind"), WORKERS[1:])
def test_draws_are_the_same_from_any_workers(make, workers, kind):
    assert drawn(make(workers, kind)) == drawn(make())


def test_draws_differ_from_pass_to_pass_and_from_seed_to_seed(make):
    batches = make(2, "process")
    first, second, other = drawn(batches), drawn(batches), drawn(make(seed=6))
    assert not set(first) & set(second)
    assert not set(first) & set(other)


def test_draws_resume_within_a_pass(make):
    batches = make()
    expected = [x.tolist() for (x,) in batches]
    states = [batches.state_dict() for _ in batches]
    second = [x.tolist() for (x,) in batches]
    assert second != expected
    resumed = make(seed=8)
    resumed.load_state_dict(make().state_dict() | {"passes": 1, "position": 2})
    assert [x.tolist() for (x,) in resumed] == expected[2:]
    assert len(states) == len(expected)


@pytest.mark.parametrize(("workers", "kind"), [(0, "thread"), (2, "thread"), (2, "process")])
def test_states_of_the_program_are_left_as_they_were(make, workers, kind):
    np.random.seed(3)
    random.seed(3)
    np.random.normal()
    batches = make(workers, kind)
    sources = Draws(batches.dataset, batches.collate)
    before = sources.states()
    for _ in batches:
        assert sources.states() == before
    assert sources.states() == before


@pytest.mark.parametrize("name", ["np.random", "RandomState", "deep inside"])
def test_draws_are_the_same_where_processes_are_not_forked(monkeypatch, name):  # 1 s each
    batches = DataLoader(CASES[name](), 3, seed=5, shuffle=False, workers=2, worker_kind="process")
    forked = drawn(batches)
    spawn = multiprocessing.get_context("spawn")
    monkeypatch.setattr(multiprocessing, "get_context", lambda: spawn)
    again = DataLoader(CASES[name](), 3, seed=5, shuffle=False, workers=2, worker_kind="process")
    assert drawn(again) == forked


def test_draws_do_not_depend_on_what_the_program_drew_before():
    def batches(before):
        np.random.seed(before)
        return DataLoader(CASES["np.random"](), 3, seed=5, shuffle=False)

    assert drawn(batches(1)) == drawn(batches(2))


def test_an_error_in_a_batch_puts_the_states_back():
    def fails(x):
        raise KeyError(np.random.rand())

    before = pickle.dumps(np.random.get_state())
    with pytest.raises(KeyError):
        list(DataLoader(transformed(fails), 3))
    assert pickle.dumps(np.random.get_state()) == before


def test_windows_of_a_sequence_draw_in_the_same_manner():
    batches = SeqDataLoader(CASES["np.random"](), 2, 3, seed=1)
    first = [x.tolist() for (x,) in batches]
    assert first == [x.tolist() for (x,) in SeqDataLoader(CASES["np.random"](), 2, 3, seed=1)]


# ---- Threads ----


def test_threads_that_would_share_a_generator_are_not_used_and_a_warning_names_the_cure():
    batches = DataLoader(CASES["np.random"](), 3, workers=2)
    with pytest.warns(UserWarning, match=r"^DataLoader: .*threads would share.*'process'$") as told:
        drawn(batch for _ in range(2) for batch in batches)
    assert len(told) == 1
    assert told[0].filename == __file__


def test_a_transform_that_draws_from_the_generator_of_the_batch_has_its_threads(recwarn):
    def noisy(x):
        return x + wg.random.generator().random()

    helped, alone = (DataLoader(transformed(noisy), 3, seed=1, workers=w) for w in (2, 0))
    assert drawn(helped) == drawn(alone)
    assert not recwarn.list


def test_threads_leave_the_draws_of_the_program_alone():
    def waits_for_nothing(x):
        return x + 1

    np.random.seed(3)
    expected = np.random.rand(5).tolist()
    np.random.seed(3)
    batches = DataLoader(transformed(waits_for_nothing), 4, workers=2)
    assert [np.random.rand() for _ in batches] == expected[:4]


# ---- The search ----


def test_data_without_code_of_others_have_no_sources_to_restart():
    scaler = StandardScaler().fit(np.eye(3))
    for dataset in (
        plain(),
        [(1, 2)] * 10_000,
        TransformDataset(plain(), Compose(np.sin, RandomFlip(0.5))),
        TransformDataset(plain(), scaler),
        transformed(partial(np.add, 3)),
    ):
        assert not Draws(dataset, collate).outside


@pytest.mark.parametrize("fn", [np.random.normal, random.gauss, random.random])
def test_a_global_function_of_numpy_or_python_is_code_of_others(fn):
    assert Draws(transformed(fn)).outside


def test_a_generator_of_the_system_has_no_state():
    dataset = OwnGenerator(random.SystemRandom)
    assert len(set(drawn(DataLoader(dataset, 4, shuffle=False)))) == N


def test_a_large_structure_is_searched_in_part():
    dataset = OwnGenerator(lambda: None)
    dataset.many = [object() for _ in range(100_000)]
    dataset.itself = dataset
    assert Draws(dataset).outside
