"""Models: published architectures and parameter counts, training, special methods."""

import inspect
import pickle

import numpy as np
import pytest

import wengert.functions as F
from wengert import Variable, models, no_grad, random, test_mode
from wengert.functions.activation import relu
from wengert.layers import Dropout, LazyParameter
from wengert.models import (
    GPT,
    VAE,
    VGG16,
    BasicBlock,
    Bottleneck,
    LeNet5,
    LSTMClassifier,
    MobileNetV2,
    ResNet,
    SqueezeNet,
    resnet18,
    resnet34,
    resnet50,
    resnet101,
    resnet152,
)
from wengert.optimizers import Adam


def resnet8(classes=10, widths=(16, 32, 64)):
    return ResNet(BasicBlock, (1, 1, 1), classes, widths=widths, small_images=True)


def tiny_gpt(**options):
    """A GPT with a large variance of logits; those of a new one are almost equal."""
    random.seed(0)
    gpt = GPT(11, 8, layers=2, width=8, heads=2, dtype=np.float64, **options)
    for p in gpt.params():
        p.data[...] = 0.7 * random.generator().standard_normal(p.shape)
    return gpt


def images(*shape):
    return np.random.default_rng(0).normal(size=shape).astype(np.float32)


def ids(*shape, below):
    return np.random.default_rng(0).integers(0, below, shape)


TINY = {
    "LeNet5": (LeNet5, images(2, 1, 32, 32)),
    "VGG16": (lambda: VGG16(10, width=2, hidden_size=16), images(2, 3, 32, 32)),
    "ResNet of basic blocks": (lambda: resnet8(widths=(4, 6, 8)), images(2, 3, 8, 8)),
    "ResNet of bottlenecks": (
        lambda: ResNet(Bottleneck, (2, 1), 10, widths=(2, 3)),
        images(2, 3, 16, 16),
    ),
    "SqueezeNet": (lambda: SqueezeNet(10), images(2, 3, 32, 32)),
    "MobileNetV2": (lambda: MobileNetV2(10, width=0.1), images(3, 3, 40, 40)),
    "LSTMClassifier": (lambda: LSTMClassifier(10, 4, vocabulary=7), ids(2, 5, below=7)),
}
tiny = pytest.mark.parametrize(("make", "x"), TINY.values(), ids=list(TINY))


# ---- Published sizes ----


@pytest.fixture
def without_memory(monkeypatch):
    """Parameters have their shapes but share one number: VGG16 would take half a gigabyte."""

    def make(self, size):
        shape = tuple(size if n is None else n for n in self.shape)
        return self.kind(np.broadcast_to(np.zeros((), self.dtype), shape))

    monkeypatch.setattr(LazyParameter, "make", make)


@pytest.mark.usefixtures("without_memory")
@pytest.mark.parametrize(
    ("make", "count"),
    [
        (LeNet5, 61_706),
        (VGG16, 138_357_544),
        (resnet18, 11_689_512),
        (resnet34, 21_797_672),
        (resnet50, 25_557_032),
        (resnet101, 44_549_160),
        (resnet152, 60_192_808),
        (resnet8, 78_042),
        (SqueezeNet, 1_235_496),
        (MobileNetV2, 3_504_872),
        (VAE, 652_824),
        # GPT-2, the smallest
        (lambda: GPT(50257, 1024, layers=12, width=768, heads=12), 124_439_808),
    ],
)
def test_the_number_of_parameters_is_the_published_one(make, count):
    assert sum(p.size for p in make().params()) == count


@pytest.mark.usefixtures("without_memory")
def test_other_widths_of_mobilenet_have_the_published_sizes():
    assert sum(p.size for p in MobileNetV2(width=1.4).params()) == 6_108_776
    assert sum(p.size for p in MobileNetV2(width=0.5).params()) == 1_968_680
    assert MobileNetV2(width=0.35).features[0][0].out_size == 16  # 8 would be far from 11.2


def torchvision_name(name):
    *way, last = name.replace("layers.", "").split(".")
    last = {"W": "weight", "gamma": "weight", "b": "bias", "beta": "bias"}.get(last, last)
    return ".".join([*way, last])


