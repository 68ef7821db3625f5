"""Which parts of this mail are its text, and which are files? Walks the stdlib's compat32 tree; decodes charsets; decides nothing
about meaning.

The text of an attached message is never this mail's text (it may hold anybody's words and commands). Of alternatives the plain one is
the text, unless it is blank; of a related set the root; several text parts in a row are all text. A text part with a file name or
marked as attachment is a file, unless the mail has no other text (RFC 2046 section 5.1, RFC 2183, RFC 2387).
"""

from __future__ import annotations

import binascii
import hashlib
import mimetypes
import re
import unicodedata
from email.message import Message
from typing import Any

from msgspec import Struct, field

from mailgate.desk.seldom import seldom
from mailgate.mail import armour, budget, cms, invitation, tnef
from mailgate.mail.charset import clean, decode
from mailgate.mail.fields import line, parameter, words
from mailgate.mail.parsed import Attachment
from mailgate.mail.tree import tree

MAX_DEPTH = 60
MAX_TEXT = 1_000_000
MAX_ATTACHMENTS = 500
# So many octets of files are handed on with a mail: what may travel with one letter.
MAX_HANDED_ON = 10_000_000
_MARKUP = ("text/html", "application/xhtml+xml")
_READABLE = ("text/plain", *_MARKUP, "text/enriched", "text/richtext", "text/x-markdown", "text/markdown")
_NO_PROSE = ("text/calendar", "text/rfc822-headers", "text/vcard", "text/x-vcard", "text/directory", "text/css", "text/csv")
_TNEF = ("application/ms-tnef", "application/vnd.ms-tnef")
_SMIME = ("application/pkcs7-mime", "application/x-pkcs7-mime")
_MEDIA_TYPE = re.compile(r"[a-z0-9.+_-]{1,60}/[a-z0-9.+_-]{1,60}")
_RICH = re.compile(r"<<|</?[^<>\n]{1,40}>")
# What is no word for a reader: settings, and remarks to the writer (RFC 1896, RFC 1341 section 7.1.3).
_UNREAD = re.compile(r"<(param|comment)>[^<]{0,1000}</\1>", re.I)
_EXCERPT = re.compile(r"<(/?)excerpt>", re.I)
# Where the part does not say, its markup may (WHATWG HTML, the meta element).
_META = seldom(rb"<meta[^<>]{0,200}charset\s?=\s?[\"']?([A-Za-z0-9_-]{1,40})", re.I)
_UNDECLARED_MARKUP = re.compile(r"\s{0,100}<(?:!doctype )?html[\s>]", re.I)
_RESERVED = seldom(r"(?:con|prn|aux|nul|com\d|lpt\d|conin\$|conout\$)(?:\..*)?", re.I)
# What looks like a path separator, or becomes one or a dot when some later program normalises the name.
_SEPARATORS = {ord(char): "_" for char in "／＼⁄∕⧵﹨:"} | {ord(char): "." for char in "․．﹒"}
_TRANSFERS = {
    "base64": "base64",
    "quotedprintable": "quoted-printable",
    "qp": "quoted-printable",
    "7bit": "7bit",
    "8bit": "8bit",
    "binary": "binary",
    "uuencode": "x-uuencode",
    "uuencoded": "x-uuencode",
    "xuuencode": "x-uuencode",
    "xuue": "x-uue",
    "uue": "x-uue",
}
_FILE_NAME = seldom(r"[^\s/\\@][^/\\@]{0,100}\.[A-Za-z0-9]{1,5}")
_USUAL_TRANSFERS = frozenset(_TRANSFERS.values())
_NO_LETTER = re.compile("[^a-z0-9]+")
_NO_BASE64 = re.compile(r"[^A-Za-z0-9+/=\s]")
_MAX_NAME = 180


class Body(Struct):
    """What the walk found: readable runs in order (plain text or None, markup or None), the files, and those packed inside a part (name,
    octets and that part). The text of events, and that packed inside files, counts where there is no other.
    """

    runs: list[tuple[str | None, str | None]] = field(default_factory=list)
    files: list[tuple[Message, bool]] = field(default_factory=list)
    packed: list[tuple[str, bytes, Message]] = field(default_factory=list)
    packed_runs: list[tuple[str | None, str | None]] = field(default_factory=list)
    defects: list[str] = field(default_factory=list)
    # Octets of text that are still to be decoded: of a mail with more, what comes later is a matter for whoever opens the raw mail.
    room: int = 2 * MAX_TEXT


