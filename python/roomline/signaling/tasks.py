"""Procedures that wait for the engine, or for the application.

A procedure is a generator: it yields questions and is resumed with their answers, in the same
order. So a join reads from top to bottom although the engine answers later, and the application
perhaps minutes later.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from math import inf
from typing import TypeVar

from roomline import hooks
from roomline.engine.commands import Command, Question
from roomline.engine.events import Answer, Failed
from roomline.errors import BadOffer, Internal, NotFound


@dataclass(frozen=True)
class Ask:
    """A question to the application."""

    request: int
    question: hooks.Question


@dataclass(frozen=True)
class Decided:
    """The application's answer."""

    request: int
    decision: hooks.Decision


T = TypeVar("T")
Procedure = Generator[Sequence[Question | Ask], list[Answer | Decided], T]


class Task:
    """A procedure under way."""

    def __init__(self, procedure: Procedure[None], end: Callable[[], None] | None) -> None:
        self.procedure = procedure
        self.end = end
        self.answers: dict[int, Answer | Decided | None] = {}
        self.deadline = 0.0
        self.running = True
        self.stepping = False


class Tasks:
    """All procedures under way. `timeout` is how many seconds the engine may take to answer.

    The application may take as long as its driver lets it.
    """

    def __init__(self, submit: Callable[[Command], None], timeout: float) -> None:
        self._submit = submit
        self._timeout = timeout
        self._waiting: dict[int, Task] = {}
        self.asked: dict[int, Ask] = {}
        """Questions to the application that wait for their answers."""
        self.asks: list[Ask] = []
        """Those of them that nobody has taken yet."""
        self.withdrawn: list[int] = []
        """Questions that need no answer any more."""

    def __len__(self) -> int:
        return len(set(self._waiting.values()))

    def start(
        self, procedure: Procedure[None], now: float, end: Callable[[], None] | None = None
    ) -> Task:
        """Run a procedure up to its first question. `end` is called once, when it is over."""
        task = Task(procedure, end)
        self._advance(task, None, now)
        return task

    def handle_answer(self, answer: Answer | Decided, now: float) -> None:
        """Hand an answer to the procedure that waits for it, if one still does."""
        self.asked.pop(answer.request, None)
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
            if self.asked.pop(number, None) is not None:
                self.withdrawn.append(number)
        if not task.stepping:
            task.procedure.close()

    def _advance(self, task: Task, answers: list[Answer | Decided] | None, now: float) -> None:
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
        thinks = any(isinstance(question, Ask) for question in questions)
        task.deadline = inf if thinks else now + self._timeout
        task.answers = {question.request: None for question in questions}
        for question in questions:
            self._waiting[question.request] = task
            if isinstance(question, Ask):
                self.asked[question.request] = question
                self.asks.append(question)
            else:
                self._submit(question)


def refusal(answer: Answer | Decided) -> BadOffer | NotFound | Internal:
    """The engine's refusal as an error for the client."""
    code, message = getattr(answer, "code", ""), getattr(answer, "message", "")
    if code in {"unknown-transport", "unknown-publication"}:
        return NotFound("the transport or the track has ended meanwhile")
    if code in {"timeout", "no-media-port"}:
        return Internal(f"the media engine failed: {code}")
    return BadOffer(message or "the offer cannot be answered")
