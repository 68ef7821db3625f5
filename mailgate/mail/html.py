"""What does this HTML say in words, and which part of it is a quote by its structure? Fetches nothing, runs nothing, keeps no markup.

lxml reads the tree, inscriptis lays it out. Quotes are not dropped here: each becomes a lone `>` line, or, where everything after a
point is old (Outlook), a line in the shape of our own marker. So the text cutter in `fresh` decides on HTML by the same rules as on
plain text.
"""

from __future__ import annotations

import re
from html import unescape
from itertools import islice

from lxml import etree  # type: ignore[import-untyped]

from mailgate.desk.seldom import seldom

# A megabyte of markup is a newsletter; what lies beyond is left out of the text (the raw mail has it).
MAX_MARKUP = 1_000_000
# So many elements with so many characters are laid out, and so many are looked at for quotes.
MAX_ELEMENTS = 10_000
_MOST_LAID_OUT = 250_000
_MOST_LOOKED_AT = 50_000
_MAX_LINK = 500
_CUT_MARK = "##- -##"
_TAG = re.compile(r"<[^<>]*>")
_BLANKS = re.compile(r"[ \t\r\n]+")
_GAPS = re.compile(r"\n[ \n]{2,}")
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
# What no mail program shows; inscriptis knows of `display: none` alone.
_UNSHOWN = frozenset("head title style script template datalist iframe noframes noembed".split())
_WHITE = r"(?:white|#fff(?:fff)?)(?!\w)"
_HIDING = seldom(
    r"(?<![a-z-])(?:display:none|visibility:(?:hidden|collapse)|opacity:0(?:\.0{1,4})?(?![.\d])|"
    r"font-size:0(?:px|pt|em|rem|%)?(?![.\d])|(?:text-indent|left|top):-\d{4})"
)
# Two that hide only together.
_HIDING_PAIRS = (
    (seldom(r"(?<![a-z-])(?:max-)?height:0(?:px|pt)?(?![.\d])"), seldom("overflow:hidden")),
    (seldom(rf"(?<![a-z-])color:{_WHITE}"), seldom(rf"background(?:-color)?:{_WHITE}")),
)
# Hints at any of these, for markup as a whole.
_HIDDEN_SOMEWHERE = re.compile(
    r"none\s?!|visibility|opacity|font-size:\s?0|:\s?-\d{4}|overflow|color:\s?(?:white|#fff)|\shidden|"
    r"<(?:template|datalist|iframe|noframes|noembed)"
)
_BREAKING = frozenset("p div br tr li ul ol table blockquote pre hr h1 h2 h3 h4 h5 h6 section article header footer body".split())
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
    return _layout(tree)


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
    for element in list(islice(tree.iter(etree.Element), _MOST_LOOKED_AT)):
        _mark(element)
    _show_links(tree)
    return _layout(tree)


def strip(markup: str) -> str:
    """The words of markup that no parser takes: tags cut out in one linear pass."""
    return unescape(_TAG.sub(" ", markup[:MAX_MARKUP]))


def _tree(markup: str) -> etree._Element | None:
    """The element tree without what is hidden; None for markup that is blank."""
    parser = etree.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True, no_network=True)
    markup = markup[:MAX_MARKUP]
    try:
        tree = etree.fromstring(markup.encode("utf-8", "replace"), parser)
    except (etree.LxmlError, ValueError, AssertionError):
        return None
    if tree is not None and _HIDDEN_SOMEWHERE.search(markup.lower()):
        for element in list(islice(tree.iter(etree.Element), _MOST_LOOKED_AT)):
            if _is_hidden(element):
                _replace(element, "")
    return tree


def _is_hidden(element: etree._Element) -> bool:
    """Whether no mail program shows an element. White letters alone are shown: programs in dark mode write them, on what they take for
    dark.
    """
    if element.getparent() is None or element.tag == "head":
        return False
    if element.tag in _UNSHOWN or element.get("hidden") is not None:
        return True
    style = "".join((element.get("style") or "").lower().split())
    if not style or not (_HIDING.search(style) or any(one.search(style) and other.search(style) for one, other in _HIDING_PAIRS)):
        return False
    # Newsletters take the gaps between pictures away by a size of nothing, and give the words within a size of their own.
    return "font-size:0" not in style or not any("font-size" in (one.get("style") or "").lower() for one in element.iterdescendants())


def _layout(tree: etree._Element) -> str:
    """The tree as text. inscriptis recurses and takes its time, so that very deep and very large trees come out as bare words instead."""
    from inscriptis.html_engine import Inscriptis

    if sum(1 for _ in islice(tree.iter(), MAX_ELEMENTS + 1)) > MAX_ELEMENTS or sum(map(len, tree.itertext())) > _MOST_LAID_OUT:
        return _words(tree)
    try:
        return str(Inscriptis(tree).get_text())
    except (RecursionError, ValueError, IndexError, KeyError, AttributeError, TypeError):
        return _words(tree)


def _words(tree: etree._Element) -> str:
    """The words of a tree, with a line for each block and no other layout."""
    out: list[str] = []
    walk = etree.iterwalk(tree, events=("start", "end"))
    for event, element in walk:
        breaks = "\n" if element.tag in _BREAKING else ""
        if event == "end":
            out.append(breaks + _BLANKS.sub(" ", element.tail or ""))
        elif element.tag in _UNSHOWN or "display:none" in (element.get("style") or "").lower().replace(" ", ""):
            walk.skip_subtree()
        else:
            out.append(breaks + _BLANKS.sub(" ", element.text or ""))
    return _GAPS.sub("\n\n", "".join(out))


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
