"""How does a technician send an answer that is written already? Macros, from his one line to the letter that the requester reads."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from msgspec.structs import replace

from mailgate.config.packaged import packaged
from mailgate.desk.model import Address, Directory, State, TicketId, fold_address
from mailgate.desk.plans import OwnStatus
from mailgate.desk.policy import Policy
from mailgate.flow import operate
from mailgate.mail.letters import Templates
from tests.kit.office import PEOPLE, TINA, Office, mail, reply

ANN = Address("ann@out.example")


def canned(office: Office, **macros: str) -> None:
    """Further macros of the operator's own; `de_` before a name puts one into the German folder."""
    folder = office.folder / "templates"
    for name, text in macros.items():
        language, _, stem = name.rpartition("de_")
        path = folder / ("de/macros" if name.startswith("de_") else "macros") / f"{stem if language == '' else name}.j2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    office.templates = folder
    office.rebuild()


@pytest.fixture
def asked(either_office: Office) -> Office:
    """A desk with one request of Ann's, told to the technicians; by her answer she has proven who she is."""
    either_office.post(mail("The printer is dead."))
    either_office.post(reply(either_office.last("acknowledgement"), "It is on floor 3."))
    either_office.letters()
    return either_office


def writes(office: Office, text: str) -> None:
    """Tina answers the letter that told her of the request, a moment later."""
    office.later(seconds=1)
    office.post(reply(office.last("new_ticket", TINA.address), text, name="Tina"))


def receipt(office: Office) -> str:
    """What Tina is told of her last commands, in one line."""
    return " ".join(office.last("receipt", TINA.address).text.split())


def test_one_line_asks_the_requester_in_her_technicians_name(asked: Office) -> None:
    writes(asked, "#macro which-device")
    letters = {(one.name, one.to): one for one in asked.letters()}
    assert set(letters) == {("question", ANN), ("receipt", TINA.address)}
    question = letters["question", ANN]
    assert "Hello Ann Other," in question.text
    assert "Best regards\nTina Turner" in question.text.replace("\r\n", "\n")
    assert "#" not in question.text.replace("##-", "").replace("-##", "")
    assert question["From"].startswith('"Tina Turner (Service Desk)"')
    assert question["Auto-Submitted"] == ""
    assert asked.ticket().status == "Pending"
    assert "✓ #macro which-device → #pending" in receipt(asked)
    assert [(one.verb, one.note) for one in asked.story().events][2:] == [("macro", "which-device"), ("pending", "")]


def test_what_is_written_below_it_follows_its_text(asked: Office) -> None:
    writes(asked, "#macro remote help\n#priority high\n\nP.S. I am here until five.")
    text = asked.last("reply", ANN).text.replace("\r\n", "\n")
    assert "at which number?\n\nPlease have the device at hand" in text
    assert text.index("Best regards\nTina Turner") < text.index("P.S. I am here until five.")
    assert (asked.ticket().status, asked.ticket().priority) == ("Responded", "P2")


def test_a_macro_resolves_tags_and_tells_the_time_and_one_undo_takes_all_of_it_back(asked: Office) -> None:
    writes(asked, "#macro solved")
    now = asked.ticket()
    assert (now.status, now.tags, now.time_spent) == ("Waiting for Closure", ("restart",), 10)
    assert now.resolution is not None
    assert "A restart has cured it." in asked.last("resolved", ANN).text
    assert "→ #resolve, #tag restart, #time 10m" in receipt(asked)
    writes(asked, "#undo")
    then = asked.ticket()
    assert (then.status, then.tags, then.time_spent, then.resolution) == ("New", (), 0, None)


def test_a_macro_gives_the_words_to_a_command_that_the_technician_writes_himself(asked: Office) -> None:
    canned(asked, toner="{% block text %}New toner for {{ ticket.tag }}.{% endblock %}")
    writes(asked, "#macro toner\n#resolve")
    assert (asked.ticket().status, asked.ticket().resolution) == ("Waiting for Closure", "New toner for MG-1.")


def test_a_name_that_is_none_is_answered_with_the_nearest(asked: Office) -> None:
    writes(asked, "#macro wich-device\n\nThanks")
    assert "There is no macro of that name. This works: #macro which-device" in receipt(asked)
    assert [one.name for one in asked.letters()] == ["receipt"]
    assert asked.ticket().status == "New"


def test_one_wrong_line_of_it_and_nothing_is_done_or_sent(asked: Office) -> None:
    canned(asked, twice="{% block commands %}\n#tag vip\n#resolve\n{% endblock %}{% block text %}It prints.{% endblock %}")
    writes(asked, "#resolve It prints.")
    asked.letters()
    writes(asked, "#macro twice")
    assert asked.ticket().tags == ()
    assert "✗ #macro twice That is not possible in the present status. → #resolve" in receipt(asked)
    assert [one.name for one in asked.letters()] == ["receipt"]
    writes(asked, "#macro twice\n#pending\nWhich one?")
    assert "Only one command of a mail can take the text below it." in receipt(asked)


def test_a_macro_with_a_mistake_in_it_is_told_of_and_says_nothing_to_anybody(asked: Office) -> None:
    canned(asked, broken="{% block text %}Dear {{ requester.nme }}{% endblock %}", nested="{% block commands %}#macro broken{% endblock %}")
    for name in ("broken", "nested"):
        writes(asked, f"#macro {name}")
        assert "There is a mistake in this macro" in receipt(asked)
    assert {one.to for one in asked.letters()} == {TINA.address}