@pytest.mark.usefixtures("without_memory")
@pytest.mark.parametrize(
    ("make", "some"),
    [
        (
            resnet50,
            {
                "conv1.weight": (64, 3, 7, 7),
                "bn1.running_mean": (64,),
                "layer1.0.downsample.0.weight": (256, 64, 1, 1),
                "layer3.5.conv3.weight": (1024, 256, 1, 1),
                "layer4.0.downsample.1.bias": (2048,),
                "layer4.2.bn2.running_var": (512,),
                "fc.weight": (2048, 1000),
            },
        ),
        (
            VGG16,
            {
                "features.2.bias": (64,),
                "features.28.weight": (512, 512, 3, 3),
                "classifier.0.weight": (25088, 4096),
                "classifier.6.bias": (1000,),
            },
        ),
        (
            SqueezeNet,
            {
                "features.0.weight": (64, 3, 3, 3),
                "features.3.squeeze.weight": (16, 64, 1, 1),
                "features.12.expand3x3.bias": (256,),
                "classifier.1.weight": (1000, 512, 1, 1),
            },
        ),
        (
            MobileNetV2,
            {
                "features.0.0.weight": (32, 3, 3, 3),
                "features.1.conv.0.0.weight": (32, 1, 3, 3),
                "features.1.conv.1.weight": (16, 32, 1, 1),
                "features.2.conv.1.1.running_mean": (96,),
                "features.17.conv.3.bias": (320,),
                "features.18.0.weight": (1280, 320, 1, 1),
                "classifier.1.weight": (1280, 1000),
            },
        ),
    ],
)
def test_names_follow_those_of_torchvision_by_the_documented_rule(make, some):
    model = make()
    state = model.named_params() | model.named_buffers()
    shapes = {torchvision_name(name): value.shape for name, value in state.items()}
    assert len(shapes) == len(state)
    assert {name: shapes.get(name) for name in some} == some


# ---- All of them ----


@tiny
def test_a_model_gives_a_logit_for_each_class_in_its_own_dtype(make, x):
    y = make()(x)
    assert y.shape == (len(x), 10)
    assert y.dtype == np.float32


@tiny
def test_gradients_reach_every_parameter(make, x):
    random.seed(1)
    model = make()
    F.softmax_cross_entropy(model(x), np.arange(len(x))).backward()
    for name, p in model.named_params().items():
        assert p.grad is not None, name
        assert np.any(p.grad.data), name


@tiny
def test_a_model_made_from_the_same_seed_is_the_same_model(make, x):
    random.seed(3)
    state = make().state_dict()
    random.seed(3)
    again = make().state_dict()
    random.seed(4)
    other = make().state_dict()
    assert list(state) == list(again)
    for name in state:
        np.testing.assert_array_equal(state[name], again[name])
    assert any(np.any(state[name] != other[name]) for name in state)


