"""Scalers: statistics of the training data, their inverse and their state."""

import pickle

import numpy as np
import pytest

import wengert as wg
from wengert.data import ArrayDataset, TransformDataset, split
from wengert.data.transforms import MinMaxScaler, StandardScaler
from wengert.training import load_checkpoint, load_state, save_checkpoint, save_state

SCALERS = [StandardScaler, MinMaxScaler, lambda: MinMaxScaler(-1, 1)]
X = np.random.default_rng(0).normal([3, -2, 0], [1, 100, 1e-3], size=(50, 3))


def test_standardized_columns_have_mean_0_and_standard_deviation_1():
    y = StandardScaler().fit(X)(X)
    assert y.mean(axis=0) == pytest.approx([0, 0, 0], abs=1e-13)
    assert y.std(axis=0) == pytest.approx([1, 1, 1])


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-1, 1), (2.5, 7)])
def test_columns_fill_the_range_from_low_to_high(low, high):
    y = MinMaxScaler(low, high).fit(X)(X)
    assert y.min(axis=0) == pytest.approx([low] * 3)
    assert y.max(axis=0) == pytest.approx([high] * 3)


@pytest.mark.parametrize("make", SCALERS)
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_the_inverse_restores_the_data_in_their_dtype(make, dtype):
    x = X.astype(dtype)
    scaler = make().fit(x)
    assert scaler(x).dtype == scaler.inverse(scaler(x)).dtype == dtype
    error = np.abs(scaler.inverse(scaler(x)) - x) / np.ptp(x.astype(np.float64), axis=0)
    assert error.max() < 4 * np.finfo(dtype).eps


@pytest.mark.parametrize("make", SCALERS)
def test_integers_become_float32(make):
    scaler = make().fit(np.array([[0, 3], [2, 5]], np.uint8))
    assert scaler(np.array([1, 4], np.uint8)).dtype == np.float32


def test_large_integers_are_not_computed_in_their_dtype():
    scaler = StandardScaler().fit(np.array([[0], [255]], np.uint8))
    assert scaler.mean.tolist() == [127.5]
    assert scaler.std.tolist() == [127.5]


@pytest.mark.parametrize("make", SCALERS)
@pytest.mark.parametrize("value", [0, 7, 0.1, 1e20, -1e-30])
def test_a_constant_column_becomes_one_finite_number_and_returns(make, value):
    x = np.full((7, 1), value)
    scaler = make().fit(x)
    y = scaler(x)
    assert np.all(y == getattr(scaler, "low", 0))
    assert np.all(scaler.inverse(y) == x)


def test_rounding_does_not_make_a_constant_column_vary():
    x = np.full((1000, 1), 0.1) * 3  # whose mean is rounded
    assert np.all(np.abs(StandardScaler().fit(x)(x)) < 1e-12)


@pytest.mark.parametrize("make", SCALERS)
def test_missing_numbers_are_left_out_and_remain_missing(make):
    x = X.copy()
    x[::7, 1] = np.nan
    scaler, known = make().fit(x), make().fit(X[np.arange(50) % 7 != 0])
    y = scaler(x)
    assert np.array_equal(np.isnan(y), np.isnan(x))
    np.testing.assert_allclose(y[1:7, 1], known(X)[1:7, 1], rtol=1e-12)


@pytest.mark.parametrize("make", SCALERS)
def test_data_in_parts_give_the_statistics_of_the_whole(make):
    x = X.copy()
    x[:20, 2] = np.nan
    parts = make().fit(x[:20, :2])
    with pytest.raises(ValueError, match=r"samples \(3,\) after others, with features \(2,\)"):
        parts.update(x)
    scaler = make()
    with pytest.raises(ValueError, match=r"feature 2 has no number but NaN; leave it out"):
        scaler.fit(x[:20])
    scaler.fit(x[20:30]).update(x[30:]).update(x[:20])
    np.testing.assert_allclose(scaler(X), make().fit(x)(X), rtol=1e-9, atol=1e-12)


