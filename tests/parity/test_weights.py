"""Weights between PyTorch and us, through .safetensors files: the same outputs on both sides."""

import numpy as np
import pytest

import wengert.layers as L
from wengert import no_grad, random, test_mode
from wengert.io import load_arrays, load_weights, save_weights
from wengert.models import GPT, resnet18

torch = pytest.importorskip("torch", reason="PyTorch is missing: pip install '.[parity]'")
WITHOUT = "safetensors is missing: pip install '.[safetensors]'"
files = pytest.importorskip("safetensors.torch", reason=WITHOUT)

from parity.test_layers import CASES, flat, run  # noqa: E402
from parity.test_models import TorchGPT, TorchResNet18  # noqa: E402


def randomised(module, seed=0):
    """The module, in inference mode, with random values; variances are positive."""
    rng = np.random.default_rng(seed)
    for name, value in module.state_dict().items():
        if value.is_floating_point():
            new = rng.uniform(0.5, 1, value.shape) if "running_var" in name else None
            new = 0.1 * rng.normal(size=value.shape) if new is None else new
            value += torch.tensor(new, dtype=value.dtype)
    return module.eval()


def assert_close(y, z, rtol):
    z = z.detach().numpy()
    np.testing.assert_allclose(y.data, z, rtol=rtol, atol=rtol * np.abs(z).max())


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", [*CASES])
def test_every_layer_takes_the_weights_of_its_counterpart_and_gives_them_back(tmp_path, name, seed):
    rng = np.random.default_rng(seed)
    layer, module, shapes = CASES[name](rng, np.float64)
    module = randomised(module.double())
    path, back = tmp_path / "theirs.safetensors", tmp_path / "ours.safetensors"
    files.save_file(module.state_dict(), path)
    assert load_weights(path, layer, names="pytorch") == ([], [])
    inputs = [rng.normal(size=shape) for shape in shapes]
    with test_mode(), no_grad(), torch.no_grad():
        theirs = run(module, [torch.tensor(x) for x in inputs])
        for y, z in zip(flat(layer(*inputs)), theirs, strict=True):
            assert_close(y, z, 1e-10)

    save_weights(back, layer, names="pytorch")
    state = {name: array.clone() for name, array in module.state_dict().items()}
    randomised(module, 1)
    module.load_state_dict(files.load_file(back))
    for key, array in module.state_dict().items():
        assert key.endswith("num_batches_tracked") or torch.equal(array, state[key]), key


def test_an_embedding_takes_the_weights_of_its_counterpart(tmp_path):
    module, layer = torch.nn.Embedding(5, 3), L.Embedding(5, 3)
    files.save_file(module.state_dict(), tmp_path / "x.safetensors")
    load_weights(tmp_path / "x.safetensors", layer, names="pytorch")
    np.testing.assert_array_equal(layer.W.data, module.weight.detach().numpy())


def test_resnet18_computes_the_same_in_both_directions(tmp_path):
    random.seed(0)
    model, other = resnet18(10), randomised(TorchResNet18(10))
    path = tmp_path / "resnet18.safetensors"
    files.save_file(other.state_dict(), path)
    load_weights(path, model, names="pytorch")
    x = np.random.default_rng(0).normal(size=(2, 3, 40, 40)).astype(np.float32)
    with test_mode(), no_grad(), torch.no_grad():
        y = model(x)
        assert y.dtype == np.float32
        assert_close(y, other(torch.tensor(x)), 1e-5)
        save_weights(path, model, names="pytorch")
        again = TorchResNet18(10).eval()
        again.load_state_dict(files.load_file(path))
        assert_close(y, again(torch.tensor(x)), 1e-5)


SIZES = {"layers": 2, "width": 24, "heads": 3}


def same_scores(model, other):
    tokens = np.random.default_rng(0).integers(0, 17, (4, 10))
    with test_mode(), no_grad(), torch.no_grad():
        assert_close(model(tokens), other.eval()(torch.tensor(tokens)), 1e-5)


@pytest.mark.parametrize("tied", [True, False])
@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_gpt_computes_the_same_in_both_directions(tmp_path, positions, tied):
    model = GPT(17, 12, **SIZES, positions=positions, tied=tied)
    other = TorchGPT(17, 12, **SIZES, rotary=positions == "rotary", tied=tied)
    path = tmp_path / "gpt.safetensors"
    files.save_file(randomised(other).state_dict(), path)
    load_weights(path, model, names="pytorch")
    same_scores(model, other)
    save_weights(path, model, names="pytorch")
    again = TorchGPT(17, 12, **SIZES, rotary=positions == "rotary", tied=tied)
    again.load_state_dict(files.load_file(path))
    same_scores(model, again)


def test_tied_weights_that_pytorch_writes_once_are_found_by_either_name(tmp_path):
    other = TorchGPT(17, 12, **SIZES, rotary=False, tied=False)
    other.head.weight = other.tokens.weight
    path = tmp_path / "gpt.safetensors"
    files.save_model(randomised(other), path)
    assert "tokens.weight" not in load_arrays(path)  # but head.weight, which sorts before it
    for tied in (True, False):
        model = GPT(17, 12, **SIZES, tied=tied)
        load_weights(path, model, names="pytorch")
        same_scores(model, other)


def test_weights_of_a_wrapped_module_are_taken_with_rename(tmp_path):
    other = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.ReLU(), torch.nn.Linear(4, 2))
    model = L.Sequential(L.Linear(4), np.tanh, L.Linear(2))
    path = tmp_path / "x.safetensors"
    files.save_file({f"module.{key}": x for key, x in other.state_dict().items()}, path)
    with pytest.raises(ValueError, match=r"to drop 'module\.': rename=lambda"):
        load_weights(path, model, names="pytorch")
    load_weights(path, model, names="pytorch", rename=lambda name: name.removeprefix("module."))
    np.testing.assert_array_equal(model[2].W.data.T, other[2].weight.detach().numpy())


def test_bfloat16_comes_as_float32_of_the_same_value(tmp_path):
    values = torch.tensor([1.0, -3.14159, 1e38, 1e-40, torch.inf, torch.nan, 0.0, -0.0])
    arrays = {
        "x": values.bfloat16().reshape(2, 4),
        "0-d": values[1].bfloat16(),
        "empty": torch.zeros(0, 3).bfloat16(),
    }
    files.save_file(arrays, tmp_path / "x.safetensors")
    ours = load_arrays(tmp_path / "x.safetensors")
    for name, array in arrays.items():
        np.testing.assert_array_equal(ours[name], array.float().numpy(), strict=True)
    assert np.signbit(ours["x"]).tolist() == torch.signbit(arrays["x"]).tolist()


def test_dtypes_that_numpy_lacks_are_refused_by_name(tmp_path):
    path = tmp_path / "x.safetensors"
    for dtype, name in ((torch.float8_e4m3fn, "F8_E4M3"), (torch.complex64, "C64")):
        files.save_file({"x": torch.zeros(2).to(dtype)}, path)
        with pytest.raises(ValueError, match=rf"x\.safetensors: x is {name}"):
            load_arrays(path)
