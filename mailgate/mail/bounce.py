"""Is this a report about a mail of ours that did not arrive, and which recipient, status and action does it tell? Believes nothing:
whether the mail was ours is decided by the signed bounce address or a returned Message-ID, elsewhere.

RFC 3464 and 6522 fields where a report has them. Else the words of mail systems that have none (qmail, Exim, Postfix as plain text,
Google, Yahoo, Notes and the many providers of Japan): a daemon's name or a failure's subject, backed by a failure's phrase in the body.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from email.message import Message

from mailgate.mail import body as bodies
from mailgate.mail.charset import clean, decode
from mailgate.mail.fields import Fields, message_ids
from mailgate.mail.parsed import Bounce

_MAX_LOOK = 60_000
_RECIPIENTS = ("final-recipient", "original-recipient", "x-actual-recipient")
_HEADER_COPIES = frozenset(("text/rfc822-headers", "message/rfc822-headers", "message/global-headers", "text/rfc822", "message/rfc822"))


def _any_of(patterns: str) -> re.Pattern[str]:
    r"""One pattern out of many, which blanks part; inside them `\s` stands for any blanks or a fold."""
    return re.compile("|".join(re.sub(r"\\s(?!\?)", r"\\s{1,8}", one) for one in patterns.split()), re.I)


# The local parts that only mail systems write from, and the names that they give themselves.
_DAEMON = re.compile(
    r"(?:mailer[_-]?daemon|mail-?daemon|post_?master|mail-?delivery|mdaemon|bounces?|mailsystem|double-bounce|microsoftexchange[0-9a-f]+|"
    r"mail[_-]?admin|undeliverable|mrdaemon)(?:[+@.-]|$)",
    re.I,
)
_DAEMON_NAME = _any_of(r"mail\sdelivery mail\sadministrator mailer-daemon postmaster")
_SUBJECT = _any_of(r"""
    undeliver undelivr non-?deliver not\sdeliver delivery\s(?:status|fail|report|problem|error|notification|has\sfailed|incomplete)
    delivery\s(?:delayed|subsystem|unsuccess) delivering\s.{0,30}fail returned\s(?:mail|message|to\ssender|e-?mail) return\smail
    failure\s(?:notice|delivery|notification) mail\s(?:delivery|system\serror|error|could\snot|status|returned|failure) failed\smail
    message\s(?:could\snot|delivery|delayed|undeliv|you\ssent|not\sdelivered|rejected|blocked) could\snot\s(?:be\s)?(?:send|deliver)
    bounced?\s(?:mail|message) user\sunknown rejected warning:\s(?:message|could\snot|mail) underrättelse unzustellbar
    nicht\szugestellt zustellung non\sremis échec impossible\sde\sremettre non\sdistribu
    no\sse\s(?:pudo|puede|ha\spodido)\sentregar devuelto no\sentregado não\s(?:foi\s)?entreg falha\sna\sentrega
    mancat[ao]\s(?:recapito|consegna) non\srecapitabile impossibile\srecapitare niet\s(?:afgeleverd|bezorgd|verzonden) onbestelbaar
    olevererbar kunde\sinte\slevereras (?:kan\s)?ikke\sleveres niedoręczon nie\s(?:można|dostarcz) nedoručiteln nelze\sdoručit
    kézbesíthet не\s(?:доставлен|удалось\sдоставить) недоставлен teslim\sedilemedi iletilemedi
    配信(?:不能|エラー|できません|失敗) 送信(?:できません|エラー) メール.{0,10}(?:エラー|届けられません)
    退信 无法投递 無法傳遞 投递失败 반송 전송\s?실패
