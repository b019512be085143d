"""Students that are language models: tuned in a process of their own by the extra `train`.

    settings.py   what all of them have in common: the base, the process, the answers
    base.py       the model that is tuned: a folder, a hub's, or the embedded one
    job.py        a training as a folder that is found again: its inputs, checkpoints and result
    child.py      runs a job in a child process, within its limits
    worker.py     the child's side
    encoding.py   conversations as tokens, and which of them are learnt
    tuning.py     fine-tuning on answers, in the child
    resuming.py   from checkpoint to checkpoint
    trained.py    what comes out: answers questions

Nothing here imports torch before it is used: it takes seconds and gigabytes.
"""

from __future__ import annotations
