"""No word of somebody else stands at the top of what a sender newly wrote, however it is packed; and no word of his own is missing.

A command counts at the top of the new text only. Here it stands in quotes, forwards, attached mails, notices and hidden markup.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from mailgate.desk import commands
from mailgate.desk.workflow import Grammar
from mailgate.mail.parse import parse

WROTE = "On Fri, 20 Nov 2026 at 10:00, Ann Lee <ann@example.com> wrote:"
OLD_HEADER = "From: Ann Lee <ann@example.com>\nSent: Friday, 20 November 2026 10:00\nTo: Desk\nSubject: Key\n"
HEAD = "From: mia@roe.example\r\nTo: desk@example.org\r\nSubject: Key\r\nMIME-Version: 1.0\r\n"


def mail(content_type: str, body: str) -> bytes:
    head = f"{HEAD}Content-Type: {content_type}\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    return (head + body).encode("utf-8")


def plain(body: str) -> bytes:
    return mail("text/plain; charset=utf-8", body)


def marked_up(body: str) -> bytes:
    return mail("text/html; charset=utf-8", f"<html><body>{body}</body></html>")


def alternatives(text: str, markup: str) -> bytes:
    parts = ((kind, words) for kind, words in (("plain", text), ("html", markup)))
    body = "".join(f"--b\r\nContent-Type: text/{kind}; charset=utf-8\r\n\r\n{words}\r\n" for kind, words in parts)
    return mail("multipart/alternative; boundary=b", f"{body}--b--\r\n")


def attached(kind: str, content: str) -> bytes:
    return mail("multipart/mixed; boundary=b", f"--b\r\nContent-Type: {kind}\r\n\r\n{content}\r\n--b--\r\n")


QUOTED = (
    "> {0}\n> more",
    "   > {0}",
    "\u200b> {0}",
    "\u00a0> {0}",
    "\ufeff> {0}",
    "＞ {0}",
    "> key\u2028{0}",
    "> key\u2029{0}",
    "> key\u0085{0}\u00e9",
    "> key\r{0}\n> more",
    WROTE + "\n> key\u2028{0}",
    WROTE + "\nAL> key\u2028{0}",
    WROTE + "\n\n{0}",
    "\u200e" + WROTE + "\n{0}",
    WROTE + "\nAL> {0}",
    ">>> Ann Lee <ann@example.com> 20.11.2026 10:00 >>>\n{0}",
    OLD_HEADER + "\n{0}",
    "-----Original Message-----\n" + OLD_HEADER + "\n{0}",
    "-----Original Message-----\n{0}",
    "---- External forwarded message ----\n\n{0}",
    "Begin forwarded message:\n\n> From: Ann Lee <ann@example.com>\n> Date: 20 November 2026 at 10:00\n>\n> {0}",
    "CAUTION: This mail is from outside the organisation.\n\n---------- Forwarded message ---------\n" + OLD_HEADER + "\n{0}",
    "-- \n{0}",
    "\n--\n{0}",
    "##- please write above this line -##\n{0}",
)
HIDDEN = (
    "display: none",
    "DISPLAY:NONE!important",
    "visibility: hidden",
    "font-size:0",
    "font-size:0px; line-height:0",
    "opacity:0",
    "max-height:0; overflow:hidden",
    "overflow:hidden; width:0; height:0px",
    "color:#ffffff; background:#fff",
    "background-color: white; color: white",
    "position:absolute; left:-9999px",
    "text-indent:-9999px",
)
UNSEEN = (
    "<title>{0}</title>",
    "<style>{0}</style>",
    "<script>{0}</script>",
    "<!-- {0} -->",
    '<img alt="{0}">',
    "<template>{0}</template>",
    "<datalist><option>{0}</datalist>",
    "<iframe>{0}</iframe>",
    "<div hidden>{0}</div>",
    '<input type="hidden" value="{0}">',
    *(f'<div style="{style}">{{0}}</div>' for style in HIDDEN),
)
QUOTES_OF_PROGRAMS = (
    "<blockquote>{0}</blockquote>",
    '<div class="moz-cite-prefix">Am 20.11.2026 um 10:00 schrieb Ann:</div><blockquote type="cite">{0}</blockquote>',
    '<div id="divRplyFwdMsg"><b>From:</b> Ann<br></div><div>{0}</div>',
    '<div id="appendonsend"></div><div>{0}</div>',
    '<div class="yahoo_quoted"><div>{0}</div></div>',
    '<div class="protonmail_quote">{0}</div>',
    '<div name="quote">{0}</div>',
    '<div id="isReplyContent">{0}</div>',
)
PACKED: tuple[Callable[[str], bytes], ...] = (
    lambda word: attached("message/rfc822", f"From: ann@example.com\r\n\r\n{word}"),
    lambda word: mail("message/rfc822", f"From: ann@example.com\r\n\r\n{word}"),
    lambda word: attached("message/global", f"From: ann@example.com\r\n\r\n{word}"),
    lambda word: attached('text/plain; name="notes.txt"\r\nContent-Disposition: attachment', word),
    lambda word: attached("text/rfc822-headers", f"Subject: {word}"),
    lambda word: attached("text/calendar", f"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDESCRIPTION:{word}\r\nEND:VEVENT\r\nEND:VCALENDAR"),
    lambda word: mail("text/enriched", f"<excerpt>{word}</excerpt>\n"),
    lambda word: mail("text/enriched", f"<excerpt>\nkey\n{word}\n</excerpt>\n"),
    lambda word: mail("text/enriched", f"<fontfamily><param>{word}</param></fontfamily>\n"),
    lambda word: mail("text/richtext", f"<comment>{word}</comment>\nHello"),
    lambda word: mail("text/plain; charset=utf-8; format=flowed", f"{WROTE} \n\n> {word}\n"),
    lambda word: alternatives(f"{word}\nmore", f"<blockquote>{word}<br>more</blockquote>"),
    lambda word: alternatives("I am not content", f"<p>{word}</p><blockquote>key</blockquote>"),
)


def surfaced(raw: bytes) -> list[str]:
    """The lines that would be taken for commands."""
    text = parse(raw).reply_text
    read = (commands.read(text, grammar, bare=True) for grammar in (Grammar.REQUESTER, Grammar.TECHNICIAN))
    return [command.line for reading in read for command in reading.commands]


WORDS = ("accept", "#resolve")


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("shape", QUOTED)
def test_a_command_in_a_quoted_text_does_not_surface(shape: str, word: str) -> None:
    assert surfaced(plain(shape.format(word) + "\n")) == []


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("shape", UNSEEN)
def test_a_command_that_no_program_shows_does_not_surface(shape: str, word: str) -> None:
    raw = marked_up(f"<div>{shape.format(word)}</div><p>Hello there</p>")
    assert surfaced(raw) == []
    assert "Hello there" in parse(raw).reply_text


@pytest.mark.parametrize("padding", ["", "<b>key</b><br>\n" * 6000, "<div>" * 2000])
@pytest.mark.parametrize("shape", QUOTES_OF_PROGRAMS)
def test_a_command_in_a_programs_quote_does_not_surface_in_a_mail_of_any_size(shape: str, padding: str) -> None:
    assert surfaced(marked_up(shape.format(f"<p>\naccept\n</p>{padding}"))) == []


@pytest.mark.parametrize("word", WORDS)
@pytest.mark.parametrize("packed", PACKED)
def test_a_command_in_another_part_does_not_surface(packed: Callable[[str], bytes], word: str) -> None:
    assert surfaced(packed(word)) == []


@pytest.mark.parametrize(
    "markup",
    [
        '<td style="font-size:0px"><div style="font-size:13px">accept</div></td>',
        '<p style="color:white">accept</p>',
        '<p style="margin-left:-1417px; line-height:0">accept</p>',
        '<p style="font-size:0.9em; opacity:0.8">accept</p>',
        '<div style="overflow:hidden; min-height:0">accept</div>',
    ],
)
def test_what_a_program_shows_is_not_taken_for_hidden(markup: str) -> None:
    assert surfaced(marked_up(markup)) == ["accept"]


OWN_WORDS = (
    """
    10:00 meeting room is cold
    At 10:00 today the server wrote: disk full. Please help.
    Le 20/11/2026 à 10:00, le chauffage est en panne.
    Am 20.11.2026 um 10 Uhr hat Herr Maier geschrieben, dass alles geht. Stimmt nicht.
    2026-11-20: no heating|2026-11-21: no heating
    Please see the log:|2026-11-20 10:00:01 ERROR user@host.example failed: timeout|2026-11-20 10:00:02 ERROR again
    Get Outlook for iOS does not install on my phone
    I cannot get Outlook for iOS to work.
    Von meinem iPhone kann ich nicht drucken
    /Ann
    On Monday I wrote to Ann <ann@example.com> and got no answer.
    From: Berlin|To: Paris|Date: 2026-11-20|please book this trip for me
    Error: 0x80070005|File: C:/x/y.txt|Time: 10:42|User: ann@example.com|It happens daily.
    He wrote:|the door is broken|what shall I do?
    Sent from my office the parcel never arrived. Please check.
    Disclaimer: I am no expert, but the fan is broken.
    CAUTION: the external sender filter blocks my mail. Please fix.
    Original message was never received by me.
    Forwarded message does not open, please help.
    *** URGENT ***|the door is open
    Best regards||Ann Lee||PS please call before noon
    Hello,||-- the door|-- the window||both are broken, please come
    [2026-11-20 10:00] <ann> hello|[2026-11-20 10:01] <bob> hi|this chat is what I mean
    550 5.1.1 user unknown is what I get when I mail bob@example.com
    はい、お願いします。
    请帮我重置密码。
    نعم من فضلك
    Пишет Анна: не работает принтер