def test_the_statistics_of_many_float32_numbers_are_those_in_float64():
    x = (1e4 + np.random.default_rng(0).normal(size=(3_000_000, 1))).astype(np.float32)
    scaler = StandardScaler().fit(x)
    assert scaler.mean == pytest.approx(x.mean(axis=0, dtype=np.float64), rel=1e-14)
    assert scaler.std == pytest.approx(x.std(axis=0, dtype=np.float64), rel=1e-10)


@pytest.mark.parametrize("make", SCALERS)
def test_images_are_scaled_by_channel(make):
    x = np.random.default_rng(0).normal(size=(5, 3, 4, 4)) * np.reshape([1, 10, 100], (3, 1, 1))
    scaler = type(make())(axis=(0, 2, 3)).fit(x)
    y = scaler(x)
    assert y.shape == x.shape
    np.testing.assert_array_equal(scaler(x[2]), y[2])
    assert np.ptp(y.std(axis=(0, 2, 3))) < 0.2


@pytest.mark.parametrize("make", SCALERS)
def test_a_data_set_is_measured_by_its_component(make):
    x, t = X.astype(np.float32), 100 * X[:, 1]
    dataset = ArrayDataset(x, t)
    train, _ = split(dataset, 0.5, 0.5)
    for data in (train, TransformDataset(train, None), [train[i] for i in range(25)]):
        scaler = make().fit(data)
        np.testing.assert_array_equal(scaler(x), make().fit(x[train.indices])(x))
        np.testing.assert_array_equal(
            make().fit(data, component=1)(t), make().fit(t[train.indices])(t)
        )
    scaled = TransformDataset(train, make().fit(train))
    assert scaled[3][0].dtype == np.float32


