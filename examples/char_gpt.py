"""A GPT learns to generate text, character by character, from one text file.

The model reads windows of 64 characters and predicts the next character at each position. The
loss is the mean of -log p of the correct characters, in nats. A uniform guess has a loss of
log 103 = 4.6, the frequencies of the characters alone give 3.2. The loss is measured on the last
tenth of the text, which is not used for training. Then the model continues a sentence.

The default text is the reference manual of Python: 465,000 characters of `pydoc_data.topics`. (The
figures below are for Python 3.11.)

    python examples/char_gpt.py               3 minutes on 2 cores
    python examples/char_gpt.py --fast        4 s
    python examples/char_gpt.py book.txt      another text, in UTF-8

Last line: held-out nats per character: 1.297 (expected: below 1.9)
Last line with --fast: held-out nats per character: 2.487 (expected: below 2.9)
"""

import sys
import tempfile
import time
from pathlib import Path
from pydoc_data.topics import topics

import numpy as np

import wengert as wg
import wengert.functions as F
from wengert.data import DataLoader, Subset, TokenWindows, load_text
from wengert.models import GPT
from wengert.optimizers import AdamW, ClipNorm
from wengert.schedules import cosine, warm_up

FAST = "--fast" in sys.argv  # a shorter run, for the tests
STEPS = 100 if FAST else 2000
CONTEXT = 64
LAYERS, WIDTH, HEADS = (2, 64, 4) if FAST else (4, 128, 4)
BATCH_SIZE = 16
LR, WARM_UP = 2e-3, STEPS // 20
BEGINNING = "The return statement "
LIMIT = 2.9 if FAST else 1.9


def read(paths):
    """The text of the file, or the default text."""
    if paths:
        return load_text(paths[0])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "topics.txt"
        path.write_text("\n".join(topics.values()), encoding="utf-8")
        return load_text(path)


def held_out_loss(model, tokens):
    """Mean loss over adjacent windows."""
    starts = np.arange(0, len(tokens) - CONTEXT, CONTEXT)
    batches = DataLoader(Subset(TokenWindows(tokens, CONTEXT), starts), 64, shuffle=False)
    with wg.no_grad(), wg.test_mode():
        return sum(len(x) * float(F.softmax_cross_entropy(model(x), t)) for x, t in batches) / len(
            starts
        )


def main():
    wg.seed(0)
    text = read([argument for argument in sys.argv[1:] if argument != "--fast"])
    cut = len(text.tokens) * 9 // 10
    windows = TokenWindows(text.tokens[:cut], CONTEXT)
    print(f"{len(text.tokens)} characters, {len(text.vocabulary)} different ones")

    model = GPT(len(text.vocabulary), CONTEXT, layers=LAYERS, width=WIDTH, heads=HEADS)
    schedule = warm_up(cosine(LR, STEPS - WARM_UP, end=LR / 10), WARM_UP)
    optimizer = AdamW(schedule, beta2=0.99, weight_decay=0.1).setup(model)
    optimizer.add_group(lambda name, p: p.ndim == 1, weight_decay=0)  # none for biases and norms
    optimizer.add_hook(ClipNorm(1.0))

    batches = iter(DataLoader(windows, BATCH_SIZE, seed=0))
    losses, start = [], time.perf_counter()
    for step in range(1, STEPS + 1):
        x, t = next(batches)  # (BATCH_SIZE, CONTEXT) each
        loss = F.softmax_cross_entropy(model(x), t)
        model.cleargrads()
        loss.backward(retain_graph=False)
        optimizer.update()
        losses.append(float(loss))
        if step % (STEPS // 10) == 0:
            seconds = time.perf_counter() - start
            print(f"step {step:4d}/{STEPS}   loss {np.mean(losses):.3f}   {seconds:4.0f} s")
            losses.clear()

    beginning = text.vocabulary.encode(BEGINNING)
    written = model.generate(beginning[None], 300, temperature=0.7, seed=0)
    print(text.vocabulary.decode(written[0]))
    loss = held_out_loss(model, text.tokens[cut:])
    print(f"held-out nats per character: {loss:.3f} (expected: below {LIMIT})")


if __name__ == "__main__":
    main()