""".strip()
    .replace("|", "\n")
    .split("\n    ")
)


@pytest.mark.parametrize("words", [one.strip() for one in OWN_WORDS])
def test_no_word_of_the_senders_own_is_missing(words: str) -> None:
    old = "old words"
    bodies = (
        words,
        f"{words}\n\n{WROTE}\n> {old}",
        f"{words}\n\n-----Original Message-----\n{OLD_HEADER}\n{old}",
        f"{WROTE}\n> {old}\n\n{words}",
    )
    for body in bodies:
        assert parse(plain(body + "\n")).reply_text.split() == words.split(), body


def test_a_break_of_unicode_in_new_words_stays_one() -> None:
    assert parse(plain("The door\u2028is broken\n")).reply_text == "The door\nis broken"
    assert parse(plain("> key\rThe door\ris broken\r")).reply_text == "The door\nis broken"


LINES = (
    "a: b\n", "a: b@c 10:00\n", "Original message\n", "user@host.example: \n", "Sent: 2026-11-20 10:00\n", "wrote:\n", "-----\n",
    "On 3 May 2026 Bob <a@b>\n", "AL> x\nOn 3 May 2026 Bob <a@b> wrote:\n> x\n", "550 5.1.1 <a@b.example>\n", "a: " * 66 + "\n",
    "From: a Sent: b To: c " * 5 + "\n", "：" * 200 + "\n", "> x\ny\n", "##- x\n", "CAUTION: external mail\n",
)  # fmt: skip


def seconds(raw: bytes) -> float:
    started = time.process_time()
    parse(raw)
    return time.process_time() - started


@pytest.mark.parametrize("line", LINES)
def test_no_text_of_a_megabyte_takes_long(line: str) -> None:
    body = line * (1_000_000 // len(line.encode()))
    # About half a second on a machine with nothing else to do.
    assert seconds(plain(body)) < 3


@pytest.mark.parametrize("line", LINES[:4])
def test_two_renderings_of_a_megabyte_do_not_take_two_seconds(line: str) -> None:
    body = line * (1_000_000 // len(line.encode()))
    assert seconds(alternatives(body, f"<blockquote>old</blockquote><pre>{body}</pre>")) < 1.6


def test_many_parts_of_markup_cost_no_more_than_one() -> None:
    part = "Content-Type: text/html\r\n\r\n" + "x y z a: b<br>" * 70_000
    assert seconds(mail("multipart/mixed; boundary=b", f"--b\r\n{part}\r\n" * 20 + "--b--\r\n")) < 1.6
