"""Layers, models, optimizers, loaders, data sets, transforms."""

import copy
import gzip
import pickle
import struct

import numpy as np
import pytest

import wengert as wg
import wengert.dezero.functions as F
import wengert.dezero.layers as L
from wengert.dezero import (
    DataLoader,
    Dataset,
    Layer,
    Model,
    Parameter,
    SeqDataLoader,
    Variable,
    datasets,
    models,
    optimizers,
    transforms,
    utils,
)


def with_weights(*shapes):
    """A Layer with Parameters p0, p1, … whose gradients are ones."""
    layer = Layer()
    for i, shape in enumerate(shapes):
        p = Parameter(np.zeros(shape))
        p.grad = np.ones(shape)
        setattr(layer, f"p{i}", p)
    return layer


# ---- Weights in files ----


def test_names_of_weights_are_their_paths():
    model = models.Sequential(L.Linear(3, in_size=2), F.relu, models.MLP((4,)))
    names = {}
    model._flatten_params(names)
    assert list(names) == ["l0/W", "l0/b", "l2/l0/W", "l2/l0/b"]
    assert names["l0/W"].name == "W"
    assert len(model.params()) == 4


def test_weights_without_a_size_cannot_be_saved(tmp_path):
    with pytest.raises(RuntimeError, match="l0/W has no size yet; call the model"):
        models.MLP((3,)).save_weights(tmp_path / "x.npz")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RuntimeError, match="state_dict: l0/W has no size yet"):
        models.MLP((3,)).state_dict()
    with pytest.raises(RuntimeError, match="load_state_dict: l0/W has no size yet"):
        models.MLP((3,)).load_state_dict({})


def test_weights_come_back_in_the_shape_they_have_in_the_file(tmp_path):
    layer = L.Linear(3, in_size=2)
    layer.save_weights(tmp_path / "weights")
    other = L.Linear(3)
    other.load_weights(tmp_path / "weights.npz")
    assert np.array_equal(other.W.data, layer.W.data)


def test_files_of_other_weights_are_refused_and_nothing_is_loaded(tmp_path):
    (tmp_path / "bad.npz").write_bytes(b"PK\x03\x04 this is none")
    (tmp_path / "text.npz").write_text("hello")
    np.savez(tmp_path / "half.npz", W=np.ones((2, 3)))
    layer = L.Linear(3)
    for name, words in [
        ("bad", "load_weights: .*damaged"),
        ("text", "damaged"),
        ("half", "has no b"),
    ]:
        with pytest.raises(ValueError, match=words):
            layer.load_weights(tmp_path / f"{name}.npz")
    with pytest.raises(FileNotFoundError):
        layer.load_weights(tmp_path / "nothing.npz")
    assert layer.W.data is None


def test_weights_in_lists_are_saved_under_their_paths(tmp_path):
    model = Layer()
    model.blocks = [L.Linear(3, in_size=2), {"out": Parameter(np.ones(2), name="out")}]
    model.first = model.blocks[0]
    names = {}
    model._flatten_params(names)
    assert list(names) == ["first/W", "first/b", "blocks/1/out"]
    assert list(names.values()) == [*model.first.params(), model.blocks[1]["out"]]
    model.save_weights(tmp_path / "x.npz")
    model.blocks[1]["out"].data = np.zeros(2)
    model.load_weights(tmp_path / "x.npz")
    assert model.blocks[1]["out"].data.tolist() == [1, 1]


# ---- Layers and models ----


def test_layers_hold_their_last_inputs_and_outputs_weakly():
    class Both(Layer):
        def forward(self, x, k):
            return x * k, x

    layer, linear, x = Both(), L.Linear(3), Variable(np.ones((1, 2)))
    y = linear(x)
    assert (linear.inputs[0](), linear.outputs[0]()) == (x, y)
    del y
    assert linear.outputs[0]() is None
    ys = layer(x, 2)
    assert [output() for output in layer.outputs] == [*ys]
    assert [given() for given in layer.inputs] == [x, 2]
    other = pickle.loads(pickle.dumps(linear))
    assert "inputs" not in vars(other)
    assert np.array_equal(other(x).data, linear(x).data)


def test_weights_follow_the_seed_of_numpy():
    np.random.seed(0)
    a = L.Linear(3, in_size=2).W.data
    np.random.seed(0)
    b = L.Linear(3, in_size=2).W.data
    assert a.dtype == np.float32
    assert np.array_equal(a, b)


