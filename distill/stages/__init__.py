"""The stages of a run, in the order in which the table passes through them; each is a verb."""
