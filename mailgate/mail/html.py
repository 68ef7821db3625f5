"""What does this HTML say in words, and which part of it is a quote by its structure? Fetches nothing, runs nothing, keeps no markup.

lxml reads the tree, inscriptis lays it out. Quotes are not dropped here: each becomes a lone `>` line, or, where everything after a
point is old (Outlook), a line in the shape of our own marker. So the text cutter in `fresh` decides on HTML by the same rules as on
plain text.
"""

from __future__ import annotations

import re
from html import unescape

from lxml import etree  # type: ignore[import-untyped]

# A megabyte of markup is a newsletter; what lies beyond is left out of the text (the raw mail has it).
MAX_MARKUP = 1_000_000
MAX_ELEMENTS = 10_000
_MAX_LINK = 500
_CUT_MARK = "##- -##"
_TAG = re.compile(r"<[^<>]*>")
# Whatever mail programs mark quotes and signatures with holds one of these words; most markup holds none.
_HINTS = {
    "quote": ("<blockquote", "yahoo_quoted", "tutanota_quote", "hmquote", "cafequote", "quote-header"),
    "mail": ("gmail_", "protonmail_", "zmail_", "mailcontainer", "mail-editor-", "applemailsignature"),
    "moz-": ("moz-cite", "moz-signature"),
    "outlook": ("outlookmessageheader", "outlook-mobile"),
    "edo-": ("edo-original", "edo-signature"),
    "data-": ("data-signature", "data-o-mail-quote"),
}
_RARE_HINTS = (
    "divrplyfwdmsg appendonsend stopspelling olk_src reference-message isreplycontent wordsection aolmsgpart qt origbody "
    "messagereplysection messagesignaturesection"
).split()
_HINTING = {
    "quote": re.compile(r"name=[\"']?quote"),
    "signature": re.compile(r"(?:id|class)=[\"']?(?:x_|ydp[0-9a-f]{1,20})?signature"),
    "border-top:": re.compile(r"border-top:\s*(?:solid|1|#)"),
}
_QUOTE_CLASSES = frozenset(
    "yahoo_quoted yahoo-quoted protonmail_quote tutanota_quote zmail_extra hmquote gmail_quote_attribution quotedmessage "
    "ms-outlook-mobile-reference-message".split()
)
_ATTRIBUTION_CLASSES = frozenset("gmail_attr moz-cite-prefix quote-header".split())
_SIGNATURE_CLASSES = frozenset(
    "gmail_signature gmail_signature_prefix moz-signature protonmail_signature_block tutanota_signature applemailsignature "
    "front-signature mb_sig signature js-signaturemarker".split()
)
_SIGNATURE_IDS = frozenset(
    "signature applemailsignature ms-outlook-mobile-signature ms-outlook-mobile-body-separator-line messagesignaturesection "
    "edo-signature".split()
)
_QUOTE_IDS = frozenset(
    "olk_src_body_section isreplycontent origbody mail-editor-reference-message-container messagereplysection edo-original".split()
)
_AFTER_IDS = frozenset("divrplyfwdmsg appendonsend stopspelling outlookmessageheader".split())
# What mail programs put before the names that others gave: Outlook `x_`, Yahoo `ydp` or `yiv` with a number.
_BORROWED = re.compile(r"(?:x_|ydp[0-9a-f]{1,20}?(?=yahoo|signature)|yiv\d{1,20})*")
_OUTLOOK_RULE = re.compile(
    r"border:\s?none;\s?border-top:\s?solid\s#?\w+\s1\.0pt|border-width:\s?1pt\s(?:medium|0)[^;]*;[^;]*border-style:\s?solid none none|"
    r"border-top:\s?1px solid rgb\(181"
)


def render(markup: str) -> str:
    """The readable text of a whole HTML body: links kept as `text <url>`, tables in columns, what is styled away left out."""
    tree = _tree(markup)
    if tree is None:
        return strip(markup)
    _show_links(tree)
    return _layout(tree, markup)


def quoted(markup: str) -> bool:
    """Whether the markup holds anything by which mail programs mark quotes or signatures: cheap, to spare the rest."""
    lowered = markup[:MAX_MARKUP].lower()
    return (
        any(hint in lowered for hint in _RARE_HINTS)
        or any(word in lowered and any(hint in lowered for hint in hints) for word, hints in _HINTS.items())
        or any(word in lowered and pattern.search(lowered) for word, pattern in _HINTING.items())
    )


