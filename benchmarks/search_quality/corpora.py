"""The corpora: packages by name and version, where each is unpacked, and how it is fetched."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Corpus:
    """below: the root that is searched, relative to the directory of all corpora. fetch: shell, run in there."""

    name: str
    version: str
    language: str
    below: str
    fetch: str


def _sdist(package: str, version: str, archive: str) -> str:
    return f"pip download --no-deps --no-binary :all: {package}=={version} && tar -xzf {archive}-{version}.tar.gz"


def _npm(package: str, version: str) -> str:
    directory = f"{package}-{version}"
    return f"npm pack {package}@{version} && mkdir -p {directory} && tar -xzf {directory}.tgz -C {directory}"


CORPORA = {
    corpus.name: corpus
    for corpus in (
        Corpus("ruff", "0.17.5", "Rust", "ruff-0.17.5", _sdist("ruff", "0.17.5", "ruff")),
        Corpus("sqlalchemy", "2.1.9", "Python", "sqlalchemy-2.1.9", _sdist("sqlalchemy", "2.1.9", "sqlalchemy")),
        Corpus(
            "ansible",
            "2.19.14",
            "Python",
            "ansible_core-2.19.14",
            _sdist("ansible-core", "2.19.14", "ansible_core"),
        ),
        Corpus(
            "go",
            "1.19.8-2",
            "Go",
            "go/usr/share/go-1.19/src",
            "apt-get download golang-1.19-src && dpkg-deb -x golang-1.19-src_*.deb go",
        ),
        Corpus(
            "linux",
            "6.1.192-2",
            "C",
            "linux/linux-source-6.1",
            "apt-get download linux-source-6.1 && dpkg-deb -x linux-source-6.1_*.deb linux && cd linux && "
            "for part in kernel mm fs lib net include drivers/net; do "
            "tar -xJf usr/src/linux-source-6.1.tar.xz linux-source-6.1/$part; done",
        ),
        Corpus("effect", "4.1.0", "TypeScript", "effect-4.1.0/package", _npm("effect", "4.1.0")),
        Corpus("rxjs", "7.8.2", "TypeScript", "rxjs-7.8.2/package", _npm("rxjs", "7.8.2")),
        Corpus(
            "jdk",
            "17.0.21+9-1",
            "Java",
            "jdk-17/jdk",
            "mkdir -p jdk-17 && cd jdk-17 && apt-get download openjdk-17-source && "
            "dpkg-deb -x openjdk-17-source_*.deb x && unzip -q x/usr/lib/jvm/openjdk-17/lib/src.zip "
            "'java.base/java/*' 'java.base/sun/net/*' 'java.base/sun/security/*' 'java.base/jdk/internal/*' "
            "'java.net.http/*' 'java.logging/*' 'jdk.compiler/com/sun/tools/javac/comp/*' -d jdk",
        ),
    )
}


def directory() -> Path:
    """Return the directory of all corpora. Raises SystemExit if `PLAIT_CORPORA` does not say."""
    named = os.environ.get("PLAIT_CORPORA")
    if not named or not Path(named).is_dir():
        raise SystemExit(
            "PLAIT_CORPORA names no directory of corpora; "
            "`python -m benchmarks.search_quality.corpora | sh` in an empty one fetches them"
        )
    return Path(named)


if __name__ == "__main__":
    for one in CORPORA.values():
        sys.stdout.write(f"(test -d {one.below} || {{ {one.fetch}; }})\n")
