"""Stage 5: columns, convolution, pooling, batch normalisation, dropout, and their gradients."""

import dezero.functions as F
import dezero.functions_conv as C
import dezero.layers as L
import numpy as np
from dezero.utils import array_allclose, get_conv_outsize, get_deconv_outsize

import dezero
from dezero import Variable

assert get_conv_outsize(4, 3, 1, 1) == 4
assert F.im2col(np.zeros((1, 3, 7, 7)), kernel_size=5, stride=1, pad=0, to_matrix=True).shape == (
    9,
    75,
)

rng = np.random.RandomState(0)
x = Variable(rng.randn(2, 3, 7, 6))
W, b = Variable(rng.randn(4, 3, 3, 2)), Variable(rng.randn(4))
V = Variable(rng.randn(3, 4, 3, 2))
RESULT = {}
for name, f, inputs in [
    ("conv2d", lambda x, W, b: F.conv2d(x, W, b, stride=2, pad=1), (x, W, b)),
    ("no bias", lambda x, W: F.conv2d(x, W, None, (1, 2), (0, 1)), (x, W)),
    ("conv2d_simple", lambda x, W, b: F.conv2d_simple(x, W, b, 2, 1), (x, W, b)),
    ("deconv2d", lambda x, V, b: F.deconv2d(x, V, b, stride=2, pad=1), (x, V, b)),
    ("outsize", lambda x, V: F.deconv2d(x, V, stride=2, outsize=(16, 13)), (x, V)),
    ("pooling", lambda x: F.pooling(x, 2, 2), (x,)),
    ("padded", lambda x: F.pooling(x - 1.0, (3, 2), 2, 1), (x,)),
    ("pooling_simple", lambda x: F.pooling_simple(x, 2, 2), (x,)),
    ("im2col", lambda x: F.im2col(x, 3, 2, 1), (x,)),
    ("windows", lambda x: F.im2col(x, (3, 2), 1, 0, to_matrix=False), (x,)),
    ("col2im", lambda x: F.col2im(F.im2col(x, 3, 1, 1) * 2.0, (2, 3, 7, 6), 3, 1, 1), (x,)),
]:
    y = f(*inputs)
    weights = np.random.RandomState(1).randn(*y.shape)
    F.sum(y * weights).backward()
    RESULT[name] = [y.data, *[v.grad.data for v in inputs]]
    for v in inputs:
        v.cleargrad()

y = F.average_pooling(x, (2, 3), 1, 1)
RESULT["average"] = y.data
assert array_allclose(y[0, 0, 1, 1].data, x.data[0, 0, :2, :3].mean())
assert array_allclose(F.pooling(x, 2, 2), F.pooling_simple(x, 2, 2))
assert array_allclose(F.conv2d(x, W, b, 2, 1), F.conv2d_simple(x, W, b, 2, 1))
assert get_deconv_outsize(7, 3, 2, 1) == RESULT["deconv2d"][0].shape[2]
col = C.im2col_array(x.data, 3, 1, 1)
assert array_allclose(
    C.col2im_array(col, x.shape, 3, 1, 1)[:, :, 1:-1, 1:-1], 9 * x.data[:, :, 1:-1, 1:-1]
)

# the second derivative, through weights and input
y = F.sum(F.conv2d(x, W, pad=1) ** 2)
y.backward(create_graph=True)
gx = x.grad
x.cleargrad()
W.cleargrad()
F.sum(gx**2).backward()
RESULT["second"] = [x.grad.data, W.grad.data]

# batch normalisation, in training and in inference mode
x = Variable(rng.randn(5, 3, 2, 2))
mean, var = np.zeros(3), np.ones(3)
gamma, beta = Variable(rng.randn(3)), Variable(rng.randn(3))
y = F.batch_nrom(x, gamma, beta, mean, var)
F.sum(y**3).backward()
RESULT["batch_nrom"] = [y.data, x.grad.data, gamma.grad.data, beta.grad.data, mean, var]
with dezero.test_mode():
    RESULT["in use"] = F.batch_nrom(x, gamma, beta, mean, var).data

# dropout draws from NumPy's generator
np.random.seed(3)
RESULT["dropout"] = F.dropout(np.ones(20), 0.3).data
assert set(np.unique(RESULT["dropout"])) == {0, 1 / 0.7}
with dezero.test_mode():
    assert array_allclose(F.dropout(x), x)

# layers take their size from the first input
for layer in (L.Conv2d(4, 3, pad=1), L.Deconv2d(4, 3, pad=1), L.Linear(4)):
    assert layer.W.data is None
    xs = np.ones((2, 3), "f") if isinstance(layer, L.Linear) else np.ones((2, 3, 5, 5), "f")
    assert layer(xs).shape[:2] == (2, 4)
norm = L.BatchNorm()
norm(x)
assert norm.gamma.shape == (3,)
assert L.EmbedID(10, 4)(np.array([1, 1, 2])).shape == (3, 4)
