"""Stage 4: three classes on a spiral, with a hand-written loop and with a DataLoader."""

import math

import dezero.functions as F
import numpy as np
from dezero.models import MLP

import dezero
from dezero import DataLoader, optimizers

max_epoch, batch_size = 3, 30

x, t = dezero.datasets.get_spiral(train=True)
assert x.shape == (300, 2)
model = MLP((10, 3))
optimizer = optimizers.SGD(1.0).setup(model)
losses = []
for _ in range(max_epoch):
    index = np.random.permutation(len(x))
    sum_loss = 0
    for i in range(math.ceil(len(x) / batch_size)):
        batch_index = index[i * batch_size : (i + 1) * batch_size]
        batch_x, batch_t = x[batch_index], t[batch_index]
        y = model(batch_x)
        loss = F.softmax_cross_entropy(y, batch_t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        sum_loss += float(loss.data) * len(batch_t)
    losses.append(sum_loss / len(x))
assert losses[-1] < losses[0]

train_set = dezero.datasets.Spiral(train=True)
test_set = dezero.datasets.Spiral(train=False)
train_loader = DataLoader(train_set, batch_size)
test_loader = DataLoader(test_set, batch_size, shuffle=False)
model = MLP((10, 3))
optimizer = optimizers.SGD(1.0).setup(model)
accuracies = []
for _ in range(max_epoch):
    for x, t in train_loader:
        y = model(x)
        loss = F.softmax_cross_entropy(y, t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
    sum_acc = 0
    with dezero.no_grad():
        for x, t in test_loader:
            sum_acc += float(F.accuracy(model(x), t).data) * len(t)
    accuracies.append(sum_acc / len(test_set))

# (float32 here, as in the book; its framework on today's NumPy computes in float64)
RESULT = {"losses": losses, "accuracies": accuracies}
