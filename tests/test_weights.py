"""Weight files: matching and mismatching names and shapes."""

import re

import numpy as np
import pytest

import wengert.layers as L
from test_io import FORMATS, MATRIX, RNG, assert_same, saved
from wengert import Parameter, random
from wengert.functions.activation import relu
from wengert.io import (
    gpt2_name,
    load_arrays,
    load_metadata,
    load_weights,
    save_arrays,
    save_weights,
)
from wengert.io.pytorch import torch_names
from wengert.models import GPT

X = RNG.normal(size=(5, 3)).astype(np.float32)


def network():
    return L.Sequential(L.Linear(4), L.BatchNorm(), relu, L.Linear(2))


@pytest.mark.parametrize("suffix", FORMATS)
@pytest.mark.parametrize("names", ["wengert", "pytorch"])
def test_parameters_and_buffers_are_restored_also_into_lazy_ones(tmp_path, suffix, names):
    random.seed(0)
    model, other = network(), network()
    model(X)  # and its running statistics change
    path = tmp_path / f"weights{suffix}"
    save_weights(path, model, names=names)
    assert load_weights(path, other, names=names) == ([], [])
    assert_same(model.state_dict(), other.state_dict())
    keys = model.state_dict() if names == "wengert" else PYTORCH_NAMES
    assert set(load_arrays(path)) == set(keys)
    assert load_metadata(path) == ({"format": "pt"} if names == "pytorch" else {})


PYTORCH_NAMES = {
    *("0.weight", "0.bias", "3.weight", "3.bias"),
    *("1.weight", "1.bias", "1.running_mean", "1.running_var"),
}


class Own(L.Layer):
    """A user's model: its own Parameter, a plain list, a subclass of a layer."""

    def __init__(self):
        class Scaled(L.Linear):
            pass

        self.scale = Parameter(np.ones((1, 2)))
        self.layers = [Scaled(2, in_size=3), L.Sequential(relu, L.LayerNorm(2))]
        self.cells = {"step": L.GRUCell(2, in_size=2, bias=False)}
        self.again = self.layers[0]


def test_pytorchs_names_in_a_users_own_model():
    assert {name: theirs.name for name, theirs in torch_names(Own()).items()} == {
        "scale": "scale",
        "layers.0.W": "layers.0.weight",
        "layers.0.b": "layers.0.bias",
        "layers.1.layers.1.gamma": "layers.1.1.weight",
        "layers.1.layers.1.beta": "layers.1.1.bias",
        "cells.step.weights.Wx": "cells.step.weight_ih",
        "cells.step.weights.Wh": "cells.step.weight_hh",
    }


def test_values_are_cast_to_the_dtype_of_the_model(tmp_path):
    save_arrays(tmp_path / "x.npz", {"W": MATRIX, "b": np.arange(4)})
    layer = L.Linear(4)
    load_weights(tmp_path / "x.npz", layer)
    assert layer.W.dtype == layer.b.dtype == np.float32
    np.testing.assert_array_equal(layer.W.data, MATRIX.astype(np.float32))


def test_a_model_with_lazy_parameters_cannot_be_saved_and_the_old_file_stays(tmp_path):
    path = saved(tmp_path, ".npz", {"x": MATRIX})
    with pytest.raises(RuntimeError, match=r"layers\.0\.W \(None, 4\) has no size yet"):
        save_weights(path, network())
    assert_same({"x": MATRIX}, load_arrays(path))


def test_wrong_names_and_shapes_are_listed_with_the_file(tmp_path):
    path = saved(tmp_path, ".npz", {"W": MATRIX, "c": np.zeros(4)})
    layer = L.Linear(5, in_size=3)
    before = layer.state_dict()
    with pytest.raises(ValueError, match="load_weights") as error:
        load_weights(path, layer)
    assert str(error.value) == (
        f"load_weights: {path}: Linear.load_state_dict: missing: b; unexpected: c; "
        f"unfit: W is (3, 4), needed (3, 5). Nothing was loaded"
    )
    assert_same(before, layer.state_dict())
    assert load_weights(path, L.Linear(4, in_size=3), strict=False) == (["b"], ["c"])


def test_wrong_names_and_shapes_are_listed_as_pytorch_has_them(tmp_path):
    arrays = {"weight": np.zeros((4, 3)), "c": np.zeros(4), "num_batches_tracked": np.array(1)}
    path = saved(tmp_path, ".npz", arrays)
    with pytest.raises(ValueError, match="load_weights") as error:
        load_weights(path, L.Linear(5, in_size=3), names="pytorch")
    assert str(error.value) == (
        f"load_weights: {path}: in PyTorch's names: missing: bias (5,); unexpected: c (4,); "
        f"unfit: weight is (4, 3), needed (5, 3). Nothing was loaded"
    )
    assert load_weights(path, L.Linear(4), strict=False, names="pytorch") == (["bias"], ["c"])