def read(message: Message) -> Body:
    """The text runs and files of a mail. A mail whose only text is a named part has that for its text, not for a file."""
    body = Body()
    _collect(message, body, inline=False, depth=0)
    if not any((plain or "").strip() or markup for plain, markup in body.runs):
        _promote(message, body)
    if not any((plain or "").strip() or markup for plain, markup in body.runs):
        body.runs += body.packed_runs
    body.runs = _within_room(body.runs)
    return body


def _within_room(runs: list[tuple[str | None, str | None]]) -> list[tuple[str | None, str | None]]:
    """The runs with as much markup in all as one of them may have: each has to be laid out, and nobody reads on from there."""
    kept, room = [], MAX_TEXT
    for plain, markup in runs:
        inside = markup[:room] if markup else markup
        room -= len(inside or "")
        kept.append((plain, inside))
    return kept


def attachments(message: Message, body: Body) -> tuple[Attachment, ...]:
    """The files of a body as values: names made safe, size and SHA-256 over the decoded octets. Those that are not inline hold their
    octets, in order, as long as they fit.
    """
    numbers = {id(part): number for number, part in enumerate(message.walk())} if body.files or body.packed else {}
    found = []
    room = MAX_HANDED_ON
    for count, (part, inline) in enumerate(body.files[:MAX_ATTACHMENTS], 1):
        octets = part_octets(part)
        content_type = media_type(part)
        name = safe_name(file_name(part) or _described(part), content_type, count)
        content_id = line(str(part.get("Content-ID", ""))).strip("<> ")[:250] or None
        handed_on = octets if not inline and len(octets) <= room else None
        room -= len(handed_on or b"")
        digest = hashlib.sha256(octets).hexdigest()
        found.append(Attachment(name, content_type, len(octets), digest, inline, content_id, numbers.get(id(part), 0), handed_on))
    for count, (given, octets, part) in enumerate(body.packed[: MAX_ATTACHMENTS - len(found)], len(found) + 1):
        name = safe_name(given, "application/octet-stream", count)
        content_type = mimetypes.guess_type(name)[0] or "application/octet-stream"
        handed_on = octets if len(octets) <= room else None
        room -= len(handed_on or b"")
        digest = hashlib.sha256(octets).hexdigest()
        found.append(Attachment(name, content_type, len(octets), digest, part=numbers.get(id(part), 0), octets=handed_on))
    return tuple(found)


def part_octets(part: Message) -> bytes:
    """The decoded octets of a part; of an attached message, the message as it would be saved."""
    if part.is_multipart():
        inner = part.get_payload()
        if media_type(part).startswith("message/") and isinstance(inner, list) and inner:
            try:
                return b"".join(_flat(one) for one in inner if isinstance(one, Message))
            except (RecursionError, ValueError, LookupError, TypeError, AttributeError):
                return b""
        return b""
    transfer = str(part.get("Content-Transfer-Encoding", ""))
    if transfer and transfer != (tidy := _transfer_encoding(transfer)):
        part.replace_header("Content-Transfer-Encoding", tidy)
        transfer = tidy
    if transfer == "base64":
        if (exact := _exact_base64(part.get_payload())) is not None:
            return exact
        _cut_footer(part)
    try:
        octets = part.get_payload(decode=True)
    except (ValueError, LookupError, TypeError, AssertionError, IndexError):
        return b""
    return octets if isinstance(octets, bytes) else b""


def _transfer_encoding(written: str) -> str:
    """The name that is meant: without comments, quotes and what else stands in it; as it is written if it is none that anybody knows."""
    if written in _USUAL_TRANSFERS:
        return written
    return _TRANSFERS.get(_NO_LETTER.sub("", written.partition("(")[0].lower()), written)


def _cut_footer(part: Message) -> None:
    """Takes off what a list server wrote below base64, as if that were text: after a blank line, with signs that base64 does not have."""
    payload = part.get_payload()
    if isinstance(payload, str):
        text = payload.replace("\r", "").lstrip()
        kept, _, below = text.partition("\n\n")
        if _NO_BASE64.search(below):
            part.set_payload(kept)


