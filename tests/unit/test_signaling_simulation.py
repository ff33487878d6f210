"""A street full of people who keep moving: whatever happens on the way, nothing is lost or left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from support.moving import Person, Street, check

Action = Callable[[Person], None]
ACTIONS: list[tuple[Action, int]] = [
    (Person.join, 6),
    (Person.open_bridge, 20),
    (Person.go_back, 14),
    (Person.connect, 20),
    (Person.close_bridge, 8),
    (Person.close_main, 3),
    (Person.restart, 4),
    (Person.publish_anew, 4),
    (Person.unpublish, 1),
    (Person.choose, 3),
    (Person.drop, 6),
    (Person.die, 5),
    (Person.fall_silent, 8),
    (Person.open_channel, 2),
    (Person.leave, 1),
]


def play(random: Random, people: int, enough: Callable[[list[Person], int], bool]) -> Street:
    street = Street(random)
    crowd = [Person(street, f"person-{number}") for number in range(people)]
    actions, weights = zip(*ACTIONS, strict=True)
    for person in crowd:
        person.join()
    steps = 0
    while not enough(crowd, steps):
        steps += 1
        street.calm = random.random() < 0.3
        (action,) = random.choices(actions, weights)
        action(random.choice(crowd))
        if random.random() < 0.2:
            street.model.flow()
        if steps % (2 * people) == 0:
            look(street, crowd)
    go_home(street, crowd)
    return street


def look(street: Street, crowd: list[Person]) -> None:
    street.tick(0.5)
    street.rest()
    for person in crowd:
        person.ping()
        person.hear()
    street.rest()
    for person in crowd:
        person.hear()
    check(street, crowd)


def go_home(street: Street, crowd: list[Person]) -> None:
    """Half of them leave, the others are never heard of again."""
    street.calm = True
    for number, person in enumerate(crowd):
        if number % 2:
            person.leave()
        elif person.client:
            person.client.drop()
    for _ in range(130):
        street.tick(0.25)
    core, model = street.core, street.model
    assert not core._context.sessions
    assert not core._context.by_transport
    assert not core._context.tasks
    assert not core._subscriptions._bound
    assert not core._publications._tracks
    assert not core._data._channels
    assert not core._data._owners
    assert not core._channels
    assert not list(core.rooms)
    assert not model.transports
    assert not model.published
    assert not model.subscriptions
    assert not model.relays
    assert "internal_errors" not in {name for name, _, _ in core.counters()}


def test_a_thousand_moves_of_twenty_people() -> None:
    street = play(Random(3), 20, lambda crowd, _: sum(person.moves for person in crowd) >= 1000)
    counted = Counter(dict.fromkeys(("bridges_opened", "moves", "path_silences"), 0))
    for name, _, value in street.core.counters():
        counted[name] += value
    assert counted["bridges_opened"] > 300
    assert counted["moves"] > 300
    assert counted["path_silences"] > 30


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(0, 2**32))
def test_a_few_people_in_every_order(seed: int) -> None:
    play(Random(seed), 3, lambda _, steps: steps >= 80)
