"""What people read: which template is taken, what a template may do, and what a sender's words can do to a letter (nothing)."""

from __future__ import annotations

import re
import shutil
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markupsafe import Markup, escape
from msgspec.structs import replace

from mailgate.config.packaged import packaged
from mailgate.desk.errors import Permanent
from mailgate.desk.letters import NOTES, Line, Name
from mailgate.mail import sandbox
from mailgate.mail.letters import Templates
from mailgate.mail.samples import sample, samples
from mailgate.mail.view import Links, MessageView, PersonView, View

LETTERS = Templates([packaged("templates")])
LETTER = """{%% extends "base.j2" %%}
{%% block subject %%}S{%% endblock %%}
{%% block text %%}
%s
{%% endblock %%}
{%% block html %%}H{%% endblock %%}
"""
ABOUT_A_TICKET = [name for name in Name if sample(name).ticket is not None]


def own(folder: Path, text: str, name: str = "status.j2") -> Templates:
    """The operator's folder with one letter in it, whose text block is this."""
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(LETTER % text, "utf-8")
    return Templates([folder, packaged("templates")])


def hostile(view: View, words: str) -> View:
    """The view with these words in every place that a sender can fill."""
    person = PersonView(words, "anna@example.org")
    message = view.message and replace(view.message, text=words, author=person, attachments=(words,))
    ticket = view.ticket and replace(view.ticket, subject=words, resolution=words, closure=words)
    line = Line(words, False, words, words)
    box = view.mailbox and replace(view.mailbox, name=words, folder=words, why=words)
    mails = tuple(replace(one, sender=words, subject=words, envelope=words) for one in view.held.mails) if view.held else ()
    held = view.held and replace(view.held, mails=mails)
    return replace(
        view, recipient=person, requester=person, ticket=ticket, message=message, note=words, lines=(line,), mailbox=box, held=held
    )  # fmt: skip


