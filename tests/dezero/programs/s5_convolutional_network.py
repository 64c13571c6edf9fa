"""Stage 5: a small convolutional network in the style of VGG16, trained for a few steps."""

import dezero.functions as F
import dezero.layers as L
import numpy as np

import dezero
from dezero import Model


class ConvNet(Model):
    def __init__(self):
        super().__init__()
        self.conv1_1 = L.Conv2d(6, kernel_size=3, stride=1, pad=1)
        self.bn1 = L.BatchNorm()
        self.conv2_1 = L.Conv2d(8, kernel_size=3, stride=2, pad=1, nobias=True)
        self.up = L.Deconv2d(4, kernel_size=2, stride=2)
        self.fc = L.Linear(10)

    def forward(self, x):
        x = F.leaky_relu(self.bn1(self.conv1_1(x)))
        x = F.pooling(x, 2, 2)
        x = F.relu(self.conv2_1(x))
        x = F.tanh(self.up(x))
        x = F.reshape(x, (x.shape[0], -1))
        return F.dropout(self.fc(x), 0.2)


np.random.seed(0)
x = np.random.rand(8, 3, 8, 8).astype(np.float32)
t = np.random.randint(0, 10, 8)
model = ConvNet()
optimizer = dezero.optimizers.SGD(0.1).setup(model)
losses = []
for _ in range(5):
    loss = F.softmax_cross_entropy(model(x), t)
    model.cleargrads()
    loss.backward()
    optimizer.update()
    losses.append(float(loss.data))

with dezero.test_mode(), dezero.no_grad():
    y = model(x)
assert y.shape == (8, 10)
assert set(model._params) == {"conv1_1", "bn1", "conv2_1", "up", "fc"}

RESULT = {"losses": losses, "y": y.data, "mean": model.bn1.avg_mean.data}
