"""What the sender newly wrote, in many languages and programs, in linear time; and what stays, because it is his own."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailgate.mail import fresh, html
from mailgate.mail.parse import parse

CORPUS = Path(__file__).parents[1] / "corpus"
NEW = "The new words."
OLD = "An old question?\nMore of it."
MARKER = "##- Please write above this line -##"

ATTRIBUTIONS = """\
On Fri, Nov 20, 2026 at 10:00 AM Ann Lee <ann@example.com> wrote:
On 11/20/2026 10:00 AM, Ann Lee wrote:
On Friday, 20 November 2026, 10:00:00 CET, Ann Lee <ann@example.com> wrote:
Am Fr., 20. Nov. 2026 um 10:00 Uhr schrieb Ann Lee <ann@example.com>:
Am 20.11.2026 um 10:00 schrieb Ann Lee:
Ann Lee schrieb am 20.11.2026 um 10:00:
Ann Lee <ann@example.com> hat am 20.11.2026 10:00 CET geschrieben:
Le ven. 20 nov. 2026 à 10:00, Ann Lee <ann@example.com> a écrit :
El vie, 20 nov 2026 a las 10:00, Ann Lee (<ann@example.com>) escribió:
Il giorno ven 20 nov 2026 alle ore 10:00 Ann Lee <ann@example.com> ha scritto:
Em sex., 20 de nov. de 2026 às 10:00, Ann Lee <ann@example.com> escreveu:
Op vr 20 nov 2026 om 10:00 schreef Ann Lee <ann@example.com>:
Den fre 20 nov. 2026 kl 10:00 skrev Ann Lee <ann@example.com>:
fre. 20. nov. 2026 kl. 10:00 skrev Ann Lee <ann@example.com>:
pe 20. marrask. 2026 klo 10.00 Ann Lee (ann@example.com) kirjoitti:
pt., 20 lis 2026 o 10:00 Ann Lee <ann@example.com> napisał(a):
W dniu 20.11.2026 o 10:00, Ann Lee pisze:
pá 20. 11. 2026 v 10:00 odesílatel Ann Lee <ann@example.com> napsal:
Ann Lee <ann@example.com> ezt írta (időpont: 2026. nov. 20., P, 10:00):
пт, 20 нояб. 2026 г. в 10:00, Ann Lee <ann@example.com>:
20.11.2026 10:00, Ann Lee пишет:
Στις Παρ 20 Νοε 2026 στις 10:00 π.μ., ο χρήστης Ann Lee <ann@example.com> έγραψε:
Ann Lee <ann@example.com>, 20 Kas 2026 Cum, 10:00 tarihinde şunu yazdı:
În vin., 20 nov. 2026 la 10:00, Ann Lee <ann@example.com> a scris:
pet, 20. stu 2026. u 10:00 Ann Lee <ann@example.com> napisao je:
2026年11月20日(金) 10:00 Ann Lee <ann@example.com>:
Ann Lee <ann@example.com> 于2026年11月20日周五 10:00写道：
2026년 11월 20일 (금) 오전 10:00, Ann Lee <ann@example.com>님이 작성:
‫בתאריך יום ו׳, 20 בנוב׳ 2026 ב-10:00 מאת ‪Ann Lee‬‏ <‪ann@example.com‬‏>:‬
Vào Th 6, 20 thg 11, 2026 vào lúc 10:00 Ann Lee <ann@example.com> đã viết:
---- On Fri, 20 Nov 2026 10:00:00 +0100 Ann Lee <ann@example.com> wrote ----""".split("\n")

LABELS = """\
From: Sent: To: Subject:
Von: Gesendet: An: Betreff:
De: Envoyé: À: Objet:
De: Enviado: Para: Asunto:
Da: Inviato: A: Oggetto:
Van: Verzonden: Aan: Onderwerp:
Från: Skickat: Till: Ämne:
Fra: Sendt: Til: Emne:
Lähettäjä: Lähetetty: Vastaanottaja: Aihe:
Od: Wysłano: Do: Temat:
Od: Odesláno: Komu: Předmět:
Feladó: Elküldve: Címzett: Tárgy:
От: Отправлено: Кому: Тема:
Від: Надіслано: Кому: Тема:
Από: Στάλθηκε: Προς: Θέμα:
Gönderen: Gönderildi: Kime: Konu:
差出人: 送信日時: 宛先: 件名:
发件人: 发送时间: 收件人: 主题:
Unbekannt: Sprache: Vierzig: Zeile:""".split("\n")


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_what_follows_an_attribution_is_old_with_and_without_marks(attribution: str) -> None:
    marked = "\n".join(f"> {line}" for line in OLD.split("\n"))
    assert fresh.cut(f"{NEW}\n\n{attribution}\n\n{OLD}") == NEW
    assert fresh.cut(f"{NEW}\n\n{attribution}\n{marked}\n") == NEW


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_an_attribution_may_be_folded(attribution: str) -> None:
    words = attribution.split(" ")
    folded = " ".join(words[:-2]) + "\n" + " ".join(words[-2:])
    assert fresh.cut(f"{NEW}\n\n{folded}\n\n> {OLD}") in (NEW, f"{NEW}\n\nMore of it.")


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("above", ["", "________________________________\n", "-----Original Message-----\n"])
def test_a_header_block_begins_the_old_mail_in_any_language(labels: str, above: str) -> None:
    values = ("Ann Lee <ann@example.com>", "20 November 2026 10:00", "bob@example.com", "Printer")
    block = "\n".join(f"{label} {value}" for label, value in zip(labels.split(" "), values, strict=True))
    assert fresh.cut(f"{NEW}\n\n{above}{block}\n\n{OLD}") == NEW
    assert fresh.cut(f"{NEW}\n\n{above}{block.replace(': ', ':* ')}\n\n{OLD}".replace("\nFrom", "\n*From")) == NEW


@pytest.mark.parametrize(
    "divider",
    [
        "-----Original Message-----",
        "-----Ursprüngliche Nachricht-----",
        "-------- Message d'origine --------",
        "---------- Forwarded message ---------",
        "-------- Mensaje original --------",
        "-----Oprindelig meddelelse-----",
        "-------- Исходное сообщение --------",
        "Begin forwarded message:",
        "Anfang der weitergeleiteten Nachricht:",
    ],
)
def test_a_divider_begins_the_old_mail(divider: str) -> None:
    assert fresh.cut(f"{NEW}\n\n{divider}\n\n{OLD}") == NEW


@pytest.mark.parametrize("quote", ["", "> ", ">> "])
@pytest.mark.parametrize("attribution", ["", f"{ATTRIBUTIONS[0]}\n\n", f"{ATTRIBUTIONS[3]}\n"])
def test_a_reply_above_our_marker_is_cut_exactly(quote: str, attribution: str) -> None:
    assert fresh.cut(f"{NEW}\n\n{attribution}{quote}{MARKER}\n{quote}Dear Ann,\n{quote}#close\n") == NEW


def test_our_marker_cuts_when_a_mail_program_wrapped_it() -> None:
    assert fresh.cut(f"{NEW}\n\n##- Please write above\nthis line -##\nDear Ann,\naccept") == NEW


def test_a_header_block_before_our_marker_is_old_too() -> None:
    block = "Von: Desk <desk@example.org>\nGesendet: Freitag, 20. November 2026 10:00\nAn: Ann\nBetreff: [MG-1] Printer\n\n"
    assert fresh.cut(f"accept\n\n{block}{MARKER}\nDear Ann") == "accept"
    assert fresh.cut(f"{block}{MARKER}\nDear Ann") == ""


def test_answers_between_and_below_quotes_are_new() -> None:
    text = f"{ATTRIBUTIONS[0]}\n> First question?\nFirst answer.\n> Second question?\n\nSecond answer.\n\n-- \nAnn"
    assert fresh.cut(text) == "First answer.\n\nSecond answer."


def test_a_wrapped_quoted_line_is_not_an_answer() -> None:
    long = "> " + "a long quoted line that some program wrapped at its seventieth column " + "or so\n"
    assert fresh.cut(f"{NEW}\n\n{ATTRIBUTIONS[0]}\n{long}later on\n> and more\n") == NEW


@pytest.mark.parametrize(
    "signature",
    [
        "-- \nAnn Lee\nExample Corp",
        "--\nAnn",
        "-Ann",
        "Sent from my iPhone",
        "Von meinem iPhone gesendet",
        "Envoyé de mon iPhone",
        "Enviado desde mi iPhone",
        "Inviato da iPhone",
        "Verstuurd vanaf mijn iPhone",
        "Skickat från min iPhone",
        "Sendt fra min iPhone",
        "Wysłane z iPhone'a",
        "Отправлено с iPhone",
        "iPhoneから送信",
        "发自我的iPhone",
        "Get Outlook for iOS<https://aka.ms/x>",
        "Outlook für Android beziehen",
        "Gesendet mit der GMX Mail App",
        "This e-mail and any attachments are confidential and intended only for the person to whom they are addressed.",
        "Diese E-Mail enthält vertrauliche Informationen.",
    ],
)
def test_signatures_are_left_out(signature: str) -> None:
    assert fresh.cut(f"{NEW}\n\n{signature}\n") == NEW
    assert fresh.cut(f"{NEW}\n\n{signature}\n\n{ATTRIBUTIONS[0]}\n> {OLD}").startswith(NEW)


def test_a_gateways_banner_is_nobodys_text() -> None:
    assert (
        fresh.cut(f"CAUTION: This email originated from outside of the organization.\nDo not click.\n\naccept\n\n{MARKER}\nx") == "accept"
    )


@pytest.mark.parametrize(
    "text",
    [
        "The printer says the following:\n\nLine one\nLine two",
        "From: what I know it is broken\nTo: be honest I do not care",
        "On 3 May we talked and then\nit broke. I wrote: nothing.",
        "Please bring:\n- paper\n- toner\n-ink",
        "Error log:\n2026-11-20 10:00:01 ERROR: failed for user bob@example.com:\n  trace\nPlease help",
        "The user bob@example.com sent at 10:00 on 2026-11-20 this:\nI cannot log in",
        "Name: Bob\nDate: 2026-11-20 10:00\nTo: the moon\nRoom: 4",
        "Sent from the warehouse to us, but it never arrived.",
        "a -- b\nc",
        "Meeting at 10:00:\n\nbring the laptop",
    ],
)
def test_what_only_looks_like_a_quote_stays(text: str) -> None:
    assert fresh.cut(text) == text


def test_a_bare_forward_keeps_its_header_lines_first_so_that_no_command_can_be_read_from_it() -> None:
    text = "From: Ann <ann@example.com>\nSent: 20 November 2026 10:00\nTo: Bob\nSubject: Printer\n\n#close\naccept"
    assert fresh.cut(text).startswith("From: Ann")


@given(
    st.lists(st.sampled_from(["accept", "", "hello there", "-- ", "On 3 May I", "a: b", "1. one"]), max_size=6),
    st.sampled_from(ATTRIBUTIONS),
)
@settings(max_examples=150)
def test_no_word_below_an_attribution_and_marks_is_ever_new(above: list[str], attribution: str) -> None:
    text = "\n".join([*above, "", attribution, "> #close canary", "> accept canary"])
    assert "canary" not in fresh.cut(text)


@pytest.mark.parametrize(
    "text",
    [
        "\n" * 1_000_000,
        " " * 1_000_000,
        ">" * 1_000_000,
        ">\n" * 500_000,
        "On " * 333_000,
        "On \n" * 250_000,
        "On 1@ 10:00\n" * 80_000,
        "a: b\n" * 200_000,
        "From: a@b.example\n" * 60_000,
        "From: a@b.example\nx\n" * 50_000,
        "Am 1 schrieb " * 77_000,
        "-" * 1_000_000,
        "---- x\n" * 140_000,
        "##- \n" * 200_000,
        "a@" * 500_000,
        "\u200b" * 1_000_000,
        "von: 10:00 a@b\n\n" * 60_000,
        "-- \n" * 250_000,
        "Sent from my x\n" * 70_000,
        "(" * 1_000_000,
        "<" * 1_000_000,
    ],
    ids=lambda text: repr(text[:12]),
)
def test_a_megabyte_made_to_hurt_costs_little(text: str) -> None:
    start = time.process_time()
    fresh.cut(text)
    # A second on a quiet machine of the size that we mean; tests share theirs.
    assert time.process_time() - start < 3


# What each rule looks for, as often as it goes into a text: nothing is looked at twice as long because there is more below.
HOSTILE = {
    "attributions that run on": "On 1.1.2026 Ann <a@b> wrote:  x\n",
    "attributions within a line": "thanks --- On 3 May\n",
    "attributions of many folds": "On 3 May 2026\n",
    "names of days": "Sunday, 3 May 2026\n",
    "dates in paragraphs": "2026-05-03 Ann <a@b\n\n",
    "digits of another script": "On ٢٠٢٦ x:\n",
    "dividers with blanks": "- - - - x - - - -\n",
    "dividers that announce": "---- original message x y z a b ----:\n",
    "dividers that run on": "------ x ------From: a\n",
    "half a divider": "------ original\n\n\n",
    "forwards without a block": "forwarded message x:\n\n",
    "headers in a line": "From: a b Sent: c To: \n",
    "senders below rules": "______\nFrom: a\n",
    "settings": "from: a@b\nto: c\n\n",
    "initials": "On 3.5.2026 Ann wrote:\n\nAL> x\n",
    "heads of GroupWise": ">>> a 10:00:\n>\n",
    "torn lines": "> " + "x" * 70 + "\nxx\n",
    "cards": "x\n---\nAnn Lee\n",
    "devices": "Sent by phone\n\n",
    "links": "[a](b) ",
    "scanners": "www.avast.com\n\n",
    "slashes": "/Ann\n\n",
}


def cost(text: str) -> float:
    """The processor time that a text takes, in seconds: the least of three."""
    took = []
    for _ in range(3):
        start = time.process_time()
        fresh.cut(text)
        took.append(time.process_time() - start)
    return min(took)


@pytest.mark.parametrize("piece", HOSTILE.values(), ids=list(HOSTILE))
def test_what_hurts_costs_in_proportion_to_its_length(piece: str) -> None:
    once, fourfold = cost(piece * (10_000 // len(piece))), cost(piece * (40_000 // len(piece)))
    # Sixteen times it costs if something is looked at again for each line. A few milliseconds prove nothing.
    assert fourfold < 8 * once + 0.01


# ---------------------------------------------------------------------------------------------------------------- safety


@pytest.mark.parametrize(
    "head",
    [
        ">>> Ann <ann@example.com> 03.05.2026 10:00 >>>",
        "-------- Original message --------From: Ann <ann@example.com> Date: 3 May 2026 To: Bob",
        "Thanks On Sun, 3 May 2026 at 10:00, Ann <ann@example.com> wrote:",
        "On Sun, 3 May 2026 at 10:00, Ann<ann@example.com> wrote:   Hello,",
        "From: Ann <ann@example.com> Sent: 3 May 2026 10:00 To: Bob Subject: Printer",
        "Ann Lee ---03.05.2026 10:00:00---Hello Bob",
        "____________________\nFrom: ann@example.com",
        "2026-05-03 10:00 GMT+01:00 Ann Lee <ann@example.com>:",
        "[Original Message]",
    ],
)
def test_no_command_below_an_unmarked_quote_is_ever_new(head: str) -> None:
    assert "#close" not in fresh.cut(f"{NEW}\n\n{head}\n\n#close\n")


def test_what_the_sender_wrote_before_an_attribution_on_its_line_is_new() -> None:
    assert fresh.cut(f"Thanks --- {ATTRIBUTIONS[0]}\n\n{OLD}") == "Thanks"
    assert fresh.cut(f"{NEW}\nThanks {ATTRIBUTIONS[0]}\n> {OLD}\n{NEW}") == f"{NEW}\nThanks\n\nMore of it.\n{NEW}"


def test_initials_mark_quotes_only_below_an_attribution() -> None:
    quote = "AL> An old question?\nAL> More of it."
    assert fresh.cut(f"{ATTRIBUTIONS[1]}\n\n{quote}\n\n{NEW}\n\n{quote}\n") == NEW
    assert fresh.cut(f"{NEW}\n\n{quote}\n") == f"{NEW}\n\n{quote}"


# ---------------------------------------------------------------------------------------------------------------- markup


@pytest.mark.parametrize(
    "markup",
    [
        '<div>%s</div><div class="gmail_quote"><div class="gmail_attr">Words:</div><blockquote class="gmail_quote">old</blockquote>',
        '<p>%s</p><blockquote type="cite">old</blockquote>',
        '<div>%s</div><div class="moz-cite-prefix">An unknown language:<br></div><blockquote type="cite">old</blockquote>',
        '<p>%s</p><hr><div id="divRplyFwdMsg"><b>X:</b> Desk</div><div>old</div>',
        '<p>%s</p><div id="appendonsend"></div><hr><p>old</p>',
        '<p>%s</p><div style="border:none;border-top:solid #E1E1E1 1.0pt">Q: d<br>R: e<br>S: f</div><p>old</p>',
        '<div>%s</div><div id="yahoo_quoted_1" class="yahoo_quoted">old</div>',
        '<div>%s</div><div class="protonmail_quote">old</div>',
        '<div>%s</div><div class="gmail_signature">Ann Lee</div><blockquote class="gmail_quote">old</blockquote>',
        '<div>%s</div><div name="quote">old</div>',
    ],
)
def test_structure_tells_the_quote_where_no_words_do(markup: str) -> None:
    assert fresh.cut(html.unquoted(markup % NEW)) == NEW
    mail = parse(b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n" + (markup % NEW).encode())
    assert mail.reply_text == NEW
    assert "old" in mail.text


def test_answers_between_quotes_in_markup_are_new() -> None:
    markup = '<div class="gmail_quote"><blockquote type="cite">one?</blockquote>Yes.<blockquote type="cite">two?</blockquote>No.</div>'
    assert fresh.cut(html.unquoted(markup)).split() == ["Yes.", "No."]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("gmail-answer", "It woke up by itself, thank you."),
        ("outlook-answer-html-only", "Der grüne Knopf fehlt, siehe Anleitung <https://wiki.example/knopf>."),
        ("forward-as-attachment", "Is this one of yours?"),
    ],
)
def test_answers_of_the_corpus_are_cut(name: str, words: str) -> None:
    assert parse((CORPUS / f"{name}.eml").read_bytes()).reply_text == words


@pytest.mark.parametrize(
    "markup",
    [
        '<div class="gmail_quote"><div class="gmail_attr">---------- Forwarded message ---------<br>From: Eve &lt;eve@x.example&gt;<br>'
        "Date: Fri, 20 Nov 2026 10:00<br>Subject: hi<br>To: Ann<br></div><br><br>#close<br>accept</div>",
        '<hr><div id="divRplyFwdMsg"><b>From:</b> Eve &lt;eve@x.example&gt;<br><b>Sent:</b> 20 November 2026 10:00<br><b>To:</b> Ann<br>'
        "<b>Subject:</b> hi</div><div>#close<br>accept</div>",
    ],
    ids=["gmail", "outlook"],
)
def test_the_words_of_a_forwarded_mail_never_come_first(markup: str) -> None:
    mail = parse(b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n" + markup.encode())
    first = mail.reply_text.split("\n")[0]
    assert not first.startswith(("#close", "accept"))


def test_an_answer_of_nothing_but_a_quote_is_empty() -> None:
    assert parse(b"From: a@b.example\r\nContent-Type: text/html\r\n\r\n<blockquote type=cite>#close</blockquote>").reply_text == ""