class Tags(HTMLParser):
    """The elements and attribute names of a page, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, tuple[str, ...]]] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, tuple(name for name, _ in attrs)))


@pytest.mark.parametrize("name", Name)
@pytest.mark.parametrize(
    "words", ["<script>alert(1)</script>", "{{7*7}} {% if %} {{ config }}", "\"><img src=x onerror=y>'&lt;b&gt;", "%s %n {0} ${x}"]
)
def test_a_senders_words_are_never_markup_in_html_and_never_escaped_in_text(name: Name, words: str) -> None:
    view = hostile(sample(name), words)
    letter = LETTERS.render(name, "en", view)
    allowed = set(Tags(LETTERS.preview(name, "en").html).seen)
    assert {tag for tag, _ in Tags(letter.html).seen} <= {tag for tag, _ in allowed} | {"br"}
    assert not {attribute for _, names in Tags(letter.html).seen for attribute in names} & {"onerror", "src"}
    assert "&lt;" not in letter.text.replace(words, "")
    assert "49" not in letter.text.replace("09:49", "").replace("13:49", "")
    if name is Name.REPLY:
        assert words in letter.text


@settings(max_examples=60)
@given(words=st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=60), name=st.sampled_from(list(Name)))
def test_any_words_give_a_letter_with_one_line_of_subject(words: str, name: Name) -> None:
    letter = LETTERS.render(name, "de", hostile(sample(name), words))
    assert letter.fault is None
    assert len(letter.subject.splitlines()) == 1
    assert letter.subject.count("[MG-1042]") == (1 if name in ABOUT_A_TICKET else 0)


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", Name)
def test_a_subject_by_itself_is_that_of_the_whole_letter(name: Name, language: str) -> None:
    assert all(LETTERS.subject(name, language, view) == LETTERS.render(name, language, view).subject for view in samples(name))


def test_for_a_subject_by_itself_nothing_else_is_compiled() -> None:
    letters = Templates([packaged("templates")])
    assert letters.subject(Name.ACKNOWLEDGEMENT, "en", sample(Name.ACKNOWLEDGEMENT))
    # Neither the macros nor another block.
    assert "_literal" not in vars(letters._all)
    assert set(letters._all._subjects.get_template("acknowledgement.j2").blocks) == {"subject"}


@pytest.mark.parametrize("says", ["{{ heading('Yes') }}", "{{ self.preheader() }}"])
def test_a_subject_that_builds_on_more_than_itself_is_told_as_it_will_be(tmp_path: Path, says: str) -> None:
    (tmp_path / "status.j2").write_text((LETTER % "T").replace("%}S{%", "%}" + says + "{%") + "{% block preheader %}Before{% endblock %}")
    letters, view = Templates([tmp_path, packaged("templates")]), sample(Name.STATUS)
    whole = letters.render(Name.STATUS, "en", view)
    assert letters.subject(Name.STATUS, "en", view) == whole.subject
    assert whole.fault is None


def test_a_copy_of_a_packaged_file_is_compiled_once(tmp_path: Path) -> None:
    shutil.copy(packaged("templates") / "words.j2", tmp_path)
    environment = sandbox.Environment([tmp_path, packaged("templates")], escaping=False)
    assert len(environment.versions("words.j2")) == 1
    (tmp_path / "words.j2").write_text("{% set frame = {} %}")
    environment = sandbox.Environment([tmp_path, packaged("templates")], escaping=False)
    assert len(environment.versions("words.j2")) == 2


def test_a_human_reply_keeps_its_form() -> None:
    words = "Dear Anna,\n\n    indented   twice\n\n\n\nend  "
    view = replace(sample(Name.REPLY), message=MessageView(words, PersonView("Kim", "kim@example.org")))
    assert f"\n{words}\n" in LETTERS.render(Name.REPLY, "en", view).text


def test_an_acknowledgement_of_a_claimed_sender_is_short_and_echoes_nothing() -> None:
    from mailgate.mail.compose import Draft, compose
    from tests.mail.test_compose import DRAFT

    view = replace(hostile(sample(Name.ACKNOWLEDGEMENT), "CANARY " * 5000), plain=True)
    for language in ("en", "de"):
        content = LETTERS.render(Name.ACKNOWLEDGEMENT, language, view)
        assert "CANARY" not in content.subject + content.text + content.html
        draft: Draft = replace(DRAFT, content=content, to_name="", references=tuple(f"{n}@{'x' * 40}.example.org" for n in range(3)))
        assert len(compose(draft)) <= 4096


@pytest.mark.parametrize("name", ABOUT_A_TICKET)
def test_of_a_confidential_ticket_letters_tell_the_number_only(name: Name) -> None:
    view = hostile(sample(name), "CANARY")
    assert view.ticket is not None
    # Notes are ours, and lines go to whoever wrote them.
    secret = replace(view, ticket=replace(view.ticket, confidential=True, category="CANARY"), note="", lines=())
    secret = replace(secret, recipient=PersonView("", "a@b"))
    secret = replace(secret, requester=secret.recipient, links=replace(secret.links, page="https://desk.example.org/ticket/x"))
    letter = LETTERS.render(name, "en", secret)
    assert "CANARY" not in letter.subject + letter.text + letter.html
    assert "MG-1042" in letter.subject
    assert "MG-1042" in letter.text
    assert "MG-1042" in letter.html


@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize("name", ABOUT_A_TICKET)
def test_whoever_reads_a_letter_about_a_confidential_ticket_learns_its_number_only(name: Name, language: str) -> None:
    """Every letter to its technician, to its requester and to somebody in copy, with a secret wherever there is room for one."""
    view = hostile(sample(name), "CANARY")
    assert view.ticket is not None
    ticket = replace(view.ticket, confidential=True, category="CANARY", service="CANARY", organisation="CANARY")
    ordered = (Line("#pending CANARY", ok=True), Line("#note:CANARY", ok=False, wrong="unknown-verb"), Line("reopen CANARY", ok=True))
    notes = (*NOTES.get(name, ("",)), *(("canary@out.example",) if name is Name.UNDELIVERABLE else ()))
    asks, reader = PersonView("CANARY", "canary@out.example"), PersonView("Kim", "kim@out.example")
    secret = replace(
        view, ticket=ticket, technician=asks, others=("CANARY",), unconfirmed=(("mailto:x", "canary@out.example"),), lines=ordered,
        links=replace(view.links, page="https://desk.example.org/ticket/x"),
    )  # fmt: skip
    for note in notes:
        for who, requester, staff in ((reader, asks, True), (reader, reader, False), (reader, asks, False)):
            lines = () if name is Name.HELP else ordered
            letter = LETTERS.render(
                name, language, replace(secret, recipient=who, requester=requester, staff=staff, note=note, lines=lines)
            )
            assert "canary" not in (letter.subject + letter.text + letter.html).lower(), note
            assert "MG-1042" in letter.subject


def test_a_technicians_words_reach_the_requester_of_a_confidential_ticket_while_there_is_no_page() -> None:
    view = sample(Name.REPLY)
    assert view.ticket is not None
    assert view.message is not None
    letter = LETTERS.render(Name.REPLY, "en", replace(view, ticket=replace(view.ticket, confidential=True)))
    assert view.message.text in letter.text
    assert view.ticket.subject not in letter.subject + letter.text + letter.html


def test_a_mail_of_any_length_gives_a_letter_of_bounded_length() -> None:
    letter = LETTERS.render(Name.NEW_TICKET, "en", hostile(sample(Name.NEW_TICKET), '"&\n' * 500_000))
    assert len(letter.html) < 512 * 1024
    assert "[…]" in letter.text


def test_a_template_that_fills_the_memory_is_stopped_and_replaced(tmp_path: Path) -> None:
    letters = own(tmp_path, "{% for char in message.text %}{{ message.text }}{% endfor %}", "reply.j2")
    view = replace(sample(Name.REPLY), message=MessageView("x" * 40_000, PersonView("Kim", "kim@example.org")))
    letter = letters.render(Name.REPLY, "en", view)
    assert letter.fault is not None
    assert "more than 524288 characters" in letter.fault.text
    assert "x" * 40_000 in letter.text


@pytest.mark.parametrize(
    ("language", "written"),
    [("de", "de"), ("DE-at", "de"), ("en", "en"), ("fr", "en"), (None, "en"), ("", "en"), ("../../etc", "en"), ("de/..", "en")],
)
def test_a_letter_speaks_the_language_asked_for_or_english(language: str | None, written: str) -> None:
    letter = LETTERS.preview(Name.ACKNOWLEDGEMENT, language)
    assert letter.language == written
    assert f'<html lang="{written}"' in letter.html


def test_times_are_told_in_the_desks_zone_and_the_letters_language() -> None:
    assert "20 November 2026, 09:12 CET" in LETTERS.preview(Name.ACKNOWLEDGEMENT, "en").text
    assert "20. November 2026, 09:12 Uhr MEZ" in LETTERS.preview(Name.ACKNOWLEDGEMENT, "de").text
    view = sample(Name.ACKNOWLEDGEMENT)
    lost = replace(view, desk=replace(view.desk, timezone="Nowhere/X"))
    assert "08:12 UTC" in LETTERS.render(Name.ACKNOWLEDGEMENT, "en", lost).text
    assert "08:12 Uhr UTC" in LETTERS.render(Name.ACKNOWLEDGEMENT, "de", lost).text
    summer = replace(view, ticket=replace(view.ticket, created=view.ticket.created.replace(month=7)))
    assert "20 July 2026, 10:12 CEST" in LETTERS.render(Name.ACKNOWLEDGEMENT, "en", summer).text
    assert "20. Juli 2026, 10:12 Uhr MESZ" in LETTERS.render(Name.ACKNOWLEDGEMENT, "de", summer).text


def test_the_operators_letter_wins_also_over_a_packaged_one_in_the_language_asked_for(tmp_path: Path) -> None:
    letters = own(tmp_path, "Ours for {{ ticket.tag }}")
    assert "Ours for MG-1042" in letters.preview(Name.STATUS, "de").text
    assert "MG-1042" in letters.preview(Name.HELP, "de").subject
    assert letters.check() == ()


def test_the_operators_language_folder_wins_over_his_root(tmp_path: Path) -> None:
    own(tmp_path, "root")
    letters = own(tmp_path, "deutsch", "de/status.j2")
    assert "deutsch" in letters.preview(Name.STATUS, "de").text
    assert "root" in letters.preview(Name.STATUS, "en").text


def test_the_operators_base_dresses_the_packaged_letters(tmp_path: Path) -> None:
    (tmp_path / "base.j2").write_text(
        (packaged("templates") / "base.j2").read_text("utf-8").replace("{{ desk.name }}", "ACME {{ desk.name }}"), "utf-8"
    )
    letter = Templates([tmp_path, packaged("templates")]).preview(Name.STATUS, "de")
    assert "ACME IT Service Desk" in letter.text
    assert "ACME IT Service Desk" in letter.html


@pytest.mark.parametrize(
    ("text", "line", "word"),
    [
        ("x\n{% if %}", 5, "Expected an expression"),
        ("{{ tiket.tag }}", 4, "did you mean ticket?"),
        ("{{ ticket.subjekt }}", 4, "did you mean subject?"),
        ("{% if false %}{{ ticket.nothing }}{% endif %}", 4, "ticket.nothing does not exist"),
        ("{{ ticket.tag|shout }}", 4, "No filter named 'shout'"),
        ("{{ message.text|safe }}", 4, "No filter named 'safe'"),
        ("{% autoescape false %}{{ message.text }}{% endautoescape %}", 4, "autoescape"),
        ("\n{{ 'x' * 100000000 }}", 5, "not for templates"),
        ("{{ 9 ** 9999999 }}", 4, "not for templates"),
        ("{{ '%0999999999d' % 1 }}", 4, "not for templates"),
        ("{{ '{:999999999}'.format(1) }}", 4, "unsafe"),
        ("{{ ''.__class__.__mro__ }}", 4, "unsafe"),
        ("{{ ticket.__class__ }}", 4, "does not exist"),
        ("{{ range(9) }}", 4, "there is no range"),
        ("{% for a in lines %}{% for b in lines %}{% endfor %}{% endfor %}", 4, "a loop inside a loop"),
        ("{% include '/etc/passwd' %}", 4, "/etc/passwd"),
        ("{% include '../../../../etc/passwd' %}", 4, "etc/passwd"),
        ("{{ 1 / 0 }}", 4, "division by zero"),
    ],
)
def test_a_broken_letter_is_found_with_file_and_line_and_the_packaged_one_stands_in(
    tmp_path: Path, text: str, line: int, word: str
) -> None:
    letters = own(tmp_path, text)
    faults = [fault for fault in letters.check() if word in fault.text]
    assert faults
    assert {(fault.file, fault.line) for fault in faults} == {(str(tmp_path / "status.j2"), line)}
    letter = letters.preview(Name.STATUS, "en")
    assert letter.fault is not None or "root:" not in letter.text
    if letter.fault is not None:
        assert letter.text == LETTERS.preview(Name.STATUS, "en").text
        assert letters.preview(Name.STATUS, "en").fault == letter.fault


@pytest.mark.parametrize("text", ["no blocks at all", '{% extends "base.j2" %}{% block subject %}x{% endblock %}'])
def test_a_letter_without_its_three_blocks_is_a_fault(tmp_path: Path, text: str) -> None:
    (tmp_path / "status.j2").write_text(text, "utf-8")
    assert [
        fault.text for fault in Templates([tmp_path, packaged("templates")]).check() if "block" in fault.text or "extends" in fault.text
    ]


def test_only_what_differs_from_the_packaged_letters_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`mailgate init` copies all of them, and a start need not wait for a thousand letters that were never touched."""
    tried: list[str] = []
    monkeypatch.setattr(Templates, "_check_samples", lambda _self, source, _name: tried.append(source) or iter(()))
    folder = tmp_path / "templates"
    shutil.copytree(packaged("templates"), folder)
    assert Templates([folder, packaged("templates")]).check() == ()
    assert tried == []
    with (folder / "de/status.j2").open("a") as file:
        file.write("{# ours #}\n")
    Templates([folder, packaged("templates")]).check()
    assert tried == ["de/status.j2"]
    with (folder / "base.j2").open("a") as file:
        file.write("{# ours #}\n")
    Templates([folder, packaged("templates")]).check()
    assert len(tried) > 60