@tiny
def test_in_inference_mode_a_sample_depends_on_no_other_sample_and_on_no_random_number(make, x):
    model = make()
    with test_mode(), no_grad():
        y = model(x).data
        np.testing.assert_allclose(model(x[:1]).data, y[:1], rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(model(x).data, y)


@pytest.mark.parametrize("name", ["VGG16", "SqueezeNet", "MobileNetV2"])
def test_in_training_dropout_draws(name):
    make, x = TINY[name]
    random.seed(0)
    model = make()
    assert np.any(model(x).data != model(x).data)


@pytest.mark.parametrize("name", ["ResNet of basic blocks", "MobileNetV2"])
def test_in_training_a_sample_is_normalised_by_its_batch_and_later_by_running_statistics(name):
    make, x = TINY[name]
    random.seed(0)
    model = make()
    with test_mode():
        before = model(x).data
    changed = np.concatenate([x[:1], 2 * x[1:] + 1])
    assert np.abs(model(changed).data[0] - model(x).data[0]).max() > 1e-3
    with test_mode():
        assert np.any(model(x).data != before)


@tiny
def test_a_pickled_model_computes_the_same(make, x):
    model = make()
    other = pickle.loads(pickle.dumps(model))
    with test_mode():
        np.testing.assert_array_equal(other(x).data, model(x).data)


# ---- Images ----


def test_a_resnet_memorizes_a_small_batch():
    random.seed(0)
    model = resnet8(classes=4, widths=(4, 8, 8))
    optimizer = Adam(lr=0.02).setup(model)
    x, t = images(8, 3, 8, 8), np.arange(8) % 4
    for _ in range(25):
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
    assert loss.data < 0.05


def test_the_stem_for_small_images_keeps_their_size_and_the_other_one_quarters_it():
    sizes = []
    for small in (True, False):
        model = ResNet(BasicBlock, (1,), 2, widths=(2,), small_images=small)
        with model.layer1.hook(lambda layer, xs, y: sizes.append(y.shape[2:])):
            model(images(2, 3, 32, 32))
    assert sizes == [(32, 32), (8, 8)]


@pytest.mark.parametrize(
    ("make", "size", "channels"),
    [
        (lambda: VGG16(2, width=1, hidden_size=2), 65, 8),
        (lambda: SqueezeNet(2), 40, 512),  # without ceil mode the last pooling would leave 1
        (lambda: MobileNetV2(2, width=0.1), 64, 1280),
    ],
)
def test_the_last_map_of_features_has_two_by_two_pixels(make, size, channels):
    assert make().features(images(1, 3, size, size)).shape == (1, channels, 2, 2)


def test_both_hidden_layers_of_vgg_have_dropout():
    classifier = VGG16(2, width=1, hidden_size=2, dropout=0.3).classifier
    assert [layer.p for layer in classifier if isinstance(layer, Dropout)] == [0.3, 0.3]


def test_a_bottleneck_uses_all_of_x_before_its_stride():
    block = Bottleneck(2, in_size=3, stride=2)
    sizes = []
    with block.conv1.hook(lambda layer, xs, y: sizes.append(y.shape[2:])):
        assert block(images(1, 3, 8, 8)).shape == (1, 8, 4, 4)
    assert sizes == [(8, 8)]


def test_activations_of_mobilenet_end_at_six():
    first = MobileNetV2(2, width=0.1).features[0]
    y = first(100 * images(1, 3, 16, 16) ** 9).data
    assert (y.min(), y.max()) == (0, 6)


def test_a_mobilenet_block_adds_x_where_it_keeps_its_shape():
    random.seed(0)
    first, second = MobileNetV2(2, width=0.1).features[2:4]
    x = images(2, 8, 4, 4)
    for block, residual in ((first, 0), (second, x)):
        block.conv[-1].gamma.data[...] = 0
        np.testing.assert_array_equal(block(x).data, np.broadcast_to(residual, block(x).shape))


def test_a_block_adds_its_input():
    block = BasicBlock(3, in_size=3)
    block.bn2.gamma.data[...] = 0
    x = images(2, 3, 4, 4)
    np.testing.assert_array_equal(block(x).data, np.maximum(x, 0))


def test_convolutions_of_a_resnet_start_with_variance_two_by_outputs():
    random.seed(0)
    block = Bottleneck(64, in_size=64)
    assert np.var(block.conv2.W.data) == pytest.approx(2 / (64 * 9), rel=0.05)
    assert np.var(block.conv3.W.data) == pytest.approx(2 / 256, rel=0.05)


def test_resnet_needs_a_width_for_each_stage():
    with pytest.raises(ValueError, match=r"ResNet: got counts \(2, 2\) and widths \(8,\)"):
        ResNet(BasicBlock, (2, 2), widths=(8,))


def test_lenet_pads_the_images_of_28_pixels():
    assert LeNet5(padding=2, activation=relu)(images(2, 1, 28, 28)).shape == (2, 10)


@pytest.mark.parametrize(
    ("make", "x", "message"),
    [
        (LeNet5, images(2, 1, 28, 28), "images of 28×28 need padding=2"),
        (lambda: LeNet5(in_size=3), images(2, 1, 32, 32), r"needed \(N, 3, 32, 32\)"),
        (lambda: VGG16(2, width=1, hidden_size=2), images(2, 3, 16, 16), "VGG16: .* H and W ≥ 32"),
        (lambda: SqueezeNet(2), images(2, 3, 24, 24), "SqueezeNet: .* H and W ≥ 25"),
        (
            lambda: resnet8(widths=(2, 2, 2)),
            images(2, 1, 8, 8),
            r"needed \(N, 3, H, W\)",
        ),
        (
            lambda: MobileNetV2(2, width=0.1),
            images(2, 1, 8, 8),
            r"needed \(N, 3, H, W\)",
        ),
    ],
)
def test_images_of_another_size_are_refused(make, x, message):
    with pytest.raises(ValueError, match=message):
        make()(x)


def test_the_smallest_images_that_squeezenet_takes():
    assert SqueezeNet(2)(images(1, 3, 25, 25)).shape == (1, 2)


def test_mobilenet_refuses_a_width_of_zero():
    with pytest.raises(ValueError, match="MobileNetV2: got width 0"):
        MobileNetV2(width=0)


# ---- GPT ----


def test_gpt_returns_logits_for_each_position_and_gradients_reach_every_parameter():
    gpt = tiny_gpt(tied=False)
    tokens = ids(2, 8, below=11)
    logits = gpt(tokens)
    assert logits.shape == (2, 8, 11)
    F.softmax_cross_entropy(logits, tokens).backward()
    assert all(np.any(p.grad.data) for p in gpt.params())


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_gpt_uses_no_later_token_and_all_earlier_ones_in_their_order(positions):
    gpt = tiny_gpt(positions=positions)
    tokens = np.array([[1, 2, 3, 4, 5, 6]])
    logits = gpt(tokens).data
    later, swapped = tokens.copy(), tokens.copy()
    later[0, 4] = 9
    swapped[0, :2] = 2, 1
    np.testing.assert_array_equal(gpt(later).data[:, :4], logits[:, :4])
    assert np.all(np.any(gpt(later).data[:, 4:] != logits[:, 4:], axis=-1))
    assert np.all(np.abs(gpt(swapped).data - logits).max(axis=-1) > 1e-6)


def test_tied_weights_are_one_parameter_and_untied_ones_two():
    tied, untied = GPT(11, 8, width=8), GPT(11, 8, width=8, tied=False)
    assert set(untied.named_params()) - set(tied.named_params()) == {"head.W"}
    assert untied.head.W.shape == (8, 11)


def test_rotary_positions_have_no_parameters():
    names = [GPT(11, 8, width=8, positions=p).named_params() for p in ("learned", "rotary")]
    assert set(names[0]) - set(names[1]) == {"positions.W"}


def test_output_weights_of_blocks_start_smaller_in_deeper_models():
    random.seed(0)
    block = GPT(11, 8, layers=8, width=64).blocks[0]
    assert np.std(block.attention.qkv.W.data) == pytest.approx(0.02, rel=0.05)
    for layer in (block.attention.out, block.network[2]):
        assert np.std(layer.W.data) == pytest.approx(0.02 / 4, rel=0.05)


def test_a_new_gpt_gives_all_tokens_about_equal_probabilities():
    random.seed(0)
    tokens = ids(4, 8, below=65)
    loss = F.softmax_cross_entropy(GPT(65, 8, width=32)(tokens), np.roll(tokens, 1))
    assert loss.data == pytest.approx(np.log(65), abs=0.1)


def test_gpt_memorizes_a_text_and_generates_it():
    random.seed(0)
    text = np.array([[3, 1, 4, 1, 5, 9, 2, 6, 5, 3, 5, 8]])
    gpt = GPT(10, 12, layers=1, width=32, heads=2)
    optimizer = Adam(lr=0.01).setup(gpt)
    for _ in range(60):
        loss = F.softmax_cross_entropy(gpt(text[:, :-1]), text[:, 1:])
        gpt.cleargrads()
        loss.backward()
        optimizer.update()
    assert loss.data < 0.05
    np.testing.assert_array_equal(gpt.generate(text[:, :1], 11, temperature=0), text)


def test_dropout_of_a_gpt_is_drawn_in_training_only():
    gpt = tiny_gpt(dropout=0.5)
    tokens = ids(1, 8, below=11)
    assert np.any(gpt(tokens).data != gpt(tokens).data)
    with test_mode():
        np.testing.assert_array_equal(gpt(tokens).data, tiny_gpt()(tokens).data)


# ---- Generation ----


@pytest.mark.parametrize("positions", ["learned", "rotary"])
@pytest.mark.parametrize("temperature", [0, 1.0])
def test_cached_generation_gives_the_same_tokens_beyond_the_context_too(positions, temperature):
    gpt = tiny_gpt(positions=positions)
    tokens = ids(3, 5, below=11)
    cached, anew = [
        gpt.generate(tokens, 20, temperature=temperature, seed=1, cached=cached)
        for cached in (True, False)
    ]
    np.testing.assert_array_equal(cached, anew)
    assert len(np.unique(anew)) > 3


def steps_seen(gpt, *args, **options):
    """How many steps the last block computes at each call."""
    seen = []
    with gpt.blocks[-1].hook(lambda layer, xs, y: seen.append(y.shape[1])):
        gpt.generate(*args, **options)
    return seen


def test_a_cache_saves_the_computation_of_earlier_steps():
    gpt, tokens = tiny_gpt(), ids(2, 3, below=11)
    assert steps_seen(gpt, tokens, 5) == [3, 1, 1, 1, 1]
    assert steps_seen(gpt, tokens, 5, cached=False) == [3, 4, 5, 6, 7]


def test_beyond_the_context_half_of_it_is_kept():
    gpt, tokens = tiny_gpt(), ids(1, 7, below=11)
    assert steps_seen(gpt, tokens, 8) == [7, 1, 4, 1, 1, 1, 1, 4]
    assert steps_seen(gpt, tokens, 8, cached=False) == [7, 8, 4, 5, 6, 7, 8, 4]
    assert steps_seen(gpt, ids(1, 20, below=11), 2) == [4, 1]


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_logits_with_a_cache_are_those_of_the_whole_text(positions):
    gpt = tiny_gpt(positions=positions)
    tokens = ids(2, 8, below=11)
    cache = gpt.new_cache()
    with no_grad():
        parts = [gpt(part, cache).data for part in np.split(tokens, [3, 4], axis=1)]
        whole = gpt(tokens).data
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, rtol=1e-10)


