"""Add Plait, and the scenarios that mix reads and writes, to the peers file of the side-by-side benchmark.

`python benchmarks/peers/combine.py PEERS.json > COMBINED.json`
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

HERE = Path(__file__).parent
SCENARIOS = ("mixed", "writes3")


def combine(peers: dict[str, object]) -> dict[str, object]:
    """Return the peers with Plait first; each knows our scenarios."""
    combined: dict[str, object] = {"plait": json.loads((HERE / "plait.json").read_text())}
    combined |= {name: peer for name, peer in peers.items() if name != "plait"}
    for peer in combined.values():
        if isinstance(peer, dict):
            own = peer.get("scenarios", {})
            peer["scenarios"] = {name: str(HERE / f"{name}.json") for name in SCENARIOS} | own
            if "hello" in own:
                peer["skip"] = peer.get("skip", {}) | dict.fromkeys(SCENARIOS, "ends its runs in a way of its own")
    return combined


if __name__ == "__main__":
    json.dump(combine(json.loads(Path(sys.argv[1]).read_text())), sys.stdout, indent=1)
