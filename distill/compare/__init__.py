"""Two runs beside each other: what differs, what that says, and what it cannot say.

side.py        one run, read and checked: whatever is damaged in it ends in a sentence
settings.py    config keys that differ
rows.py        rows of the two datasets, matched, and why one lacks what the other has
diversity.py   variety of the two datasets at equal rows and words, with a permutation test
heldout.py     the two students on the held-out items that they share
comparison.py  all of it together
sentences.py   what can be said, and what cannot
as_json.py     for programs; terminal.py and page.py for people; lines.py words both
"""

from distill.compare.comparison import Comparison, compare
from distill.compare.side import Side, read_side

__all__ = ["Comparison", "Side", "compare", "read_side"]
