"""By which words do mail programs of many languages mark old text, signatures and absence? Tables only: `fresh` and `classify` use them.

Everything is lower-cased and NFC. A word is listed because a mail program or a mail service writes it, not because it translates one.
"""

from __future__ import annotations


def _table(text: str) -> tuple[str, ...]:
    """The entries of a table, which semicolons part."""
    return tuple(" ".join(entry.split()) for entry in text.split(";"))


# The verb of an attribution: "On … Alice wrote:". Matched among the words of the line.
WROTE = _table("""
    wrote; writes; sent; said; schrieb; schreibt; geschrieben; a écrit; a ecrit; écrit; écrivait; escribió; escribio;
    escribiste; ha escrito; ha scritto; scrive; scritto; escreveu; escreva; schreef; geschreven; skrev; skrifaði; kirjoitti;
    kirjutas; napisał; napisała; napisał(a); pisze; napsal; napsala; napsal(a); napísal; napísala; napísal(a); napisal;
    napisala; napisao; napisao/la; je napisao; írta; ezt írta; a scris; написал; написала; написал(а); пишет; писал; написав;
    пише; написа; напиша; је написао; έγραψε; yazdı; şunları yazdı; rašė; rakstīja; shkroi; va escriure; idatzi du; escribiu;
    menulis; đã viết; เขียนว่า; เขียน; ने लिखा; כתב; כתבה; כתב/ה; מאת; كتب; كتبت; نوشت; 写道; 寫道;
    写到; のメール; さんは書きました; さんが書きました;
    wrote the following; 작성; 님이 작성; 님이 쓴 글; 쓴 글; に書きました; geskryf; scríobh; napisana przez; missatge de; thus spake;
    написао/ла; skrifar; kirjutab; zitat von; quoting; citando; citát; scrisse; følgende; följande
""")
# The first word of an attribution.
OPENERS = frozenset(
    _table("""
    *on; ----; 在; 於; 于; در; më; ar; o; na; pá; pi; wiadomość; missatge; a; am; am.; am:; at; dana; dana:; data; den; den:; dia;
    dne; dne.; dnia; dní; dňa; el; el.; el:; em; em:; from:; il;
    il.; in; it; kl.; la; le; le:; lúc; ma; ne; ng; on; on:; op; pada; pada.; pe; pe-data; på; quoted; quoting; tarihinde; trong; u;
    v; v:; vào; w; zitat; în; þann; στην; στις; в; в:; від; на; от; ב-; בתאריך; في; เมื่อ; ในวันที่; ở
""")
)
# Labels of the header block that Outlook and its kin write above the old mail, by what they stand for.
_FROM = _table("""
    from; de; von; da; van; od; från; fra; lähettäjä; feladó; от; від; από; gönderen; kimden; nuo; no; saatja; expéditeur;
    absender; remitente; mittente; remetente; afzender; avsändare; avsender; afsender; nadawca; odesílatel; odosielateľ;
    pošiljatelj; 発信者; 差出人; 发件人; 寄件者; 보낸사람; מאת; من; از; จาก; từ; dari; पाठवणारा; प्रेषक; frá; 보낸 사람; 寄件人;
    發件人; expeditor; odesílatel; šalje; од; sent by
""")
_DATE = _table("""
    trimis; date; sent; datum; gesendet; envoyé; envoye; fecha; enviado; inviato; data; verzonden; skickat; sendt; dato;
    lähetetty; päiväys; elküldve; küldve; dátum; отправлено; дата; надіслано; wysłano; odesláno; odeslané; odoslané; poslano;
    στάλθηκε; ημερομηνία; gönderildi; tarih; išsiųsta; nosūtīts; saadetud; kuupäev; 送信日時; 日付;
    发送时间; 日期; 寄件日期; 傳送時間; 時間; 时间;
    נשלח; תאריך; تاريخ; วันที่; ส่ง; dikirim; tanggal; poslané; изпратено; изпратен; senda; dagsetning; data enviada;
    enviada em; enviado el; enviado em; gönderilme tarihi; data wysłania; 보낸 날짜; تم الإرسال; đã gửi; ngày gửi; sent at; sent on;
    date et heure; datum en tijd; fecha y hora; дата и время; envoyé le; gesendet am; inviato il; ارسال شده; 날짜; gönderilen;
    gönderme tarihi; 傳送日期; 发送日期; послато;
    enviat; تاريخ الإرسال; भेजा गया; दिनांक
""")
_TO = _table("""
    an; à; a; to; para; aan; till; til; vastaanottaja; címzett; кому; до; do; komu; pre; za; către; προς; kime; alıcı; kam;
    kellele; destinataire; empfänger; destinatario; destinatário; odbiorca; příjemce; 宛先; 收件人;
    收件者; 받는사람; אל; إلى; به; ถึง; đến;
    tới; kepada; per; 받는 사람; către; destinatar; prima; primatelj; za; за; per a; प्रति; adressaat; ke
""")
_CC = _table("""
    cc; kopie; copie; copia; kopia; kopi; копия; копія; dw; bcc; ccc; másolat; κοιν.; bilgi; 抄送; 副本; 참조; העתק; نسخة; สำเนา;
    tembusan; cópia; másolatot kap
""")
_SUBJECT = _table("""
    subject; betreff; objet; asunto; oggetto; assunto; onderwerp; ämne; emne; aihe; tárgy; тема; относно; temat; předmět;
    predmet; subiect; θέμα; konu; tema; temats; teema; re; betrifft; 件名; 主题; 主題; 主旨; 제목; נושא; الموضوع; موضوع; เรื่อง; subjek;
    perihal; zadeva; efni; chủ đề; naslov; наслов; assumpte; विषय
""")
_OTHER = _table("""
    reply-to; importance; wichtigkeit; priority; priorité; priorität; anlagen; attachments; attachment; organization;
    organisation; newsgroups; message-id; resent-from; reply to; antworten an; répondre à; responder a; pièces jointes
""")
LABELS = {
    **dict.fromkeys(_OTHER, "other"),
    **dict.fromkeys(_CC, "cc"),
    **dict.fromkeys(_SUBJECT, "subject"),
    **dict.fromkeys(_TO, "to"),
    **dict.fromkeys(_DATE, "date"),
    **dict.fromkeys(_FROM, "from"),
}
# What stands between dashes, or alone before a colon, above a quoted or forwarded mail.
DIVIDERS = _table("""
    original message; original appointment; forwarded message; begin forwarded message; forwarded by; reply message;
    ursprüngliche nachricht; originalnachricht; original-nachricht; weitergeleitete nachricht; anfang der weitergeleiteten;
    ende der weitergeleiteten; message d'origine; message original; message d’origine; message initial; message transféré;
    début du message; mensaje original; mensaje reenviado; inicio del mensaje; messaggio originale; messaggio inoltrato;
    inizio messaggio; inizio del messaggio; mensagem original; mensagem encaminhada; mensagem reencaminhada; início da mensagem;
    oorspronkelijk bericht; origineel bericht; doorgestuurd bericht; begin doorgestuurd; ursprungligt meddelande;
    ursprungsmeddelande; originalmeddelande; vidarebefordrat; opprinnelig melding; oprindelig meddelelse; original meddelelse;
    videresendt; alkuperäinen viesti; välitetty viesti; wiadomość oryginalna; oryginalna wiadomość; wiadomość przekazana;
    původní zpráva; přeposlaná zpráva; pôvodná správa; eredeti üzenet; továbbított üzenet; исходное сообщение;
    пересылаемое сообщение; пересланное сообщение; оригинальное сообщение; оригінальне повідомлення; переслане повідомлення;
    оригинално съобщение; препратено съобщение; αρχικό μήνυμα; προωθημένο μήνυμα; özgün ileti; orijinal mesaj; iletilen mesaj;
    yönlendirilmiş ileti; mesaj original; mesaj redirecționat; izvorna poruka; originalna poruka; izvirno sporočilo;
    originalus laiškas; sākotnējā ziņa; algne kiri; missatge original; tin nhắn gốc; thư gốc; pesan asli; ข้อความต้นฉบับ;
    元のメッセージ; 元のメール; 転送メッセージ; original mail; 原始邮件; 原始郵件; 原邮件; 转发邮件;
    轉寄郵件; 원본 메일; 원본 메시지; 전달된 메일; הודעה מקורית; הודעה שהועברה;
    původní e-mail; özgün ileti; orijinal ileti; 邮件原件; sākotnējais ziņojums; pradinis pranešimas; originální zpráva;
    الرسالة الأصلية; رسالة معاد توجيهها; پیام اصلی; mezu originala; mensaxe orixinal; original message processed by
""")
# How a mobile program signs. The rest of the line is the device.
SENT_FROM = _table("""
    εστάλη από; 発信元; مرسل من; sent while mobile; sent on the go; get bluemail for; get typeapp for; enviado do yahoo;
    sent from; sent via; sent with; sent using; sent by my; get outlook for; download outlook for; von meinem;
    von unterwegs gesendet; gesendet von; gesendet mit; diese nachricht wurde von mein; envoyé de mon; envoyé depuis;
    envoyé à partir de; envoyé avec; envoyé par mon; enviado desde; enviado con; enviado do meu; enviado de mi; enviado a partir do;
    enviado através do; enviado via; inviato da; inviato dal; inviato con; verzonden vanaf; verstuurd vanaf; verzonden met;
    verstuurd vanuit; verzonden vanuit; skickat från; skickades från; sendt fra; sendt med; lähetetty; wysłane z; wysłano z;
    odesláno z; odoslané z; elküldve; iphone-ról küldve; отправлено с; отправлено из; надіслано з; изпратено от; στάλθηκε από;
    iphone'umdan gönderildi; iphone'dan gönderildi; trimis de pe; poslano z; poslano s; išsiųsta iš; nosūtīts no; saadetud minu;
    enviat des; gửi từ; đã gửi từ; dikirim dari; iphoneから送信; androidから送信; 发自我的; 從我的;
    傳送自; 发自; 나의 iphone에서 보냄; iphone에서 보냄; נשלח מה;
    أرسلت من; تم الإرسال من; ส่งจาก; outlook für; outlook voor; outlook pour; télécharger outlook; obtenir outlook; obtener outlook;
    ottieni outlook; scarica outlook; obter o outlook; baixar o outlook; holen sie sich outlook; hämta outlook; skaffa outlook;
    pobierz outlook; hent outlook
""")
# A last paragraph with a word of each of these three is such a notice, however it begins.
NOTICE = (
    _table("""
    confiden; privileged; vertraul; fortrolig; konfiden; luottamuksel; poufn; důvěrn; dôvern; bizalmas; конфиденциал; конфіденц;
    gizli; 保密; 机密; 機密; riservat; reservad; εμπιστευτικ; поверител; konfidens
"""),
    _table("""
    recipient; addressee; empfänger; adressat; destinat; geadresseerd; ontvanger; mottagare; modtager; mottaker; vastaanottaja;
    adresat; adresát; címzett; адресат; получател; одержувач; alıcı; 收件人; 发送给; 受信者; intended; παραλήπτη
"""),
    _table("""
    e-mail; email; message; mail; nachricht; mensaje; messagg; mensagem; bericht; meddeland; meddelelse; melding; viesti;
    wiadomo; zpráv; správ; üzenet; сообщени; повідомлення; съобщение; ileti; e-posta; courrier; courriel; correo; communication;
    comunicazione; transmission; 邮件; メール; μήνυμα; notice
"""),
)
# With such words people excuse what a telephone writes.
EXCUSES = _table("""
    excuse; brevity; typo; pardon; entschuldig; kürze; tippfehler; excusez; disculp; desculp; scusa; errori di battitura
""")
# How the notices begin that companies append below a mail …
LEGAL = _table("""
    confidentiality notice; disclaimer; legal disclaimer; this email and any; this e-mail and any; this message and any;
    this email is confidential; this e-mail is confidential; this email message is intended; this message is intended only;
    the information contained in this; the information in this e; this communication is; this email has been scanned;
    this e-mail may contain; this email may contain; this message may contain; this message contains confidential;
    please consider the environment; diese e-mail enthält; diese e-mail kann; diese nachricht enthält; diese e-mail und;
    diese mail enthält; der inhalt dieser e-mail; ce message et; ce courriel et; ce message est confidentiel; ce message contient;
    este mensaje y; este correo; este mensaje contiene; questo messaggio; le informazioni contenute; esta mensagem; este e-mail;
    dit bericht is; dit e-mailbericht; de informatie in dit; detta meddelande; denne e-post; denne mail; niniejsza wiadomość;
    treść tej wiadomości; tento e-mail; данное сообщение; настоящее сообщение; bu e-posta; virus-free.; virenfrei.; avast logo;
    aviso legal; avis de confidentialité; please think about the environment; think before you print; save paper;
    p please consider the environment; bitte denken sie an die umwelt; bitte prüfen sie der umwelt zuliebe; pensez à l'environnement;
    if you are not the intended; notice: this e; de informatie verzonden; antes de imprimir; prima di stampare; denk aan het
    milieu; this email has been checked for; this email was scanned;
    this message has been scanned; this e-mail has been scanned; this e-mail was scanned; diese e-mail wurde von avast;
    diese e-mail wurde auf viren; l'absence de virus dans; el software de antivirus; este email foi escaneado; este e-mail foi
    verificado;
    questa e-mail è stata controllata; ta wiadomość e-mail została sprawdzona; sin virus.; sem vírus.; bez wirusów.; garanti
    sans virus.
""")
# … and those that gateways put above it,
BANNERS = _table("""
    caution; warning; external; [external; [ext; attention; achtung; vorsicht; extern; [extern; attenzione; atención; atenção;
    let op; uwaga; varning
""")
# if one of these words is in them.
OUTSIDE = _table("""
    outside; external; extern; außerhalb; ausserhalb; extérieur; fuera; esterno; externo; buiten; zewnątrz; utanför
""")
# Subjects that only vendors' absence notices begin with; a colon, a dash or the end of the subject must follow.
ABSENCE = _table("""
    automatic reply; auto reply; auto-reply; autoreply; auto response; auto-response; autoresponse; automated reply;
    automated response; automatic response; out of office; out of the office; out of office reply; out of office autoreply;
    out-of-office; vacation; vacation reply; away from my mail; i am out of the office; autoresponder; auto:; [auto-reply];
    [autoreply]; automatische antwort; automatische antwoord; automatisch antwoord; automatische abwesenheitsnotiz;
    abwesenheitsnotiz; abwesenheit; abwesenheitsbenachrichtigung; abwesend; abwesenheitsagent; afwezigheidsbericht; afwezig;
    niet op kantoor; réponse automatique; réponse d'absence; absence du bureau; absent du bureau; message d'absence; absence;
    notification d'absence; respuesta automática; respuesta automatica; fuera de la oficina; fuera de oficina; ausente;
    resposta automática; resposta automatica; fora do escritório; ausência temporária; risposta automatica; fuori sede; assente;
    fuori ufficio; autosvar; automatiskt svar; automatisk svar; frånvaro; fravær; ikke på kontoret; ikke til stede;
    automaattinen vastaus; poissa; poissaoloviesti; odpowiedź automatyczna; automatyczna odpowiedź; nieobecność; poza biurem;
    automatická odpověď; mimo kancelář; nepřítomnost; automatická odpoveď; mimo kancelárie; automatikus válasz; házon kívül;
    автоответ; автоматический ответ; отсутствие на работе; вне офиса; автоматична відповідь; автовідповідь; автоматичен отговор;
    αυτόματη απάντηση; εκτός γραφείου; otomatik yanıt; ofis dışında; răspuns automat; automatski odgovor; samodejni odgovor;
    automatinis atsakymas; automātiskā atbilde; automaatvastus; balasan otomatis; trả lời tự động;
    自動返信; 自動応答; 不在通知; 不在のお知らせ; 自动回复;
    自動回覆; 自动答复; 外出; 자동 회신; 부재중; תשובה אוטומטית; מענה אוטומטי; מענה 'אני לא נמצא';
    رد تلقائي; الرد التلقائي; ตอบกลับอัตโนมัติ;
    resposta automàtica; sjálfvirkt svar
""")
