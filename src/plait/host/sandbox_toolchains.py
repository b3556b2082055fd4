"""Where toolchains lie that are installed below a home directory, and what belongs to a program that is found there.

By the names that their installers choose, by the variables that name other places, and by the search path. Looks at
the file system and changes nothing. A directory that a command may write says nothing here: it could name any place.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from glob import glob

from plait.host.sandbox_paths import follow, small_text, within

# Below the home directory.
IN_HOME = (
    # Python
    ".pyenv", ".rye", ".pixi", ".virtualenvs", ".poetry", ".conda", ".mamba", ".local/lib", ".local/pipx", ".jupyter",
    # JavaScript
    ".nvm", ".fnm", ".volta", ".nodenv", ".n", ".nodebrew", ".npm-global", ".npm-packages", ".npm", ".node-gyp",
    ".yarn", ".pnpm-store", ".bun", ".deno", ".electron-gyp", "Library/pnpm",
    # Rust, C and C++
    ".cargo", ".rustup", ".ccache", ".conan", ".conan2", ".vcpkg", ".espressif", ".platformio",
    ".wasmtime", ".wasmer", ".wasmedge", ".foundry",
    # Go
    "go/bin", "go/pkg", ".goenv", ".gvm", ".g",
    # Java, Kotlin, Scala, Android
    ".sdkman", ".jabba", ".jenv", ".jdks", ".gradle", ".m2", ".ivy2", ".sbt", ".konan", ".coursier", ".android",
    "Android/Sdk", "Library/Android", ".java",
    # Ruby, PHP, Perl, Lua
    ".rbenv", ".rvm", ".rubies", ".gem", ".bundle", ".phpenv", ".composer", ".plenv", ".perlbrew", ".cpan",
    ".luarocks",
    # .NET
    ".dotnet", ".nuget", ".templateengine", ".aspnet",
    # Haskell, OCaml, Elixir and Erlang, Lisp
    ".ghcup", ".cabal", ".stack", ".opam", ".elan", ".mix", ".hex", ".kerl", ".kiex", ".roswell", ".quicklisp",
    # Julia, R, Swift, Dart, Zig, Nim, Crystal
    ".juliaup", ".julia", ".swiftly", ".swiftpm", ".pub-cache", ".dart-tool", ".zvm", ".zigup",
    ".nimble", ".choosenim", ".crenv", ".crystal",
    # Of all kinds
    ".asdf", ".proto", ".moon", ".nix-profile", ".nix-defexpr", ".guix-profile", ".linuxbrew", ".spack", ".tfenv",
    ".terraform.d", ".pulumi", ".docker/cli-plugins", ".krew", ".bazel", ".texlive", ".TinyTeX", ".texmf",
    ".local/include", ".local/libexec", ".local/opt", ".local/state/nix", ".local/state/cabal",
)  # fmt: skip
# Names that may as well be the user's own: each with a pattern of what is in it if it is a toolchain.
IN_HOME_IF = {
    "go": "VERSION", "sdk": "go*/VERSION", "n": "versions/node", "R": "*-library", "flutter": "bin/flutter",
    "miniconda3": "conda-meta", "miniconda": "conda-meta", "anaconda3": "conda-meta", "anaconda": "conda-meta",
    "miniforge3": "conda-meta", "mambaforge": "conda-meta", "mamba": "conda-meta", "micromamba": "envs",
    "vcpkg": "vcpkg*", "emsdk": "upstream", "perl5": "lib/perl5", "quicklisp": "setup.lisp", "texmf": "tex",
}  # fmt: skip
# Below the directory for data (`~/.local/share`).
IN_DATA = (
    "uv", "pipx", "pnpm", "mise", "rtx", "fnm", "nvm", "asdf", "virtualenv", "virtualenvs", "pypoetry", "pdm", "hatch",
    "pixi", "mamba", "micromamba", "jupyter", "cargo", "rustup", "go", "gem", "rbenv", "coursier", "swiftly", "NuGet",
    "dotnet", "ghcup", "cabal", "stack", "julia", "juliaup", "opam", "node", "nodenv", "corepack", "composer", "deno",
    "bun", "sdkman", "gradle", "maven", "aquaproj-aqua", "proto", "nix", "devbox", "vcpkg", "zig", "man",
    "bash-completion",
)  # fmt: skip
# Name an installation, a store, or a list of directories that a compiler or interpreter searches.
VARIABLES = re.compile(
    r"(?:JAVA|M2|MAVEN|GRADLE(?:_USER)?|ANT|KOTLIN|SCALA|SBT|ANDROID|GROOVY|CARGO|RUSTUP|GEM|JULIA|COMPOSER|MIX|HEX"
    r"|PIPX|UV|VOLTA|PNPM|BUN|DENO|PERLBREW|ERL|ELIXIR|GHCUP|R|DOTNET_CLI|CUDA|LLVM|WASMTIME|POETRY|HATCH|RYE|PIXI"
    r"|ELAN|NIX)_HOME"
    r"|(?:PYENV|RBENV|NODENV|GOENV|JENV|PHPENV|PLENV|PERLBREW|MAMBA|STACK|DOTNET|FLUTTER|VCPKG|ANDROID_SDK"
    r"|ANDROID_NDK|QT|BOOST|OPAM)_?ROOT(?:_PREFIX)?"
    r"|(?:NVM|SDKMAN|FNM|ASDF|ASDF_DATA|MISE_DATA|PROTO|DENO|CABAL|UV_TOOL|UV_PYTHON_INSTALL|UV_CACHE|PIP_CACHE"
    r"|CCACHE|SCCACHE|CONAN_USER|TF_PLUGIN_CACHE|NODE_GYP|VOLTA|JUPYTER_DATA|IPYTHON|YARN_CACHE)_DIR(?:ECTORY)?"
    r"|(?:CONDA|N|NPM_CONFIG|BREW|HOMEBREW|VIRTUAL_ENV|OPAM_SWITCH)_PREFIX|npm_config_(?:prefix|cache)"
    r"|GO(?:PATH|ROOT|BIN|CACHE|MODCACHE|TMPDIR)|RUBYLIB|GEM_PATH|BUNDLE_PATH|PYTHON(?:PATH|USERBASE|HOME)|VIRTUAL_ENV"
    r"|WORKON_HOME|NODE_PATH|NUGET_PACKAGES|PUB_CACHE|BUN_INSTALL|DENO_INSTALL(?:_ROOT)?|CONDA_EXE|PERL5LIB|CLASSPATH"
    r"|GHCUP_INSTALL_BASE_PREFIX|JULIA(?:UP)?_(?:DEPOT_PATH|LOAD_PATH)|LUA_PATH|R_LIBS(?:_USER)?|EMSDK"
    r"|LD_LIBRARY_PATH|LIBRARY_PATH|(?:C|CPLUS)_?(?:INCLUDE_)?PATH|PKG_CONFIG_PATH|CMAKE_PREFIX_PATH|MANPATH"
    r"|PLAYWRIGHT_BROWSERS_PATH|TORCH_HOME|XDG_CACHE_HOME|XDG_CONFIG_HOME|CC|CXX|LD"
)
# Variables that name where the user is, not where something is installed.
PLACES = frozenset(("HOME", "PWD", "OLDPWD", "TMPDIR", "INIT_CWD"))
PARTS = {"GOPATH": ("bin", "pkg"), "GHCUP_INSTALL_BASE_PREFIX": (".ghcup",)}
# Directories of programs: what belongs to them is around them.
PROGRAMS = frozenset(("bin", "sbin", "libexec", "shims", "Scripts", "condabin"))
# One of these beside them says that one thing is installed there, and not many that have nothing to do with each other.
BESIDE_PROGRAMS = (
    "lib", "lib64", "libexec", "share", "include", "etc", "conf", "versions", "pkg", "jmods", "packages", "platform",
    "node_modules", "pyvenv.cfg", "conda-meta", "libs", "jre", "runtime", "modules", "texmf-dist",
)  # fmt: skip
# Below the home directory: hold a bit of everything, so that no program in them opens them as a whole.
WIDE = frozenset((
    "", ".local", ".local/share", ".local/state", ".config", ".cache", ".var", ".var/app", "Library", "snap",
    "Documents", "Desktop", "Downloads", "Pictures", "Music", "Videos", "Public", "Templates", "Dropbox", "OneDrive",
    "Library/Application Support",
))  # fmt: skip
MAX_ENTRIES = 2000
MAX_SCRIPTS = 300
SCRIPT_HEAD_BYTES = 1024
_SHEBANG = re.compile(r"#!\s*(/\S+)")
_EXEC = re.compile(r"""^\s*'*exec'*\s+(?:-a\s+\S+\s+)?(?:"([^"\n]+)"|'([^'\n]+)'|(\S+))""", re.MULTILINE)