""")
_PHRASE = _any_of(r"""
    could\s?n[o']t\sbe\sdeliver can(?:not|'t|\snot)\sbe\sdeliver was\s(?:not|undeliver) not\s(?:been\s)?deliver undeliverable
    permanent\s(?:fatal\s)?error permanent(?:ly)?\sfail fatal\serror user\sunknown unknown\s(?:user|local|address|recipient|mailbox)
    no\ssuch\s(?:user|person|mailbox|recipient|address) mailbox\s(?:unavailable|is\sfull|full|not\sfound|does\snot|quota|disabled|size)
    quota unrouteable relay(?:ing)?\s(?:denied|access) host\s(?:unknown|not\sfound) recipient\s(?:rejected|unknown|address)
    does\snot\s(?:exist|like) doesn't\shave invalid\s(?:recipient|address|user) following\s(?:address|recipient|destination|message)
    unable\sto\sdeliver was\srejected rejected\sby refused automatically\s(?:generated|created|rejected)
    delivery\s(?:attempt|to\sthe\sfollowing|failed|has\sfailed|failure|error|status) smtp\serror remote\s(?:mta|server|host)
    not\slisted failed\sto\s(?:deliver|send) returned\s(?:to|message|mail) reason: \b[45]\d\d[\s-][#(]?[45]\.\d \b5[05]\d\b
    konnte\snicht nicht\szugestellt n'a\spas\s(?:pu|été) no\s(?:se\s)?(?:pudo|ha\spodido) non\sè\sstato não\s(?:foi|pôde)
    niet\sworden 届け 送信でき エラー 不明 失敗 失败 无法 無法 退回 не\sудалось не\sдоставлен
""")
_DELAYED = _any_of(r"""
    delay not\syet\sbeen\sdeliver still\s(?:be\s)?(?:retri|try) will\s(?:be\sretried|retry|keep\strying|continue\sto)
    warning:\s(?:could|message) verzögert retardé retrasad in\sritardo vertraagd
""")
_FINAL = _any_of(r"giv(?:en|ing)\sup permanent fail(?:ed|ure) too\slong expired")
# Where a report in prose ends and what it quotes of the returned mail begins.
_RETURNED = re.compile(
    r"^[ \t>*-]{0,80}(?:(?:below\sthis\sline|this)\sis\sa\scopy\sof|(?:the\s)?(?:original|unsent|returned|undelivered)\s(?:message|mail)|"
    r"message\sheader|(?:the\s)?headers?\s(?:of|from)|return-path:|received:\sfrom|included\sis\sa\scopy)",
    re.I | re.M,
)
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)")
_REPLY_CODE = re.compile(r"(?<![\d.:/-])([45])[0-5]\d(?=[ )-]|$)", re.M)
_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{1,190}[A-Za-z0-9]")
_ID_LINE = re.compile(r"^[ \t>]*message-id:[ \t]*(<[^<>\s]{3,500}>)", re.I | re.M)
_FIELD = re.compile(r"^([A-Za-z-]{3,40})[ \t]*:[ \t]*(.*(?:\n[ \t]+\S.*)*)", re.M)


def read(message: Message, fields: Fields, text: str) -> Bounce | None:
    """What the mail reports about an undelivered one; None if it is no delivery report. `text` is its readable body."""
    blocks = list(_recipient_blocks(message)) if message.is_multipart() or message.get_content_maintype() == "message" else []
    if not blocks and not _is_prose(message, fields, text):
        return None
    fields_told = _told(blocks)
    returned = _returned_ids(message, text)
    above = text[: found.start()] if (found := _RETURNED.search(text, 0, _MAX_LOOK)) and found.start() else text[:_MAX_LOOK]
    said = _said(fields, above, text)
    if fields_told is None:
        return Bounce(said.recipient or _first_returned(message), said.status, said.action, returned)
    return Bounce(fields_told.recipient or said.recipient, fields_told.status or said.status, fields_told.action or said.action, returned)


def _recipient_blocks(message: Message) -> Iterator[dict[str, str]]:
    """The per-recipient groups of every delivery-status part that is not inside a returned mail (RFC 3464 section 2.3)."""
    for part in _outer_parts(message):
        if bodies.media_type(part) in ("message/delivery-status", "message/global-delivery-status"):
            for group in re.split(r"\n[ \t]*\n", _status_text(part)):
                block = {match[1].lower(): " ".join(match[2].split()) for match in _FIELD.finditer(group)}
                if block.keys() & {*_RECIPIENTS, "status", "action", "diagnostic-code"}:
                    yield block


def _status_text(part: Message) -> str:
    """A delivery-status part as text. The stdlib reads its groups as messages; what is no group at all hides in their bodies."""
    if not part.is_multipart():
        return bodies.text_of(part)
    groups = part.get_payload()
    chunks: list[str] = []
    for group in groups[:200] if isinstance(groups, list) else []:
        if isinstance(group, Message):
            chunks.append("\n".join(f"{name}: {str(value).replace(chr(13), '')}" for name, value in group.items()))
            rest = group.get_payload()
            chunks.append(rest.lstrip("\n") if isinstance(rest, str) else "")
    return clean(decode("\n\n".join(chunks).encode("utf-8", "surrogateescape")))


def _outer_parts(message: Message) -> Iterator[Message]:
    """The parts of the mail itself, without those of mails attached to it."""
    stack = [message]
    for _ in range(2000):
        if not stack:
            return
        part = stack.pop(0)
        yield part
        children = part.get_payload() if part.is_multipart() else None
        if isinstance(children, list) and not bodies.media_type(part).startswith("message/"):
            stack[:0] = [child for child in children if isinstance(child, Message)]


def _told(blocks: list[dict[str, str]]) -> Bounce | None:
    """The first group that tells of a failure, else of a delay, else the first; None without groups."""
    named = [block for block in blocks if any(name in block for name in _RECIPIENTS)] or blocks
    if not named:
        return None
    ranks = {"failed": 0, "failure": 0, "delayed": 1}
    block = min(named, key=lambda one: ranks.get(_action(one) or "failed", 2))
    recipient = next((box for name in _RECIPIENTS if (box := _recipient(block.get(name, "")))), None)
    status = _STATUS.search(block.get("status", "")) or _STATUS.search(block.get("diagnostic-code", ""))
    action = _action(block)
    if action is None and status:
        action = {"2": "delivered", "4": "delayed"}.get(status[1][0], "failed")
    return Bounce(recipient, status[1] if status else None, "failed" if action == "failure" else action)


def _action(block: dict[str, str]) -> str | None:
    """The action word of a group: failed, delayed, delivered, relayed or expanded."""
    found = re.match(r"[a-z]+", block.get("action", "").lower())
    return found[0] if found else None


def _recipient(value: str) -> str | None:
    """The mailbox of `rfc822; <a@b>`, whatever its type says."""
    mailbox = value.rpartition(";")[2].strip().strip("<>\"' ")
    found = _ADDRESS.search(mailbox)
    if found and (" " in mailbox or "<" in mailbox):
        return found[0]
    return mailbox if "@" in mailbox else None


def _is_prose(message: Message, fields: Fields, text: str) -> bool:
    """Whether a mail without status fields is a delivery report all the same."""
    if fields.get("x-failed-recipients"):
        return True
    report = str(message.get("Content-Type", "")).lower()[:2000]
    if "multipart/report" in report:
        return "disposition-notification" not in report and "feedback-report" not in report
    senders = " ".join((fields.get("from"), fields.get("sender")))[:2000]
    daemon = _DAEMON_NAME.search(senders) is not None or any(_DAEMON.match(address) for address in _ADDRESS.findall(senders))
    null_path = fields.get("return-path").strip() in ("<>", "<MAILER-DAEMON>")
    # A person may complain about an undelivered mail: without a daemon's name or the null path, words alone are not believed.
    if not (daemon or null_path):
        return False
    subject = _SUBJECT.search(fields.text("subject")[:300]) is not None
    return 2 * daemon + null_path + subject + (_PHRASE.search(text, 0, _MAX_LOOK) is not None) >= 3


def _said(fields: Fields, above: str, text: str) -> Bounce:
    """Recipient, status and action out of prose."""
    failed = _ADDRESS.search(fields.get("x-failed-recipients"))
    involved = " ".join(fields.get(name) for name in ("from", "to", "reply-to", "return-path", "sender"))
    own = {address.lower() for address in _ADDRESS.findall(involved)}
    named = [one for one in _ADDRESS.findall(above) if one.lower() not in own and not _DAEMON.match(one)]
    recipient = failed[0] if failed else named[0] if named else None
    enhanced, basic = _STATUS.search(above), _REPLY_CODE.search(above)
    told = enhanced[1] if enhanced else f"{basic[1]}.0.0" if basic else ""
    subject = fields.text("subject")
    delayed = _DELAYED.search(subject) or (_DELAYED.search(above) and not _FINAL.search(above))
    return Bounce(recipient, told or None, "delayed" if delayed and not told.startswith("5") else "failed")


def _returned_ids(message: Message, text: str) -> tuple[str, ...]:
    """The Message-IDs of the returned mail, from its attached copy or headers, or pasted below the report."""
    found: list[str] = []
    for part in _outer_parts(message):
        content_type = bodies.media_type(part)
        inner = part.get_payload() if part.is_multipart() else None
        if content_type in ("message/rfc822", "message/global") and isinstance(inner, list):
            found += [one for child in inner[:3] if isinstance(child, Message) for one in message_ids(str(child.get("Message-ID", "")))]
        elif content_type in _HEADER_COPIES:
            found += _ID_LINE.findall(bodies.text_of(part)[:_MAX_LOOK])
    found += _ID_LINE.findall(text[:_MAX_LOOK])
    return tuple(dict.fromkeys(one.strip("<>") for one in found))[:20]


def _first_returned(message: Message) -> str | None:
    """To whom the attached returned mail was addressed, where the report itself names nobody."""
    for part in _outer_parts(message):
        inner = part.get_payload() if part.is_multipart() else None
        if bodies.media_type(part) == "message/rfc822" and isinstance(inner, list) and inner and isinstance(inner[0], Message):
            found = _ADDRESS.search(str(inner[0].get("To", ""))[:2000])
            return found[0] if found else None
    return None