def test_what_is_wrong_in_one_letter_is_told_once(tmp_path: Path) -> None:
    """Also where a letter of the same folder builds on the broken one."""
    (tmp_path / "status.j2").write_text('{% extends "base.j2" %}{% block subject %}{{ tikcet }}{% endblock %}', "utf-8")
    (tmp_path / "de").mkdir()
    parts = "".join(f"{{% block {part} %}}x{{% endblock %}}" for part in ("text", "html"))
    heir = '{% extends "status.j2" %}{% block subject %}{{ super() }}{% endblock %}' + parts
    (tmp_path / "de" / "status.j2").write_text(heir, "utf-8")
    faults = [fault.text for fault in Templates([tmp_path, packaged("templates")]).check() if "tikcet" in fault.text]
    assert faults == ["there is no tikcet; did you mean ticket?"]


def test_a_letter_may_have_a_macro_of_its_own(tmp_path: Path) -> None:
    letters = own(
        tmp_path, '{% endblock %}{% macro shout(words) %}{{ words|upper }}!{% endmacro %}{% block preheader %}{{ shout("hello") }}'
    )
    assert letters.check() == ()


def test_a_misspelt_file_is_a_fault(tmp_path: Path) -> None:
    own(tmp_path, "x", "acknowlegement.j2")
    assert "did you mean acknowledgement?" in str(Templates([tmp_path, packaged("templates")]).check()[0])


