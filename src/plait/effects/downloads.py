"""Programs that get what a project needs from the network: with which sub-commands they go there.

They ask like any program that is not known to only read. This says that they use the network, so that the user knows
what is approved, and the sandbox gives it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from plait.effects.command import Command

# Sub-commands; `*` for any, `-` for none at all.
_NODE = "install i ci add update up upgrade exec x dlx create init view info show outdated audit publish search pack"
_PYTHON = "install add update upgrade lock sync self download wheel index search publish"
FETCHING: Mapping[str, frozenset[str]] = {
    name: frozenset(words.split())
    for names, words in (
        ("pip pip3 pipx", _PYTHON + " inject run"),
        ("uv poetry pdm rye pipenv hatch", _PYTHON + " pip tool python env tree"),
        ("conda mamba micromamba", "install create update upgrade search env"),
        ("npm pnpm bun", _NODE),
        ("yarn", _NODE + " - dlx global"),
        ("corepack create-react-app", "*"),
        ("cargo", "fetch update add install search publish upgrade"),
        ("go", "get install mod work"),
        ("rustup nvm fnm volta pyenv", "install update upgrade toolchain component target self add use"),
        ("rbenv asdf mise sdk", "install update upgrade self add use"),
        ("gem bundle bundler", "install update add fetch outdated search push -"),
        ("composer", "install update require create-project outdated"),
        ("dotnet nuget", "restore add new tool workload install update"),
        ("mvn mvnw ./mvnw", "dependency:resolve dependency:go-offline dependency:tree deploy install package"),
        ("swift", "package"),
        ("flutter dart", "pub upgrade"),
        ("mix", "deps.get deps.update hex.info"),
        ("brew port", "install upgrade update search info fetch"),
        ("terraform tofu pulumi", "init plan apply refresh up preview get providers"),
        ("ansible-playbook ansible-galaxy", "*"),
        ("playwright", "install"),
        ("pre-commit", "install-hooks run autoupdate"),
        ("deno", "install add cache"),
    )
    for name in names.split()
}


def note_downloads(command: Command) -> None:
    """Say in the command's finding that it goes to the network, if it does."""
    if (fetching := fetched_by(command.name, command.words)) is not None:
        command.finding.contact("*", fetching)


def fetched_by(name: str, words: Sequence[str]) -> str | None:
    """Return the command in short (`npm install`) if it goes to the network, else None."""
    if name in ("python", "python3") and len(words) > 1 and words[0] == "-m":
        name, words = words[1], words[2:]
    if name in ("npx", "bunx", "pnpx"):
        # What is installed in the project is run from there.
        return next((f"{name} {word}" for word in words if word.startswith("create-") or "@" in word), None)
    known = FETCHING.get(name)
    if known is None:
        return None
    # Options before the sub-command may have values, so the first words are all looked at.
    plain = [word for word in words if not word.startswith("-")][:2]
    if "*" in known:
        return name
    if not plain:
        return name if "-" in known and not words else None
    return next((f"{name} {word}" for word in plain if word in known), None)