@pytest.mark.parametrize("make", SCALERS)
def test_predictions_return_to_their_units_with_their_gradient(make):
    scaler = make().fit(100 * X)
    y = wg.Variable(scaler(X[:4]))
    z = scaler.inverse(y)
    np.testing.assert_allclose(z.data, X[:4], rtol=1e-9, atol=1e-12)
    z.backward()
    np.testing.assert_allclose(scaler(z).data, y.data, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(
        y.grad.data[0], scaler.inverse(np.ones(3)) - scaler.inverse(np.zeros(3))
    )


@pytest.mark.parametrize("make", SCALERS)
def test_a_scaler_of_float32_variables_keeps_float32(make):
    scaler = make().fit(X)
    y = wg.Variable(X.astype(np.float32))
    assert scaler(y).dtype == scaler.inverse(y).dtype == np.float32


@pytest.mark.parametrize("make", SCALERS)
def test_a_scaler_is_saved_as_a_state_in_a_checkpoint_or_by_pickle(make, tmp_path):
    scaler = make().fit(X[:30])
    save_state(tmp_path / "scaler.npz", scaler.state_dict())
    save_checkpoint(tmp_path / "all.npz", scaler=scaler)
    loaded, checked = make(), make()
    loaded.load_state_dict(load_state(tmp_path / "scaler.npz"))
    load_checkpoint(tmp_path / "all.npz", scaler=checked)
    for other in (loaded, checked, pickle.loads(pickle.dumps(scaler))):
        np.testing.assert_array_equal(other(X), scaler(X))
        np.testing.assert_array_equal(other.update(X[30:])(X), make().fit(X[:30]).update(X[30:])(X))


def test_the_state_of_a_scaler_that_is_not_fitted_is_empty():
    scaler = StandardScaler().fit(X)
    scaler.load_state_dict(StandardScaler().state_dict())
    with pytest.raises(RuntimeError, match=r"^StandardScaler: it has not been fitted; call fit"):
        scaler(X)


def test_a_state_is_a_copy():
    scaler = StandardScaler().fit(X)
    scaler.state_dict()["mean"][:] = 0
    assert scaler.mean[0] != 0


def test_a_state_of_another_scaler_is_refused():
    scaler = StandardScaler().fit(X)
    with pytest.raises(ValueError, match="missing: count, mean, squares; unexpected: least"):
        scaler.load_state_dict(MinMaxScaler().fit(X).state_dict())
    state = scaler.state_dict()
    with pytest.raises(ValueError, match="arrays of different shapes; nothing was loaded"):
        scaler.load_state_dict(state | {"mean": np.zeros(2)})
    assert scaler(X).shape == X.shape


@pytest.mark.parametrize("make", SCALERS)
def test_an_error_leaves_the_scaler_as_it_was(make):
    scaler = make().fit(X)
    before = scaler(X)
    for method in (scaler.fit, scaler.update):
        with pytest.raises(ValueError, match=r"infinite number, at \[1, 0\]"):
            method(np.array([[1.0, 2, 3], [np.inf, 2, 3]]))
    np.testing.assert_array_equal(scaler(X), before)


@pytest.mark.parametrize("make", SCALERS)
def test_an_error_in_a_later_part_of_the_data_leaves_the_state_as_it_was(make):
    x = np.random.default_rng(0).normal(size=(600, 1))
    x[500] = np.inf
    scaler = make().fit(np.ones((2, 1)))
    before = scaler.state_dict()
    for method in (scaler.fit, scaler.update):
        with pytest.raises(ValueError, match="infinite number"):
            method(ArrayDataset(x))
    assert scaler.state_dict() == before


@pytest.mark.parametrize(
    ("data", "error", "said"),
    [
        (np.zeros((0, 3)), ValueError, "got no samples"),
        (np.array(["a", "b"]), TypeError, "data <U1"),
        (np.array(1.0), ValueError, r"got data \(\)"),
        ([[1.0], [1.0, 2.0]], ValueError, "lists of different lengths"),
        ([(1.0, 2.0)], ValueError, "component 5, but the samples have 2"),
        (3, TypeError, "got int, needed a data set"),
    ],
)
def test_data_that_cannot_be_measured_are_refused(data, error, said):
    with pytest.raises(error, match=rf"^StandardScaler.fit: .*{said}"):
        StandardScaler().fit(data, 5)


@pytest.mark.parametrize("x", [np.zeros(2), np.zeros((4, 2)), np.zeros(()), np.zeros((3, 4))])
def test_samples_with_other_features_are_refused(x):
    for method, name in [
        (StandardScaler().fit(X), "transform"),
        (StandardScaler().fit(X).inverse, "inverse"),
    ]:
        with pytest.raises(ValueError, match=rf"^StandardScaler.{name}: got .*features \(3,\)"):
            method(x)


@pytest.mark.parametrize(
    ("make", "error", "said"),
    [
        (lambda: StandardScaler(axis=1), ValueError, "StandardScaler: got axis 1, needed 0, or"),
        (lambda: StandardScaler(axis=(0, 0)), ValueError, "got axis"),
        (lambda: StandardScaler(axis="rows"), TypeError, "axis 'rows'"),
        (lambda: StandardScaler(axis=(0, 2)).fit(X), ValueError, r"has no axis 2"),
        (lambda: MinMaxScaler(1, 1), ValueError, "high 1, needed a number > 1"),
        (lambda: MinMaxScaler(clip=1), TypeError, "clip 1, needed True or False"),
        (lambda: StandardScaler().fit(X)("text"), TypeError, r"got <U4, needed numbers"),
    ],
)
def test_options_that_do_not_fit_are_refused(make, error, said):
    with pytest.raises(error, match=said):
        make()


def test_other_data_may_be_outside_of_the_range_unless_clipped():
    x = np.array([[0.0], [10.0]])
    assert MinMaxScaler().fit(x)(np.array([20.0])).tolist() == [2]
    assert MinMaxScaler(clip=True).fit(x)(np.array([20.0])).tolist() == [1]


def test_scalers_print_their_options():
    assert repr(StandardScaler()) == "StandardScaler(axis=0)"
    assert repr(StandardScaler().fit(X)) == "StandardScaler(axis=0, fitted to features (3,))"
    assert repr(MinMaxScaler(-1, 1)) == "MinMaxScaler(low=-1.0, high=1.0, clip=False, axis=0)"
