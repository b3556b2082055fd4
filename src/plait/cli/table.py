"""Every flag and every subcommand of Plait, once. The help text, the completions and the grammar come from here."""

from __future__ import annotations

from plait.cli.flags import Flag
from plait.protocol.lean import dataclass

MODEL, PERMISSIONS, SESSION, LIMITS, OUTPUT, OTHER = (
    "Model",
    "Permissions",
    "Session",
    "Limits",
    "Without a screen",
    "Other",
)

# As in `protocol.commands`, whose import would double the time that `--help` takes.
PERMISSION_MODES = ("default", "acceptEdits", "plan", "dontAsk", "bypassPermissions")

# Flags of the dialect for what is not here or cannot be chosen. What asks is denied without a screen, whichever tool is
# to be asked; no MCP server is started, so there is nothing to be strict about.
IDLE = (
    "--strict-mcp-config", "--include-hook-events", "--allow-dangerously-skip-permissions", "--debug-to-stderr",
    "--ide", "--chrome", "--no-chrome", "--disable-slash-commands", "--exclude-dynamic-system-prompt-sections",
)  # fmt: skip
IDLE_WITH_VALUE = (
    "--betas", "--max-thinking-tokens", "--permission-prompt-tool", "--setting-sources", "--task-budget", "--thinking",
    "--thinking-display", "--debug-file",
)  # fmt: skip

ADD_DIRECTORY = Flag(
    ("--add-dir",), "work in these directories too", "many", "DIR …", PERMISSIONS, "additional_directories"
)
SETTINGS = Flag(("--settings",), "read this settings file too", "value", "FILE", OTHER)
DEBUG = Flag(("--debug",), "log every decision as JSON lines", "optional", "FILE", OTHER, "debug", "true")
PERMISSION_FLAGS = (
    Flag(
        ("--permission-mode",),
        "what runs without asking",
        "value",
        "MODE",
        PERMISSIONS,
        "permission_mode",
        choices=PERMISSION_MODES,
    ),
    Flag(
        ("--allowed-tools", "--allowedTools"),
        'allow by rules: "shell(git *) edit(src/**)"',
        "many",
        "RULE …",
        PERMISSIONS,
        "permissions.allow",
    ),
    Flag(
        ("--disallowed-tools", "--disallowedTools"),
        "deny by rules; a bare name is not even offered",
        "many",
        "RULE …",
        PERMISSIONS,
        "permissions.deny",
    ),
    ADD_DIRECTORY,
    Flag(
        ("--yolo", "--dangerously-skip-permissions"),
        "run everything but what is dangerous",
        group=PERMISSIONS,
        setting="permission_mode",
        const="bypassPermissions",
    ),
    Flag(("--dangerously-allow-all",), "run even that, without asking", group=PERMISSIONS),
    Flag(("--trust",), "let this directory's own settings count, this once", group=PERMISSIONS),
)

FLAGS: tuple[Flag, ...] = (
    Flag(("--model",), "such as anthropic:claude-sonnet-4-5", "value", "NAME", MODEL, "model"),
    Flag(("--base-url",), "an OpenAI-compatible server", "value", "URL", MODEL, "base_url"),
    Flag(("--fallback-model",), "if the model fails", "value", "NAME", MODEL, "fallback_model"),
    Flag(
        ("--effort",),
        "how hard it thinks",
        "value",
        "LEVEL",
        MODEL,
        "effort",
        choices=("low", "medium", "high"),
    ),
    Flag(("--system-prompt",), "replace the instructions", "value", "TEXT", MODEL, "system_prompt"),
    Flag(("--system-prompt-file",), "the same, from a file", "value", "FILE", MODEL),
    Flag(("--append-system-prompt",), "add to the instructions", "value", "TEXT", MODEL, "append_system_prompt"),
    Flag(("--append-system-prompt-file",), "the same, from a file", "value", "FILE", MODEL),
    Flag(("--tools",), 'offer only these, or none with ""', "many", "NAME …", MODEL, "tools"),
    *PERMISSION_FLAGS,
    Flag(("--continue", "-c"), "go on with this directory's last session", group=SESSION),
    Flag(("--resume", "-r"), "go on with a session; without ID pick one", "optional", "ID", SESSION),
    Flag(("--fork-session",), "go on in a copy", group=SESSION),
    Flag(("--session-id",), "the id of the new session", "value", "UUID", SESSION),
    Flag(("--no-session-persistence",), "keep no log", group=SESSION),
    Flag(
        ("--worktree", "-w"),
        "",
        "optional",
        "NAME",
        missing="worktrees are not there yet; run `git worktree add` and start Plait in it.",
    ),
    Flag(("--max-turns",), "replies of the model a prompt", "value", "N", LIMITS, "limits.max_turns"),
    Flag(("--max-budget-usd",), "cost of the model", "value", "X", LIMITS, "limits.max_budget_usd"),
    Flag(("--time-limit",), "time for a prompt", "value", "SECONDS", LIMITS, "limits.time_limit_s"),
    Flag(("--print", "-p"), "answer and exit; also if standard output is no terminal", group=OUTPUT),
    Flag(
        ("--output-format",),
        "",
        "value",
        "FORMAT",
        OUTPUT,
        choices=("text", "json", "stream-json"),
    ),
    Flag(("--input-format",), "", "value", "FORMAT", OUTPUT, choices=("text", "stream-json")),
    Flag(("--include-partial-messages",), "stream-json: replies as they are written", group=OUTPUT),
    Flag(("--json-schema",), "the answer must be JSON that meets it", "value", "FILE|TEXT", OUTPUT),
    Flag(("--output",), "write the last answer to a file too", "value", "FILE", OUTPUT),
    Flag(("--verbose",), "json: all messages; text: each call on standard error", group=OUTPUT),
    SETTINGS,
    DEBUG,
    Flag(("--mcp-config",), "", "many", "FILE", missing="MCP servers are not there yet; leave the flag out."),
    Flag(("--plugin-dir",), "", "value", "DIR", missing="plugins are not there yet; leave the flag out."),
    Flag(("--agents",), "", "value", "JSON", missing="agents of your own are not there yet; leave the flag out."),
    Flag(("--session-mirror",), "", missing="sessions are kept in Plait's own logs only; leave the flag out."),
    Flag(("--replay-user-messages",), "", missing="prompts are not repeated in the output; leave the flag out."),
    *(
        Flag((name,), "", "value", missing="a session is resumed at its end; go back with `/rewind` on the screen.")
        for name in ("--resume-session-at", "--resume-drops-turn")
    ),
    *(Flag((name,), "", idle=True) for name in IDLE),
    *(Flag((name,), "", "value", "VALUE", idle=True) for name in IDLE_WITH_VALUE),
    Flag(("--version", "-v", "-V"), "print the version", group=OTHER),
    Flag(("--help", "-h"), "print this", group=OTHER),
)


