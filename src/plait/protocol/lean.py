"""`dataclass(frozen=True, slots=True)` for modules that are imported before the first frame.

The standard library compiles six methods of each class when its module is imported: 60 ms for the 130 classes that a
start sees, of which it uses some thirty. Here a class is complete but for four methods, which the standard library
makes when one of them is first used; from then on nothing differs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

COMPILED = ("__init__", "__repr__", "__eq__", "__hash__")


def frozen_with_slots(cls: type[Any]) -> type[Any]:
    """Return `cls` as a frozen dataclass with slots. Methods that it defines itself stay."""
    own = vars(cls).keys() & set(COMPILED)
    # Otherwise its signature is written down as its documentation, which takes longer than all the rest.
    cls.__doc__ = cls.__doc__ or cls.__name__
    made: Any = dataclasses.dataclass(init=False, repr=False, eq=False, slots=True)(cls)
    made.__dataclass_params__.frozen = True
    made.__setattr__ = _refuse_to_set
    made.__delattr__ = _refuse_to_delete
    made.__getstate__ = _state
    made.__setstate__ = _set_state
    for name in COMPILED:
        if name not in own:
            setattr(made, name, _until_first_use(made, name))
    return made  # type: ignore[no-any-return]  # A class with slots is another class than the one it was made of.


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
else:

    def dataclass(*, frozen: bool, slots: bool) -> Callable[[type[Any]], type[Any]]:
        """As `dataclasses.dataclass`, but always frozen and with slots."""
        assert frozen
        assert slots
        return frozen_with_slots


def _until_first_use(cls: type[Any], name: str) -> Callable[..., Any]:
    def first_use(self: object, *args: Any, **options: Any) -> Any:
        _complete(cls)
        return getattr(cls, name)(self, *args, **options)

    first_use.__name__ = name
    first_use.__qualname__ = f"{cls.__qualname__}.{name}"
    return first_use


def _complete(cls: type[Any]) -> None:
    """Give `cls` the methods that the standard library makes for its fields. Doing it twice is harmless."""
    copies = [
        (
            field.name,
            field.type,
            dataclasses.field(
                default=field.default,
                default_factory=field.default_factory,
                init=field.init,
                repr=field.repr,
                hash=field.hash,
                compare=field.compare,
                kw_only=bool(field.kw_only),
            ),
        )
        for field in dataclasses.fields(cls)
    ]
    hooks = {"__post_init__": cls.__post_init__} if hasattr(cls, "__post_init__") else {}
    twin = dataclasses.make_dataclass(cls.__name__, copies, namespace=hooks, frozen=True)
    for name in COMPILED:
        if getattr(vars(cls).get(name), "__name__", "") == name and vars(cls)[name].__module__ == __name__:
            method = vars(twin)[name]
            method.__qualname__ = f"{cls.__qualname__}.{name}"
            setattr(cls, name, method)


def _refuse_to_set(self: object, name: str, value: object) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> NoReturn:
    raise dataclasses.FrozenInstanceError(f"cannot delete field {name!r}")


def _state(self: Any) -> list[Any]:
    return [getattr(self, field.name) for field in dataclasses.fields(self)]


def _set_state(self: Any, state: list[Any]) -> None:
    for field, value in zip(dataclasses.fields(self), state, strict=True):
        object.__setattr__(self, field.name, value)
