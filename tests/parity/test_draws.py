"""Draws of a data set's own code from PyTorch's generators."""

import numpy as np
import pytest

from wengert.data import ArrayDataset, DataLoader, TransformDataset

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")


class Adds:
    def __init__(self):
        self.rng = torch.Generator()

    def __call__(self, x):
        return x + torch.rand((), generator=self.rng).item()


def adds(x):
    return x + torch.rand(()).item()


@pytest.mark.parametrize("transform", [adds, Adds()])
def test_draws_from_pytorch_are_the_same_from_processes_and_all_different(transform):
    def drawn(**options):
        dataset = TransformDataset(ArrayDataset(np.arange(16.0)), transform)
        batches = DataLoader(dataset, 4, shuffle=False, seed=1, **options)
        return np.concatenate([x for (x,) in batches]) - np.arange(16)

    before = torch.get_rng_state()
    alone, helped = drawn(), drawn(workers=2, worker_kind="process")
    np.testing.assert_array_equal(alone, helped)
    assert len(set(alone.round(6))) == 16
    assert torch.equal(torch.get_rng_state(), before)
