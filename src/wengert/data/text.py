"""Text as integers, for models that predict the next token."""

import os
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy import ndarray
from numpy.lib.stride_tricks import sliding_window_view

from wengert.arguments import integer
from wengert.data.arguments import check_type
from wengert.data.dataset import BaseDataset
from wengert.files import path_of


class Vocabulary(Protocol):
    """Turns text into tokens, integers from 0 to len(vocabulary) - 1, and back."""

    def __len__(self) -> int: ...
    def encode(self, text: str) -> ndarray: ...
    def decode(self, tokens: ndarray) -> str: ...


class CharacterVocabulary:
    """One token for each character of `characters`, in its order."""

    def __init__(self, characters: str) -> None:
        check_type("CharacterVocabulary", "characters", characters, str, "text")
        self.characters = characters
        self._codes = _codes(characters)
        self._order = np.argsort(self._codes, kind="stable")
        if not characters or len(set(characters)) < len(characters):
            raise ValueError(
                f"CharacterVocabulary: got {characters[:80]!r}, needed different characters"
            )

    def __len__(self) -> int:
        return len(self.characters)

    def encode(self, text: str) -> ndarray:
        """Tokens, (N,).

        Raises:
            ValueError: a character is not in the vocabulary.
        """
        check_type("encode", "text", text, str, "text")
        codes = _codes(text)
        index = np.searchsorted(self._codes, codes, sorter=self._order)
        tokens = self._order[np.minimum(index, len(self) - 1)]
        if (wrong := self._codes[tokens] != codes).any():
            character = text[int(wrong.argmax())]
            raise ValueError(
                f"encode: got {character!r}, which is not among the {len(self)} characters of the "
                f"vocabulary; leave it out, or use unit='bytes', which can encode any text"
            )
        return tokens.astype(np.min_scalar_type(len(self) - 1))

    def decode(self, tokens: ndarray) -> str:
        """The text of tokens, (N,)."""
        return "".join(self.characters[i] for i in _checked(tokens, len(self)).tolist())

    def __repr__(self) -> str:
        return f"CharacterVocabulary({self.characters!r})"


class ByteVocabulary:
    """One token for each of the 256 bytes of UTF-8: it can encode any text."""

    def __len__(self) -> int:
        return 256

    def encode(self, text: str) -> ndarray:
        """Tokens, uint8, (N,), one to four for each character."""
        check_type("encode", "text", text, str, "text")
        return np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)

    def decode(self, tokens: ndarray) -> str:
        """The text of tokens, (N,), with � where they are not valid UTF-8."""
        return bytes(_checked(tokens, 256).tolist()).decode("utf-8", "replace")

    def __repr__(self) -> str:
        return "ByteVocabulary()"


@dataclass(frozen=True)
class Text:
    """A text as tokens, (N,), of the smallest unsigned dtype, and their vocabulary."""

    tokens: ndarray
    vocabulary: Vocabulary

    def __repr__(self) -> str:
        return f"Text({len(self.tokens)} tokens of {len(self.vocabulary)})"


def load_text(
    path: str | os.PathLike[str], unit: str = "characters", *, encoding: str = "utf-8-sig"
) -> Text:
    """A text file as tokens.

    Args:
        unit: "characters" makes a vocabulary of the characters in the file, in the order of their
            code points; every kind of line end is read as a newline. "bytes" reads the file
            unchanged.
        encoding: of the file; "utf-8-sig" is UTF-8 with or without a byte order mark.

    Raises:
        FileNotFoundError, OSError: the file cannot be read.
        ValueError: the file is empty, or is not text in this encoding.

    Example:
        >>> text = load_text("shakespeare.txt")                       # doctest: +SKIP
        >>> windows = TokenWindows(text.tokens, length=64)            # doctest: +SKIP
        >>> text.vocabulary.decode(windows[0][0])                     # doctest: +SKIP
    """
    if unit not in ("characters", "bytes"):
        raise ValueError(f"load_text: got unit {unit!r}, needed 'characters' or 'bytes'")
    file = path_of("load_text", "path", path)
    if not file.is_file():
        what = f"{file} is a folder, needed a file" if file.is_dir() else ""
        raise FileNotFoundError(f"load_text: {what or f'there is no file {os.fspath(path)!r}'}")
    check_type("load_text", "encoding", encoding, str, "its name")
    try:
        content = np.fromfile(file, np.uint8) if unit == "bytes" else file.read_text(encoding)
    except LookupError:
        raise ValueError(f"load_text: got encoding {encoding!r}, which Python lacks") from None
    except UnicodeError as error:
        raise ValueError(
            f"load_text: {path} is not text in {encoding} ({error}); name its encoding, as "
            f"encoding='latin-1', or read it unchanged with unit='bytes'"
        ) from None
    if not len(content):
        raise ValueError(f"load_text: {path} is empty, needed some text")
    if isinstance(content, ndarray):
        return Text(content, ByteVocabulary())
    vocabulary = CharacterVocabulary("".join(sorted(set(content))))
    return Text(vocabulary.encode(content), vocabulary)


class TokenWindows(BaseDataset):
    """All windows of T = `length` tokens, each with the window one token later.

    Sample i is (tokens[i : i + T], tokens[i + 1 : i + T + 1]), both int64, (T,); a batch is (B, T)
    each. The tokens are not copied.
    """

    def __init__(self, tokens: ndarray, length: int) -> None:
        self.tokens = np.asarray(tokens)
        if self.tokens.ndim != 1 or self.tokens.dtype.kind not in "iu":
            raise ValueError(
                f"TokenWindows: got {self.tokens.dtype} {self.tokens.shape}, needed integers, "
                f"(N,), as `load_text(…).tokens`"
            )
        self.length = integer("TokenWindows", "length", length, least=1)
        if self.length >= len(self.tokens):
            raise ValueError(
                f"TokenWindows: got length {length} for {len(self.tokens)} tokens, "
                f"needed at least {self.length + 1} tokens"
            )

    def __len__(self) -> int:
        return len(self.tokens) - self.length

    def sample(self, index: int) -> tuple[ndarray, ndarray]:
        window = self.tokens[index : index + self.length + 1].astype(np.int64)
        return window[:-1], window[1:]

    def batch(self, indices: ndarray) -> tuple[ndarray, ndarray]:
        windows = sliding_window_view(self.tokens, self.length + 1)[indices].astype(np.int64)
        return windows[:, :-1], windows[:, 1:]

    def __repr__(self) -> str:
        return f"TokenWindows({len(self)} windows of {self.length} tokens)"


def _codes(text: str) -> ndarray:
    return np.frombuffer(text.encode("utf-32-le", "surrogatepass"), "<u4")


def _checked(tokens: ndarray, size: int) -> ndarray:
    tokens = np.asarray(tokens)
    if tokens.size and (tokens.dtype.kind not in "iu" or tokens.ndim != 1):
        raise ValueError(f"decode: got {tokens.dtype} {tokens.shape}, needed integers, (N,)")
    if tokens.size and not 0 <= tokens.min() <= tokens.max() < size:
        raise ValueError(
            f"decode: got tokens from {tokens.min()} to {tokens.max()}, needed 0 to {size - 1}"
        )
    return tokens