def test_a_model_may_override_call_and_be_drawn(tmp_path):
    class Net(Model):
        def __init__(self):
            super().__init__()
            self.l1 = L.Linear(2)

        def __call__(self, x):
            return self.l1(x)

        forward = __call__

    net = Net()
    assert net(np.ones((3, 4), np.float32)).shape == (3, 2)
    net.plot(np.ones((3, 4), np.float32), to_file=str(tmp_path / "net.dot"))
    assert "Linear" in (tmp_path / "net.dot").read_text()


def test_models_work_with_the_trainer_and_optimizers_of_wengert():
    model = models.MLP((8, 3), activation=F.relu)
    x, t = np.ones((4, 2), np.float32), np.array([0, 0, 1, 2])
    model(x)
    optimizer = wg.optimizers.Adam(0.1).setup(model)
    losses = []
    for _ in range(5):
        loss = wg.functions.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(float(loss.data))
    assert losses[-1] < losses[0]
    other = copy.deepcopy(model)
    assert np.array_equal(other(x).data, model(x).data)
    assert "l0: Linear" in repr(models.Sequential(L.Linear(2)))


def test_reset_state_clears_the_state_of_recurrent_layers():
    for layer in (L.RNN(4), L.LSTM(4)):
        x = np.ones((2, 3), np.float32)
        first = layer(x).data
        assert not np.array_equal(layer(x).data, first)
        layer.reset_state()
        assert np.array_equal(layer(x).data, first)
    assert {"x2f", "x2i", "x2o", "x2u", "h2f", "h2i", "h2o", "h2u"} == layer._params


