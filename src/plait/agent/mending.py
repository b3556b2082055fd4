"""The question about arguments that the user edited and that cannot be taken. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import replace

from plait.permissions.approvals import Question
from plait.permissions.policy import Decision
from plait.protocol.calls import Args, TextPreview


def to_mend(question: Question, args: Args, why: str) -> Question:
    """Return the question that shows the user what they wrote and `why` it cannot be taken, to be edited once more.

    No rule, mode or batch answers it: nothing of what was judged before stands for these arguments.
    """
    written = json.dumps(args, indent=2, ensure_ascii=False)
    fence = "`" * (1 + max(2, *map(len, re.findall("`+", written)), 0))
    text = f"Not run as you wrote it: {why}\n\nEdit it again, or say no.\n\n{fence}json\n{written}\n{fence}"
    return replace(
        question,
        args=args,
        preview=TextPreview(f"{question.name}, as you wrote it", text),
        offers=(),
        danger=None,
        reason="",
        redecide=lambda: Decision("ask", why),
        alone=True,
    )
