"""The command line: which view or subcommand runs, and what its end means as an exit code.

The only process edge: whatever is raised below becomes one line on standard error, never a traceback.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from types import FrameType

from plait import __version__
from plait.protocol.errors import InternalError, ProviderError, UserError

OK, USAGE, FAILED, INTERRUPTED = 0, 1, 2, 4


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code of docs/headless.md. Raises nothing."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    from plait.cli import terminal

    streams = terminal.open_missing_streams()
    try:
        _raise_on_signals()
        return _run(words, stdout_open=streams[1])
    except UserError as error:
        terminal.tell(str(error))
        return USAGE
    except ProviderError as error:
        terminal.tell(str(error))
        return FAILED
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # The reader, `head` say, has seen enough.
        return INTERRUPTED
    except OSError as error:
        where = f"`{error.filename}`: " if error.filename else ""
        terminal.tell(f"{where}{error.strerror or error}.")
        _log_failure()
        return FAILED
    except InternalError as error:
        terminal.tell(f"{error} (a bug in Plait; `--debug` logs the details)")
        _log_failure()
        return FAILED
    except Exception as error:  # The process edge: a bug of ours is one line, too.
        terminal.tell(f"failed: {type(error).__name__}: {error} (a bug in Plait; `--debug` logs the details)")
        _log_failure()
        return FAILED


def _run(words: list[str], *, stdout_open: bool) -> int:
    # Each way of running imports what it needs and no more: that is most of its start.
    from plait.cli.terminal import is_terminal, put

    if words in (["--version"], ["-v"], ["-V"]):
        put(f"plait {__version__}\n")
        return OK if stdout_open else USAGE
    if words in (["--help"], ["-h"]):
        from plait.cli.help import main_help

        put(main_help())
        return OK if stdout_open else USAGE
    from plait.cli.start import grammar

    parsed = grammar().parse(words)
    if parsed.command is not None:
        return _run_subcommand(parsed.command, parsed.words)
    if parsed.has("help") or parsed.has("version"):
        return _run(["--help"] if parsed.has("help") else ["--version"], stdout_open=stdout_open)
    if parsed.has("print") or not is_terminal(0) or not is_terminal(1):
        from plait.cli import printing

        return printing.run(parsed, stdout_open=stdout_open)
    from plait.cli import screen

    return screen.run(parsed)


def _run_subcommand(name: str, words: list[str]) -> int:
    from plait.cli.start import grammar
    from plait.cli.terminal import put

    parsed = grammar(name).parse(words)
    if parsed.has("help"):
        from plait.cli.help import subcommand_help
        from plait.cli.table import SUBCOMMANDS

        put(subcommand_help(SUBCOMMANDS[name]))
        return OK
    match name:
        case "sessions":
            from plait.cli import sessions

            return sessions.run(parsed)
        case "config":
            from plait.cli import settings_list

            return settings_list.run(parsed)
        case "tool":
            from plait.cli import scripts

            return scripts.run_tool(parsed)
        case "check-command":
            from plait.cli import scripts

            return scripts.check_commands(parsed)
        case "search":
            from plait.cli import scripts

            return scripts.search(parsed)
        case "doctor":
            from plait.cli import doctor

            return doctor.run(parsed)
        case _:
            from plait.cli.completion import completion
            from plait.cli.table import SUBCOMMANDS

            shells = SUBCOMMANDS["completion"].actions
            if len(parsed.words) != 1 or parsed.words[0] not in shells:
                raise UserError(
                    f"`plait completion` needs a shell: one of {', '.join(f'`{shell}`' for shell in shells)}."
                )
            put(completion(parsed.words[0]))
            return OK


def _raise_on_signals() -> None:
    """Until a view takes over, a signal to end unwinds like Ctrl-C: what was begun is cleaned up; exit code 4."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number is not None and not (name == "SIGHUP" and signal.getsignal(number) is signal.SIG_IGN):
            signal.signal(number, interrupt)


def _log_failure() -> None:
    import logging

    from plait.config import debug_log

    debug_log.silence()
    logging.getLogger("plait").exception("failed")
