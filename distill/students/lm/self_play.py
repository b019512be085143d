"""One iteration of self-play in the child process: the opponent answers, the student learns.

The opponent's answers are kept as the tokens that were drawn: what is learnt is exactly what it
said, an end that it did not reach included.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from distill.paths import write_text
from distill.students.lm.base import choose_device, load_tokenizer, load_weights
from distill.students.lm.encoding import encode, left_out_for, prompt_text, token_ids
from distill.students.lm.job import RESULT_FOLDER
from distill.students.lm.preference import Pairs, keeps, learn, pair_of, tell_left_out
from distill.students.lm.tuning import TRAIN, VALIDATION, check_context, prepare_torch
from distill.students.lm.worker import Stopped, Work

OPPONENT = "opponent"
OWN_FILE = "own.json"
# Without gradients more rows fit into memory than are trained at once. It does not hang on how many
# questions the student answers at once, because draws do hang on what is drawn together.
ROWS_EACH = 4


def train(work: Work) -> None:
    """Let the opponent answer every question, and tune its copy to prefer the real answers.

    Rows are `{"prompt": [messages], "completion": [one message]}`. The file `opponent` names the
    job whose result is the opponent; it is empty where that is the base.

    Raises:
        TrainingError: no answer can be learnt from.
        UserError: the device is not there, or the base cannot be read.
        Stopped: it was told to stop.
    """
    settings, seed = work.job.settings, work.job.seed
    prepare_torch(settings, seed)
    tokenizer = load_tokenizer(work.base)
    check_context(work)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    start = opponent_of(work)
    own = own_answers(work, tokenizer, start)
    sets = {name: encoded_pairs(work, tokenizer, name, own[name]) for name in (TRAIN, VALIDATION)}
    # As it is where the answers were there already: a resumed training draws the same.
    prepare_torch(settings, seed)
    learn(work, tokenizer, sets, start=start)


def opponent_of(work: Work) -> Path | None:
    """Return the folder of the opponent's weights, or `None` for the base."""
    rows = work.job.rows(OPPONENT)
    return work.job.folder.parent / rows[0]["folder"] / RESULT_FOLDER if rows else None


def own_answers(work: Work, tokenizer: Any, start: Path | None) -> dict[str, list[list[int]]]:
    """Return the opponent's answers as tokens, by file, in its order; drawn once for a job."""
    path = work.job.folder / OWN_FILE
    if path.is_file():
        kept: dict[str, list[list[int]]] = json.loads(path.read_text(encoding="utf-8"))
        return kept
    files = {name: work.job.rows(name) for name in (TRAIN, VALIDATION)}
    prompts = [
        token_ids(tokenizer, prompt_text(tokenizer, row["prompt"]))
        for rows in files.values()
        for row in rows
    ]
    drawn = _drawn(work, tokenizer, opponent(work, start), prompts)
    cut = len(files[TRAIN])
    own = {TRAIN: drawn[:cut], VALIDATION: drawn[cut:]}
    write_text(path, json.dumps(own) + "\n")
    return own


def opponent(work: Work, start: Path | None) -> Any:
    """Return the opponent, ready to answer."""
    is_adapter = work.job.settings["lora"]["rank"] is not None
    model = load_weights(work.base if start is None or is_adapter else start)
    if start is not None and is_adapter:
        from peft import PeftModel

        model = PeftModel.from_pretrained(model, str(start))
    return model.to(choose_device(work.job.settings["device"])).eval()


def _drawn(work: Work, tokenizer: Any, model: Any, prompts: Sequence[list[int]]) -> list[list[int]]:
    import torch

    settings = work.job.settings
    answers: list[list[int]] = [[] for _ in prompts]
    order = sorted(range(len(prompts)), key=lambda i: (len(prompts[i]), i))
    temperature = settings["temperature"]
    how = {"do_sample": True, "temperature": temperature, "top_k": 0, "top_p": 1.0}
    at_once = ROWS_EACH * settings["micro_batch_size"]
    for start in range(0, len(order), at_once):
        batch = order[start : start + at_once]
        width = max(len(prompts[i]) for i in batch)
        gaps = [width - len(prompts[i]) for i in batch]
        ids = [
            [tokenizer.pad_token_id] * gap + prompts[i] for i, gap in zip(batch, gaps, strict=True)
        ]
        seen = [[0] * gap + [1] * (width - gap) for gap in gaps]
        with torch.inference_mode():
            made = model.generate(
                input_ids=torch.tensor(ids).to(model.device),
                attention_mask=torch.tensor(seen).to(model.device),
                max_new_tokens=settings["max_new_tokens"],
                pad_token_id=tokenizer.pad_token_id,
                eos_token_id=tokenizer.eos_token_id,
                **(how if temperature > 0 else {"do_sample": False}),
            )
        for i, row in zip(batch, made[:, width:].tolist(), strict=True):
            answers[i] = until_end(row, tokenizer.eos_token_id)
        work.at(min(start + len(batch), len(order)), len(order), "own answers")
        if work.stopping.is_set():
            raise Stopped
    return answers


def until_end(tokens: Sequence[int], end: int) -> list[int]:
    """Return the tokens up to their end with it; all of them where they do not reach one."""
    return list(tokens[: tokens.index(end) + 1] if end in tokens else tokens)


def encoded_pairs(work: Work, tokenizer: Any, name: str, own: Sequence[list[int]]) -> Pairs:
    """Return a file's answers, chosen, with the opponent's, rejected, as tokens."""
    limit = work.job.settings["max_tokens"]
    kept = []
    for row, drawn in zip(work.job.rows(name), own, strict=True):
        prompt, answer = row["prompt"], row["completion"][0]["content"]
        encoded = encode(tokenizer, prompt, answer)
        pair = pair_of(encoded, drawn)
        reason = left_out_for(tokenizer, prompt, answer, encoded, limit)
        if reason is None and len(pair["prompt_ids"]) + len(drawn) > limit:
            reason = "own_too_long"
        if keeps(work, pair, reason):
            kept.append(pair)
    tell_left_out(work, name)
    return kept
