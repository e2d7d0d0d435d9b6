"""A language model in memory that says what a test wrote down."""

from collections.abc import Callable, Iterable

from pydantic import BaseModel

from prime_jennie.domain.language import AnswerT, Prompt, Usage
from prime_jennie.infra.clients.llm.answers import read_answer

Scripted = str | BaseModel | Exception


class InMemoryModel:
    """Twin of OpenAiModel: answers one after the other (raw text, a model, an error to raise), or by a function.

    `prompts` is what it was asked, in order.
    """

    def __init__(
        self, answers: Iterable[Scripted] | Callable[[Prompt], Scripted], name: str = "scripted model"
    ) -> None:
        self._next = answers if callable(answers) else _one_after_the_other(answers)
        self._name = name
        self.prompts: list[Prompt] = []
        self.closed = False

    @property
    def name(self) -> str:
        return self._name

    @property
    def usage(self) -> Usage:
        return Usage(calls=len(self.prompts))

    async def ask(self, prompt: Prompt, answer: type[AnswerT]) -> AnswerT:
        self.prompts.append(prompt)
        said = self._next(prompt)
        if isinstance(said, Exception):
            raise said
        return read_answer(said.model_dump_json() if isinstance(said, BaseModel) else said, answer)

    async def close(self) -> None:
        self.closed = True


def _one_after_the_other(answers: Iterable[Scripted]) -> Callable[[Prompt], Scripted]:
    waiting = iter(answers)

    def following(prompt: Prompt) -> Scripted:
        try:
            return next(waiting)
        except StopIteration:
            raise AssertionError(f"the script has no answer to {prompt.service}'s next question") from None

    return following
