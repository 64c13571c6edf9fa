"""Stage 4: a loop over images with a model, ReLU and Adam; weights saved and loaded."""

import os
import tempfile

import dezero.functions as F
import numpy as np
from dezero.models import MLP
from dezero.transforms import AsType, Compose, Flatten, Normalize, ToFloat

import dezero
from dezero import DataLoader, optimizers


class Bars(dezero.Dataset):
    """Images of 8 × 8 with a bright row, which is their class."""

    def prepare(self):
        rng = np.random.RandomState(int(self.train))
        self.label = rng.randint(0, 8, 200)
        self.data = rng.randint(0, 80, (200, 1, 8, 8)).astype(np.uint8)
        self.data[np.arange(200), 0, self.label] += 120


transform = Compose([Flatten(), ToFloat(), Normalize(0.0, 255.0)])
train_set = Bars(train=True, transform=transform)
test_set = Bars(train=False, transform=transform, target_transform=AsType(np.int32))
assert len(train_set) == 200
assert train_set[0][0].shape == (64,)

np.random.seed(0)
train_loader = DataLoader(train_set, 50)
test_loader = DataLoader(test_set, 50, shuffle=False)
model = MLP((20, 8), activation=F.relu)
optimizer = optimizers.Adam(0.01).setup(model)
for _ in range(8):
    for x, t in train_loader:
        y = model(x)
        loss = F.softmax_cross_entropy(y, t)
        model.cleargrads()
        loss.backward()
        optimizer.update()

correct = 0
with dezero.no_grad(), dezero.test_mode():
    for x, t in test_loader:
        y = F.dropout(model(x))
        correct += float(F.accuracy(y, t).data) * len(t)
assert correct / len(test_set) > 0.95

with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "mlp.npz")
    model.save_weights(path)
    with np.load(path) as file:
        assert sorted(file) == ["l0/W", "l0/b", "l1/W", "l1/b"]
    other = MLP((20, 8), activation=F.relu)
    other.load_weights(path)
assert np.array_equal(other(x).data, model(x).data)

RESULT = {"correct": correct}
