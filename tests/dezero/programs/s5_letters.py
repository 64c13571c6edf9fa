"""Stage 5: the next letter, with an embedding and an LSTM, as the book's data set gives them."""

import dezero.functions as F
import dezero.layers as L
import numpy as np

import dezero
from dezero import Dataset, Model, SeqDataLoader, as_variable


class Letters(Dataset):
    def prepare(self):
        text = "to be, or not to be, that is the question: " * 6
        self.char_to_id = {c: i for i, c in enumerate(dict.fromkeys(text))}
        ids = np.array([self.char_to_id[c] for c in text])
        self.data, self.label = ids[:-1], ids[1:]


class CharRNN(Model):
    def __init__(self, vocabulary, hidden_size):
        super().__init__()
        self.embed = L.EmbedID(vocabulary, hidden_size)
        self.rnn = L.LSTM(hidden_size)
        self.fc = L.Linear(vocabulary)

    def reset_state(self):
        self.rnn.reset_state()

    def forward(self, x):
        return self.fc(self.rnn(self.embed(x)))


def softmax1d(x):
    x = as_variable(x)
    y = F.exp(x)
    return y / F.sum(y)


np.random.seed(0)
data = Letters()
loader = SeqDataLoader(data, batch_size=4)
model = CharRNN(len(data.char_to_id), 12)
optimizer = dezero.optimizers.Adam(0.02).setup(model)
losses = []
loss = 0
for count, (x, t) in enumerate(loader, start=1):
    loss += F.softmax_cross_entropy(model(x), t)
    if count % 12 == 0:
        model.cleargrads()
        loss.backward()
        loss.unchain_backward()
        optimizer.update()
        losses.append(float(loss.data) / 12)
        loss = 0
assert losses[-1] < losses[0]
p = softmax1d(model(np.array([0]))[0])
assert np.allclose(F.sum(p).data, 1)

RESULT = {"losses": losses, "p": p.data}
