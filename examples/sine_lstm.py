"""An LSTM follows a curve, trained by truncated backpropagation through time.

The model reads a noisy sine wave value by value, and predicts the next value after each. It is
tested on a cosine without noise. (Both change slowly, so the value just read is a good prediction;
the point of this example is how to train a state over long sequences.)

The curve is cut into streams, which are read in parallel. Each stream is read in windows: the state
is carried over from window to window, but gradients go back to the start of the window only. For
that, `detach` keeps the values of the state without their graph. Otherwise the graph would grow
with each window, and so would memory and time.

    python examples/sine_lstm.py           2 s
    python examples/sine_lstm.py --fast    1 s

Last line: mean squared error on the test curve: 0.00052 (expected: below 0.01)
Last line with --fast: mean squared error on the test curve: 0.00073 (expected: below 0.01)
"""

import sys

import numpy as np

import wengert as wg
import wengert.functions as F
import wengert.layers as L
from wengert.data import SeqDataLoader, sine_curve
from wengert.optimizers import Adam
from wengert.schedules import cosine

FAST = "--fast" in sys.argv  # a shorter run, for the tests
EPOCHS = 40 if FAST else 100
STREAMS, WINDOW = 6, 40
HIDDEN = 64
LR = 5e-3
LIMIT = 0.01


class Predictor(L.Layer):
    """An LSTM, and a Linear layer that computes a value from each hidden state."""

    def __init__(self):
        self.lstm = L.LSTM(HIDDEN, in_size=1)
        self.out = L.Linear(1, in_size=HIDDEN)

    def forward(self, x, h=None, c=None):
        """The next values (B, T, 1) for x (B, T, 1) and the state before, and the new state."""
        hs, h, c = self.lstm(x, h, c)
        return self.out(hs), h, c


def train_epoch(model, optimizer, batches):
    """One pass through all windows; returns the mean of their losses."""
    h = c = None
    losses = []
    for x, t in batches:  # (STREAMS, WINDOW, 1)
        y, h, c = model(x, h, c)
        loss = F.mean_squared_error(y, t)
        model.cleargrads()
        loss.backward()
        optimizer.update()
        h, c = h.detach(), c.detach()
        losses.append(float(loss))
    return np.mean(losses)


def main():
    wg.seed(0)
    model = Predictor()
    batches = SeqDataLoader(sine_curve(train=True), STREAMS, WINDOW)
    optimizer = Adam(cosine(LR, steps=EPOCHS * len(batches))).setup(model)
    for epoch in range(1, EPOCHS + 1):
        loss = train_epoch(model, optimizer, batches)
        if epoch % (EPOCHS // 10) == 0:
            print(f"epoch {epoch:3d}/{EPOCHS}   mean squared error {loss:.5f}")

    x, t = sine_curve(train=False)[:]  # (999, 1)
    with wg.no_grad(), wg.test_mode():
        y, _, _ = model(x[None])
        error = float(F.mean_squared_error(y[0], t))
    print("  step  cosine  prediction")
    for i in range(0, len(x), 100):
        print(f"{i:6d}  {t[i, 0]:6.3f}  {y.data[0, i, 0]:10.3f}")
    print(f"mean squared error on the test curve: {error:.5f} (expected: below {LIMIT})")


if __name__ == "__main__":
    main()
