"""Asks the application what it wants to decide, and tells it what it wants to know.

A question is an effect like a command to the engine: the procedure that asks goes on when the
decision is fed back in. Who asks the application, and for how long, is the driver's business.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from roomline.errors import PermissionDenied, Refused
from roomline.hooks import (
    Admission,
    AdmitRequest,
    Decision,
    ParticipantLeft,
    Permission,
    Person,
    PublishRequest,
    Question,
    SubscribeRequest,
    TierChanged,
)
from roomline.protocol import ConnectionChange, LeaveReason, Tier, TrackIntent
from roomline.rooms import Participant, Track
from roomline.signaling.context import Context
from roomline.signaling.session import Session
from roomline.signaling.tasks import Ask, Decided, Procedure


class Decisions:
    """What the application decides beyond the grants of tokens."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def asks(self, question: type[Question]) -> bool:
        """Whether the application wants to decide this."""
        return question in self._context.questions

    def admit(self, session: Session) -> Procedure[None]:
        """Ask whether somebody may come in. Raises Refused."""
        request = AdmitRequest(person=person(session))
        (decision,) = yield from self._ask([request])
        if not isinstance(decision, Admission) or not decision.admitted:
            raise Refused(decision.reason or "the application does not let you in")
        participant = session.participant
        participant.name = decision.name or participant.name
        participant.grants = decision.grants or participant.grants

    def publish(
        self, session: Session, intents: Sequence[TrackIntent], transport: str = ""
    ) -> Procedure[None]:
        """Ask about every track that is new on a transport. Raises PermissionDenied."""
        old = {t.mid for t in session.participant.tracks.values() if t.transport == transport}
        fresh = [intent for intent in intents if intent.track is None and intent.mid not in old]
        if not fresh or not self.asks(PublishRequest):
            return
        who = person(session)
        decisions = yield from self._ask(
            [
                PublishRequest(person=who, source=i.source, name=i.name or i.source, muted=i.muted)
                for i in fresh
            ],
        )
        _check(decisions)

    def subscribe(self, session: Session, track: Track) -> Procedure[None]:
        """Ask whether somebody may get a track. Raises PermissionDenied."""
        publisher = self._context.sessions.get(track.participant)
        if publisher is None:
            return
        request = SubscribeRequest(
            person=person(session),
            publisher=person(publisher),
            track=track.id,
            kind=track.kind,
            source=track.source,
            name=track.name,
        )
        _check((yield from self._ask([request])))

    def tell_left(self, session: Session, reason: LeaveReason) -> None:
        """Somebody who was in is gone."""
        if ParticipantLeft in self._context.notices_wanted:
            self._context.notices.append(ParticipantLeft(person=person(session), reason=reason))

    def tell_tier_changed(
        self, session: Session, before: Tier | None, after: Tier, change: ConnectionChange | None
    ) -> None:
        """Somebody's media takes another path."""
        if TierChanged in self._context.notices_wanted:
            gap = (
                None if change is None or before is None else timedelta(milliseconds=change.gap_ms)
            )
            self._context.notices.append(
                TierChanged(
                    person=person(session),
                    before=before,
                    after=after,
                    why=None if gap is None or change is None else change.why,
                    gap=gap,
                )
            )

    def _ask(self, questions: Sequence[Question]) -> Procedure[list[Decision]]:
        number = self._context.names.number
        answers = yield [Ask(number(), question) for question in questions]
        return [answer.decision for answer in answers if isinstance(answer, Decided)]


def person(session: Session) -> Person:
    """A participant as the application knows it."""
    participant: Participant = session.participant
    return Person(
        id=participant.id,
        identity=participant.identity,
        name=participant.name,
        room=session.room.name,
        grants=participant.grants,
    )


def _check(decisions: Sequence[Decision]) -> None:
    for decision in decisions:
        if not isinstance(decision, Permission) or not decision.allowed:
            raise PermissionDenied(decision.reason or "the application does not allow it")
