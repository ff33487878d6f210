"""Procedures that wait for the engine.

A procedure is a generator: it yields commands and is resumed with their answers, in the same
order. So a join reads from top to bottom although the engine answers later.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeVar

from roomline.engine.commands import Command, Question
from roomline.engine.events import Answer, Failed
from roomline.errors import BadOffer, Internal, NotFound

T = TypeVar("T")
Procedure = Generator[Sequence[Question], list[Answer], T]


class Task:
    """A procedure under way."""

    def __init__(self, procedure: Procedure[None], end: Callable[[], None] | None) -> None:
        self.procedure = procedure
        self.end = end
        self.answers: dict[int, Answer | None] = {}
        self.deadline = 0.0
        self.running = True
        self.stepping = False


class Tasks:
    """All procedures under way. `timeout` is how many seconds the engine may take to answer."""

    def __init__(self, submit: Callable[[Command], None], timeout: float) -> None:
        self._submit = submit
        self._timeout = timeout
        self._waiting: dict[int, Task] = {}

    def __len__(self) -> int:
        return len(set(self._waiting.values()))

    def start(
        self, procedure: Procedure[None], now: float, end: Callable[[], None] | None = None
    ) -> Task:
        """Run a procedure up to its first question. `end` is called once, when it is over."""
        task = Task(procedure, end)
        self._advance(task, None, now)
        return task

    def handle_answer(self, answer: Answer, now: float) -> None:
        """Hand an answer to the procedure that waits for it, if one still does."""
        task = self._waiting.pop(answer.request, None)
        if task is None or not task.running:
            return
        task.answers[answer.request] = answer
        if all(task.answers.values()):
            self._advance(task, [a for a in task.answers.values() if a is not None], now)

    def handle_timeout(self, now: float) -> None:
        """Answer for an engine that does not."""
        late = [number for number, task in self._waiting.items() if task.deadline <= now]
        for number in late:
            self.handle_answer(Failed(number, "timeout", "the engine did not answer"), now)

    def cancel(self, task: Task) -> None:
        """Stop a procedure where it is; its answers are ignored."""
        if not task.running:
            return
        task.running = False
        for number in task.answers:
            self._waiting.pop(number, None)
        if not task.stepping:
            task.procedure.close()

    def _advance(self, task: Task, answers: list[Answer] | None, now: float) -> None:
        task.stepping = True
        try:
            questions = next(task.procedure) if answers is None else task.procedure.send(answers)
            while not questions:
                questions = task.procedure.send([])
        except StopIteration:
            task.running = False
            if task.end:
                task.end()
            return
        finally:
            task.stepping = False
        if not task.running:
            task.procedure.close()
            return
        task.deadline = now + self._timeout
        task.answers = {question.request: None for question in questions}
        for question in questions:
            self._waiting[question.request] = task
            self._submit(question)


def refusal(answer: Answer) -> BadOffer | NotFound | Internal:
    """The engine's refusal as an error for the client."""
    code, message = getattr(answer, "code", ""), getattr(answer, "message", "")
    if code in {"unknown-transport", "unknown-publication"}:
        return NotFound("the transport or the track has ended meanwhile")
    if code in {"timeout", "no-media-port"}:
        return Internal(f"the media engine failed: {code}")
    return BadOffer(message or "the offer cannot be answered")