def test_what_a_requester_writes_is_never_a_command_of_a_macro(open_office: Callable[..., Office]) -> None:
    office = open_office()
    office.post(mail("It smokes.", subject="#close", name="#spam"))
    canned(
        office,
        echo="{% block commands %}\n#note {{ ticket.subject }}\n{% endblock %}{% block text %}\n{{ ticket.subject }}\n{% endblock %}",
    )
    writes(office, "#macro echo")
    assert office.ticket().status == "New"
    assert {one.verb for one in office.story().events} == {"open", "macro", "note"}


def test_a_macro_speaks_the_requesters_language_and_the_operators_own_comes_first(asked: Office) -> None:
    asked.post(mail("Der Drucker ist tot.", sender="bernd@out.example", name="Bernd Bauer", headers="Content-Language: de"))
    asked.letters()
    asked.post(reply(asked.last("new_ticket", TINA.address), "#vorlage which-device\n\nDanke!", name="Tina"))
    letter = asked.last("question", Address("bernd@out.example"))
    assert "Guten Tag,\r\n\r\ndamit wir das richtige Gerät finden" in letter.text
    assert "Danke!" in letter.text
    canned(asked, **{"de_which-device": "{% block text %}Welches Gerät, {{ requester.label }}?{% endblock %}"})
    asked.post(reply(asked.last("new_ticket", TINA.address), "#baustein which-device", name="Tina"))
    assert "Welches Gerät, bernd@out.example?" in asked.last("reply", Address("bernd@out.example")).text


def test_german_technicians_are_told_in_german(asked: Office) -> None:
    asked.change(people=Directory(tuple(replace(one, language="de") if one is TINA else one for one in PEOPLE.people), PEOPLE.teams))
    writes(asked, "#vorlage wich-device")
    assert "Eine Vorlage dieses Namens gibt es nicht. So geht es: #macro which-device" in receipt(asked)
    writes(asked, "#hilfe")
    assert "Schickt eine fertige Antwort; Ihr Text darunter folgt ihr." in asked.last("help", TINA.address).text


def test_the_shell_sends_a_macro_too(asked: Office) -> None:
    done = operate.order(asked.store, asked.house, TicketId(1), "macro which-device", fold_address(TINA.address), asked.now)
    assert done.decision.refusals == ()
    assert "Hello Ann Other," in asked.last("question", ANN).text


def test_a_macro_may_use_own_statuses(open_office: Callable[..., Office]) -> None:
    policy = Policy(statuses=(OwnStatus("Waiting for Vendor", State.ON_HOLD, verb="vendor"),))
    office = open_office(policy=policy)
    office.post(mail("The printer is dead."))
    canned(office, ordered="{% block commands %}\n#vendor\n#due in 3d\n{% endblock %}{% block text %}We have ordered a part.{% endblock %}")
    writes(office, "#macro ordered")
    assert (office.ticket().status_name, office.ticket().due is not None) == ("Waiting for Vendor", True)
    assert "We have ordered a part." in office.last("reply", ANN).text
    assert Templates([office.folder / "templates", packaged("templates")]).check(policy=policy) == ()


@pytest.mark.parametrize(
    ("text", "line", "fault"),
    [
        ("{% block commands %}\n#resolv\n{% endblock %}{% block text %}x{% endblock %}", 2,
         "#resolv: unknown verb; did you mean #resolve The toner was empty; it prints again.?"),
        ("{% block commands %}\n#pending\n{% endblock %}", 2, "#pending: something must follow, on its line or in the block text"),
        ("{% block commands %}\n#tag a\nHello\n{% endblock %}", 1, "the block commands holds up to 20 commands, one a line, and no macro"),
        ("{% block commands %}\n#macro other\n{% endblock %}", 1, "the block commands holds up to 20 commands, one a line, and no macro"),
        ("{% block commands %}\n#due whenever\n{% endblock %}\n{% block text %}{{ requester.nme }}{% endblock %}", 4,
         "requester.nme does not exist; did you mean name?"),
        ("{% block html %}x{% endblock %}", 1, "a macro has no block html; it has commands and text"),
        ("Hello", 1, "a macro has a block text, a block commands, or both"),
        ("{% block text %}{{ 'x' * 100000000 }}{% endblock %}", 1, "* is not for templates"),
    ],
)  # fmt: skip
def test_a_faulty_macro_is_found_at_start_with_its_line(tmp_path: Path, text: str, line: int, fault: str) -> None:
    (tmp_path / "macros").mkdir()
    (tmp_path / "macros" / "mine.j2").write_text(text)
    found = Templates([tmp_path, packaged("templates")]).check()
    assert (str(tmp_path / "macros" / "mine.j2"), line, fault) in [(one.file, one.line, one.text) for one in found]


def test_the_packaged_macros_are_sound_and_speak_two_languages() -> None:
    templates = Templates([packaged("templates")])
    assert len(templates.canned.names()) >= 3
    for name in templates.canned.names():
        assert templates.canned.languages(name) == ("de", "en")
        english, german = (templates.canned.preview(name, language) for language in ("en", "de"))
        assert english.commands == german.commands
        assert english.text != german.text
        assert max(map(len, (*english.text.splitlines(), *german.text.splitlines()))) <= 76
