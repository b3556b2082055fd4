"""Small trees to search, written to disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from plait.host.paths import Workspace
from plait.protocol.calls import HitsDetail
from plait.search.fan_out import SearchRequest, search
from plait.search.place import Looker

SHOP: Mapping[str, str] = {
    "shop/cart.py": """\
\"\"\"Carts.\"\"\"
from shop.money import Price


class Cart:
    def add(self, price: Price) -> None:
        self.prices.append(price)

    def total(self) -> int:
        return sum(price.cents for price in self.prices)


class Basket:
    def total(self) -> int:
        return 0
""",
    "shop/money.py": """\
import decimal

MAX_RETRIES = 3


class Price:
    cents: int


def retry_payment(price: Price) -> None:
    # A refused payment is retried with a growing delay until the attempts are used up.
    for attempt in range(MAX_RETRIES):
        delay = 2**attempt
""",
    "tests/test_cart.py": """\
from shop.cart import Cart


def test_total():
    assert Cart().total() == 0


def retry_payment():
    pass
""",
    "web/server.go": """\
package web

import (
\t"net/http"
\tlog "example.com/shop/log"
)

type Server struct {
\tmux *http.ServeMux
}

func (s *Server) Close() error {
\treturn nil
}
""",
    "web/client.ts": """\
import { Server } from "./server";

export class Client {
  async close(): Promise<void> {
    if (this.open) {
      await this.socket.end();
    }
  }
}

export const parseReply = (text: string) => JSON.parse(text);
""",
    "vendor/cart.py": "class Cart:\n    pass\n",
    "docs/cart.md": "The class Cart holds prices. See `Cart.total`.\n",
}


def write_tree(root: Path, files: Mapping[str, str | bytes] = SHOP) -> Workspace:
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return Workspace.at(root)


async def find(workspace: Workspace, query: str, looker: Looker | None = None, **request: object) -> HitsDetail:
    return await search(SearchRequest(query, **request), workspace, looker=looker)  # type: ignore[arg-type]


def lines(detail: HitsDetail) -> list[str]:
    return [f"{hit.path}:{hit.line} {hit.kind}" for hit in detail.hits]


def paths(detail: HitsDetail) -> list[str]:
    return [hit.path for hit in detail.hits]