def test_temperature_zero_takes_the_most_probable_token_at_each_step():
    gpt, text = tiny_gpt(), ids(2, 3, below=11)
    generated = gpt.generate(text, 5, temperature=0)
    for _ in range(5):
        likeliest = np.argmax(gpt(text).data[:, -1], axis=-1)
        text = np.concatenate([text, likeliest[:, None]], axis=1)
    np.testing.assert_array_equal(generated, text)
    np.testing.assert_array_equal(gpt.generate(text[:, :3], 5, top_k=1, seed=0), text)


@pytest.mark.parametrize(("temperature", "top_k"), [(1.0, None), (2.0, None), (1.5, 4)])
def test_tokens_are_drawn_from_the_softmax_of_the_logits(temperature, top_k):
    gpt = tiny_gpt()
    z = gpt(np.array([[5]])).data[0, -1] / temperature
    if top_k:
        z[np.argsort(z)[:-top_k]] = -np.inf
    p = np.exp(z - z.max()) / np.sum(np.exp(z - z.max()))
    drawn = gpt.generate(np.full((4000, 1), 5), 1, temperature=temperature, top_k=top_k, seed=0)
    counts = np.bincount(drawn[:, 1], minlength=11)
    assert np.all(counts[p == 0] == 0)
    np.testing.assert_allclose(counts / 4000, p, atol=4 * np.sqrt(0.25 / 4000))
    assert np.sum(p > 0.02) > 2  # or the draws would show little


