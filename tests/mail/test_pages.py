"""How a page reads, apart from any request: its languages have the same words, what people wrote is escaped, a broken one is replaced."""

from __future__ import annotations

import re
import shutil
from base64 import b64encode
from hashlib import sha256
from pathlib import Path

import pytest

from mailgate.desk.errors import Permanent
from mailgate.mail import sandbox
from mailgate.mail.letters import Templates
from mailgate.mail.pages import Pages
from mailgate.mail.view import DeskView
from tests.kit.need import ROOT

PACKAGED = ROOT / "templates"
DESK = DeskView("Service <Desk>", "desk@desk.example")


def own(folder: Path, **files: str) -> Path:
    """An operator's folder of templates with these pages."""
    for name, text in files.items():
        path = folder / "pages" / f"{name}.j2"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    return folder


def test_every_word_is_there_in_both_languages_with_the_same_places_in_it() -> None:
    said = {
        language: {
            (kind, slug): sorted(re.findall(r"\{[a-z_]+\}", words))
            for kind, one in vars(Pages([PACKAGED])._all.environment.get_template(file).module).items() if isinstance(one, dict)
            for slug, words in one.items()
        }
        for language, file in (("en", "words.j2"), ("de", "de/words.j2"))
    }  # fmt: skip
    assert said["en"] == said["de"]


def test_a_language_without_words_reads_english_and_says_so() -> None:
    pages = Pages([PACKAGED])
    for asked, spoken in (("de-AT", "de"), ("DE", "de"), ("fr", "en"), ("../de", "en"), ("", "en")):
        assert f'<html lang="{spoken}">' in pages.render("error", asked, DESK, 400).html


def test_names_are_escaped_and_places_are_filled_once(tmp_path: Path) -> None:
    words = '{% set test = {"said": "{who} says {what}, <b>"} %}'
    pages = Pages([own(tmp_path, words=words, test='{{ "said"|say("test", who="{what}", what="<i>") }}'), PACKAGED])
    assert pages.render("test", "en", DESK, None).html.strip() == "{what} says &lt;i&gt;, &lt;b&gt;"


def test_the_policy_names_the_stylesheet_that_stands_in_the_page() -> None:
    made = Pages([PACKAGED]).render("missing", "en", DESK, None)
    (style,) = re.findall(r"<style>(.*?)</style>", made.html, re.DOTALL)
    assert made.style == f"sha256-{b64encode(sha256(style.encode()).digest()).decode()}"
    assert "Service &lt;Desk&gt;" in made.html


@pytest.mark.parametrize(
    "wrong", ["{% block main %}", "{{ page.nothing }}", "{{ nothing }}", "{{ 'x'|say('nothing') }}", "{{ ''.__class__ }}"]
)
def test_a_broken_page_of_the_operator_is_replaced_by_the_packaged_one(tmp_path: Path, wrong: str) -> None:
    made = Pages([own(tmp_path, error=wrong), PACKAGED]).render("error", "en", DESK, 400)
    assert "That could not be understood" in made.html
    assert made.fault
    with pytest.raises(Permanent):
        Pages([own(tmp_path / "alone", error=wrong, words="", macros="")]).render("error", "en", DESK, 400)


def test_the_operators_pages_words_and_style_go_before_ours(tmp_path: Path) -> None:
    folder = own(tmp_path, words='{% set error_title = {"400": "Oh no"} %}')
    (folder / "pages/style.css").write_text("p{}")
    made = Pages([folder, PACKAGED]).render("error", "en", DESK, 400)
    assert ("Oh no" in made.html, "<style>p{}</style>" in made.html, made.fault) == (True, True, "")
    assert "Nothing was changed" in made.html


def test_a_fault_of_a_page_is_found_before_anybody_opens_it_and_pages_are_no_letters(tmp_path: Path) -> None:
    folder = own(tmp_path, ticket="{% block main %}\n{{ }}")
    (fault,) = Templates([folder, PACKAGED]).check()
    assert fault.file.endswith("pages/ticket.j2")
    assert fault.line == 2
    assert Templates([PACKAGED]).check() == ()


def test_only_a_page_that_differs_from_the_packaged_one_is_read_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    parse = sandbox.Environment.parse
    monkeypatch.setattr(sandbox.Environment, "parse", lambda self, *told, filename: read.append(filename) or parse(self, *told))
    shutil.copytree(PACKAGED / "pages", tmp_path / "pages")
    assert list(Pages([tmp_path, PACKAGED]).check()) == []
    assert read == []
    with (tmp_path / "pages/ticket.j2").open("a") as file:
        file.write("{# ours #}\n")
    assert list(Pages([tmp_path, PACKAGED]).check()) == []
    assert read == [str(tmp_path / "pages/ticket.j2")]
