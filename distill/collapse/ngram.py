"""An n-gram language model: a student that is trained in a second and collapses like a large one.

It is a Jelinek-Mercer model: the relative frequencies after the last `order - 1` words, mixed with
those after one word fewer, down to single words. Texts are drawn from this very mixture, so that
at temperature 1 a generation writes exactly what it has learnt; only where a real held-out text is
scored, the last step down gives every word of the vocabulary the same small share.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

WORD = re.compile(r"\w+|[^\w\s]")
START, END, UNKNOWN = 0, 1, 2
MARKS = ("<start>", "<end>", "<unknown>")
# Weight of the longer history where it has been seen; the rest goes to the next shorter one.
TRUST = 0.8
MAX_WORDS = 1000


class Vocabulary:
    """The words of the real texts, as numbers; it stays the same in all generations."""

    def __init__(self, texts: Iterable[str]) -> None:
        words = {word for text in texts for word in WORD.findall(text)}
        self.words = (*MARKS, *sorted(words))
        self._numbers = {word: i for i, word in enumerate(self.words)}

    def __len__(self) -> int:
        """Count the words, those that mark a text's ends included."""
        return len(self.words)

    def read(self, text: str) -> Ints:
        """Return the numbers of a text's words, `(words,)`; its ends are not marked."""
        get = self._numbers.get
        return np.array([get(word, UNKNOWN) for word in WORD.findall(text)], dtype=np.int64)

    def write(self, numbers: Ints) -> str:
        """Return the words with single spaces between them."""
        return " ".join(self.words[i] for i in numbers)


@dataclass(frozen=True, kw_only=True)
class Table:
    """What follows each history of one length, sorted by history and word.

    Args:
        history: `(pairs,)`, the history's code.
        word: `(pairs,)`, a word that follows it.
        count: `(pairs,)`, how often.
        sampled: `(pairs + 1,)`, running sum of the weights by which a next word is drawn.
    """

    history: Ints
    word: Ints
    count: Ints
    sampled: Floats


class NgramModel:
    """A model of some texts.

    Args:
        texts: Numbers of each text's words, as `Vocabulary.read` returns them; at least one.
        size: Words of the vocabulary.
        order: Words of an n-gram, in [2, 4].
        temperature: Of the draws, > 0: counts are raised to 1 / temperature.
    """

    def __init__(self, texts: Sequence[Ints], *, size: int, order: int, temperature: float) -> None:
        self._size, self._order = size, order
        stream, heads = _stream(texts, order)
        self._tables = [
            self._table(stream, heads, length, temperature) for length in range(order - 1, -1, -1)
        ]

    def _table(self, stream: Ints, heads: Ints, length: int, temperature: float) -> Table:
        history = np.zeros(len(heads), dtype=np.int64)
        for back in range(length, 0, -1):
            history = history * self._size + stream[heads - back]
        codes, counts = np.unique(history * self._size + stream[heads], return_counts=True)
        weights = counts.astype(np.float64) ** (1 / temperature)
        return Table(
            history=codes // self._size,
            word=codes % self._size,
            count=counts,
            sampled=np.concatenate(([0.0], np.cumsum(weights))),
        )

    def write(self, texts: int, rng: np.random.Generator) -> list[Ints]:
        """Draw texts.

        Args:
            texts: How many.
            rng: Of the draws.

        Returns:
            Numbers of each one's words, without its ends; one that does not end is cut after
            1,000 words.
        """
        written = np.full((texts, self._order - 1 + MAX_WORDS), END, dtype=np.int64)
        written[:, : self._order - 1] = START
        open_rows = np.arange(texts)
        for at in range(self._order - 1, written.shape[1]):
            words = self._next(written[open_rows, at - self._order + 1 : at], rng)
            written[open_rows, at] = words
            open_rows = open_rows[words != END]
            if not len(open_rows):
                break
        ends = (written == END).argmax(axis=1)
        ends[~(written == END).any(axis=1)] = written.shape[1]
        return [row[self._order - 1 : end] for row, end in zip(written, ends, strict=True)]

    def _next(self, last: Ints, rng: np.random.Generator) -> Ints:
        """Draw a word after each history, `(texts, order - 1)`."""
        words = np.zeros(len(last), dtype=np.int64)
        undecided = np.ones(len(last), dtype=np.bool_)
        for back, table in enumerate(self._tables):
            low, high = self._span(table, last[:, back:])
            is_last = back == len(self._tables) - 1
            trusted = rng.random(len(last)) < TRUST if not is_last else True
            here = undecided & (high > low) & trusted
            start, end = table.sampled[low], table.sampled[high]
            drawn = start + rng.random(len(last)) * (end - start)
            at = np.searchsorted(table.sampled, drawn, side="right") - 1
            words[here] = table.word[np.clip(at, low, high - 1)[here]]
            undecided &= ~here
        return words

    def _span(self, table: Table, history: Ints) -> tuple[Ints, Ints]:
        """Return where in the table each history begins and ends."""
        code = np.zeros(len(history), dtype=np.int64)
        for column in range(history.shape[1]):
            code = code * self._size + history[:, column]
        return (
            np.searchsorted(table.history, code, side="left"),
            np.searchsorted(table.history, code, side="right"),
        )

    def perplexity(self, texts: Sequence[Ints]) -> float:
        """Return the perplexity of texts, their ends included, >= 1.

        Args:
            texts: Real texts; at least one.
        """
        stream, heads = _stream(texts, self._order)
        words = stream[heads]
        probability = np.full(len(heads), 1 / self._size)
        for length, table in enumerate(reversed(self._tables)):
            columns = [stream[heads - back] for back in range(length, 0, -1)]
            shape = (len(heads), length)
            history = np.column_stack(columns) if columns else np.zeros(shape, dtype=np.int64)
            low, high = self._span(table, history)
            seen = high > low
            running = np.concatenate(([0], np.cumsum(table.count)))
            total = running[high] - running[low]
            own = _count(table, low, high, words, self._size)
            mixed = TRUST * own / np.maximum(total, 1) + (1 - TRUST) * probability
            probability = np.where(seen, mixed, probability)
        return float(np.exp(-np.log(probability).mean()))


def _count(table: Table, low: Ints, high: Ints, words: Ints, size: int) -> Ints:
    """Return how often each word follows its history."""
    codes = table.history * size + table.word
    # A history that was not seen has an empty span, where no code can be equal.
    history = table.history[np.minimum(low, len(table.history) - 1)]
    wanted = np.where(high > low, history * size + words, -1)
    at = np.minimum(np.searchsorted(codes, wanted), len(codes) - 1)
    return np.where(codes[at] == wanted, table.count[at], 0)


def _stream(texts: Sequence[Ints], order: int) -> tuple[Ints, Ints]:
    """Return all texts as one, each between its marks, and where words are to be predicted."""
    start, end = [START] * (order - 1), [END]
    stream = np.concatenate([part for text in texts for part in (start, text, end)]).astype(
        np.int64
    )
    return stream, np.flatnonzero(stream != START)