def test_a_wrong_shape_for_parameters_without_a_size_is_refused_too(tmp_path):
    arrays = {"in_proj_weight": MATRIX.T, "out_proj.weight": MATRIX}
    path = saved(tmp_path, ".npz", arrays)
    layer = L.MultiHeadAttention(2, bias=False)
    with pytest.raises(ValueError, match=r"in_proj_weight is \(4, 3\), needed"):
        load_weights(path, layer, names="pytorch")
    path = saved(tmp_path, ".npz", {"weight": np.zeros(3), "bias": np.zeros(2)})
    with pytest.raises(ValueError, match=r"Linear\.load_state_dict: .*W is \(3,\), needed"):
        load_weights(path, L.Linear(2), names="pytorch")


def test_a_common_prefix_of_all_names_is_recognised_and_can_be_dropped(tmp_path):
    path = saved(tmp_path, ".npz", {"_orig_mod.weight": MATRIX, "_orig_mod.bias": np.zeros(3)})
    hint = "rename=lambda name: name.removeprefix('_orig_mod.')"
    with pytest.raises(ValueError, match=re.escape(hint)):
        load_weights(path, L.Linear(3), names="pytorch")
    layer = L.Linear(3)
    load_weights(path, layer, names="pytorch", rename=lambda name: name.removeprefix("_orig_mod."))
    np.testing.assert_array_equal(layer.W.data, MATRIX.T.astype(np.float32))


def test_rename_maps_names_and_drops_those_that_become_none(tmp_path):
    path = saved(tmp_path, ".npz", {"kernel": MATRIX, "bias": np.zeros(4), "step": [3]})
    new = {"kernel": "W", "bias": "b"}
    assert load_weights(path, L.Linear(4), rename=new.get) == ([], [])
    with pytest.raises(ValueError, match="rename gives W for bias and for another name"):
        load_weights(path, L.Linear(4), rename=lambda name: "W")
    with pytest.raises(ValueError, match=r"load_weights: .*invalid literal") as caught:
        load_weights(path, L.Linear(4), rename=int)
    assert caught.value.__cause__ is not None  # where in the user's function it happened


def test_swapped_arguments_are_recognised(tmp_path):
    for call in (save_weights, load_weights):
        with pytest.raises(TypeError, match=rf"needed a Layer; is it {call.__name__}\(path, model"):
            call(L.Linear(4), tmp_path / "x.npz")


def test_an_unknown_kind_of_names_is_refused(tmp_path):
    with pytest.raises(ValueError, match="load_weights: got names 'jax', needed 'wengert' or"):
        load_weights(tmp_path / "x.npz", L.Linear(3), names="jax")
    with pytest.raises(ValueError, match="save_weights: got names 'jax'"):
        save_weights(tmp_path / "x.npz", L.Linear(3, in_size=3), names="jax")


@pytest.mark.parametrize("prefix", ["", "transformer."])
def test_the_published_names_of_gpt2_are_those_of_our_gpt(tmp_path, prefix):
    gpt = GPT(5, 4, layers=2, width=6, heads=2)
    layers = {"wte": gpt.tokens, "wpe": gpt.positions, "ln_f": gpt.norm}
    for i, part in enumerate(gpt.blocks):
        layers |= {
            f"h.{i}.ln_1": part.norm1,
            f"h.{i}.attn.c_attn": part.attention.qkv,
            f"h.{i}.attn.c_proj": part.attention.out,
            f"h.{i}.ln_2": part.norm2,
            f"h.{i}.mlp.c_fc": part.network[0],
            f"h.{i}.mlp.c_proj": part.network[2],
        }
    arrays = {
        f"{prefix}{path}.{word}": p.data
        for path, layer in layers.items()
        for word, p in zip(("weight", "bias"), layer.params(), strict=False)
    }
    arrays |= {f"{prefix}h.0.attn.bias": np.ones((1, 1, 4, 4)), "lm_head.weight": gpt.tokens.W}
    path = saved(tmp_path, ".npz", arrays)
    loaded = GPT(5, 4, layers=2, width=6, heads=2)
    assert load_weights(path, loaded, rename=gpt2_name) == ([], [])
    assert_same(gpt.state_dict(), loaded.state_dict())
    others = ["h.0.attn.other.weight", "score.weight", "W"]
    assert [gpt2_name(name) for name in others] == others
