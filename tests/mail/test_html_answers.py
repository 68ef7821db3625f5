"""What is new in HTML, in the markup of each mail program: its quotes, signatures and header boxes are known by their structure."""

from __future__ import annotations

import pytest

from mailgate.mail.parse import parse

NEW = "The new words."
MARKUP = {
    "gmail": (
        '<div dir="ltr">The new words.</div><br><div class="gmail_quote"><div dir="ltr" class="gmail_attr">'
        "On Fri, 20 Nov 2026 at 10:00, Ann Lee &lt;<a href='mailto:ann@example.com'>ann@example.com</a>"
        "&gt; wrote:<br></div>"
        '<blockquote class="gmail_quote" style="margin:0px 0px 0px 0.8ex;border-left:1px solid rgb(204,204,204);pa'
        'dding-left:1ex"><p>old words</p></blockquote></div>'
    ),
    "gmail container": (
        '<div dir="ltr">The new words.</div><br><div class="gmail_quote gmail_quote_container">'
        '<div dir="ltr" class="gmail_attr">'
        "On Fri, 20 Nov 2026 at 10:00, Ann Lee &lt;<a href='mailto:ann@example.com'>ann@example.com</a>"
        '&gt; wrote:<br></div><blockquote class="gmail_quote"><p>old words</p></blockquote></div>'
    ),
    "gmail sig": (
        '<div dir="ltr">The new words.<div><br></div><span class="gmail_signature_prefix">-- </span><br>'
        '<div dir="ltr" class="gmail_signature"><b>Bob</b><br>CEO</div></div><div class="gmail_quote">'
        "<div class=\"gmail_attr\">On Fri, 20 Nov 2026 at 10:00, Ann Lee &lt;<a href='mailto:ann@example.com'>"
        'ann@example.com</a>&gt; wrote:</div><blockquote class="gmail_quote"><p>old words</p></blockquote></div>'
    ),
    "outlook": (
        "<div class=WordSection1><p class=MsoNormal>The new words.</p><p class=MsoNormal><o:p>&nbsp;</o:p></p>"
        '<div><div style="border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0in 0in 0in">'
        "<p class=MsoNormal><b>From:</b> Ann Lee &lt;ann@example.com&gt; <br><b>Sent:</b>"
        " Friday, November 20, 2026 10:00 AM<br><b>To:</b> Desk<br><b>Subject:</b> x<o:p></o:p></p></div></div>"
        "<p class=MsoNormal>old</p></div>"
    ),
    "outlook 2007": (
        "<div class=Section1><p>The new words.</p>"
        '<div style="border:none;border-top:solid #B5C4DF 1.0pt;padding:3.0pt 0cm 0cm 0cm"><p><b>Von:</b>'
        " Ann [mailto:a@b.example] <br><b>Gesendet:</b> Freitag, 20. November 2026 10:00<br><b>An:</b> Bob<br><b>"
        "Betreff:</b> x</p></div><p>old</p></div>"
    ),
    "owa": (
        '<div id="divtagdefaultwrapper"><p>The new words.</p></div>'
        '<hr style="display:inline-block;width:98%" tabindex="-1"><div id="divRplyFwdMsg" dir="ltr"><font><b>'
        "From:</b> Ann<br><b>Sent:</b> Friday<br><b>To:</b> x<br><b>Subject:</b> y</font></div><div>old</div>"
    ),
    "owa x_": (
        '<div><p>The new words.</p></div><hr tabindex="-1"><div id="x_divRplyFwdMsg" dir="ltr"><b>From:</b> Ann</div><div>old</div>'
    ),
    "outlook ios": (
        '<div>The new words.</div><div id="ms-outlook-mobile-signature">Get <a href="https://aka.ms/o0ukef">'
        'Outlook for iOS</a></div><hr><div id="divRplyFwdMsg"><b>From:</b> Ann<br></div>old'
    ),
    "outlook mac": (
        '<body><div>The new words.</div><div><br></div><span id="OLK_SRC_BODY_SECTION">'
        '<div style="font-family:Calibri; border-top: #b5c4df 1pt solid"><span>From: </span> Ann<br>'
        "Date: Friday</div>old</span></body>"
    ),
    "outlook.com": (
        '<div dir="ltr">The new words.<br><div><hr id="stopSpelling">Date: Fri, 20 Nov 2026<br>'
        "From: a@b.example<br>To: x<br>Subject: y<br><br>old</div></div>"
    ),
    "apple": (
        '<html><body>The new words.<div><br><blockquote type="cite"><div>'
        "On Nov 20, 2026, at 10:00, Ann Lee &lt;ann@example.com&gt; wrote:</div>"
        '<br class="Apple-interchange-newline"><div>old</div></blockquote></div></body></html>'
    ),
    "apple ios": (
        '<html><body dir="auto">The new words.<br><br><div dir="ltr">Sent from my iPhone</div><div dir="ltr"><br>'
        '<blockquote type="cite">On Nov 20, 2026, at 10:00, Ann &lt;a@b.example&gt; wrote:<br><br></blockquote>'
        '</div><blockquote type="cite"><div>old</div></blockquote></body></html>'
    ),
    "apple old": (
        "<html><body>The new words.<div><br><div><div>On Nov 20, 2026, at 10:00 AM, Ann Lee wrote:</div>"
        '<br class="Apple-interchange-newline"><blockquote type="cite"><div>old</div></blockquote></div></div>'
        "</body></html>"
    ),
    "thunderbird": (
        '<div class="moz-cite-prefix">On 11/20/2026 10:00 AM, Ann Lee wrote:<br></div>'
        '<blockquote type="cite" cite="mid:x"><p>old</p></blockquote><p>The new words.</p>'
        '<div class="moz-signature">-- <br>Bob</div>'
    ),
    "yahoo": (
        '<div class="yahoo-style"><div dir="ltr">The new words.</div></div>'
        '<div id="yahoo_quoted_123" class="yahoo_quoted"><div>On Friday, Ann wrote:</div>old</div>'
    ),
    "yahoo x": (
        '<div class="ydp1yiv">The new words.</div><div class="ydpquoted yahoo_quoted">'
        "On Friday, 20 November 2026, Ann &lt;a@b.example&gt; wrote:<br>old</div>"
    ),
    "yahoo android": (
        '<div>The new words.</div><div id="ymail_android_signature">'
        '<a href="https://overview.mail.yahoo.com/mobile/?.src=Android">Sent from Yahoo Mail on Android</a></div>'
        '<br><blockquote style="margin: 0 0 20px 0;"><div>On Fri, 20 Nov 2026 at 10:00, Ann</div><div>'
        "&lt;a@b.example&gt; wrote:</div><div>old</div></blockquote>"
    ),
    "gmx": (
        '<div style="font-family: Verdana;"><div>The new words.</div><div>'
        '&nbsp;<div name="quote" style="margin:10px 5px 5px 10px; padding: 10px 0 10px 10px; border-left:2px solid'
        ' #C3D9E5;"><div style="margin:0 0 10px 0;"><b>Gesendet:</b>'
        '&nbsp;Freitag, 20. November 2026 um 10:00 Uhr<br/><b>Von:</b>&nbsp;"Ann Lee" &lt;a@b.example&gt;<br/><b>'
        'An:</b>&nbsp;x@y.example<br/><b>Betreff:</b>&nbsp;x</div><div name="quoted-content">old</div></div></div>'
        "</div>"
    ),
    "proton": (
        '<div>The new words.</div><div class="protonmail_signature_block">'
        '<div class="protonmail_signature_block-proton">Sent with Proton Mail</div></div>'
        '<div class="protonmail_quote">On Friday, Ann wrote:<br><blockquote class="protonmail_quote" type="cite">'
        "old</blockquote></div>"
    ),
    "zoho": (
        '<div>The new words.</div><div class="zmail_extra_hr" style="border-top: 1px solid"></div>'
        '<div class="zmail_extra" style=""><div id="Zm-_Id_-Sgn1">---- On Fri, 20 Nov 2026 10:00:00 +0100 <b>'
        "Ann</b> wrote ----<br></div><blockquote>old</blockquote></div>"
    ),
    "zoho2": (
        '<div>The new words.</div><div data-zbluepencil-ignore="true" class="zmail_extra_hr"></div>'
        '<div class="zmail_extra" data-zbluepencil-ignore="true"><div id="Zm-_Id_-Sgn1">'
        "---- On Fri, 20 Nov 2026 10:00:00 +0100 Ann &lt;a@b.example&gt; wrote ---<br></div><blockquote>"
        "old</blockquote></div>"
    ),
    "notes": (
        "<font size=2>The new words.</font><br><br><br><table width=100%><tr><td><font size=1>"
        "From: &nbsp; &nbsp;</font><td><font size=1>Ann Lee/ACME</font><tr><td><font size=1>To:</font><td>"
        "<font size=1>desk@example.com</font><tr><td><font size=1>Date:</font><td><font size=1>"
        "20.11.2026 10:00</font><tr><td><font size=1>Subject:</font><td>x</table><hr noshade><br>old"
    ),
    "samsung": (
        '<div dir="auto">The new words.</div><div id="composer_signature" dir="auto">'
        '<meta http-equiv="Content-Type"><div style="font-size:85%">Von meinem/meiner Galaxy gesendet</div></div>'
        '<div><br></div><div style="font-size:100%;color:#000000" dir="auto"><!-- originalMessage --><div>'
        "-------- Ursprüngliche Nachricht --------</div><div>Von: Ann &lt;a@b.example&gt; </div><div>"
        "Datum: 20.11.26  10:00  (GMT+01:00) </div><div>An: x@y.example </div><div>Betreff: x </div><div><br>"
        "</div></div><div>old</div>"
    ),
    "k9": (
        'The new words.<br><br><div class="gmail_quote">'
        'Am 20. November 2026 10:00:00 MEZ schrieb Ann &lt;a@b.example&gt;:<blockquote class="gmail_quote">'
        "old</blockquote></div><br>-- <br>Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet."
    ),
    "hotmail": (
        '<div dir="ltr">The new words.</div><br><br>&gt; Date: Fri, 20 Nov 2026 10:00:00 +0100<br>'
        "&gt; From: a@b.example<br>&gt; To: x@y.example<br>&gt; Subject: x<br>&gt; <br>&gt; old"
    ),
    "windows mail": (
        "<div>The new words.</div><div><br></div><div>"
        'Sent from <a href="https://go.microsoft.com/fwlink/?LinkId=550986">Mail</a> for Windows</div><div><br>'
        "</div>"
        '<div style="mso-element:para-border-div;border:none;border-top:solid #E1E1E1 1.0pt;padding:3.0pt 0cm 0cm '
        '0cm"><p style="border:none;padding:0cm"><b>From: </b><a href="mailto:a@b.example">Ann</a><br><b>'
        "Sent: </b>Friday, 20 November 2026 10:00<br><b>To: </b>x<br><b>Subject: </b>y</p></div><p>old</p>"
    ),
    "qq": (
        '<div>The new words.</div><div><br></div><div style="font-size: 12px;padding:2px 0 2px 0;">'
        "------------------&nbsp;原始邮件&nbsp;------------------</div>"
        '<div style="font-size: 12px;background:#efefef;padding:8px;"><div><b>发件人:</b>'
        '&nbsp;"Ann"&lt;a@b.example&gt;;</div><div><b>发送时间:</b>&nbsp;2026年11月20日(星期五) 上午10:00</div><div><b>'
        '收件人:</b>&nbsp;"x"&lt;x@y.example&gt;;</div><div><b>主题:</b>&nbsp;x</div></div><div>old</div>'
    ),
    "163": (
        '<div style="line-height:1.7">The new words.<br/><br/><div id="divNeteaseMailCard"></div><br/>'
        'At 2026-11-20 10:00:00, "Ann" &lt;a@b.example&gt; wrote:<br/>'
        ' <blockquote id="isReplyContent" style="PADDING-LEFT: 1ex; MARGIN: 0px 0px 0px 0.8ex; BORDER-LEFT: #ccc 1'
        'px solid">old</blockquote></div>'
    ),
    "mailru": (
        "<div>The new words.</div>"
        '<blockquote style="border-left:1px solid #0857A6; margin:10px; padding:0 0 0 10px;">'
        "Пятница, 20 ноября 2026, 10:00 +03:00 от Ann &lt;a@b.example&gt;:<br><div>old</div></blockquote>"
    ),
    "yandex": (
        '<div>The new words.</div><div>&nbsp;</div><div>20.11.2026, 10:00, "Ann" &lt;a@b.example&gt;:</div>'
        "<blockquote><div>old</div></blockquote>"
    ),
    "front": (
        '<div>The new words.<div class="front-signature">Bob</div>'
        '<blockquote type="cite" class="front-blockquote">On November 20, Ann wrote:<br>old</blockquote></div>'
    ),
    "spark": (
        '<div name="messageBodySection">The new words.</div><div name="messageSignatureSection"><br>Bob</div>'
        '<div name="messageReplySection">On 20 Nov 2026, 10:00 +0100, Ann &lt;a@b.example&gt;, wrote:<br>'
        '<blockquote type="cite" class="spark_quote">old</blockquote></div>'
    ),
    "airmail": (
        '<div id="bloop_customfont">The new words.</div><div id="bloop_sign_1"></div><p class="airmail_on">'
        "On November 20, 2026 at 10:00:00 AM, Ann (a@b.example) wrote:</p>"
        ' <blockquote type="cite" class="clean_bq">old</blockquote>'
    ),
    "mailbird": (
        '<div class="__mbBody">The new words.</div><div class="mb_sig"></div>'
        '<blockquote class="history_container" type="cite"><p>On 20/11/2026 10:00, Ann wrote:</p>old</blockquote>'
    ),
    "superhuman": (
        '<div>The new words.</div><div class="gmail_signature">Sent via <a href="https://sprh.mn">Superhuman</a>'
        '</div><br><div class="gmail_quote">On Fri, Ann wrote:<blockquote class="gmail_quote">old</blockquote>'
        "</div>"
    ),
    "newton": (
        '<div>The new words.</div><div class="cm_quote" style="color:#787878">'
        'On Fri, 20 Nov 2026 at 10:00am Ann &lt;<a href="mailto:a@b.example">a@b.example</a>&gt; wrote:<br></div>'
        '<div id="oldcontent"><blockquote>old</blockquote></div>'
    ),
    "fastmail": (
        "<div>The new words.</div><div>On Fri, 20 Nov 2026, at 10:00 AM, Ann wrote:<br></div>"
        '<blockquote type="cite" id="qt">old</blockquote>'
    ),
    "roundcube": (
        '<p>The new words.</p><p id="reply-intro">On 2026-11-20 10:00, Ann wrote:</p>'
        '<blockquote type="cite" style="padding: 0 0.4em; border-left: #1010ff 2px solid; margin: 0">'
        'old</blockquote><div id="signature">-- <br>Bob</div>'
    ),
    "zimbra": (
        '<div>The new words.</div><hr id="zwchr" data-marker="__DIVIDER__"><div data-marker="__HEADERS__"><b>'
        'From: </b>"Ann" &lt;a@b.example&gt;<br><b>To: </b>"x" &lt;x@y.example&gt;<br><b>Sent: </b>'
        "Friday, November 20, 2026 10:00:00 AM<br><b>Subject: </b>x<br></div><br>"
        '<div data-marker="__QUOTED_TEXT__">old</div>'
    ),
    "horde": (
        "<p>The new words.</p><p>Zitat von Ann &lt;a@b.example&gt;:</p>"
        '<blockquote type="cite" style="border-left:2px solid blue;margin-left:2px;padding-left:12px;">'
        "old</blockquote>"
    ),
    "outlook fr web": (
        '<div class="elementToProof">The new words.</div><div id="appendonsend"></div><hr><div id="divRplyFwdMsg">'
        "<b>De :</b> Ann<br><b>Envoyé :</b> vendredi<br></div>old"
    ),
    "outlook new": (
        '<div class="elementToProof">The new words.</div><div id="mail-editor-reference-message-container"><div>'
        '<div style="text-align:left;padding:3pt 0in 0in;border-width:1pt medium medium;border-style:solid none no'
        'ne;border-color:rgb(225, 225, 225) currentcolor currentcolor"><b>From: </b>Ann &lt;a@b.example&gt;<br><b>'
        "Date: </b>Friday, 20 November 2026 at 10:00<br><b>To: </b>x<br><b>Subject: </b>y</div>old</div></div>"
    ),
    "tutanota": (
        '<div>The new words.</div><br>20. Nov. 2026, 10:00 von a@b.example:<br><blockquote class="tutanota_quote">old</blockquote>'
    ),
    "freshdesk": (
        '<div>The new words.</div><div class="freshdesk_quote"><blockquote class="freshdesk_quote">'
        "On Fri, 20 Nov at 10:00 AM , Desk &lt;desk@example.org&gt; wrote:<br>old</blockquote></div>"
    ),
    "zendesk": ('<p>The new words.</p><div class="zd-comment"></div><blockquote>##- x -## old</blockquote>'),
    "bottom gmail": (
        "<div class=\"gmail_attr\">On Fri, 20 Nov 2026 at 10:00, Ann Lee &lt;<a href='mailto:ann@example.com'>"
        'ann@example.com</a>&gt; wrote:</div><blockquote class="gmail_quote"><p>old words</p></blockquote><div>'
        "The new words.</div>"
    ),
    "intercom": ('<div>The new words.</div><div class="intercom-container"></div><blockquote>old</blockquote>'),
    "evolution": (
        "<div>The new words.</div><div>On Fri, 2026-11-20 at 10:00 +0100, Ann wrote:</div>"
        '<blockquote type="cite" style="margin:0 0 0 .8ex; border-left:2px #729fcf solid;padding-left:1ex">'
        "old</blockquote><div><span><pre>-- <br></pre>Bob</span></div>"
    ),
    "kmail": ("<p>The new words.</p><p>On Friday, 20 November 2026 10:00:00 CET Ann wrote:</p><p>&gt; old</p><p>&gt; more</p>"),
    "yahoo renamed": (
        '<div class="ydp1a2byahoo-style-wrap">The new words.</div><div class="ydp1a2bsignature"><p>Bob</p></div>'
        '<div id="ydp1a2byahoo_quoted_1" class="ydp1a2byahoo_quoted"><div>On Friday Ann:</div>old</div>'
    ),
    "windows mail, signed": (
        '<div>The new words.</div><div data-signatureblock="true"><div>Bob</div></div>'
        '<div style="padding-top: 5px; border-top-style: solid;"><b>От:</b>&nbsp;Ann &lt;a@b.example&gt;<br>'
        "<b>Отправлено:</b>&nbsp;пятница, 20 ноября 2026 г. 15:05<br><b>Кому:</b>&nbsp;Bob</div><div>old</div>"
    ),
    "edison": (
        '<div id="edo-message">The new words.</div><div id="edo-signature">Bob</div><div id="edo-original">On Nov 20 Ann<br>old</div>'
    ),
    "gmx new": (
        '<div>The new words.</div><div class="signature">Bob</div><div><b>Gesendet:</b> Freitag, 20. November 2026 um 10:00<br>'
        "<b>Von:</b> Ann &lt;a@b.example&gt;<br><b>An:</b> Bob<br><b>Betreff:</b> x</div><div>old</div>"
    ),
    "zammad": (
        '<div>The new words.<br><div data-signature="true" data-signature-id="1">Bob</div></div><blockquote type="cite">old</blockquote>'
    ),
    "odoo": (
        '<div>The new words.</div><div data-o-mail-quote="1">On Friday Ann wrote<br>old</div><span data-o-mail-quote="1">-- <br>Bob</span>'
    ),
    "two labels in a line": (
        "<p>The new words.</p><div><hr><font><b>From: a@b.example</b> <b>Date: Fri, 20 Nov 2026 08:07:12 -0700</b></font></div><p>old</p>"
    ),
    "groupwise": "<div>The new words.</div><div>&gt;&gt;&gt; Ann &lt;a@b.example&gt; 20.11.2026 10:00 &gt;&gt;&gt;<br></div><div>old</div>",
    "outlook with a rule": (
        '<div class=Section1><p>The new words.</p><div align=center><hr size=3 width="100%" align=center tabindex=-1></div>'
        "<p><b>From:</b> Ann [mailto:a@b.example]<br><b>Sent:</b> Friday, November 20, 2026 1:53 PM<br><b>To:</b> Bob<br>"
        "<b>Subject:</b> x</p><p>old</p></div>"
    ),
    "ios mail de": (
        '<html><body dir="auto"><div dir="ltr">The new words.</div><div dir="ltr"><br>'
        'Von meinem iPhone gesendet</div><div dir="ltr"><br><blockquote type="cite">'
        "Am 20.11.2026 um 10:00 schrieb Ann &lt;a@b.example&gt;:<br><br></blockquote></div>"
        '<blockquote type="cite"><div dir="ltr">&#65279;old</div></blockquote></body></html>'
    ),
}
FORWARDED = (
    "---------- Forwarded message ---------<br>From: Ann &lt;a@b.example&gt;<br>Date: Fri, 20 Nov 2026 at 10:00<br>Subject: x<br>"
    "To: b@c.example<br>"
)