def test_running_statistics_are_updated_in_each_call():
    norm = L.BatchNorm()
    x = np.arange(6, dtype=np.float32).reshape(3, 2)
    norm(x)
    first = norm.avg_mean.data.copy()
    norm(x)
    np.testing.assert_allclose(first, 0.1 * x.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(norm.avg_mean.data, 0.19 * x.mean(axis=0), rtol=1e-6)


@pytest.mark.parametrize("shape", [(1, 3), (1, 3, 1, 1)])
def test_batch_norm_of_one_sample_gives_beta_as_in_the_book(shape):
    x, gamma, beta = (Variable(np.arange(3.0) + i) for i in range(3))
    x = Variable(x.data.reshape(shape))
    mean, var = np.full(3, 10.0), np.full(3, 4.0)
    y = F.batch_nrom(x, gamma, beta, mean, var)
    assert np.array_equal(y.data, beta.data.reshape(shape))
    np.testing.assert_allclose(mean, [9.0, 9.1, 9.2])
    np.testing.assert_allclose(var, 3.6)
    F.sum(y * y).backward()
    assert np.array_equal(x.grad.data, np.zeros(shape))
    assert np.array_equal(gamma.grad.data, np.zeros(3))
    assert np.array_equal(beta.grad.data, 2 * beta.data)


def test_vgg16_has_the_names_of_the_books_file(monkeypatch, tmp_path):
    monkeypatch.setattr(L, "_normal", lambda shape, fan_in, dtype: np.zeros(shape, dtype))
    monkeypatch.setattr(models.VGG16, "STAGES", ((2, 2), (2, 2), (2, 3), (2, 3), (2, 3)))
    model = models.VGG16()
    for fc in (model.fc6, model.fc7):
        fc.out_size, fc.b.data = 5, np.zeros(5, np.float32)
    x = np.zeros((1, 3, 32, 32), np.float32)
    assert model(x).shape == (1, 1000)
    names = {}
    model._flatten_params(names)
    assert list(names)[:3] == ["conv1_1/W", "conv1_1/b", "conv1_2/W"]
    assert {"conv5_3/W", "fc6/W", "fc8/b"} < names.keys()
    assert len(names) == 32

    monkeypatch.setattr(utils, "cache_dir", str(tmp_path))
    model.fc8.b.data[0] = 7
    model.save_weights(tmp_path / "vgg16.npz")
    assert models.VGG16(pretrained=True).fc8.b.data[0] == 7


def test_vgg16_without_its_file_names_the_folder_for_it(monkeypatch, tmp_path):
    monkeypatch.setattr(utils, "cache_dir", str(tmp_path))
    monkeypatch.setattr(models.VGG16, "WEIGHTS_PATH", "nowhere:/vgg16.npz")
    with pytest.raises(FileNotFoundError, match=r"get vgg16\.npz elsewhere and put it into"):
        models.VGG16(pretrained=True)


def test_vgg16_prepares_images():
    image = pytest.importorskip("PIL.Image", reason="pip install 'wengert[images]'")
    x = models.VGG16.preprocess(image.new("RGB", (8, 6), (255, 0, 10)), size=(4, 2))
    assert x.shape == (3, 2, 4)
    np.testing.assert_allclose(x[:, 0, 0], [10 - 103.939, -116.779, 255 - 123.68], rtol=1e-6)


def test_resnets():
    for cls, blocks in [(models.ResNet50, 16), (models.ResNet101, 33), (models.ResNet152, 50)]:
        model = cls.__new__(cls)
        assert sum(cls.DEPTHS[int(cls.__name__[6:])]) == blocks
    block = models.BuildingBlock(2, 4, 2, 6, 2)
    y = block(np.ones((2, 4, 5, 5), np.float32))
    assert y.shape == (2, 6, 3, 3)
    y.sum().backward()
    assert block.a.conv4.W.grad is not None
    with pytest.raises(ValueError, match="got n_layers 18, needed one of"):
        models.ResNet(18)
    del model


def test_squeezenet_has_no_network():
    with pytest.raises(ValueError, match="the book has no such weights"):
        models.SqueezeNet(pretrained=True)
    with pytest.raises(NotImplementedError, match="SqueezeNet has no forward"):
        models.SqueezeNet()(np.ones(1))


# ---- Bad input of functions ----


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: F.conv2d(np.ones((1, 2, 5, 5)), np.ones((3, 3, 3, 3))), "conv2d: got x"),
        (lambda: F.conv2d(np.ones((1, 2, 2, 2)), np.ones((3, 2, 3, 3))), "larger than x"),
        (lambda: F.conv2d(np.ones((1, 1, 3, 3)), np.ones((2, 1, 3, 3)), np.ones(3)), "got b"),
        (lambda: F.deconv2d(np.ones((1, 2, 5, 5)), np.ones((3, 3, 3, 3))), "deconv2d: got x"),
        (lambda: F.deconv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), outsize=9), "outsize 9"),
        (lambda: F.pooling(np.ones((2, 5, 5)), 2), "pooling: got x"),
        (lambda: F.pooling(np.ones((1, 1, 2, 2)), 3), "larger than x"),
        (lambda: F.average_pooling(np.ones((2, 5)), 2), "average_pooling: got x"),
        (lambda: F.im2col(np.ones((1, 1, 2, 2)), 3), "larger than x"),
        (lambda: F.col2im(np.ones((4, 4)), (1, 1, 2, 2), 2), "needed .1, 4."),
        (lambda: F.conv2d(np.ones((1, 1, 3, 3)), np.ones((1, 1, 2, 2)), pad=[1]), "pair: got"),
        (lambda: F.linear(np.ones((2, 3)), np.ones((2, 4)), np.ones(4)), "features"),
        (lambda: F.matmul(np.ones((2, 3)), np.ones((2, 4))), "matmul"),
        (lambda: F.softmax_cross_entropy(np.ones((2, 3)), np.array([0, 3])), "label 3"),
        (lambda: F.batch_nrom(np.ones((2, 3)), np.ones(2), np.ones(3), np.ones(3), np.ones(3)),
         "got gamma"),
        (lambda: F.mean_squared_error(np.ones(3), np.ones(4)), "broadcast"),
    ],
)  # fmt: skip
def test_bad_input_is_refused(call, words):
    with pytest.raises(ValueError, match=words):
        call()


# ---- Optimizers ----


def test_frozen_parameters_are_not_changed():
    layer = with_weights((2,), (2,))
    optimizer = optimizers.SGD(1.0).setup(layer)
    optimizer.add_hook(optimizers.FreezeParam(layer.p0))
    optimizer.update()
    assert layer.p0.data.tolist() == [0.0, 0.0]
    assert layer.p1.data.tolist() == [-1.0, -1.0]


def test_gradients_are_clipped_together():
    layer = with_weights((9,), (16,))
    optimizers.ClipGrad(1.0)([layer.p0, layer.p1])
    assert layer.p0.grad.data[0] == pytest.approx(0.2)
    optimizers.ClipGrad(100.0)([layer.p0])
    assert layer.p0.grad.data[0] == pytest.approx(0.2)


