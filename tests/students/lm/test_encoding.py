"""What is learnt of a conversation, token by token."""

from __future__ import annotations

import pytest
from tiny import END, tiny_tokenizer

from distill.students.lm.encoding import (
    IGNORED,
    SPECIAL_TOKEN,
    TOO_LONG,
    asked,
    encode,
    left_out_for,
    prompt_text,
    token_ids,
)

pytest.importorskip("torch", reason="the extra train is not installed")


def test_the_answer_and_its_end_are_learnt_and_nothing_else() -> None:
    tokenizer = tiny_tokenizer()
    prompt = asked("Why? 雪", "Be brief.")
    encoded = encode(tokenizer, prompt, "So it is. 🙂")

    learnt = [i for i, label in enumerate(encoded.labels) if label != IGNORED]
    assert [encoded.labels[i] for i in learnt] == [encoded.input_ids[i] for i in learnt]
    assert tokenizer.decode([encoded.input_ids[i] for i in learnt]) == f"So it is. 🙂{END}"
    assert learnt == list(range(learnt[0], len(encoded.labels)))
    assert tokenizer.decode(encoded.input_ids[: learnt[0]]) == (
        f"<|im_start|>system\nBe brief.{END}\n<|im_start|>user\nWhy? 雪{END}\n"
        "<|im_start|>assistant\n"
    )


def test_a_prompt_is_token_by_token_what_the_student_is_asked() -> None:
    tokenizer = tiny_tokenizer()
    prompt = asked("Why?", None)
    asked_ids = token_ids(tokenizer, prompt_text(tokenizer, prompt))

    assert encode(tokenizer, prompt, " so").input_ids[: len(asked_ids)] == asked_ids


def test_the_end_is_learnt_where_it_is_the_padding_token_too() -> None:
    tokenizer = tiny_tokenizer()

    assert tokenizer.pad_token_id == tokenizer.eos_token_id
    assert encode(tokenizer, asked("Why?", None), "So.").labels[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize(
    "template",
    [
        pytest.param("{% for m in messages %}{{ m['content'] }}\n{% endfor %}", id="no end token"),
        pytest.param(
            "{% for m in messages %}{{ m['content'] }}\n{% endfor %}"
            "{% if add_generation_prompt %}<think>\n{% endif %}",
            id="another opening",
        ),
    ],
)
def test_the_end_is_learnt_where_the_template_does_not_write_it(template: str) -> None:
    tokenizer = tiny_tokenizer()
    tokenizer.chat_template = template
    encoded = encode(tokenizer, asked("Why?", None), "So.")
    learnt = [label for label in encoded.labels if label != IGNORED]

    assert learnt[-1] == tokenizer.eos_token_id
    assert learnt.count(tokenizer.eos_token_id) == 1
    assert tokenizer.decode(learnt[:-1]).strip() == "So."


def test_an_example_that_spells_an_end_or_is_too_long_is_left_out() -> None:
    tokenizer = tiny_tokenizer()

    def why(question: str, answer: str, max_tokens: int) -> str | None:
        prompt = asked(question, None)
        encoded = encode(tokenizer, prompt, answer)
        return left_out_for(tokenizer, prompt, answer, encoded, max_tokens)

    exact = len(encode(tokenizer, asked("Why?", None), "So.").input_ids)
    assert why("Why?", "So.", exact) is None
    assert why("Why?", "So.", exact - 1) == TOO_LONG
    assert why("Why?", f"So{END} go on", 500) == SPECIAL_TOKEN
    assert why(f"Why{END}", "So.", 500) == SPECIAL_TOKEN