def fresh(markup: str) -> str:
    mail = parse(b"From: a@b.example\r\nContent-Type: text/html; charset=utf-8\r\n\r\n" + markup.encode())
    return " ".join(mail.reply_text.split())


@pytest.mark.parametrize("program", MARKUP)
def test_only_the_new_words_of_an_html_answer_are_new(program: str) -> None:
    assert fresh(MARKUP[program]) == NEW


def test_a_forward_with_words_above_gives_those_words() -> None:
    assert fresh(f'<div>{NEW}<br><div class="gmail_quote"><div class="gmail_attr">{FORWARDED}</div><div>Old.</div></div></div>') == NEW


@pytest.mark.parametrize(
    "markup",
    [
        f'<br><div class="gmail_quote"><div class="gmail_attr">{FORWARDED}</div><div>Passed on.</div></div>',
        f'<br><blockquote type="cite">{FORWARDED.replace("---------- Forwarded message ---------", "Begin forwarded message:")}'
        "<br>Passed on.</blockquote>",
    ],
)
def test_of_a_bare_forward_the_old_mail_is_what_it_says(markup: str) -> None:
    said = fresh(markup)
    assert said.endswith("Passed on.")
    assert "From: Ann" in said


def test_answers_below_and_between_quotes_of_html_alone_are_new() -> None:
    quote = '<blockquote type="cite">old</blockquote>'
    assert (
        fresh(f"<div>On 20 Nov 2026, at 10:00, Ann &lt;a@b.example&gt; wrote:</div>{quote}<p>{NEW}</p>{quote}<p>More.</p>")
        == f"{NEW} More."
    )


def test_what_stands_between_an_attribution_and_its_quote_is_no_answer() -> None:
    markup = "<p>On Fri, 20 Nov 2026, Bob &lt;b@c.example&gt; wrote:</p><p>#close</p><blockquote>a</blockquote><p>#close</p>"
    assert fresh(markup) == ""