def unquoted(markup: str) -> str:
    """The readable text with each quote replaced by a mark that `fresh.cut` understands, signatures by structure left out."""
    tree = _tree(markup)
    if tree is None:
        return strip(markup)
    for element in list(tree.iter(etree.Element)):
        _mark(element)
    _show_links(tree)
    return _layout(tree, markup)


def strip(markup: str) -> str:
    """The words of markup that no parser takes: tags cut out in one linear pass."""
    return unescape(_TAG.sub(" ", markup[:MAX_MARKUP]))


def _tree(markup: str) -> etree._Element | None:
    """The element tree; None for markup that is blank or has more elements than are worth laying out."""
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    try:
        tree = etree.fromstring(markup[:MAX_MARKUP].encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None
    if tree is None or sum(1 for _ in tree.iter()) > MAX_ELEMENTS:
        return None
    return tree


def _layout(tree: etree._Element, markup: str) -> str:
    """The tree as text. inscriptis recurses, so that very deep trees come out as bare words instead."""
    from inscriptis.html_engine import Inscriptis

    try:
        return str(Inscriptis(tree).get_text())
    except (RecursionError, ValueError, IndexError, KeyError, AttributeError, TypeError):
        return strip(markup)


def _show_links(tree: etree._Element) -> None:
    """Writes the target of each link behind its text, unless the text shows it already."""
    for link in tree.iter("a"):
        target = (link.get("href") or "").strip()
        if not target.lower().startswith(("http://", "https://", "ftp://", "tel:")) or len(target) > _MAX_LINK:
            continue
        shown = "".join(link.itertext()).strip()
        if shown and _bare(target) not in _bare(shown):
            link.tail = f" <{target}>{link.tail or ''}"


def _bare(url: str) -> str:
    """A URL without what people leave out when they write it."""
    return re.sub(r"^(?:\w+://)?(?:www\.)?|/$", "", url.strip().lower())


def _mark(element: etree._Element) -> None:
    """Replaces one element by a mark if it is a quote, puts the cutting mark before it if all that follows is old, empties signatures."""
    if element.getparent() is None:
        return
    # Spark names what others number.
    name = (element.get("id") or (element.tag == "div" and element.get("name")) or "").lower()
    name = _own(name)
    classes = {_own(one) for one in (element.get("class") or "").lower().split()}
    style = (element.get("style") or "").lower()
    if name in _AFTER_IDS or "outlookmessageheader" in classes or (element.tag == "div" and _is_outlook_header(element, style)):
        _replace(element, _CUT_MARK)
    elif _is_quote(element, name, classes, style):
        _replace(element, ">")
    elif (
        classes & _SIGNATURE_CLASSES
        or name in _SIGNATURE_IDS
        or "true" in (element.get("data-signature"), element.get("data-signatureblock"))
    ):
        _replace(element, "")


def _own(name: str) -> str:
    """A name of an element or class as the program wrote it that made the mail, without what later programs put before it."""
    return _BORROWED.sub("", name, count=1)


def _is_outlook_header(element: etree._Element, style: str) -> bool:
    """Whether this is the ruled box in which Outlook writes From, Sent, To and Subject above the old mail: a style alone proves nothing."""
    return _OUTLOOK_RULE.search(style) is not None and "".join(element.itertext())[:1000].count(":") >= 3


def _is_quote(element: etree._Element, name: str, classes: set[str], style: str) -> bool:
    """Whether mail programs use this element for nothing but quoted text."""
    if element.tag == "blockquote":
        # Gmail and Outlook indent by a borderless blockquote with a left margin: that is layout, not a quote.
        indent = "margin" in style and "40px" in style and "gmail_quote" not in classes and element.get("type") != "cite"
        return not indent
    return bool(
        classes & _QUOTE_CLASSES
        or (classes & _ATTRIBUTION_CLASSES and _before_quote(element))
        or name in _QUOTE_IDS
        or name.startswith(("yahoo_quoted", "aolmsgpart"))
        or (element.tag == "div" and element.get("name") == "quote")
        or element.get("data-o-mail-quote") == "1"
    )


def _before_quote(element: etree._Element) -> bool:
    """Whether a quote follows. Above a forwarded mail the same element holds its header lines: they stay, lest its words pass for new."""
    following = element.getnext()
    while following is not None and following.tag == "br":
        following = following.getnext()
    return following is not None and (following.tag == "blockquote" or following.text == ">")


def _replace(element: etree._Element, mark: str) -> None:
    """Empties an element to a line of its own that holds the mark."""
    tail = element.tail
    for child in list(element):
        element.remove(child)
    element.tag, element.text, element.tail = "p", mark, tail
    for attribute in list(element.attrib):
        del element.attrib[attribute]