def test_a_seed_for_generation_does_not_change_the_generator_of_the_program():
    gpt = tiny_gpt()
    random.seed(7)
    first = gpt.generate([[1]], 10, seed=0)
    drawn = random.generator().random()
    random.seed(7)
    assert random.generator().random() == drawn
    np.testing.assert_array_equal(gpt.generate([[1]], 10, seed=0), first)
    assert np.any(gpt.generate([[1]], 10, seed=1) != first)


def test_without_a_seed_generation_draws_from_the_generator_of_the_program():
    gpt = tiny_gpt()
    random.seed(7)
    texts = [gpt.generate([[1]], 10) for _ in range(2)]
    random.seed(7)
    np.testing.assert_array_equal(gpt.generate([[1]], 10), texts[0])
    assert np.any(texts[0] != texts[1])


def test_generation_runs_without_dropout_and_without_a_graph():
    options = {"temperature": 0, "seed": 0}
    expected = tiny_gpt().generate([[1, 2]], 6, **options)
    gpt = tiny_gpt(dropout=0.9)
    with gpt.hook(lambda layer, xs, y: made.append(y)):
        made = []
        np.testing.assert_array_equal(gpt.generate([[1, 2]], 6, **options), expected)
    assert all(y.creator is None for y in made)


def test_zero_tokens_to_add_do_not_change_the_text():
    np.testing.assert_array_equal(tiny_gpt().generate([[1, 2]], 0), [[1, 2]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"vocabulary": 0}, "vocabulary 0"),
        ({"width": 9}, "width a multiple of heads"),
        ({"positions": "absolute"}, "needed 'learned' or 'rotary'"),
        ({"positions": "rotary", "width": 12}, "3 features a head"),
        ({"dropout": 1.0}, "0 ≤ p < 1"),
    ],
)
def test_gpt_refuses_options_out_of_range(options, message):
    with pytest.raises(ValueError, match=message):
        GPT(**({"vocabulary": 5, "context": 4, "width": 8, "heads": 4} | options))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (np.zeros(3, int), r"got tokens \(3,\), needed \(B, T\)"),
        (np.zeros((1, 0), int), "1 ≤ T ≤ 8"),
        (np.zeros((1, 9), int), "1 ≤ T ≤ 8"),
        (np.full((1, 2), 11), "the id 11"),
    ],
)
def test_gpt_refuses_tokens_that_do_not_fit(tokens, message):
    with pytest.raises(ValueError, match=message):
        tiny_gpt()(tokens)