def installation(directory: str, home: str) -> tuple[str, ...]:
    """Return the places below `home` that belong to the programs in `directory`; all real. Empty: only the programs."""
    if "/node_modules/" in directory:
        return (directory.partition("/node_modules/")[0] + "/node_modules",)
    around, name = os.path.split(directory)
    # One for each kind of machine: `bin/x86_64-linux`.
    if os.path.basename(around) in PROGRAMS:
        directory, (around, name) = around, os.path.split(around)
    if name not in PROGRAMS:
        at_top = os.path.dirname(directory) == home and not name.startswith(".")
        return () if is_wide(directory, home) or (at_top and not _is_one_thing(directory)) else (directory,)
    if is_wide(around, home) or not (_is_one_thing(around) or os.path.basename(around) == "vendor"):
        return (directory,)
    # A directory of Go's may hold what the user works on too, beside what was installed.
    if os.path.isdir(f"{around}/src") and os.path.isdir(f"{around}/pkg") and not os.path.exists(f"{around}/VERSION"):
        return (directory, f"{around}/pkg")
    return (around,)


def versions(place: str) -> list[str]:
    """The installations that a manager of versions keeps (`~/.pyenv/versions`), as far as they are Python's."""
    return [entry for entry in _directories(f"{place}/versions") if os.path.isdir(f"{entry}/lib")]


