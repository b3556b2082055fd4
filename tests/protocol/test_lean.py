import copy
import dataclasses
import pickle
from dataclasses import FrozenInstanceError, field, fields, replace

import msgspec
import pytest

from plait.protocol.lean import dataclass


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    seen: dict[str, int] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"{self.x}, {self.y}"


@dataclass(frozen=True, slots=True)
class Segment:
    start: Point
    end: Point

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Segment) and {self.start, self.end} == {other.start, other.end}

    def __hash__(self) -> int:
        return hash(self.start) ^ hash(self.end)


@dataclass(frozen=True, slots=True)
class Checked:
    size: int

    def __post_init__(self) -> None:
        if self.size < 0:
            raise ValueError("negative")


@dataclasses.dataclass(frozen=True, slots=True)
class Plain:
    x: int
    y: int = 2
    seen: dict[str, int] = field(default_factory=dict, compare=False)


def test_it_behaves_as_the_dataclass_of_the_standard_library_does() -> None:
    ours, theirs = Point(1), Plain(1)

    assert repr(ours) == repr(theirs).replace("Plain", "Point")
    assert hash(ours) == hash(theirs)
    assert [each.name for each in fields(ours)] == [each.name for each in fields(theirs)]
    assert Point.__match_args__ == Plain.__match_args__
    assert replace(ours, y=3) == Point(1, 3)
    assert ours != Point(2)
    assert hash(ours) == hash(replace(ours))
    assert Point(1, seen={"a": 1}) == ours
    assert Point(1).seen is not Point(1).seen
    assert not hasattr(ours, "__dict__")
    with pytest.raises(TypeError, match=r"Point.__init__\(\) missing 1 required positional argument: 'x'"):
        Point()  # type: ignore[call-arg]  # That is what is tested.


def test_it_is_frozen() -> None:
    point = Point(1)

    with pytest.raises(FrozenInstanceError):
        point.x = 2  # type: ignore[misc]  # That is what is tested.
    with pytest.raises(FrozenInstanceError):
        del point.x
    assert point.x == 1


def test_it_can_be_copied_pickled_and_converted() -> None:
    point = Point(1, 5, {"a": 1})

    assert copy.copy(point) == point
    assert copy.deepcopy(point).seen == {"a": 1}
    assert pickle.loads(pickle.dumps(point)) == point
    assert msgspec.convert({"x": 1, "y": 5}, Point) == point
    assert msgspec.to_builtins(point) == {"x": 1, "y": 5, "seen": {"a": 1}}


def test_what_a_class_defines_itself_stays() -> None:
    assert str(Point(1)) == "1, 2"
    assert Segment(Point(1), Point(2)) == Segment(Point(2), Point(1))
    assert len({Segment(Point(1), Point(2)), Segment(Point(2), Point(1))}) == 1
    with pytest.raises(ValueError, match="negative"):
        Checked(-1)


def test_any_of_its_methods_may_be_the_first_one_used() -> None:
    @dataclass(frozen=True, slots=True)
    class Made:
        x: int

    first = Made.__new__(Made)
    object.__setattr__(first, "x", 1)
    assert first == Made(1)
    assert hash(first) == hash((1,))
