"""`wengert generate`."""

import argparse
import codecs

import numpy as np
from numpy import ndarray

from wengert import random
from wengert.cli.failure import Failure
from wengert.cli.networks import vocabulary
from wengert.cli.trained import opened, trained
from wengert.data.text import Vocabulary
from wengert.models import GPT

CHUNK = 16  # tokens that are shown together


def generate(args: argparse.Namespace) -> int:
    """Writes a text, as it comes."""
    run = opened(args.folder)
    model = trained(run, args.best)
    if not isinstance(model, GPT):
        raise Failure(
            f"{run.folder} is of {run.settings['model']} on {run.settings['dataset']}, "
            f"which writes no text; needed a run of gpt on text"
        )
    words = vocabulary(run.facts)
    tokens = _encoded(args.prompt, run.facts["characters"], words)
    if args.top_k is not None and args.top_k > len(words):
        args.parser.error(f"argument --top-k: got {args.top_k}, but there are {len(words)} tokens")
    random.seed(args.seed)
    show = _Shown(run.facts["characters"])
    show(tokens)
    for start in range(0, args.length, CHUNK):
        count = min(CHUNK, args.length - start)
        seen = tokens[-run.settings["context"] :]
        new = model.generate(seen[None], count, temperature=args.temperature, top_k=args.top_k)[
            0, len(seen) :
        ]
        show(new)
        tokens = np.concatenate([seen, new])
    print()
    return 0


def _encoded(prompt: str | None, characters: str | None, words: Vocabulary) -> ndarray:
    """The prompt as tokens; without one a new line, or what is there if texts have none."""
    if prompt is None:
        prompt = "\n" if characters is None or "\n" in characters else characters[0]
    if not prompt:
        raise Failure("--prompt is empty; the model needs a character to begin with")
    unknown = sorted(set(prompt) - set(characters)) if characters is not None else []
    if unknown:
        listed = " ".join(map(repr, unknown))
        raise Failure(
            f"the prompt has {listed}, which the text that the model has learnt from never has"
        )
    return words.encode(prompt).astype(np.int64)


class _Shown:
    """Prints tokens as text: of bytes, those that make whole characters."""

    def __init__(self, characters: str | None) -> None:
        self.characters = characters
        self.decoder = codecs.getincrementaldecoder("utf-8")("replace")

    def __call__(self, tokens: ndarray) -> None:
        if self.characters is None:
            text = self.decoder.decode(bytes(tokens.tolist()))
        else:
            text = "".join(self.characters[i] for i in tokens.tolist())
        print(text, end="", flush=True)
