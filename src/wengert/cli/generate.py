"""`wengert generate`."""

import codecs

import numpy as np
from numpy import ndarray

from wengert import random
from wengert.cli.failure import Failure, UsageError
from wengert.cli.networks import vocabulary
from wengert.cli.trained import Which, opened, trained
from wengert.data.text import Vocabulary
from wengert.models import GPT

CHUNK = 16  # tokens that are printed at a time


def generate(
    folder: str,
    prompt: str | None,
    length: int,
    *,
    temperature: float,
    top_k: int | None,
    seed: int,
    which: Which,
) -> int:
    """Prints the prompt and `length` tokens that continue it, while they are generated."""
    run = opened(folder)
    model, _ = trained(run, which)
    if not isinstance(model, GPT):
        raise Failure(
            f"{run.folder} has the model {run.settings['model']} on {run.settings['dataset']}, "
            f"which generates no text; needed a run of gpt on text"
        )
    words = vocabulary(run.facts)
    tokens = _encoded(prompt, run.facts["characters"], words)
    if top_k is not None and top_k > len(words):
        raise UsageError(f"argument --top-k: got {top_k}, but there are {len(words)} tokens")
    random.seed(seed)
    show = _Printer(run.facts["characters"])
    show(tokens)
    for start in range(0, length, CHUNK):
        count = min(CHUNK, length - start)
        seen = tokens[-run.settings["context"] :]
        tokens = model.generate(seen[None], count, temperature=temperature, top_k=top_k)[0]
        show(tokens[len(seen) :])
    print()
    return 0


def _encoded(prompt: str | None, characters: str | None, words: Vocabulary) -> ndarray:
    """The prompt as tokens; by default a new line, or the first character if there is none."""
    if prompt is None:
        prompt = "\n" if characters is None or "\n" in characters else characters[0]
    if not prompt:
        raise Failure("--prompt is empty; the model needs one character at least")
    unknown = sorted(set(prompt) - set(characters)) if characters is not None else []
    if unknown:
        listed = " ".join(map(repr, unknown))
        raise Failure(f"the prompt has {listed}, which the training text does not contain")
    return words.encode(prompt).astype(np.int64)


class _Printer:
    """Prints tokens as text. Bytes are printed once they form complete characters."""

    def __init__(self, characters: str | None) -> None:
        self.characters = characters
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __call__(self, tokens: ndarray) -> None:
        if self.characters is None:
            text = self.decoder.decode(bytes(tokens.tolist()))
        else:
            text = "".join(self.characters[i] for i in tokens.tolist())
        print(text, end="", flush=True)