def test_the_state_of_optimizers_has_parameters_as_keys():
    layer = with_weights((2, 3), (4,))
    for optimizer, names in [
        (optimizers.MomentumSGD(), ["vs"]),
        (optimizers.AdaGrad(), ["hs"]),
        (optimizers.AdaDelta(), ["msg", "msdx"]),
        (optimizers.Adam(), ["ms", "vs"]),
    ]:
        optimizer.setup(layer).update()
        for name in names:
            state = getattr(optimizer, name)
            assert [*state] == layer.params()
            assert [array.shape for array in state.values()] == [(2, 3), (4,)]
            assert all(array.all() for array in state.values())


def test_a_user_defined_optimizer():
    class Sign(optimizers.Optimizer):
        def update_one(self, param):
            param.data -= np.sign(param.grad.data)

    layer = with_weights((2,))
    Sign().setup(layer).update()
    assert layer.p0.data.tolist() == [-1.0, -1.0]
    with pytest.raises(NotImplementedError, match="Optimizer has no update_one"):
        optimizers.Optimizer().setup(layer).update()
    with pytest.raises(RuntimeError, match=r"SGD.update: there is no model; call setup\(model\)"):
        optimizers.SGD().update()
    with pytest.raises(TypeError, match=r"SGD.setup: got list, needed a Layer"):
        optimizers.SGD().setup([])


# ---- Data ----


class Squares(Dataset):
    def prepare(self):
        self.data = np.arange(10.0)
        self.label = np.arange(10) ** 2


def test_loaders_are_iterators_that_start_again():
    loader = DataLoader(Squares(), 4, shuffle=False)
    assert [len(x) for x, _ in loader] == [4, 4, 2]
    x, t = loader.next()
    assert x.tolist() == [0.0, 1.0, 2.0, 3.0]
    assert t.tolist() == [0, 1, 4, 9]
    loader.to_gpu()
    assert loader.gpu
    loader.to_cpu()
    assert not loader.gpu
    with pytest.raises(ValueError, match="DataLoader: got batch_size 0"):
        DataLoader(Squares(), 0)


def test_shuffling_follows_the_seed_of_numpy():
    np.random.seed(0)
    first = [t.tolist() for _, t in DataLoader(Squares(), 5)]
    np.random.seed(0)
    assert [t.tolist() for _, t in DataLoader(Squares(), 5)] == first
    assert sorted(np.concatenate(first).tolist()) == [n * n for n in range(10)]


def test_rows_of_a_sequence_loader_read_the_data_in_parallel():
    batches = [x.tolist() for x, _ in SeqDataLoader(Squares(), 2)]
    assert batches == [[0, 5], [1, 6], [2, 7], [3, 8], [4, 9]]


def test_data_sets_transform_their_samples():
    data = Squares(transform=lambda x: x + 1, target_transform=lambda t: -t)
    assert (data[3], len(data)) == ((4.0, -9), 10)
    with pytest.raises(TypeError, match="Squares: got index"):
        data[[1, 2]]
    data.label = None
    assert data[0] == (1.0, None)


def test_generated_data():
    x, t = datasets.get_spiral(train=False)
    assert np.array_equal(datasets.Spiral(train=False).data, x)
    assert (x.dtype, np.bincount(t).tolist()) == (np.float32, [100, 100, 100])
    curve = datasets.SinCurve(train=False)
    assert (len(curve), curve.data.dtype) == (999, np.float64)
    assert curve[1][0] == curve[0][1]


def test_mnist_is_read_from_the_books_folder(monkeypatch, tmp_path):
    monkeypatch.setattr(utils, "cache_dir", str(tmp_path))
    pixels = np.arange(3 * 784, dtype=np.uint32).astype(np.uint8)
    for name, head, body in [
        ("t10k-images-idx3-ubyte.gz", (2051, 3, 28, 28), pixels.tobytes()),
        ("t10k-labels-idx1-ubyte.gz", (2049, 3), b"\x01\x02\x09"),
    ]:
        (tmp_path / name).write_bytes(gzip.compress(struct.pack(f">{len(head)}i", *head) + body))
    data = datasets.MNIST(train=False)
    x, t = data[1]
    assert (x.shape, x.dtype, t) == ((784,), np.float32, 2)
    assert x[1] == pytest.approx(float(pixels[785]) / 255)
    assert data.data.shape == (3, 1, 28, 28)
    assert data.labels()[9] == "9"


