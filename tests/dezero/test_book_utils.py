"""Pictures of graphs, checks, downloads."""

import shutil
from pathlib import Path

import numpy as np
import pytest

import wengert as wg
import wengert.dezero.functions as F
from wengert.dezero import Variable, cuda, utils
from wengert.viz import dot_graph, render


def product():
    x0, x1 = Variable(np.array(1.0), name="x0"), Variable(np.array([2, 3]), name="x1")
    y = x0 * x1
    y.name = "y"
    return y


def test_the_text_of_a_graph():
    assert utils.get_dot_graph(product()).splitlines() == [
        "digraph g {",
        '0 [label="y: (2,) float64", color=orange, style=filled]',
        '1 [label="x0: () float64", color=orange, style=filled]',
        '2 [label="Mul", color=lightblue, style=filled, shape=box]',
        '3 [label="x1: (2,) int64", color=orange, style=filled]',
        "1 -> 2",
        "3 -> 2",
        "2 -> 0",
        "}",
    ]
    assert 'label="x0",' in utils.get_dot_graph(product(), verbose=False)


def test_the_graph_of_a_leaf_is_one_node():
    x = wg.Variable(np.ones(2), name='say "x"\\')
    assert dot_graph(x).splitlines()[1] == (
        '0 [label="say \\"x\\"\\\\: (2,) float64", color=orange, style=filled]'
    )


def test_a_variable_without_data_has_its_name_only():
    assert 'label="W"' in dot_graph(Variable(None, name="W"))
    with pytest.raises(TypeError, match="dot_graph: got ndarray, needed a Variable"):
        utils.get_dot_graph(np.ones(2))


def test_a_graph_deeper_than_the_stack():
    x = Variable(np.array(1.0))
    y = x
    for _ in range(3000):
        y = y + x
    assert dot_graph(y, verbose=False).count("Add") == 3000


def test_the_text_goes_into_a_file(tmp_path):
    y = product()
    utils.plot_dot_graph(y, to_file=str(tmp_path / "graph.dot"))
    assert (tmp_path / "graph.dot").read_text() == dot_graph(y)


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_pictures(tmp_path):
    utils.plot_dot_graph(product(), to_file=str(tmp_path / "graph.svg"))
    assert "<svg" in (tmp_path / "graph.svg").read_text()
    with pytest.raises(ValueError, match="extension 'nosuch', and Graphviz says"):
        utils.plot_dot_graph(product(), to_file=str(tmp_path / "graph.nosuch"))
    with pytest.raises(ValueError, match=r"Graphviz says: Error: .* syntax error"):
        render("digraph {", "svg")
    assert [p.name for p in tmp_path.iterdir()] == ["graph.svg"]


def test_without_graphviz_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="install Graphviz"):
        utils.plot_dot_graph(product(), to_file=str(tmp_path / "graph.png"))
    with pytest.raises(ValueError, match="needed a name with an extension"):
        utils.plot_dot_graph(product(), to_file=str(tmp_path / "graph"))
    assert list(tmp_path.iterdir()) == []


def test_gradient_check_finds_a_wrong_gradient(capsys):
    class Wrong(F.Function):
        def forward(self, x):
            return x**2

        def backward(self, gy):
            return 3 * self.inputs[0] * gy

    x = np.array([1.0, 2.0])
    assert utils.gradient_check(lambda x, c: F.sin(x) * c, x, 2.0)
    assert utils.gradient_check(F.exp, x.astype(np.float32) * 5)
    assert not utils.gradient_check(Wrong(), x)
    assert "FAILED (Gradient Check)" in capsys.readouterr().out
    assert x.tolist() == [1.0, 2.0]


def test_numerical_gradients():
    x = np.array([[1.0, 2.0]])
    assert utils.array_allclose(utils.numerical_grad(lambda x: x**3, x), [[3.0, 12.0]] * np.ones(1))
    with pytest.raises(TypeError, match="got x of int64, needed floats"):
        utils.numerical_grad(F.sin, np.array([1, 2]))


def test_comparisons_take_variables_and_arrays():
    x = Variable(np.array([1.0, 2.0]))
    assert utils.array_equal(x, np.array([1.0, 2.0]))
    assert not utils.array_equal(x, x + 1e-6)
    assert utils.array_allclose(x, x + 1e-6)
    assert not utils.array_allclose(x, x + 1e-3)


def test_shapes():
    x = np.ones((2, 3, 4))
    assert utils.max_backward_shape(x, (0, -1)) == [1, 3, 1]
    assert utils.max_backward_shape(x, None) == [1, 1, 1]
    assert utils.reshape_sum_backward(np.ones(3), x.shape, (0, 2), False).shape == (1, 3, 1)
    assert utils.reshape_sum_backward(np.ones(()), x.shape, None, False).shape == ()
    assert utils.sum_to(x, (3, 1)).shape == (3, 1)
    assert utils.logsumexp(np.array([[1000.0, 1000.0]])).tolist() == [[1000 + np.log(2)]]
    assert utils.pair(3) == (3, 3)
    assert utils.pair((1, 2)) == (1, 2)
    for wrong in ((1, 2, 3), "x", 1.5):
        with pytest.raises(ValueError, match="pair: got"):
            utils.pair(wrong)


def test_a_file_is_downloaded_once(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(utils, "cache_dir", str(tmp_path / "cache"))
    source = tmp_path / "weights.npz"
    source.write_bytes(b"12345")
    path = utils.get_file(source.as_uri())
    assert path == str(tmp_path / "cache" / "weights.npz")
    assert "[##############################] 100.00% Done" in capsys.readouterr().out
    source.unlink()
    assert utils.get_file(source.as_uri()) == path
    with pytest.raises(FileNotFoundError, match=r"get_file: could not download .*put it into"):
        utils.get_file((tmp_path / "nothing").as_uri(), "other")
    assert [p.name for p in (tmp_path / "cache").iterdir()] == ["weights.npz"]


def test_an_interrupted_download_leaves_no_file(tmp_path, monkeypatch):
    def break_off(url, path, show):
        Path(path).write_bytes(b"half")
        raise ConnectionError("gone")

    monkeypatch.setattr(utils, "cache_dir", str(tmp_path))
    monkeypatch.setattr(utils.urllib.request, "urlretrieve", break_off)
    with pytest.raises(FileNotFoundError, match="gone"):
        utils.get_file("http://example.org/x")
    assert list(tmp_path.iterdir()) == []


def test_the_progress_bar():
    utils.show_progress(1, 10, -1)  # of a file whose size is not known


def test_cuda_functions_use_the_cpu(monkeypatch):
    assert not cuda.gpu_enable
    assert cuda.get_array_module(Variable(np.ones(2))) is np
    assert cuda.as_numpy(Variable(np.ones(2))).tolist() == [1.0, 1.0]
    assert cuda.as_numpy(2.0).shape == ()
    on_gpu = type("ndarray", (), {"__module__": "cupy", "get": lambda self: np.ones(3)})
    assert cuda.as_numpy(on_gpu()).shape == (3,)
    with pytest.raises(TypeError, match="as_numpy: got list"):
        cuda.as_numpy([1.0])
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    with pytest.raises(ImportError, match="pip install cupy"):
        Variable(np.ones(2)).to_gpu()
    Variable(None).to_gpu()
    x = Variable(np.ones(2))
    x.to_cpu()
    assert x.data.tolist() == [1.0, 1.0]
