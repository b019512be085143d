"""Sweeps: one run a point, every response paid once, and the point that the data supports.

points.py   every combination of the swept values
launch.py   runs them through the launcher that Hydra was told to use
choice.py   which point the data supports
told.py     all of it in figures and words
show.py     the table, the CSV file and the plot
"""

from distill.sweep.launch import sweep

__all__ = ["sweep"]
