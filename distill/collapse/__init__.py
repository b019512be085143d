"""What becomes of a skill when students learn from students.

A generation learns, writes as much as it has read, and the next one learns from that: from it
alone, with some real data kept, or with everything that came before. `distill collapse` follows
such chains on the configured real data, free of charge, with an n-gram model that takes seconds or
with the configured student.

    regimes.py    what a generation learns from
    ngram.py      the student that takes seconds
    chain.py      one chain: an n-gram model, or the configured student
    course.py     all chains, over a configuration's own data
    textbook.py   cases whose mathematics is known: Gaussian, regression, Zipf
    sentences.py  what was found, in words
    show.py       terminal, picture, JSON
    page.py       collapse.html
    told.py       collapse.json, read again for a run's report
"""

from __future__ import annotations

from distill.collapse.regimes import Regime

__all__ = ["Regime"]