def _exact_base64(payload: object) -> bytes | None:
    """What base64 with nothing amiss stands for. None for any other, which the stdlib mends, and takes five times as long for all."""
    if not isinstance(payload, str) or not payload.isascii():
        return None
    try:
        octets = binascii.a2b_base64(payload)
    except binascii.Error:
        return None
    # What is no sign of base64 is passed over, and would be missing here.
    signs = len(payload) - payload.count("\n") - payload.count("\r")
    return octets if signs == -(-len(octets) // 3) * 4 else None


def media_type(part: Message) -> str:
    """The part's media type in lower case, "application/octet-stream" for a nonsensical one."""
    value = part.get("Content-Type")
    # Some write a blank where the semicolon belongs.
    plain = value.partition(";")[0].strip().lower().partition(" ")[0] if isinstance(value, str) else ""
    if _MEDIA_TYPE.fullmatch(plain):
        return plain
    try:
        content_type = clean(part.get_content_type()).strip()
    except (ValueError, LookupError, TypeError):
        return "application/octet-stream"
    return content_type[:120] if content_type.isascii() else "application/octet-stream"


def file_name(part: Message) -> str:
    """The name that the sender gave to a part, decoded but not yet safe; "" for none."""
    return parameter(part, "content-disposition", "filename") or parameter(part, "content-type", "name")


def _described(part: Message) -> str:
    """What a nameless part says of itself, if that looks like the name of a file; "" for none."""
    location = words(str(part.get("Content-Location", ""))).partition("?")[0].rpartition("/")[2]
    description = line(words(str(part.get("Content-Description", ""))))
    return next((name for name in (location, description) if _FILE_NAME.fullmatch(name)), "")


def safe_name(given: str, content_type: str, number: int) -> str:
    """A file name that is harmless as metadata: normalised first, then without path, controls, direction marks, leading dots or device
    names.

    A nameless part is called after its place and type: `part-2.jpg`.
    """
    name = unicodedata.normalize("NFC", line(words(given))).translate(_SEPARATORS)
    name = "".join(char for char in name if unicodedata.category(char) not in ("Cf", "Cc", "Cs", "Co", "Cn"))
    name = name.replace("\\", "/").rsplit("/", 1)[-1].strip(" .\"'<>|?*")
    if not name:
        extension = ".eml" if content_type == "message/rfc822" else mimetypes.guess_extension(content_type) or ".bin"
        return f"part-{number}{extension}"
    if _RESERVED.fullmatch(name):
        name = "_" + name
    if len(name) > _MAX_NAME:
        stem, dot, extension = name.rpartition(".")
        name = stem[: _MAX_NAME - len(extension) - 1] + dot + extension if dot and len(extension) <= 10 else name[:_MAX_NAME]
    return name


def text_of(part: Message, most: int = MAX_TEXT) -> str:
    """The clean text of a leaf, as far as its first `most` octets go; format=flowed put back into paragraphs (RFC 3676)."""
    octets = part_octets(part)[: min(most, MAX_TEXT)] if most > 0 else b""
    charset = _charset(part)
    if charset is None and part.get_content_subtype() == "html" and (inside := _META.search(octets, 0, 3000)):
        charset = inside[1].decode("ascii")
    text = clean(decode(octets, charset))
    if "flowed" in parameter(part, "content-type", "format").lower():
        return _unflowed(text, "yes" in parameter(part, "content-type", "delsp").lower())
    return text


def _collect(part: Any, body: Body, *, inline: bool, depth: int) -> None:
    """Sorts one part and what it holds into runs and files."""
    content_type = media_type(part)
    children: Any = part.get_payload() if part.is_multipart() else None
    if content_type.startswith("message/") or depth > MAX_DEPTH:
        if content_type not in ("message/delivery-status", "message/disposition-notification", "message/feedback-report") or not depth:
            body.files.append((part, False))
    elif isinstance(children, list):
        if content_type == "multipart/alternative":
            _collect_alternatives(children, body, depth)
        elif content_type == "multipart/related":
            _collect_related(part, children, body, depth)
        else:
            for child in children:
                _collect(child, body, inline=False, depth=depth + 1)
    elif content_type in _READABLE and not _is_file(part):
        body.runs.append(_run(part, content_type, body))
    elif content_type.startswith("multipart/"):
        # A container without its parts: whatever there is, is its text.
        body.defects.append("empty-multipart")
        body.runs.append((text_of(part), None))
    else:
        disposition = _disposition(part)
        body.files.append((part, disposition == "inline" or (inline and disposition != "attachment")))
        _look_into(part, content_type, body, depth)


def _look_into(part: Message, content_type: str, body: Body, depth: int) -> None:
    """Reads what is packed inside a file: an event, a winmail.dat, a mail that S/MIME signed opaquely. The file itself stays one."""
    if content_type == "text/calendar":
        event = invitation.readable(text_of(part))
        body.packed_runs += [(event, None)] if event else []
    elif content_type in _TNEF or (content_type == "application/octet-stream" and file_name(part).lower() == "winmail.dat"):
        unpacked = tnef.unpack(part_octets(part))
        if unpacked is not None:
            body.packed += [(one.name, one.octets, part) for one in unpacked.files]
            body.packed_runs.append((unpacked.text, unpacked.markup))
    elif content_type in _SMIME:
        signed = cms.content(part_octets(part))
        if signed and budget.over(signed) is None:
            _collect(tree(signed), body, inline=False, depth=depth + 1)


def _collect_alternatives(children: list[Any], body: Body, depth: int) -> None:
    """One run out of several renderings of the same words: the plain one that is not blank, and the richest markup."""
    branches = []
    for child in children:
        branch = Body(room=body.room)
        _collect(child, branch, inline=True, depth=depth + 1)
        body.room = branch.room
        body.files += branch.files
        body.packed += branch.packed
        body.packed_runs += branch.packed_runs
        body.defects += branch.defects
        branches.append(branch.runs)
    plain = next((runs for runs in branches if any((text or "").strip() for text, _ in runs)), [])
    marked = next((runs for runs in reversed(branches) if any(markup for _, markup in runs)), [])
    if plain and marked and plain is not marked:
        text = "\n\n".join(text for text, _ in plain if text)
        body.runs.append((text, "\n".join(markup for _, markup in marked if markup)))
    else:
        body.runs += plain or marked


def _collect_related(part: Message, children: list[Any], body: Body, depth: int) -> None:
    """The root of a related set is text; what it refers to is an inline file."""
    start = parameter(part, "content-type", "start").strip("<> ")
    root = next((child for child in children if start and line(str(child.get("Content-ID", ""))).strip("<> ") == start), None)
    if root is None or root.get_content_maintype() not in ("text", "multipart"):
        root = next((child for child in children if child.get_content_maintype() in ("text", "multipart")), None)
    for child in children:
        _collect(child, body, inline=child is not root, depth=depth + 1)


def _promote(message: Message, body: Body) -> None:
    """Where no part is plainly text, the first named text part that is not marked as an attachment is the text."""
    for index, (part, _) in enumerate(body.files):
        content_type = media_type(part)
        # Unknown kinds of text are plain text (RFC 2046 section 4.1.4).
        unknown = content_type.startswith(("text/", "plain/")) and content_type not in _NO_PROSE and not file_name(part)
        if (content_type in _READABLE or unknown) and (_disposition(part) != "attachment" or part is message):
            # Called inline and named it is both: words to read and a file to keep.
            if _disposition(part) != "inline":
                del body.files[index]
            body.runs.append(_run(part, content_type, body))
            return


def _run(part: Message, content_type: str, body: Body) -> tuple[str | None, str | None]:
    """A leaf as plain text or as markup. Files that stand uuencoded in a text go to those of the body."""
    text = text_of(part, body.room)
    body.room -= len(text)
    if content_type in _MARKUP or (part.get("Content-Type") is None and _UNDECLARED_MARKUP.match(text)):
        return None, text
    if content_type in ("text/enriched", "text/richtext"):
        return _enriched(text), None
    text, files = armour.unpacked(armour.unsigned(text))
    body.packed += [(one.name, one.octets, part) for one in files]
    return text, None


def _enriched(text: str) -> str:
    """The words of text/enriched, what it calls an excerpt behind `>`."""
    first, *marked = _EXCERPT.split(_UNREAD.sub("", text))
    pieces = [first]
    for closes, piece in zip(marked[::2], marked[1::2], strict=True):
        pieces.append(piece if closes else "> " + piece.strip("\n").replace("\n", "\n> "))
    return _RICH.sub(lambda match: "<" if match[0] == "<<" else "", "\n".join(pieces))


def _is_file(part: Message) -> bool:
    """Whether a text part is meant as a file."""
    return _disposition(part) == "attachment" or bool(file_name(part))


def _disposition(part: Message) -> str:
    """`attachment`, `inline` or whatever else the part calls itself; "" for nothing."""
    return str(part.get("Content-Disposition", "")).partition(";")[0].strip().lower()


def _charset(part: Message) -> str | None:
    """The declared charset of a part."""
    return parameter(part, "content-type", "charset") or None


def _flat(message: Message) -> bytes:
    """An attached message as octets, its lines as they came."""
    return message.as_bytes(policy=message.policy.clone(max_line_length=None, mangle_from_=False))


def _unflowed(text: str, delete_space: bool) -> str:
    """Paragraphs out of flowed lines: a line that ends in a blank goes on in the next one of the same quote depth."""
    out: list[str] = []
    open_depth = -1
    for raw in text.split("\n"):
        depth = len(raw) - len(raw.lstrip(">"))
        content = raw[depth:].removeprefix(" ")
        flows = content.endswith(" ") and content != "-- "
        if open_depth != depth or content == "-- ":
            out.append(("\n" if out else "") + (">" * depth + " " if depth else ""))
        out.append(content[:-1] if flows and delete_space else content)
        open_depth = depth if flows else -1
    return "".join(out)
