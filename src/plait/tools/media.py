"""Name what a file is from its first bytes: images with their dimensions, PDFs, archives, programs. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

# First bytes of what is commonly met in a repository, most telling first.
MAGIC: tuple[tuple[bytes, str], ...] = (
    (b"\x89PNG\r\n\x1a\n", "PNG image"),
    (b"\xff\xd8\xff", "JPEG image"),
    (b"GIF87a", "GIF image"),
    (b"GIF89a", "GIF image"),
    (b"BM", "BMP image"),
    (b"II*\0", "TIFF image"),
    (b"MM\0*", "TIFF image"),
    (b"\0\0\1\0", "icon"),
    (b"%PDF-", "PDF document"),
    (b"PK\x03\x04", "ZIP archive"),
    (b"PK\x05\x06", "ZIP archive"),
    (b"\x1f\x8b", "gzip archive"),
    (b"BZh", "bzip2 archive"),
    (b"\xfd7zXZ\0", "xz archive"),
    (b"7z\xbc\xaf\x27\x1c", "7-Zip archive"),
    (b"\x28\xb5\x2f\xfd", "Zstandard archive"),
    (b"SQLite format 3\0", "SQLite database"),
    (b"\x7fELF", "ELF program"),
    (b"MZ", "Windows program"),
    (b"\xcf\xfa\xed\xfe", "Mach-O program"),
    (b"\xca\xfe\xba\xbe", "Java class or Mach-O program"),
    (b"\0asm", "WebAssembly module"),
    (b"OTTO", "OpenType font"),
    (b"\0\1\0\0", "TrueType font"),
    (b"wOFF", "WOFF font"),
    (b"wOF2", "WOFF2 font"),
    (b"OggS", "Ogg media"),
    (b"ID3", "MP3 audio"),
    (b"fLaC", "FLAC audio"),
    (b"\x1aE\xdf\xa3", "Matroska video"),
)
HEAD_BYTES = 262_144
SNIFFED_BYTES = 8192


def media_kind(data: bytes) -> str | None:
    """Return what `data` (a file's first bytes) is, with dimensions where they are cheap; None if nothing is known."""
    if data[:4] == b"RIFF" and len(data) >= 12:
        return {b"WEBP": "WebP image", b"WAVE": "WAV audio", b"AVI ": "AVI video"}.get(data[8:12], "RIFF media")
    if data[4:8] == b"ftyp":
        return "AVIF or HEIF image" if data[8:12] in (b"avif", b"heic", b"heix", b"mif1") else "MP4 media"
    kind = next((name for magic, name in MAGIC if data.startswith(magic)), None)
    measure = MEASURES.get(kind or "")
    size = measure(data) if measure is not None else None
    return f"{kind}, {size}" if size else kind


def is_picture_or_document(data: bytes) -> bool:
    """True for what is named instead of shown, even where every byte of it could be text (a PDF may be plain ASCII)."""
    kind = media_kind(data)
    if kind is None or not ("image" in kind or kind.startswith("PDF")):
        return False
    # Two letters are no proof: a text may begin with them.
    return not data.startswith(b"BM") or b"\0" in data[:SNIFFED_BYTES]


def _png(data: bytes) -> str | None:
    return f"{_be(data[16:20])}×{_be(data[20:24])}" if data[12:16] == b"IHDR" and len(data) >= 24 else None


def _gif(data: bytes) -> str | None:
    return f"{_le(data[6:8])}×{_le(data[8:10])}" if len(data) >= 10 else None


def _bmp(data: bytes) -> str | None:
    return f"{_le(data[18:22])}×{_le(data[22:26])}" if len(data) >= 26 else None


def _jpeg(data: bytes) -> str | None:
    """Walk the segments to the frame header (ITU T.81, B.2.2): marker, length, precision, height, width."""
    at = 2
    while at + 9 <= min(len(data), HEAD_BYTES) and data[at] == 0xFF:
        marker = data[at + 1]
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            return f"{_be(data[at + 7 : at + 9])}×{_be(data[at + 5 : at + 7])}"
        at += 2 + max(_be(data[at + 2 : at + 4]), 2)
    return None


def _pdf(data: bytes) -> str | None:
    version = re.match(rb"%PDF-(\d\.\d)", data)
    counts = [int(count) for count in re.findall(rb"/Count (\d{1,6})\b", data[-HEAD_BYTES:])]
    pages = f"{max(counts)} pages" if counts else None
    return ", ".join(part for part in (f"version {version[1].decode()}" if version else None, pages) if part) or None


def _be(data: bytes) -> int:
    return int.from_bytes(data, "big")


def _le(data: bytes) -> int:
    return int.from_bytes(data, "little")


MEASURES: dict[str, Callable[[bytes], str | None]] = {
    "PNG image": _png,
    "GIF image": _gif,
    "BMP image": _bmp,
    "JPEG image": _jpeg,
    "PDF document": _pdf,
}