def is_wide(place: str, home: str) -> bool:
    """True if far more than one program is there: the home directory, one around it, one for all kinds of things."""
    return not place.startswith(home + "/") or place[len(home) + 1 :] in WIDE


def _is_one_thing(place: str) -> bool:
    if not any(os.path.exists(f"{place}/{name}") for name in BESIDE_PROGRAMS):
        return False
    # A directory of repositories, with a `bin` among them.
    return not _holds_repositories(place)


def _holds_repositories(place: str) -> bool:
    return any(os.path.exists(f"{entry}/.git") for entry in _directories(place))


def _directories(place: str) -> list[str]:
    try:
        with os.scandir(place) as entries:
            return [entry.path for entry, _ in zip(entries, range(MAX_ENTRIES), strict=False) if entry.is_dir()]
    except OSError:
        return []


@lru_cache(maxsize=128)
def leads(directory: str, home: str, spelled: str, _stamp: int) -> tuple[str, ...]:
    """Return what programs in `directory` are links to or start, as far as it leads below `home` and out of there.

    spelled: the home directory as the user writes it. _stamp: when the directory was last changed.
    """
    inside = directory.startswith(home + "/")
    found: dict[str, None] = {}
    scripts = 0
    try:
        with os.scandir(directory) as entries:
            for entry, _ in zip(entries, range(MAX_ENTRIES), strict=False):
                if entry.is_symlink():
                    target = os.path.normpath(os.path.join(directory, os.readlink(entry.path)))
                    # Of the system's hundreds of links hardly one leads here.
                    if inside or target.startswith((home + "/", spelled + "/")):
                        found[entry.path] = None
                elif inside and scripts < MAX_SCRIPTS and entry.is_file():
                    scripts += 1
                    found.update(dict.fromkeys(_starts(entry.path, spelled)))
    except OSError:
        return tuple(found)
    # Hundreds are links within their own installation, which is seen as a whole.
    around = installation(directory, home) if inside else ()
    return tuple(path for path in found if _leaves(path, around, home))


def _leaves(path: str, around: tuple[str, ...], home: str) -> bool:
    real, links = follow(path, home)
    return (
        real is not None and real.startswith(home + "/") and not all(within(place, around) for place in (real, *links))
    )