def test_gpt_refuses_a_full_cache_and_a_cache_in_a_recorded_call():
    gpt = tiny_gpt()
    cache = gpt.new_cache()
    with no_grad():
        gpt(np.zeros((1, 6), int), cache)
        with pytest.raises(ValueError, match=r"after 6 others, needed .* 1 ≤ T ≤ 2"):
            gpt(np.zeros((1, 3), int), cache)
    with pytest.raises(RuntimeError, match=r"within wg.no_grad\(\)"):
        gpt(np.zeros((1, 1), int), cache)


@pytest.mark.parametrize(
    ("tokens", "count", "options", "message"),
    [
        ([1, 2], 3, {}, r"got tokens \(2,\)"),
        (np.zeros((1, 0), int), 3, {}, "T ≥ 1"),
        ([[1]], -1, {}, "count -1, needed an integer ≥ 0"),
        ([[1]], 3, {"temperature": -1.0}, "temperature -1.0, needed a number ≥ 0"),
        ([[1]], 3, {"temperature": np.nan}, "temperature nan, needed a number ≥ 0"),
        ([[1]], 3, {"top_k": 0}, "top_k 0, needed an integer ≥ 1"),
        ([[1]], 3, {"top_k": 12}, "1 ≤ top_k ≤ 11"),
        ([[1]], 3, {"seed": -1}, r"GPT.generate: got seed -1"),
    ],
)
def test_generate_refuses_options_out_of_range(tokens, count, options, message):
    with pytest.raises(ValueError, match=message):
        tiny_gpt().generate(tokens, count, **options)


def test_generate_refuses_tokens_that_are_not_integers():
    with pytest.raises(TypeError, match=r"GPT\.generate: got tokens of float64"):
        tiny_gpt().generate([[1.0]], 3)


def test_generate_refuses_logits_that_are_nan():
    gpt = tiny_gpt()
    gpt.tokens.W.data[3] = np.nan
    with pytest.raises(ValueError, match="NaN as a logit"):
        gpt.generate([[1]], 1)


