"""`python -m benchmarks.search_quality.live ROOT`: Plait's search as JSON lines, with no index, whatever there is."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from plait.cli.scripts import InputLines, OutputLines
from plait.host.paths import Workspace
from plait.search.wire import serve

asyncio.run(serve(InputLines(), OutputLines(), Workspace.at(Path(sys.argv[1]))))