def _starts(script: str, home: str) -> Iterator[str]:
    """The program that interprets a script, and those that it becomes."""
    text = small_text(script, SCRIPT_HEAD_BYTES)
    if not text.startswith("#!"):
        return
    named = [*_SHEBANG.findall(text)[:1], *(next(filter(None, words)) for words in _EXEC.findall(text))]
    for word in named:
        path = word.replace("${HOME}", home).replace("$HOME", home)
        if os.path.isabs(path) and os.path.isfile(path) and os.access(path, os.X_OK):
            yield path


def around_programs(environ: Mapping[str, str], home: str) -> Iterator[str]:
    """The directories that variables of any name hold, and in which some of the search path lies."""
    path = [place for place in environ.get("PATH", "").split(os.pathsep) if os.path.isabs(place)]
    for name, value in environ.items():
        if (
            name not in (*PLACES, *PARTS)
            and os.path.isabs(value)
            and os.pathsep not in value
            and within_any(path, value)
        ):
            real = os.path.realpath(value)
            if not is_wide(real, home) and not _holds_repositories(real):
                yield value


def within_any(paths: Iterable[str], place: str) -> bool:
    """True if one of the `paths` lies in `place`."""
    return any(within(path, [place]) for path in paths)


def by_name(home: str, data: str) -> Iterator[str]:
    """Where toolchains and their stores are by default, as far as something is there."""
    names = (*(f"{home}/{name}" for name in IN_HOME), *(f"{data}/{name}" for name in IN_DATA))
    yield from filter(os.path.exists, names)
    for name, pattern in IN_HOME_IF.items():
        if os.path.isdir(f"{home}/{name}") and glob(f"{glob_escaped(home)}/{name}/{pattern}"):
            yield f"{home}/{name}"


def from_variables(environ: Mapping[str, str]) -> Iterator[str]:
    """The absolute paths in the variables of toolchains."""
    for name, value in environ.items():
        if VARIABLES.fullmatch(name):
            for path in value.split(os.pathsep):
                path = path.removesuffix("/*").rstrip("/")
                if os.path.isabs(path):
                    # These two name a directory in which there is more.
                    yield from (f"{path}/{part}" for part in PARTS[name]) if name in PARTS else (path,)


def interpreter_of(environment: str) -> str | None:
    """The installation of Python that a virtual environment was made of, None if it names none.

    The environment may be a command's own making: a place that is no installation of Python is not believed.
    """
    lines = small_text(f"{environment}/pyvenv.cfg", 4096).splitlines()
    for line in lines:
        key, _, value = line.partition("=")
        if key.strip() == "home" and os.path.isabs(value.strip()):
            around = os.path.dirname(os.path.realpath(value.strip()))
            return around if is_python(around) else None
    return None


def is_python(place: str) -> bool:
    """True if an installation of Python is there."""
    return any(os.path.isfile(f"{found}/os.py") for found in glob(f"{glob_escaped(place)}/lib*/*py*3*"))


def glob_escaped(place: str) -> str:
    return re.sub(r"([*?[])", r"[\1]", place)


def editable_sources(environment: str) -> tuple[str, ...]:
    """The directories outside an environment of Python that it imports from (`pip install -e`)."""
    found: list[str] = []
    for packages in glob(f"{glob_escaped(environment)}/lib/python3*/site-packages"):
        try:
            found += _editable_sources(packages, os.stat(packages).st_mtime_ns)
        except OSError:
            continue
    return tuple(dict.fromkeys(found))


@lru_cache(maxsize=32)
def _editable_sources(packages: str, _stamp: int) -> tuple[str, ...]:
    found: list[str] = []
    for file in (*glob(f"{glob_escaped(packages)}/*.pth"), *glob(f"{glob_escaped(packages)}/__editable__*.py")):
        text = small_text(file, 64_000)
        is_list = file.endswith(".pth")
        found += text.splitlines() if is_list else re.findall(r"""['"](/[^'"\n]+)['"]""", text)
    return tuple(path for path in found if os.path.isabs(path) and os.path.isdir(path))