def test_generation_continues_in_a_wider_dtype_than_that_of_the_tokens():
    random.seed(0)
    gpt = GPT(1000, 8, layers=1, width=8, heads=2)
    texts = gpt.generate(np.zeros((20, 1), np.uint8), 1, seed=0)
    assert texts.max() > 255


# ---- LSTM classifier ----


@pytest.mark.parametrize("bidirectional", [False, True])
def test_steps_past_the_end_of_a_sequence_do_not_matter(bidirectional):
    random.seed(0)
    model = LSTMClassifier(3, 5, vocabulary=7, layers=2, bidirectional=bidirectional)
    x = ids(2, 6, below=7)
    y = model(x, lengths=[4, 6]).data
    x[0, 4:] += 1
    np.testing.assert_array_equal(model(x % 7, lengths=[4, 6]).data, y)
    np.testing.assert_allclose(model(x[:1, :4]).data, y[:1], rtol=1e-5)
    assert np.any(model(x % 7).data[0] != y[0])


def test_both_ends_of_a_sequence_affect_a_bidirectional_classifier():
    random.seed(0)
    model = LSTMClassifier(3, 5, in_size=2, bidirectional=True)
    x = Variable(images(1, 40, 2))
    model(x)[0, 0].backward()
    assert np.all(np.abs(x.grad.data[0, [0, -1]]).max(axis=-1) > 1e-3)


def test_sequences_of_features_need_no_embedding_and_size_the_layers():
    model = LSTMClassifier(3, 5)
    assert model.embedding is None
    assert model(images(2, 4, 6)).shape == (2, 3)
    assert model.lstm.in_size == 6


def test_the_vector_of_the_padding_id_remains_zeros():
    model = LSTMClassifier(3, 5, vocabulary=7, padding_index=0)
    F.softmax_cross_entropy(model(np.array([[1, 2, 0]])), np.array([1])).backward()
    assert not np.any(model.embedding.W.data[0])
    assert not np.any(model.embedding.W.grad.data[0])


def test_an_lstm_classifier_learns_which_token_came_first():
    random.seed(0)
    x = ids(16, 6, below=3)
    model = LSTMClassifier(3, 16, vocabulary=3)
    optimizer = Adam(lr=0.05).setup(model)
    for _ in range(40):
        loss = F.softmax_cross_entropy(model(x), x[:, 0])
        model.cleargrads()
        loss.backward()
        optimizer.update()
    assert loss.data < 0.05


def test_a_padding_id_needs_a_vocabulary():
    with pytest.raises(ValueError, match="padding_index 0 and no vocabulary"):
        LSTMClassifier(3, padding_index=0)


@pytest.mark.parametrize(
    ("x", "error", "message"),
    [
        (np.zeros((2, 3)), TypeError, "needed integers"),
        (np.full((2, 3), 7), ValueError, "the id 7"),
        (np.zeros((2, 0), int), ValueError, "with steps and features"),
    ],
)
def test_a_classifier_of_ids_refuses_others(x, error, message):
    with pytest.raises(error, match=message):
        LSTMClassifier(3, 4, vocabulary=7)(x)


# ---- VAE ----


def tiny_vae():
    random.seed(0)
    return VAE(6, hidden_size=5, latent_size=2, dtype=np.float64)


def test_the_loss_of_a_vae_is_the_formula_of_the_paper():
    vae, x = tiny_vae(), np.random.default_rng(0).random((3, 6))
    random.seed(1)
    loss = vae.loss(x)
    random.seed(1)
    logits, mean, log_var = [y.data for y in vae(x)]
    p = 1 / (1 + np.exp(-logits))
    log_likelihood = np.sum(x * np.log(p) + (1 - x) * np.log(1 - p), axis=1)
    divergence = -0.5 * np.sum(1 + log_var - mean**2 - np.exp(log_var), axis=1)
    assert loss.data == pytest.approx(np.mean(divergence - log_likelihood), rel=1e-12)


