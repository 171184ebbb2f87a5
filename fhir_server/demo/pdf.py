"""Write a small PDF 1.4: A4 pages of headed paragraphs, French accents included.

Two of the fourteen standard fonts in WinAnsiEncoding need no font file, so the bytes depend on
the text alone. Not PDF/A: the fonts are not embedded.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence

Section = tuple[str, str]
Line = tuple[str, int, str]  # font, size, text

_LINES_PER_PAGE = 48
_COLUMNS = 88


def pdf(title: str, sections: Sequence[Section]) -> bytes:
    """Return the bytes of a PDF that shows `title`, then each (heading, text) of `sections`."""
    lines = list(_lines(title, sections))
    pages = [lines[at : at + _LINES_PER_PAGE] for at in range(0, len(lines), _LINES_PER_PAGE)]
    kids = " ".join(f"{6 + 2 * number} 0 R" for number in range(len(pages)))
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /Lang (fr-FR) >>",
        f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode(),
        _font("Helvetica"),
        _font("Helvetica-Bold"),
        f"<< /Title <feff{title.encode('utf-16-be').hex()}> >>".encode(),
    ]
    for number, page in enumerate(pages):
        objects += [_page(7 + 2 * number), _content(page)]
    return _file(objects)


def _lines(title: str, sections: Sequence[Section]) -> Iterator[Line]:
    for text in textwrap.wrap(title, 55):
        yield "F2", 15, text
    for heading, text in sections:
        yield "F1", 10, ""
        yield "F2", 11, heading
        for paragraph in text.splitlines():
            for line in textwrap.wrap(paragraph, _COLUMNS) or [""]:
                yield "F1", 10, line


def _font(name: str) -> bytes:
    return (
        f"<< /Type /Font /Subtype /Type1 /BaseFont /{name} /Encoding /WinAnsiEncoding >>"
    ).encode()


def _page(content: int) -> bytes:
    return (
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] "
        f"/Resources << /Font << /F1 3 0 R /F2 4 0 R >> >> /Contents {content} 0 R >>"
    ).encode()


def _content(lines: Sequence[Line]) -> bytes:
    shown = [b"BT 56 780 Td 15 TL"]
    for font, size, text in lines:
        escaped = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
        shown.append(f"/{font} {size} Tf T* (".encode() + escaped.encode("cp1252") + b") Tj")
    stream = b"\n".join([*shown, b"ET"])
    return b"<< /Length %d >>\nstream\n%b\nendstream" % (len(stream), stream)


def _file(objects: Sequence[bytes]) -> bytes:
    """Number the `objects` from 1 and add the cross-reference table (ISO 32000-1, 7.5)."""
    body = bytearray(b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n")
    offsets = []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    table = len(body)
    body += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    body += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    body += b"trailer\n<< /Size %d /Root 1 0 R /Info 5 0 R >>\n" % (len(objects) + 1)
    body += b"startxref\n%d\n%%%%EOF\n" % table
    return bytes(body)