def test_shakespeare_is_read_as_numbers(monkeypatch, tmp_path):
    monkeypatch.setattr(utils, "cache_dir", str(tmp_path))
    (tmp_path / "shakespear.txt").write_text("to be")
    data = datasets.Shakespear()
    assert data.data.tolist() == [0, 1, 2, 3]
    assert "".join(data.id_to_char[i] for i in data.label) == "o be"


def test_names_of_classes(monkeypatch, tmp_path):
    monkeypatch.setattr(utils, "cache_dir", str(tmp_path))
    name = "imagenet1000_clsidx_to_labels.txt"
    (tmp_path / name).write_text("{0: 'tench',\n 1: 'goldfish'}")
    assert datasets.ImageNet.labels() == {0: "tench", 1: "goldfish"}
    assert len(datasets.ImageNet()) == 0
    assert datasets.CIFAR10.labels()[3] == "cat"
    assert len(datasets.CIFAR100.labels("fine")) == 100
    assert len(datasets.CIFAR100.labels("coarse")) == 20
    with pytest.raises(ValueError, match="got label_type 'rough'"):
        datasets.CIFAR100(label_type="rough")


def test_arrays_are_cached(monkeypatch, tmp_path):
    monkeypatch.setattr(utils, "cache_dir", str(tmp_path / "new"))
    assert datasets.load_cache_npz("http://x/y.tar", train=True) == (None, None)
    kept = datasets.save_cache_npz(np.ones(2), np.zeros(3), "http://x/y.tar", train=True)
    assert kept == str(tmp_path / "new" / "y.tar.train.npz")
    assert datasets.save_cache_npz(np.ones(2), np.zeros(3), "http://x/y.tar", train=True) is None
    data, label = datasets.load_cache_npz("y.tar", train=True)
    assert (data.tolist(), label.tolist()) == ([1.0, 1.0], [0.0, 0.0, 0.0])


# ---- Transforms ----


def test_transforms_of_arrays():
    x = np.arange(12.0).reshape(3, 2, 2)
    y = transforms.Normalize(mean=[0, 4, 8], std=[1, 2, 1])(x)
    assert y[1].tolist() == [[0.0, 0.5], [1.0, 1.5]]
    assert transforms.Normalize(1, 2)(x)[0, 0, 0] == -0.5
    assert transforms.Compose()(x) is x
    assert transforms.Compose([transforms.Flatten(), transforms.ToInt()])(x).dtype == int
    assert transforms.ToFloat()(x).dtype == np.float32
    np.random.seed(0)
    flips = [transforms.RandomHorizontalFlip()(x)[0, 0, 0] for _ in range(20)]
    assert set(flips) == {0.0, 1.0}


def test_transforms_of_images():
    image = pytest.importorskip("PIL.Image", reason="pip install 'wengert[images]'")
    red = image.new("RGB", (8, 6), (255, 0, 0))
    assert transforms.Convert("BGR")(red).getpixel((0, 0)) == (0, 0, 255)
    assert transforms.Convert("L")(red).mode == "L"
    assert transforms.Resize((4, 2))(red).size == (4, 2)
    red.putpixel((3, 2), (0, 7, 0))
    crop = transforms.CenterCrop((4, 2))(red)
    assert (crop.size, crop.getpixel((1, 0))) == ((4, 2), (0, 7, 0))
    x = transforms.ToArray()(red)
    assert (x.shape, x.dtype) == ((3, 6, 8), np.float32)
    assert transforms.ToArray()(x) is x
    assert transforms.ToArray()(transforms.Convert("L")(red)).shape == (1, 6, 8)
    assert transforms.ToPIL()(x.astype(np.uint8)).getpixel((7, 5)) == (255, 0, 0)
    with pytest.raises(TypeError, match="ToArray: got str, needed a PIL image or an array"):
        transforms.ToArray()("x.png")


def test_backward_of_a_loss_of_image_variables():
    x = Variable(np.ones((1, 1, 4, 4), np.float32))
    y = F.flatten(F.pooling(L.Conv2d(2, 3, pad=1)(x), 2, 2))
    y.sum().backward()
    assert x.grad.shape == x.shape
