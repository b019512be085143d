"""What was found, in words that claim no more than the chains showed."""

from __future__ import annotations

from distill.collapse.chain import PERPLEXITY
from distill.collapse.course import Collapse, Course, first_worse

WORSE_BY = 0.1


def course_sentence(made: Collapse, course: Course) -> str:
    """Say what became of one regime's chains."""
    last = len(course.chains[0]) - 1
    begun, ended = course.figure("heldout", 0), course.figure("heldout", last)
    if begun is None or ended is None:
        raise TypeError("every generation has a figure on held-out data")
    rises = made.measure == PERPLEXITY
    number = first_worse(course, rises=rises, by=WORSE_BY)
    course_of = f"{made.measure} {begun[0]:.3g} → {ended[0]:.3g} in {last} generations"
    chains = "every chain" if len(course.chains) > 1 else "the one chain"
    if number is None:
        return f"{course_of}; never {WORSE_BY:.0%} worse in {chains}."
    return f"{course_of}; {WORSE_BY:.0%} worse in {chains} from generation {number} on."


def warning_sentence(made: Collapse) -> str:
    """Say how far the figures carry."""
    if made.student == "ngram":
        return (
            "An n-gram model is a stand-in: it shows which way your data goes, not how fast a "
            "language model would. student=… takes the configured student."
        )
    return "Every answer counts as real in the next generation; no filter and no judge is between."
