"""Stage 4: a line by hand, then a curve with layers, a model, and optimizers."""

import dezero.functions as F
import dezero.layers as L
import numpy as np
from dezero.models import MLP

from dezero import Model, Parameter, Variable, optimizers

# a line
np.random.seed(0)
x = np.random.rand(100, 1)
y = 5 + 2 * x + np.random.rand(100, 1)
x, y = Variable(x), Variable(y)
W, b = Variable(np.zeros((1, 1))), Variable(np.zeros(1))
for _ in range(100):
    y_pred = F.linear_simple(x, W, b)
    loss = F.mean_squared_error(y, y_pred)
    W.cleargrad()
    b.cleargrad()
    loss.backward()
    W.data -= 0.1 * W.grad.data
    b.data -= 0.1 * b.grad.data
assert 1.9 < W.data[0, 0] < 2.4
assert 5.1 < b.data[0] < 5.6
RESULT = {"line": [loss.data, W.data, b.data]}

# a curve
np.random.seed(0)
x = np.random.rand(100, 1)
y = np.sin(2 * np.pi * x) + np.random.rand(100, 1)


class TwoLayerNet(Model):
    def __init__(self, hidden_size, out_size):
        super().__init__()
        self.l1 = L.Linear(hidden_size, dtype=np.float64)
        self.l2 = L.Linear(out_size, dtype=np.float64)

    def forward(self, x):
        y = F.sigmoid(self.l1(x))
        return self.l2(y)


model = TwoLayerNet(10, 1)
assert model.l1.W.data is None
assert model._params == {"l1", "l2"}
losses = []
for _ in range(50):
    loss = F.mean_squared_error(y, model(x))
    model.cleargrads()
    loss.backward()
    for p in model.params():
        p.data -= 0.2 * p.grad.data
    losses.append(loss.data)
assert model.l1.W.shape == (1, 10)
assert isinstance(model.l1.W, Parameter)
assert losses[-1] < losses[0]
RESULT["curve"] = losses

for make in (
    lambda: optimizers.SGD(0.2),
    lambda: optimizers.MomentumSGD(0.05),
    lambda: optimizers.AdaGrad(0.1),
    lambda: optimizers.AdaDelta(0.9),
    lambda: optimizers.Adam(0.01),
):
    np.random.seed(1)
    model = MLP((10, 1), activation=F.tanh)
    for layer in (model.l0, model.l1):
        layer.dtype = np.float64
        layer.b.data = layer.b.data.astype(np.float64)
    optimizer = make().setup(model)
    optimizer.add_hook(optimizers.WeightDecay(1e-3))
    optimizer.add_hook(optimizers.ClipGrad(1.0))
    losses = []
    for _ in range(20):
        loss = F.mean_squared_error(y, model(x))
        model.cleargrads()
        loss.backward()
        optimizer.update()
        losses.append(loss.data)
    RESULT[type(optimizer).__name__] = losses
