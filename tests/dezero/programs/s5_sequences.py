"""Stage 5: a sine wave learned by an RNN and by an LSTM, with truncated backpropagation."""

import dezero.functions as F
import dezero.layers as L
import numpy as np

import dezero
from dezero import Model, SeqDataLoader

max_epoch, hidden_size, bptt_length, batch_size = 1, 8, 30, 10


class BetterRNN(Model):
    def __init__(self, layer, out_size):
        super().__init__()
        self.rnn = layer
        self.fc = L.Linear(out_size)

    def reset_state(self):
        self.rnn.reset_state()

    def __call__(self, x):
        y = self.rnn(x)
        return self.fc(y)


np.random.seed(0)
train_set = dezero.datasets.SinCurve(train=True)
assert len(train_set) == 999
dataloader = SeqDataLoader(train_set, batch_size=batch_size)
RESULT = {"data": train_set.data[:5]}
for layer in (L.RNN(hidden_size), L.LSTM(hidden_size)):
    model = BetterRNN(layer, 1)
    optimizer = dezero.optimizers.Adam().setup(model)
    losses = []
    for _ in range(max_epoch):
        model.reset_state()
        loss = 0
        for count, (x, t) in enumerate(dataloader, start=1):
            assert x.shape == (batch_size, 1)
            y = model(x)
            loss += F.mean_squared_error(y, t)
            if count % bptt_length == 0 or count == 90:
                model.cleargrads()
                loss.backward()
                loss.unchain_backward()
                optimizer.update()
                losses.append(float(loss.data) / count)
                if count == 90:
                    break
        dataloader.reset()
    RESULT[type(layer).__name__] = losses

    xs = np.cos(np.linspace(0, 4 * np.pi, 50))
    model.reset_state()
    with dezero.no_grad():
        predictions = [float(model(np.array(x).reshape(1, 1)).data[0, 0]) for x in xs]
    RESULT[type(layer).__name__ + " predicts"] = predictions
