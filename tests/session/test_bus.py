"""Every subscriber gets the durable events exactly once and in order, and no live word is lost."""

import threading

from hypothesis import given, strategies as st

from plait.protocol.calls import CallKey
from plait.protocol.events import Notice, OutputDelta, Progress, Stamped, TextDelta
from plait.session.bus import CUT, MOST_OUTPUT_CHARACTERS, Bus, is_live

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
    subscriptions = [bus.subscribe(lambda n=n: wakes.__setitem__(n, wakes[n] + 1))[0] for n in (0, 1)]
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
    subscription = bus.subscribe(lambda: None)[0]
    for seq, event in enumerate([TextDelta(1, 1, 0, "a"), Notice("info", "n"), TextDelta(1, 1, 0, "b")]):
        bus.publish(Stamped(seq, 0, "main", event))

    assert [type(stamped.event).__name__ for stamped in subscription.take()] == ["TextDelta", "Notice", "TextDelta"]


def test_a_subscriber_is_woken_only_when_something_new_waits() -> None:
    bus = Bus()
    wakes: list[int] = []
    subscription = bus.subscribe(lambda: wakes.append(1))[0]
    for seq in range(5):
        bus.publish(Stamped(seq, 0, "main", Notice("info", "n")))
    assert len(wakes) == 1
    subscription.take()
    bus.publish(Stamped(6, 0, "main", Notice("info", "n")))
    assert len(wakes) == 2
    subscription.close()
    bus.publish(Stamped(7, 0, "main", Notice("info", "n")))
    assert len(wakes) == 2
    assert subscription.take() == ()


def test_whoever_subscribes_while_events_flow_gets_all_that_follow_the_number_it_is_told() -> None:
    bus = Bus()
    published = threading.Event()

    def publish() -> None:
        for seq in range(1, 3001):
            bus.publish(Stamped(seq, 0, "main", Notice("info", "n")))
            published.set()

    publisher = threading.Thread(target=publish)
    publisher.start()
    published.wait()
    subscriptions = [bus.subscribe(lambda: None) for _ in range(20)]
    publisher.join()

    for subscription, last_seq in subscriptions:
        assert [stamped.seq for stamped in subscription.take()] == list(range(last_seq + 1, 3001))


def test_a_subscriber_whose_loop_has_ended_is_dropped_and_disturbs_nobody() -> None:
    bus = Bus()

    def wake() -> None:
        raise RuntimeError("Event loop is closed")

    gone, stays = bus.subscribe(wake)[0], bus.subscribe(lambda: None)[0]
    for seq in (1, 2):
        bus.publish(Stamped(seq, 0, "main", Notice("info", "n")))

    assert gone.take() == ()
    assert [stamped.seq for stamped in stays.take()] == [1, 2]


@given(st.lists(st.integers(1, 30_000), max_size=60), st.integers(0, 60))
def test_a_flood_of_output_keeps_its_beginning_and_its_end(sizes: list[int], taken_after: int) -> None:
    bus = Bus()
    subscription = bus.subscribe(lambda: None)[0]
    texts = [chr(ord("a") + number % 26) * size for number, size in enumerate(sizes)]
    for text in texts[taken_after:]:
        bus.publish(Stamped(1, 0, "main", OutputDelta(KEY, text)))
    whole = "".join(texts[taken_after:])

    got = "".join(stamped.event.text for stamped in subscription.take() if isinstance(stamped.event, OutputDelta))

    half = MOST_OUTPUT_CHARACTERS // 2
    assert got == (whole if len(whole) <= MOST_OUTPUT_CHARACTERS else whole[:half] + CUT + whole[-half:])
