"""How free text is made comparable: the normalisation of the SQuAD evaluation script.

Source: Rajpurkar et al. 2016, arXiv 1606.05250, section 6.1, and the published
`evaluate-v1.1.py`, including its order: lower case, punctuation, articles, whitespace.
"""

from __future__ import annotations

import re
import string

ARTICLES = re.compile(r"\b(a|an|the)\b")
NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def squad_tokens(text: str) -> list[str]:
    """Return the words of `text` in lower case, without ASCII punctuation and English articles."""
    return ARTICLES.sub(" ", text.lower().translate(NO_PUNCTUATION)).split()
