"""Letters that look like those of another script, read as what they are taken for.

A Cyrillic `а` in an English word looks like a copy and compares as another text. A word is read in
the script of its letters that look like no other's: a disguised English word becomes English again,
a Russian word with a Latin `c` in it Russian. A word that is wholly of one script stays, for `сор`
and `cop` are two words, unless the same text holds a disguised one and the word could be either. So
are formulas: `αx` is not `ax`, and a Greek letter is a disguise where a longer word holds it.

The pairs are the commonest of Unicode's confusables (UTS #39); unlike there, no letter is folded
where nothing speaks for a disguise, so that no two texts of a real script become one.
"""

from __future__ import annotations

import re
from collections import Counter

import polars as pl

# Each letter above the Latin one that it looks like.
CYRILLIC = str.maketrans(
    "АВЕЅІЈКМНОРСТУХаеѕіјкморсухһвнтԁԛԝѵӏ",
    "ABESIJKMHOPCTYXaesijkmopcyxhbhtdqwvl",
)
GREEK = str.maketrans(
    "ΑΒΕΖΗΙΚΜΝΟΡΤΥΧαγικνορτυχ",
    "ABEZHIKMNOPTYXayikvoptux",
)
TO_LATIN = CYRILLIC | GREEK


def _back(table: dict[int, int]) -> dict[int, int]:
    return {latin: letter for letter, latin in reversed(table.items())}


FROM_LATIN = {"cyrillic": _back(CYRILLIC), "greek": _back(GREEK), "latin": {}}
# Both scripts side by side: only such texts are looked at letter by letter.
MIXED = r"\p{Latin}[\p{Cyrillic}\p{Greek}]|[\p{Cyrillic}\p{Greek}]\p{Latin}"
# A shorter word with a Greek letter may be a symbol or a unit.
GREEK_LETTERS = 5
_WORD = re.compile(r"[^\W\d_]+")
_SCRIPTS = (("cyrillic", "\u0400", "\u052f"), ("greek", "\u0370", "\u03ff"))


def unmasked(texts: pl.Series) -> pl.Series:
    """Return texts in which every disguised word is written in its own script.

    Args:
        texts: NFKC; null stays null. A text without a disguised word stays as it is.
    """
    mixed = texts.str.contains(MIXED).fill_null(value=False)
    if not mixed.any():
        return texts
    read = [_unmasked(text) for text in texts.filter(mixed)]
    return texts.scatter(mixed.arg_true(), read)


def _unmasked(text: str) -> str:
    words = _WORD.findall(text)
    own = {word: Counter(_script(letter) for letter in word if _is_plain(letter)) for word in words}
    if not any(_is_disguised(word, own[word]) for word in words):
        return text
    whole = sum(own.values(), Counter())
    main = max(("latin", "cyrillic", "greek"), key=lambda script: whole[script])

    def rewrite(found: re.Match[str]) -> str:
        word = found[0]
        scripts = set(own[word])
        if len(scripts) > 1 or (scripts and not _is_mixed(word)):
            return word
        return _written(word, scripts.pop() if scripts else main)

    return _WORD.sub(rewrite, text)


def _written(word: str, script: str) -> str:
    latin = word.translate(TO_LATIN)
    back = FROM_LATIN.get(script)
    if back is None:
        return word
    kept = [old if _script(old) == script else new for old, new in zip(word, latin, strict=True)]
    return "".join(kept).translate(back)


def _is_disguised(word: str, plain: Counter[str]) -> bool:
    if not _is_mixed(word) or len(plain) > 1:
        return False
    return len(word) >= GREEK_LETTERS or all(_script(letter) != "greek" for letter in word)


def _is_mixed(word: str) -> bool:
    scripts = {_script(letter) for letter in word}
    return "latin" in scripts and bool(scripts & {"cyrillic", "greek"})


def _is_plain(letter: str) -> bool:
    """Say whether a letter looks like none of another script."""
    if _script(letter) == "latin":
        return all(ord(letter) not in back for back in FROM_LATIN.values())
    return ord(letter) not in TO_LATIN


def _script(letter: str) -> str:
    for name, first, last in _SCRIPTS:
        if first <= letter <= last:
            return name
    return "latin" if letter <= "\u024f" else "other"
