"""Orders."""

from __future__ import annotations

import os.path

LIMIT = 10
first, second = 1, 2
type Rows = list[str]


@register(name="order")
class Order(Base):
    size: int = 0

    @property
    def total(self) -> int:
        def add(a: int) -> int:
            return a

        return add(1)

    class Meta:
        pass


if os.name == "nt":

    async def send(order: Order) -> None:
        local = 1