def test_codes_are_drawn_from_the_distribution_that_was_encoded():
    mean, log_var = np.array([1.0, -2.0]), np.log([0.25, 4.0])
    random.seed(0)
    z = tiny_vae().reparameterize(np.tile(mean, (20000, 1)), np.tile(log_var, (20000, 1)))
    np.testing.assert_allclose(np.mean(z, axis=0), mean, atol=0.05)
    np.testing.assert_allclose(np.std(z, axis=0), [0.5, 2.0], rtol=0.03)


def test_gradients_of_a_vae_reach_every_parameter():
    vae = tiny_vae()
    vae.loss(np.random.default_rng(0).random((3, 6))).backward()
    assert all(np.any(p.grad.data) for p in vae.params())


def test_a_vae_learns_two_patterns_and_draws_them():
    random.seed(0)
    patterns = np.array([[1, 1, 1, 0, 0, 0], [0, 0, 0, 1, 1, 1]], np.float32)
    x = np.repeat(patterns, 16, axis=0)
    vae = VAE(6, hidden_size=16, latent_size=1)
    optimizer = Adam(lr=0.03).setup(vae)
    for _ in range(100):
        loss = vae.loss(x)
        vae.cleargrads()
        loss.backward()
        optimizer.update()
    drawn = vae.sample(50, seed=0)
    near = np.abs(drawn[:, None] - patterns).max(axis=-1) < 0.2  # (50, 2)
    assert near.any(axis=1).mean() > 0.7
    assert near.any(axis=0).all()


def test_samples_of_a_vae_are_probabilities_in_its_dtype_determined_by_the_seed():
    vae = tiny_vae().astype(np.float32)
    xs = vae.sample(4, seed=3)
    assert type(xs) is np.ndarray
    assert xs.shape == (4, 6)
    assert xs.dtype == np.float32
    assert np.all((xs > 0) & (xs < 1))
    np.testing.assert_array_equal(vae.sample(4, seed=3), xs)
    assert np.any(vae.sample(4) != xs)


def test_a_vae_refuses_a_negative_count_and_a_negative_seed():
    with pytest.raises(ValueError, match=r"VAE.sample: got count -1"):
        tiny_vae().sample(-1)
    with pytest.raises(ValueError, match=r"VAE.sample: got seed -2"):
        tiny_vae().sample(1, seed=-2)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros((0, 6)), "N ≥ 1"),
        (np.zeros((2, 2, 3)), r"needed \(N, 6\)"),
        (np.zeros((2, 5)), r"Linear: got x \(2, 5\), needed"),
        (np.full((2, 6), 1.5), "targets"),
    ],
)
def test_a_vae_refuses_anything_but_a_batch_of_probabilities(x, message):
    with pytest.raises(ValueError, match=message):
        tiny_vae().loss(x)


MODELS = {
    "MLP": lambda: models.MLP((3, 2)),
    "ResNet": lambda: models.ResNet(models.BasicBlock, (1, 1), 5, widths=(4, 8)),
    "BasicBlock": lambda: models.BasicBlock(4, in_size=4),
    "Bottleneck": lambda: models.Bottleneck(4, in_size=4, stride=2),
    "VGG16": lambda: models.VGG16(5, width=1, hidden_size=2),
    "LSTMClassifier": lambda: models.LSTMClassifier(3, 2, vocabulary=7, layers=2),
    "MobileNetV2": lambda: models.MobileNetV2(5, width=0.1),
    "SqueezeNet": lambda: models.SqueezeNet(5),
    "LeNet5": lambda: models.LeNet5(5),
    "VAE": lambda: models.VAE(4),
    "GPT": lambda: models.GPT(7, 4, width=8, heads=2, layers=1),
}


@pytest.mark.parametrize("make", MODELS.values(), ids=MODELS)
def test_a_model_prints_the_options_that_are_given_by_position(make):
    model = make()
    options = inspect.signature(type(model)).parameters.values()
    first = repr(model).splitlines()[0]
    for option in options:
        if option.kind is not option.KEYWORD_ONLY:
            assert f"{option.name}=" in first


def test_an_mlp_prints_its_sizes():
    assert repr(models.MLP([30, 2])).startswith("MLP(out_sizes=(30, 2), activation=relu)\n")
