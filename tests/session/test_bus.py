"""Every subscriber gets the durable events exactly once and in order, and no live word is lost."""

from hypothesis import given
from hypothesis import strategies as st

from plait.protocol.calls import CallKey
from plait.protocol.events import Notice, OutputDelta, Progress, Stamped, TextDelta
from plait.session.bus import Bus, is_live

KEY = CallKey("main", 1, 1)
EVENTS = st.one_of(
    st.builds(Notice, st.just("info"), st.text(max_size=3)),
    st.builds(TextDelta, st.just(1), st.integers(1, 2), st.just(0), st.text(max_size=3)),
    st.builds(OutputDelta, st.just(KEY), st.text(max_size=3)),
    st.builds(Progress, st.just(KEY), st.text(max_size=3)),
)


def texts(events: list[Stamped]) -> dict[tuple[type, object], str]:
    said: dict[tuple[type, object], str] = {}
    for stamped in events:
        match stamped.event:
            case TextDelta(reply=reply, text=text):
                said[TextDelta, reply] = said.get((TextDelta, reply), "") + text
            case OutputDelta(text=text):
                said[OutputDelta, 0] = said.get((OutputDelta, 0), "") + text
            case Progress(text=text):
                said[Progress, 0] = text
            case _:
                pass
    return said


@given(st.lists(st.tuples(EVENTS, st.booleans(), st.booleans()), max_size=40))
def test_subscribers_of_any_speed_see_the_same(script) -> None:
    bus = Bus()
    wakes = [0, 0]
    subscriptions = [bus.subscribe(lambda n=n: wakes.__setitem__(n, wakes[n] + 1)) for n in (0, 1)]
    seen: list[list[Stamped]] = [[], []]
    sent = []
    for seq, (event, *takes) in enumerate(script):
        sent.append(Stamped(seq, 0, "main", event))
        bus.publish(sent[-1])
        for number, take in enumerate(takes):
            if take:
                seen[number] += subscriptions[number].take()
    for number, subscription in enumerate(subscriptions):
        seen[number] += subscription.take()

    for received in seen:
        durable = [stamped for stamped in received if not is_live(stamped.event)]
        assert durable == [stamped for stamped in sent if not is_live(stamped.event)]
        assert texts(received) == texts(sent)


def test_what_comes_after_a_durable_event_is_not_merged_into_what_came_before() -> None:
    bus = Bus()
    subscription = bus.subscribe(lambda: None)
    for seq, event in enumerate([TextDelta(1, 1, 0, "a"), Notice("info", "n"), TextDelta(1, 1, 0, "b")]):
        bus.publish(Stamped(seq, 0, "main", event))

    assert [type(stamped.event).__name__ for stamped in subscription.take()] == ["TextDelta", "Notice", "TextDelta"]


def test_a_subscriber_is_woken_only_when_something_new_waits() -> None:
    bus = Bus()
    wakes: list[int] = []
    subscription = bus.subscribe(lambda: wakes.append(1))
    for seq in range(5):
        bus.publish(Stamped(seq, 0, "main", Notice("info", "n")))
    assert len(wakes) == 1
    subscription.take()
    bus.publish(Stamped(6, 0, "main", Notice("info", "n")))
    assert len(wakes) == 2
    subscription.close()
    bus.publish(Stamped(7, 0, "main", Notice("info", "n")))
    assert len(subscription.take()) == 1


def test_a_flood_of_output_that_nobody_takes_stays_bounded() -> None:
    bus = Bus()
    subscription = bus.subscribe(lambda: None)
    for seq in range(60):
        bus.publish(Stamped(seq, 0, "main", OutputDelta(KEY, "x" * 50_000)))
    bus.publish(Stamped(99, 0, "main", OutputDelta(KEY, "the end")))

    [stamped] = subscription.take()
    assert isinstance(stamped.event, OutputDelta)
    assert len(stamped.event.text) < 500_000
    assert stamped.event.text.endswith("the end")
