"""Options that only say how much a program shows, or which of its checks it does: no rule need name them. Pure.

A rule `shell(pytest tests/*)` covers `pytest tests/a.py -x -k name`, for neither `-x` nor `-k name` lets it do more.
Only options whose value can be nothing but a choice are here, none that names a file, a program or a module.
"""

from __future__ import annotations

# What comes before a tool and runs it in an environment of the project.
RUNNERS = (
    ("uv", "run"), ("poetry", "run"), ("pdm", "run"), ("hatch", "run"), ("pipenv", "run"), ("rye", "run"),
    ("bundle", "exec"), ("python", "-m"), ("python3", "-m"),
)  # fmt: skip
PYTEST = frozenset((
    "-x", "-q", "-qq", "-v", "-vv", "-vvv", "-s", "-l", "--lf", "--ff", "--nf", "--sw", "--exitfirst", "--quiet",
    "--verbose", "--last-failed", "--failed-first", "--stepwise", "--no-header", "--no-summary", "--showlocals",
    "--collect-only", "--co", "-ra", "-rA", "-rs", "-rf", "-rx", "-rfE", "--no-cov", "--disable-warnings",
))  # fmt: skip
IDLE: dict[str, frozenset[str]] = {
    "pytest": PYTEST,
    "py.test": PYTEST,
    "mypy": frozenset(("--strict", "--pretty", "--no-error-summary", "--show-error-codes", "-v")),
    "ruff": frozenset(("-q", "-v", "--quiet", "--verbose", "--no-cache", "--diff", "--statistics")),
    "cargo": frozenset(("-q", "-v", "--quiet", "--verbose", "--release", "--all", "--workspace", "--all-targets")),
    "go": frozenset(("-v", "-race", "-short", "-failfast", "-count=1")),
}
# Their value is the next word, or stands behind `=`.
CHOICES: dict[str, frozenset[str]] = {
    "pytest": frozenset(("-k", "-m", "--tb", "--maxfail", "--durations", "--color", "--timeout")),
    "py.test": frozenset(("-k", "-m", "--tb", "--maxfail", "--durations", "--color", "--timeout")),
    "go": frozenset(("-run", "-timeout", "-count")),
}


def needed_words(argv: tuple[str, ...]) -> tuple[str, ...]:
    """Return a command's words without its idle options; the same words if it has none."""
    place = 2 if argv[:2] in RUNNERS else 0
    if len(argv) <= place or argv[place] not in IDLE:
        return argv
    program = argv[place]
    idle, choices = IDLE[program], CHOICES.get(program, frozenset())
    kept, rest = list(argv[: place + 1]), list(argv[place + 1 :])
    while rest:
        word = rest.pop(0)
        if word == "--":
            return (*kept, word, *rest)
        if word in choices and rest:
            rest.pop(0)
        elif word not in idle and word.partition("=")[0] not in choices:
            kept.append(word)
    return tuple(kept)