def test_a_broken_base_or_macro_file_of_the_operator_stops_no_letter(tmp_path: Path) -> None:
    for name in ("base.j2", "macros.j2"):
        (tmp_path / name).write_text("\n{% macro %}", "utf-8")
        letters = Templates([tmp_path, packaged("templates")])
        letter = letters.preview(Name.RESOLVED, "de")
        assert letter.fault is not None
        assert (letter.fault.file, letter.fault.line) == (str(tmp_path / name), 2)
        assert letter.text == LETTERS.preview(Name.RESOLVED, "de").text
        assert any(fault.file == str(tmp_path / name) for fault in letters.check())
        (tmp_path / name).unlink()


def test_a_folder_from_before_an_upgrade_lacks_no_macro_and_no_word(tmp_path: Path) -> None:
    """What `mailgate init` copied long ago goes before ours, and letters that came since find what it does not have."""
    for name in ("macros.j2", "words.j2", "de/words.j2"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
    macros = packaged("templates").joinpath("macros.j2").read_text("utf-8")
    gone = macros.index("{% macro tiles")
    (tmp_path / "macros.j2").write_text(macros[:gone] + macros[macros.index("{% endmacro %}", gone) + len("{% endmacro %}") :], "utf-8")
    for folder, word in (("", "my own words"), ("de", "meine eigenen Worte")):
        (tmp_path / folder / "words.j2").write_text(f'{{% set promise = {{"resolution": "{word}"}} %}}', "utf-8")
    letters = Templates([tmp_path, packaged("templates")])
    assert letters.check() == ()
    assert letters.preview(Name.DIGEST, "en").html == LETTERS.preview(Name.DIGEST, "en").html
    told = letters.preview(Name.SLA_BREACH, "de")
    assert told.fault is None
    assert "meine eigenen Worte war fällig am" in told.text
    assert "Antwort angehalten" in told.text


def test_a_packaged_letter_that_cannot_be_rendered_is_an_error_of_ours() -> None:
    with pytest.raises(Permanent, match="status"):
        LETTERS.render(Name.STATUS, "en", replace(sample(Name.STATUS), ticket=None))


def test_a_tap_that_is_not_offered_is_not_in_the_letter() -> None:
    letter = LETTERS.render(Name.RESOLVED, "en", replace(sample(Name.RESOLVED), links=Links(accept="mailto:a@b?subject=x&body=y")))
    assert len(re.findall("mailto:", letter.text)) == len(re.findall("mailto:", letter.html)) == 1
    assert "mailto:a@b?subject=x&body=y" in letter.text
    assert 'href="mailto:a@b?subject=x&amp;body=y"' in letter.html


@settings(max_examples=200)
@given(st.text(st.sampled_from("&<>\"'a;#3 9\n")))
def test_a_piece_of_a_page_is_escaped_as_markupsafe_does(text: str) -> None:
    assert sandbox.Environment.shown(text) == escape(text)
    assert sandbox.Environment.shown(Markup(text)) == text


def test_what_a_template_shows_is_escaped_wherever_it_comes_from(tmp_path: Path) -> None:
    (tmp_path / "status.j2").write_text(
        '{% extends "base.j2" %}{% block subject %}S{% endblock %}{% block text %}T{% endblock %}{% block html %}'
        "{{ requester.name }}|{% set same = requester.name %}{{ same }}|{{ hint(requester.name) }}|{{ requester.name ~ '<' }}|"
        "{{ requester.name|upper }}{% for char in [requester.name] %}{{ char }}{% endfor %}{% endblock %}",
        "utf-8",
    )
    view = replace(sample(Name.STATUS), requester=PersonView("<i>&", "anna@example.org"))
    page = Templates([tmp_path, packaged("templates")]).render(Name.STATUS, "en", view).html
    assert page.count("&lt;i&gt;&amp;") == 5
    assert page.count("&lt;I&gt;&amp;") == 1
    assert "<i>" not in page


# --------------------------------------------------------------------------------------------------------- letters of one desk


def test_a_desk_has_letters_of_its_own_with_languages_and_falls_back_to_those_of_all(tmp_path: Path) -> None:
    """The desks are called IT and HR: their folders are not those of the languages it and hr."""
    own(tmp_path, "common")
    own(tmp_path, "italian", "it/status.j2")
    for path, text in (("desks/it/status.j2", "of IT"), ("desks/it/de/status.j2", "von der IT"), ("desks/hr/de/help.j2", "hilft")):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        own(tmp_path, text, path)
    letters = Templates([tmp_path, packaged("templates")])
    said = {
        (desk, language): letters.of(desk).render(Name.STATUS, language, sample(Name.STATUS)).text.splitlines()[2]
        for desk in ("it", "hr", "haus", "") for language in ("en", "de", "it")
    }  # fmt: skip
    assert said == {
        ("it", "en"): "of IT", ("it", "de"): "von der IT", ("it", "it"): "of IT",
        **{(desk, "en"): "common" for desk in ("hr", "haus", "")}, **{(desk, "de"): "common" for desk in ("hr", "haus", "")},
        **{(desk, "it"): "italian" for desk in ("hr", "haus", "")},
    }  # fmt: skip
    assert "hilft" in letters.of("hr").render(Name.HELP, "de", sample(Name.HELP)).text
    assert letters.check(["it", "hr"]) == ()


def test_a_mistake_in_the_letters_of_one_desk_is_told_at_start(tmp_path: Path) -> None:
    (tmp_path / "desks/hr").mkdir(parents=True)
    (tmp_path / "desks/hrr").mkdir()
    letters = own(tmp_path, "{{ tikcet.tag }}", "desks/hr/status.j2")
    (tmp_path / "desks/hrr/help.j2").write_text("x")
    (wrong, nobody) = letters.check(["it", "hr"])
    assert (wrong.file, "there is no tikcet" in wrong.text) == (str(tmp_path / "desks/hr/status.j2"), True)
    assert (nobody.file, nobody.text) == (str(tmp_path / "desks/hrr"), "no desk has letters called hrr; did you mean hr?")
    assert "How far" in letters.of("hr").render(Name.STATUS, "en", sample(Name.STATUS)).html


@pytest.mark.parametrize(
    ("minutes", "en", "de"),
    [
        (480, "8 hours", "8 Stunden"),
        (90, "1 hour 30 minutes", "1 Stunde 30 Minuten"),
        (1, "1 minute", "1 Minute"),
        (61, "1 hour 1 minute", "1 Stunde 1 Minute"),
        (5 * 1440, "120 hours", "120 Stunden"),
        (0.75, "45 seconds", "45 Sekunden"),
        (0, "0 minutes", "0 Minuten"),
    ],
)
def test_a_duration_is_said_as_people_say_it(minutes: float, en: str, de: str) -> None:
    usual = sample(Name.SLA_WARNING)
    assert usual.clock is not None
    view = replace(usual, clock=replace(usual.clock, target=timedelta(minutes=minutes), working=False))
    assert f" left of {en}.\n" in LETTERS.render(Name.SLA_WARNING, "en", view).text
    assert f" von {de}.\n" in LETTERS.render(Name.SLA_WARNING, "de", view).text
