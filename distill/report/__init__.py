"""What people look at after a run: a summary, a dataset card and a report.

terminal.py   the summary on the terminal
card.py       README.md of the run folder, a dataset card
croissant.py  croissant.json, the dataset for machines
page.py       report.html
facts.py      what all three show, out of record and manifest
arms.py       the same of the arms of an evaluation
limits.py     what the run cannot show, in sentences
findings.py   what the guards found
examples.py   which rows are shown
plots.py      charts with their words; charts.py draws them
collapse.py   curves of a distill collapse; curves.py draws them
figures.py    the same charts as PNG
html.py       what all pages share
markdown.py   escapes what goes into the card
plain.py      for terminals that lack letters
wording.py    numbers and foreign texts, written for people
"""

from distill.report.card import write_card
from distill.report.croissant import CROISSANT, write_croissant
from distill.report.figures import write_figures
from distill.report.page import write_report

__all__ = ["CROISSANT", "write_card", "write_croissant", "write_figures", "write_report"]