@dataclass(frozen=True, slots=True)
class Subcommand:
    """One subcommand: its words as the help shows them, what it does, its own flags and first words."""

    name: str
    usage: str
    help: str
    flags: tuple[Flag, ...] = ()
    actions: tuple[str, ...] = ()


HELP = Flag(("--help", "-h"), "print this")
JSON_OUT = Flag(("--json",), "print JSON")

SUBCOMMANDS: dict[str, Subcommand] = {
    command.name: command
    for command in (
        Subcommand(
            "sessions",
            "list [--all] | show ID | rename ID TITLE | delete ID | prune [--older-than DAYS] [--keep N]",
            "look after earlier conversations",
            (
                Flag(("--all",), "list those of every directory"),
                JSON_OUT,
                Flag(("--older-than",), "prune: not used for so many days (30)", "value", "DAYS"),
                Flag(("--keep",), "prune: never the newest N", "value", "N"),
                SETTINGS,
                HELP,
            ),
            ("list", "show", "rename", "delete", "prune"),
        ),
        Subcommand(
            "config",
            "[NAME]",
            "print every setting, and where it comes from",
            (JSON_OUT, *(flag for flag in FLAGS if flag.setting or flag.key == "trust"), SETTINGS, HELP),
        ),
        Subcommand(
            "tool",
            "NAME [--json ARGUMENTS]",
            "run one tool call, without a model (arguments also from standard input)",
            (
                Flag(("--json",), "the call's arguments, a JSON object", "value", "ARGUMENTS"),
                *PERMISSION_FLAGS,
                SETTINGS,
                DEBUG,
                HELP,
            ),
        ),
        Subcommand(
            "check-command",
            "--json",
            "say what shell commands do: JSON lines in, verdicts out",
            (Flag(("--json",), "JSON lines (the only form)"), ADD_DIRECTORY, HELP),
        ),
        Subcommand(
            "search",
            "QUERY [--kind KIND …] [--limit N] [--json] | --stdio",
            "search this directory",
            (
                Flag(("--kind",), "only hits of this kind, such as content or file", "many", "KIND …"),
                Flag(("--limit",), "at most so many hits (20)", "value", "N"),
                JSON_OUT,
                ADD_DIRECTORY,
                Flag(("--stdio",), 'JSON lines {"query", "kind"?} in, one result line each out'),
                HELP,
            ),
        ),
        Subcommand(
            "index",
            "build | status | clear",
            "build, look at or remove this directory's code index",
            (JSON_OUT, HELP),
            ("build", "status", "clear"),
        ),
        Subcommand(
            "trust",
            "[yes | no | forget]",
            "show what this directory's own settings would switch on, and answer whether they may",
            (JSON_OUT, SETTINGS, HELP),
            ("yes", "no", "forget"),
        ),
        Subcommand("doctor", "", "say what Plait found on this machine", (SETTINGS, HELP)),
        Subcommand("completion", "bash|zsh|fish", "print completions for a shell", (HELP,), ("bash", "zsh", "fish")),
    )
}
