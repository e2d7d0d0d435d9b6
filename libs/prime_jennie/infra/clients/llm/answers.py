"""Read a model's answer: the first JSON object of the text, strictly by its schema, or nothing."""

import json
from typing import Any, Final, NoReturn

from pydantic import ValidationError

from prime_jennie.domain.errors import field_path
from prime_jennie.domain.language import AnswerT, BadAnswer

_THOUGHT_ENDS: Final = "</think>"


def read_answer(text: str | None, answer: type[AnswerT]) -> AnswerT:
    """Return the answer that a text holds; what stands around its first object (prose, a fence) is ignored.

    Strict: a number in quotes, NaN, a field named twice, an object cut off are all BadAnswer. The error never
    carries the text: it may repeat what strangers wrote.
    """
    # A reasoning model whose server does not separate its thoughts from its answer.
    said = (text or "").rpartition(_THOUGHT_ENDS)[2]
    start = said.find("{")
    if start < 0:
        raise BadAnswer("the model's answer is empty" if not said.strip() else "the model's answer holds no JSON")
    try:
        _, end = _STRICT.raw_decode(said, start)
    except (ValueError, RecursionError):
        raise BadAnswer("the model's answer is no complete JSON object") from None
    try:
        return answer.model_validate_json(said[start:end], strict=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        where = field_path(first["loc"])[:80]
        raise BadAnswer(
            f"the model's answer is no {answer.__name__}: {where}: {first['type']} ({error.error_count()} mistakes)"
        ) from None


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a field is named twice")
    return names


def _no_number(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")


_STRICT: Final = json.JSONDecoder(object_pairs_hook=_once, parse_constant=_no_number)
