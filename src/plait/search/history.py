"""Search in the past: commits that added or removed a text, or changed lines that match a regex. Only on request."""

from __future__ import annotations

from plait.host.git import Git, find_repository
from plait.protocol.calls import SearchHit
from plait.protocol.errors import ToolRefused
from plait.search import query
from plait.search.look import Look
from plait.search.place import LONGEST_LINE, State
from plait.search.query import Shape
from plait.search.rank import Found

MOST_COMMITS = 40
FILES_A_COMMIT = 10
# Between commits, and within what is said of one.
RECORD, FIELD = "\x1e", "\x1f"


async def history(look: Look) -> Found:
    """Commits, newest first: one hit for each file of theirs, its text the commit's id, date and subject."""
    place = look.tree.place
    repository = find_repository(place.root)
    if repository is None:
        raise ToolRefused("there is no git repository here to look through.")
    text = query.unquoted(look.text)
    # -S counts occurrences, -G looks at changed lines (git-log(1)).
    how = f"-G{text}" if look.shape is Shape.REGEX else f"-S{text}"
    arguments = ["log", how, f"-n{MOST_COMMITS}", f"--format={RECORD}%h{FIELD}%as{FIELD}%s", "--name-only", "-z"]
    arguments += ["--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-show-signature"]
    end = await Git(place.root).run(
        [*arguments, "--relative", "--", *(place.below or (".",))], deadline_s=look.tree.left_s()
    )
    if end.exit_code not in (0, None) and not end.timed_out:
        said = end.stderr.decode("utf-8", "replace").strip().splitlines()
        raise ToolRefused(f"git log failed: {said[-1][:160] if said else 'no reason given'}")
    hits = _hits(end.stdout.decode("utf-8", "surrogateescape"))
    return Found("history", tuple(hits), state=State.DEADLINE if end.timed_out else State.DONE)


def _hits(output: str) -> list[SearchHit]:
    hits = []
    for record in output.split(RECORD)[1:]:
        head, _, rest = record.partition("\0")
        commit, _, tail = head.partition(FIELD)
        date, _, subject = tail.partition(FIELD)
        names = [name.lstrip("\n") for name in rest.split("\0") if name.strip()]
        for name in names[:FILES_A_COMMIT]:
            hits.append(SearchHit(name, 1, 1, "commit", f"{commit} {date} {subject}"[:LONGEST_LINE]))
    return hits
