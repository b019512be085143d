"""Distil a large model's skill at one task into a small one, and prove what it was worth."""

__version__ = "0.1.0"
