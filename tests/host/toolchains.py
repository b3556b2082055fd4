"""Toolchains below a home directory, in the layouts of their installers.

Their programs are scripts that read what the real ones read: their prefix, their stores, their configuration.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Toolchain:
    """What is installed, and what a command says if it finds all of it. `@` stands for the home directory."""

    files: dict[str, str]
    command: str
    says: str
    links: dict[str, str] = field(default_factory=dict)
    path: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)


def reads(*paths: str) -> str:
    return "#!/bin/sh\nset -e\ncat " + " ".join(f'"{path}"' for path in paths) + "\n"


PYTHON = ".local/share/uv/python/cpython-3.12.1-linux-x86_64-gnu"
TOOLCHAINS = {
    "uv": Toolchain(
        {
            f"{PYTHON}/bin/python3.12": reads(f"@/{PYTHON}/lib/python3.12/os.py", "$HOME/.config/uv/uv.toml"),
            f"{PYTHON}/lib/python3.12/os.py": "prefix\n",
            ".config/uv/uv.toml": "config\n",
            ".local/share/uv/tools/ruff/bin/ruff": reads("@/.local/share/uv/tools/ruff/lib/ruff.py"),
            ".local/share/uv/tools/ruff/lib/ruff.py": "tool\n",
            "src/work/.venv/pyvenv.cfg": f"home = @/{PYTHON}/bin\nversion_info = 3.12.1\n",
        },
        ".venv/bin/python -m pytest; python3.12 -m build; ruff check",
        "prefix\nconfig\nprefix\nconfig\ntool\n",
        {
            "src/work/.venv/bin/python": f"@/{PYTHON}/bin/python3.12",
            ".local/bin/python3.12": f"@/{PYTHON}/bin/python3.12",
            ".local/bin/ruff": "../share/uv/tools/ruff/bin/ruff",
        },
        (".local/bin",),
    ),
    "pyenv": Toolchain(
        {
            ".pyenv/shims/python": '#!/usr/bin/env bash\nexec "@/.pyenv/libexec/pyenv" exec python "$@"\n',
            ".pyenv/libexec/pyenv": (
                '#!/usr/bin/env bash\nversion=$(cat "@/.pyenv/version")\nshift 2\n'
                'exec "@/.pyenv/versions/$version/bin/python" "$@"\n'
            ),
            ".pyenv/version": "3.12.1\n",
            ".pyenv/versions/3.12.1/bin/python": reads("@/.pyenv/versions/3.12.1/lib/python3.12/os.py"),
            ".pyenv/versions/3.12.1/lib/python3.12/os.py": "prefix\n",
        },
        "python -m pytest",
        "prefix\n",
        path=(".pyenv/shims", ".pyenv/bin"),
        env={"PYENV_ROOT": "@/.pyenv"},
    ),
    "an editable installation in a version of pyenv's, and in the user's own packages": Toolchain(
        {
            ".pyenv/shims/python": '#!/usr/bin/env bash\nexec "@/.pyenv/versions/3.12.1/bin/python"\n',
            ".pyenv/versions/3.12.1/bin/python": reads("@/libs/own/own.py", "@/libs/mine/mine.py"),
            ".pyenv/versions/3.12.1/lib/python3.12/site-packages/__editable___own_finder.py": (
                "MAPPING: dict[str, str] = {'own': '@/libs/own'}\n"
            ),
            ".local/lib/python3.12/site-packages/mine.pth": "@/libs/mine\n",
            "libs/own/own.py": "own\n",
            "libs/mine/mine.py": "mine\n",
        },
        "python -m pytest",
        "own\nmine\n",
        path=(".pyenv/shims",),
    ),
    "nvm": Toolchain(
        {
            ".nvm/versions/node/v20.1.0/bin/node": '#!/bin/sh\nexec /bin/sh "$@"\n',
            ".nvm/versions/node/v20.1.0/lib/node_modules/npm/bin/npm-cli.js": (
                "#!/usr/bin/env node\ncat @/.nvm/versions/node/v20.1.0/lib/node_modules/npm/package.json\n"
                "cat $HOME/.nvm/alias/default $HOME/.prettierrc\n"
            ),
            ".nvm/versions/node/v20.1.0/lib/node_modules/npm/package.json": "prefix\n",
            ".nvm/alias/default": "v20\n",
            ".nvm/nvm.sh": "nvm() { echo nvm $(cat @/.nvm/alias/default); }\n",
            ".prettierrc": "config\n",
        },
        "npm test; . ~/.nvm/nvm.sh; nvm use",
        "prefix\nv20\nconfig\nnvm v20\n",
        {".nvm/versions/node/v20.1.0/bin/npm": "../lib/node_modules/npm/bin/npm-cli.js"},
        (".nvm/versions/node/v20.1.0/bin",),
        {"NVM_DIR": "@/.nvm"},
    ),
    "rustup": Toolchain(
        {
            ".cargo/bin/rustup": (
                '#!/bin/sh\ntoolchain=$(cat "$HOME/.rustup/settings.toml")\n'
                'exec "$HOME/.rustup/toolchains/$toolchain/bin/${0##*/}" "$@"\n'
            ),
            ".rustup/settings.toml": "stable\n",
            ".rustup/toolchains/stable/bin/cargo": reads(
                "@/.rustup/toolchains/stable/lib/libstd.rlib", "$HOME/.cargo/config.toml",
                "$HOME/.cargo/registry/src/index/serde/lib.rs", "$HOME/.cargo/env",
            ),
            ".rustup/toolchains/stable/lib/libstd.rlib": "std\n",
            ".cargo/config.toml": "config\n",
            ".cargo/env": "env\n",
            ".cargo/registry/src/index/serde/lib.rs": "serde\n",
        },
        "cargo build --offline && cargo test --offline",
        "std\nconfig\nserde\nenv\n" * 2,
        {".cargo/bin/cargo": "rustup"},
        (".cargo/bin",),
    ),
    "go": Toolchain(
        {
            ".local/go/bin/go": reads(
                "@/.local/go/VERSION", "@/.local/go/src/fmt/print.go", "$HOME/go/pkg/mod/example.com/m@v1/m.go",
                "$HOME/.config/go/env",
            ),
            ".local/go/VERSION": "go1.22\n",
            ".local/go/src/fmt/print.go": "fmt\n",
            ".local/go/pkg/tool/compile": "compile\n",
            "go/pkg/mod/example.com/m@v1/m.go": "m\n",
            "go/bin/staticcheck": "#!/bin/sh\necho staticcheck\n",
            "go/bin/go1.21.0": "#!/bin/sh\ncat $HOME/sdk/go1.21.0/VERSION\n",
            "sdk/go1.21.0/VERSION": "go1.21\n",
            ".config/go/env": "GOFLAGS=\n",
        },
        "go build ./... && go1.21.0 test; staticcheck",
        "go1.22\nfmt\nm\nGOFLAGS=\ngo1.21\nstaticcheck\n",
        path=(".local/go/bin", "go/bin"),
    ),
    "sdkman": Toolchain(
        {
            ".sdkman/candidates/java/17.0.9-tem/bin/java": reads("$JAVA_HOME/lib/modules"),
            ".sdkman/candidates/java/17.0.9-tem/lib/modules": "modules\n",
            ".sdkman/candidates/maven/3.9.6/bin/mvn": (
                '#!/bin/sh\nset -e\n"$JAVA_HOME/bin/java"\n'
                'cat "@/.sdkman/candidates/maven/current/conf/settings.xml" "$HOME/.m2/repository/junit/junit.jar"\n'
            ),
            ".sdkman/candidates/maven/3.9.6/conf/settings.xml": "settings\n",
            ".m2/repository/junit/junit.jar": "junit\n",
        },
        "mvn -o -q test",
        "modules\nsettings\njunit\n",
        {
            ".sdkman/candidates/java/current": "17.0.9-tem",
            ".sdkman/candidates/maven/current": "@/.sdkman/candidates/maven/3.9.6",
        },
        (".sdkman/candidates/java/current/bin", ".sdkman/candidates/maven/current/bin"),
        {"JAVA_HOME": "@/.sdkman/candidates/java/current", "SDKMAN_DIR": "@/.sdkman"},
    ),
    "rbenv": Toolchain(
        {
            ".rbenv/shims/bundle": '#!/usr/bin/env bash\nexec "@/.rbenv/libexec/rbenv" exec bundle "$@"\n',
            ".rbenv/libexec/rbenv": '#!/bin/sh\nexec "@/.rbenv/versions/$(cat @/.rbenv/version)/bin/$2"\n',
            ".rbenv/version": "3.3.0\n",
            ".rbenv/versions/3.3.0/bin/bundle": reads(
                "@/.rbenv/versions/3.3.0/lib/ruby/gems/rake.rb", "$HOME/.bundle/config", "$HOME/.gemrc",
                "$HOME/.gem/ruby/3.3.0/gems/minitest.rb",
            ),
            ".rbenv/versions/3.3.0/lib/ruby/gems/rake.rb": "rake\n",
            ".bundle/config": "bundle\n",
            ".gemrc": "gemrc\n",
            ".gem/ruby/3.3.0/gems/minitest.rb": "minitest\n",
        },
        "bundle exec rake test",
        "rake\nbundle\ngemrc\nminitest\n",
        path=(".rbenv/shims",),
    ),
    "dotnet": Toolchain(
        {
            ".dotnet/dotnet": reads(
                "@/.dotnet/sdk/8.0.100/dotnet.dll", "$HOME/.nuget/packages/xunit/xunit.dll",
                "$HOME/.nuget/NuGet/NuGet.Config",
            ),
            ".dotnet/sdk/8.0.100/dotnet.dll": "sdk\n",
            ".dotnet/tools/dotnet-format": "#!/bin/sh\necho format\n",
            ".nuget/packages/xunit/xunit.dll": "xunit\n",
            ".nuget/NuGet/NuGet.Config": "nuget\n",
        },
        "dotnet test --no-restore && dotnet-format",
        "sdk\nxunit\nnuget\nformat\n",
        path=(".dotnet", ".dotnet/tools"),
        env={"DOTNET_ROOT": "@/.dotnet"},
    ),
    "deno and bun": Toolchain(
        {
            ".deno/bin/deno": "#!/bin/sh\necho deno\n",
            ".bun/bin/bun": reads("$HOME/.bun/install/cache/left-pad", "$HOME/.bunfig.toml"),
            ".bun/install/cache/left-pad": "left-pad\n",
            ".bunfig.toml": "bunfig\n",
        },
        "deno test && bun test",
        "deno\nleft-pad\nbunfig\n",
        path=(".deno/bin", ".bun/bin"),
        env={"DENO_INSTALL": "@/.deno", "BUN_INSTALL": "@/.bun"},
    ),
    "ghcup": Toolchain(
        {
            ".ghcup/ghc/9.4.8/bin/ghc": reads("@/.ghcup/ghc/9.4.8/lib/base.hi"),
            ".ghcup/ghc/9.4.8/lib/base.hi": "base\n",
            ".ghcup/bin/cabal": '#!/bin/sh\nset -e\nghc\ncat "$HOME/.cabal/config" "$HOME/.cabal/packages/text"\n',
            ".cabal/config": "cabal\n",
            ".cabal/packages/text": "text\n",
        },
        "cabal test --offline",
        "base\ncabal\ntext\n",
        {".ghcup/bin/ghc": "ghc-9.4", ".ghcup/bin/ghc-9.4": "../ghc/9.4.8/bin/ghc"},
        (".ghcup/bin", ".cabal/bin"),
    ),
    "conda": Toolchain(
        {
            "miniconda3/envs/dev/bin/python": reads("@/miniconda3/envs/dev/lib/python3.11/os.py", "$HOME/.condarc"),
            "miniconda3/envs/dev/lib/python3.11/os.py": "dev\n",
            "miniconda3/envs/dev/conda-meta/history": "",
            "miniconda3/condabin/conda": reads("@/miniconda3/conda-meta/history", "@/miniconda3/pkgs/urls.txt"),
            "miniconda3/conda-meta/history": "base\n",
            "miniconda3/pkgs/urls.txt": "urls\n",
            ".condarc": "condarc\n",
        },
        "python -m pytest; conda list",
        "dev\ncondarc\nbase\nurls\n",
        path=("miniconda3/envs/dev/bin", "miniconda3/condabin"),
        env={"CONDA_PREFIX": "@/miniconda3/envs/dev"},
    ),
    "juliaup": Toolchain(
        {
            ".juliaup/bin/julialauncher": (
                '#!/bin/sh\ncd "$HOME/.julia/juliaup"\nexec "./$(cat juliaup.json)/bin/julia"\n'
            ),
            ".julia/juliaup/juliaup.json": "julia-1.10.0\n",
            ".julia/juliaup/julia-1.10.0/bin/julia": reads(
                "@/.julia/juliaup/julia-1.10.0/share/stdlib.jl", "$HOME/.julia/packages/Test.jl",
                "$HOME/.julia/config/startup.jl",
            ),
            ".julia/juliaup/julia-1.10.0/share/stdlib.jl": "stdlib\n",
            ".julia/packages/Test.jl": "Test\n",
            ".julia/config/startup.jl": "startup\n",
        },
        "julia --project -e 'using Pkg; Pkg.test()'",
        "stdlib\nTest\nstartup\n",
        {".juliaup/bin/julia": "julialauncher"},
        (".juliaup/bin",),
    ),
    "mise": Toolchain(
        {
            ".local/bin/mise": (
                '#!/bin/sh\nversion=$(cat "$HOME/.config/mise/config.toml")\n'
                'exec "$HOME/.local/share/mise/installs/${0##*/}/$version/bin/${0##*/}"\n'
            ),
            ".local/share/mise/installs/terraform/1.7/bin/terraform": "#!/bin/sh\necho terraform\n",
            ".config/mise/config.toml": "1.7\n",
        },
        "terraform validate",
        "terraform\n",
        {".local/share/mise/shims/terraform": "@/.local/bin/mise"},
        (".local/share/mise/shims",),
    ),
    "pipx, and an editable installation": Toolchain(
        {
            ".local/share/pipx/venvs/black/bin/black": (
                "#!@/.local/share/pipx/venvs/black/bin/python\ncat @/libs/own/own.py\n"
            ),
            ".local/share/pipx/venvs/black/bin/python": '#!/bin/sh\nexec /bin/sh "$@"\n',
            ".local/share/pipx/venvs/black/pyvenv.cfg": "home = /usr/bin\n",
            ".local/share/pipx/venvs/black/lib/python3.12/site-packages/_own.pth": "@/libs/own\n",
            "libs/own/own.py": "own\n",
        },
        "black --check .",
        "own\n",
        {".local/bin/black": "@/.local/share/pipx/venvs/black/bin/black"},
        (".local/bin",),
    ),
    "asdf": Toolchain(
        {
            ".asdf/shims/mix": '#!/usr/bin/env bash\nexec @/.asdf/bin/asdf exec "mix"\n',
            ".asdf/bin/asdf": '#!/bin/sh\nexec "@/.asdf/installs/elixir/$(cat $HOME/.tool-versions)/bin/$2"\n',
            ".asdf/installs/elixir/1.16/bin/mix": reads(
                "@/.asdf/installs/elixir/1.16/lib/mix.ex", "$HOME/.mix/archives/hex"
            ),
            ".asdf/installs/elixir/1.16/lib/mix.ex": "mix\n",
            ".mix/archives/hex": "hex\n",
            ".tool-versions": "1.16\n",
        },
        "mix test",
        "mix\nhex\n",
        path=(".asdf/shims",),
    ),
    "an unpacked archive, and a link to it": Toolchain(
        {
            "apps/zig-0.12/zig": '#!/bin/sh\ncat "$(dirname "$(readlink -f "$0")")/lib/std.zig"\n',
            "apps/zig-0.12/lib/std.zig": "std\n",
            "tools/apache-ant/bin/ant": reads("@/tools/apache-ant/lib/ant.jar"),
            "tools/apache-ant/lib/ant.jar": "ant\n",
        },
        "zig build test && ant test",
        "std\nant\n",
        {"bin/zig": "../apps/zig/zig", "apps/zig": "zig-0.12"},
        ("bin", "tools/apache-ant/bin"),
    ),
    "programs of one kind of machine, and a variable that nobody knows": Toolchain(
        {
            "texlive/2024/bin/x86_64-linux/pdflatex": reads("@/texlive/2024/texmf-dist/web2c/texmf.cnf"),
            "texlive/2024/texmf-dist/web2c/texmf.cnf": "texmf\n",
            "esp/idf/tools/idf.py": reads("$IDF_PATH/components/esp32.c"),
            "esp/idf/components/esp32.c": "esp32\n",
        },
        "pdflatex x.tex && idf.py build",
        "texmf\nesp32\n",
        path=("texlive/2024/bin/x86_64-linux", "esp/idf/tools"),
        env={"IDF_PATH": "@/esp/idf"},
    ),
    "npm's own prefix": Toolchain(
        {
            ".npm-global/lib/node_modules/typescript/bin/tsc": reads(
                "@/.npm-global/lib/node_modules/typescript/lib.d.ts"
            ),
            ".npm-global/lib/node_modules/typescript/lib.d.ts": "lib\n",
            ".volta/bin/node": reads("@/.volta/tools/image/node/20/node"),
            ".volta/tools/image/node/20/node": "node\n",
        },
        "tsc --noEmit && node --test",
        "lib\nnode\n",
        {".npm-global/bin/tsc": "../lib/node_modules/typescript/bin/tsc"},
        (".npm-global/bin", ".volta/bin"),
    ),
}  # fmt: skip
