import gc
from collections.abc import Iterator

import pytest

from plait.host import garbage


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_nothing_is_collected_while_modules_load_and_what_they_made_is_never_looked_at_again() -> None:
    frozen = gc.get_freeze_count()

    with garbage.none_while_loading():
        assert not gc.isenabled()
        made: list[list[int]] = [[] for _ in range(1000)]

    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(made)


def test_garbage_is_collected_again_even_if_loading_failed() -> None:
    with pytest.raises(ImportError), garbage.none_while_loading():
        raise ImportError

    assert gc.isenabled()
