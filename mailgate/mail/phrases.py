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
    написао/ла; skrifar; kirjutab; zitat von; quoting; citando; citát; scrisse; følgende; följande;
    のメッセージ; 作成しました; 작성하였습니다; 작성했습니다; 님이 보낸 메일; viết; aliandika; ameandika; isinulat ni; sumulat; wabhala;
    yazıb; yozdi; жазды; бичсэн; წერს; დაწერა; მიერ დაწერილი; գրել է; գրել է.; ysgrifennodd; schrieben sie; nous a dit; says;
    লিখেছেন; எழுதியது; எழுதினார்; రాసారు; వ్రాశారు; ಬರೆದಿದ್ದಾರೆ; എഴുതി; એ લખ્યું; ਨੇ ਲਿਖਿਆ; यांनी लिहिले; लेख्नुभयो; ලිව්වා; نے لکھا; បានសរសេរ; ຂຽນ;
    ጻፈ; nadesłał; nadesłała; escriu; a scrisu; sent you; napisano; napísané
""")
# The first word of an attribution.
OPENERS = frozenset(
    _table("""
    *on; ----; 在; 於; 于; در; më; ar; o; na; pá; pi; wiadomość; missatge; a; am; am.; am:; at; dana; dana:; data; den; den:; dia;
    dne; dne.; dnia; dní; dňa; el; el.; el:; em; em:; from:; il;
    il.; in; it; kl.; la; le; le:; lúc; ma; ne; ng; on; on:; op; pada; pada.; pe; pe-data; på; quoted; quoting; tarihinde; trong; u;
    v; v:; vào; ngày; noong; mnamo; den.; um; w; zitat; în; þann; στην; στις; в; в:; від; на; от; ב-; בתאריך; في; เมื่อ; ในวันที่; ở
""")
)
# Labels of the header block that Outlook and its kin write above the old mail, by what they stand for.
_FROM = _table("""
    from; de; von; da; van; od; från; fra; lähettäjä; feladó; от; від; από; gönderen; kimden; nuo; no; saatja; expéditeur;
    absender; remitente; mittente; remetente; afzender; avsändare; avsender; afsender; nadawca; odesílatel; odosielateľ;
    pošiljatelj; 発信者; 差出人; 发件人; 寄件者; 보낸사람; מאת; من; از; จาก; từ; dari; पाठवणारा; प्रेषक; frá; 보낸 사람; 寄件人;
    發件人; expeditor; šalje; од; sent by; de la; kitől; küldő; отправитель; от кого; від кого; подател; изпратено от; шаље; αποστολέας;
    kellelt; sūtītājs; siuntėjas; nga; igorlea; oddi wrth; daripada; mula kay; người gửi; ผู้ส่ง; 送信者; 発件人; 发信人; 보낸이; מ; المرسل;
    فرستنده; থেকে; அனுப்புநர்; kimdən; кімнен; საიდან; kutoka; envoyé par; gesendet von; inviato da
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
    enviat; تاريخ الإرسال; भेजा गया; दिनांक; verschickt; enviada; enviados; data invio; data de envio; fecha de envío; verstuurd;
    päivämäärä; wysłane; послано; испратено; датум; ημ/νία; datums; poslato; dërguar; enviado o; anfonwyd; dihantar; terkirim;
    ipinadala; ngày; 日時; 發送時間; 보낸시간; 보낸 시간; 발송시간; 日付け; التاريخ; تاریخ; তারিখ; தேதி; tarix; күні; თარიღი; tarehe;
    date sent; sent date; date d'envoi; received; empfangen; reçu; recibido; ricevuto; дата отправки; tid; gesendet um
""")
_TO = _table("""
    an; à; a; to; para; aan; till; til; vastaanottaja; címzett; кому; до; do; komu; pre; za; către; προς; kime; alıcı; kam;
    kellele; destinataire; empfänger; destinatario; destinatário; odbiorca; příjemce; 宛先; 收件人;
    收件者; 받는사람; אל; إلى; به; ถึง; đến;
    tới; kepada; per; 받는 사람; destinatar; prima; primatelj; за; per a; प्रति; adressaat; ke; kinek; получатель; получател; прима;
    παραλήπτης; saaja; saņēmējs; gavėjas; prejemnik; príjemca; për; nori; untuk; para kay; người nhận; ผู้รับ; 受信者; 收信人; 받는이; ל;
    المستلم; گیرنده; প্রাপক; பெறுநர்; kimə; кімге; ვის; kwa; ontvanger; mottagare; mottaker; modtager; одержувач; envoyé à; pour
""")
_CC = _table("""
    cc; kopie; copie; copia; kopia; kopi; копия; копія; dw; bcc; ccc; másolat; κοιν.; bilgi; 抄送; 副本; 참조; העתק; نسخة; สำเนา;
    tembusan; cópia; másolatot kap
""")
_SUBJECT = _table("""
    subject; betreff; objet; asunto; oggetto; assunto; onderwerp; ämne; emne; aihe; tárgy; тема; относно; temat; předmět;
    predmet; subiect; θέμα; konu; tema; temats; teema; re; betrifft; 件名; 主题; 主題; 主旨; 제목; נושא; الموضوع; موضوع; เรื่อง; subjek;
    perihal; zadeva; efni; chủ đề; naslov; наслов; assumpte; विषय; sujet; предмет; subjekti; gaia; pwnc; paksa; tiêu đề; หัวเรื่อง; หัวข้อ;
    題名; 标题; 題目; বিষয়; தலைப்பு; mövzu; тақырыбы; თემა; mada; dotyczy; věc; emnet
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
    الرسالة الأصلية; رسالة معاد توجيهها; پیام اصلی; reenviado por; reenviada por; encaminhado por; transféré par; weitergeleitet von;
    inoltrato da; doorgestuurd door; videresendt av; videresendt af; vidarebefordrat av; przesłane przez; переслано; 下面是被转发的;
    開始轉寄; 転送された; 전달된 메시지; mezu originala; mensaxe orixinal; original message processed by
""")
# Words for a message …
MESSAGES = _table("""
    message; messag; mail; nachricht; mitteilung; courri; mensaje; mensagem; missatge; mensaxe; mesaj; bericht; meddel; besked;
    melding; brev; viesti; wiadomo; zpráv; správ; üzenet; levél; сообщени; письм; повідомлен; лист; съобщени; порук; пораки; μήνυμα;
    μηνύμα; ileti; poruk; sporočil; laišk; pranešim; ziņ; vēstul; kiri; tin nhắn; thư; pesan; ข้อความ; メッセージ; メール; 邮件; 郵件;
    訊息; 消息; 信息; 메일; 메시지; הודע; رسال; پیام; skeyti; mezu; termin; appointment
""")
# … and for what became of it: between dashes, one of each divides, in whatever order a language has them.
PASSED_ON = _table("""
    original; originál; origine; initial; ursprüng; ursprung; forward; fwd; reply; replied; antwort; weitergel; reenvi; reencamin;
    encaminh; redirec; transf; réexp; inoltr; doorgest; oorspr; vidareb; videres; opprinn; oprind; alkuper; välit; oryginal; przekaz;
    przesłan; původ; přepos; přeposl; pôvod; prepos; eredet; továbbít; исходн; оригинал; оригінал; пересыл; переслан; переадрес;
    перенаправ; початков; пересила; препрат; прослеђ; αρχικ; προωθ; özgün; orijinal; iletil; başlangıc; yönlendir; izvor; izvir; original;
    proslije; prosleđ; posredov; persiųs; pradin; pārsūt; sākotn; edastat; algne; upprunal; framsen; gốc; chuyển tiếp; asli;
    terusan; meneruskan; diteruskan; ต้นฉบับ; ส่งต่อ; 元の; 転送; 原始; 原邮; 原郵; 转发; 轉寄; 轉發; 回复; 回覆; 원본; 전달;
    מקורית; הועבר; מועבר; شده; أصلي; توجيه; تحويل; اصلی; origin
""")
# How a mobile program signs. The rest of the line is the device.
SENT_FROM = _table("""
    εστάλη από; 発信元; مرسل من; sent while mobile; sent on the go; get bluemail for; get typeapp for; enviado do yahoo;
    sent from; sent via; sent with; sent using; sent by my; get outlook for; get the outlook; download outlook; gesendet von;
    gesendet mit; gesendet vom; diese nachricht wurde von mein; diese e-mail wurde von mein; envoyé de mon; envoyé de ma;
    envoyé depuis; envoyé à partir de; envoyé avec; envoyé via; envoyé par mon; enviado desde; enviado con; enviado do meu; enviado de mi;
    enviado a partir do; enviado através do; enviado via; enviado pelo; inviato da; inviato dal; inviato con; verzonden vanaf;
    verstuurd vanaf; verzonden met; verstuurd vanuit; verzonden vanuit; verzonden van mijn; skickat från; skickades från;
    skickat med; sendt fra; sendt med; wysłane z; wysłano z; odesláno z; odoslané z; отправлено с; отправлено из; надіслано з;
    відправлено з; изпратено от; στάλθηκε από; trimis de pe; poslano z; poslano s; išsiųsta iš; nosūtīts no; saadetud minu;
    enviat des; gửi từ; đã gửi từ; được gửi từ; dikirim dari; dihantar daripada; ส่งจาก; נשלח מה; أرسلت من; تم الإرسال من;
    outlook für; outlook voor; outlook pour; télécharger outlook; obtenir outlook; obtener outlook; ottieni outlook;
    scarica outlook; obter o outlook; baixar o outlook; holen sie sich outlook; hämta outlook; skaffa outlook; pobierz outlook;
    hent outlook; provenance : courrier; secured with; 傳送自; 发自我的; 發自我的
""")
# More of its beginnings, and its ends, which mean it only where a device or program is named between.
SENT = _table("""
    from my; sent by; sent on; sent wirelessly; sent ón; sent úr; sent frá; von meinem; von meiner; envoyé; enviad; enviat; inviat;
    elküldve; küldve; lähetetty; wysłan; odeslán; odoslan; отправлено; надіслано; изпратено; послато; poslato; poslano; poslané;
    trimis; išsiųsta; nosūtīt; saadetud; ipinadala; från min; fra min; dikirim; 发自; 发送自; 来自; 傳送; 取得; 获取; أرسل; أُرسل;
    أُرسلت; ارسال شده; נשלח
""")
SENT_ENDS = _table("""
    보냈습니다; 보낸 메일; 발송; ارسال شد; भेजा गया; küldve; gönderildi; gesendet; beziehen; downloaden; verzonden; letöltése; を入手; edinin
""")
SENT_AROUND = (("从", "发送"), ("從", "傳送"), ("從", "發送"))
DEVICES = _table("""
    iphone; ipad; ipod; android; ios; galaxy; samsung; huawei; xiaomi; redmi; oneplus; pixel; blackberry; nokia; htc; outlook; gmail;
    yahoo; proton; tuta; windows; smartphone; smarttelefon; viedtālru; nutitelefon; handy; mobil; móvil; celular; telemóvel; mòbil;
    telefon; telefoon; téléphone; tablet; phone; puhelin; телефон; смартфон; айфон; κινητό; ponsel; điện thoại; آیفون; آيفون; هاتف;
    手机; 手機; 小米; 华为; 華為; スマートフォン; 携帯; 아이폰; 갤럭시; 스마트폰; 휴대; נייד; אייפון
""")
# A last paragraph with a word of each of these three is such a notice, however it begins.
NOTICE = (
    _table("""
    confiden; privileged; vertraul; fortrolig; konfiden; luottamuksel; poufn; důvěrn; dôvern; bizalmas; конфиденциал; конфіденц;
    gizli; 保密; 机密; 機密; riservat; reservad; εμπιστευτικ; поверител; konfidens; povjerljiv; poverljiv; zaupn; 기밀; חסוי; סודי; سري;
    محرمانه; bảo mật; rahasia; sulit; gizlidir; ความลับ; gizlilik
"""),
    _table("""
    recipient; addressee; empfänger; adressat; destinat; geadresseerd; ontvanger; mottagare; modtager; mottaker; vastaanottaja;
    adresat; adresát; címzett; адресат; получател; одержувач; alıcı; 收件人; 发送给; 受信者; intended; παραλήπτη; primatelj; primaoc;
    naslovnik; gavėj; adresāt; adressaa; 수신인; 수신자; נמען; מיועד; مستلم; المرسل إليه; گیرنده; người nhận; penerima; ผู้รับ
"""),
    _table("""
    e-mail; email; message; mail; nachricht; mensaje; messagg; mensagem; bericht; meddeland; meddelelse; melding; viesti;
    wiadomo; zpráv; správ; üzenet; сообщени; повідомлення; съобщение; ileti; e-posta; courrier; courriel; correo; communication;
    comunicazione; transmission; 邮件; 郵件; メール; μήνυμα; notice; poruk; sporočil; pranešim; e-past; kiri; 메일; הודע; رسال; پیام;
    pesan; ข้อความ; อีเมล; лист; mesaj
"""),
)
# With such words people excuse what a telephone writes.
EXCUSES = _table("""
    excuse; brevity; typo; pardon; mailbox; postfach; entschuldig; kürze; tippfehler; excusez; disculp; desculp; scusa; errori di battitura
""")
# … and with such they complain of one: no device says what it does not do.
DENIALS = frozenset(
    _table("""
    not; cannot; can't; can’t; doesn't; doesn’t; don't; don’t; won't; won’t; isn't; isn’t; never; nicht; kein; keine; nie; non;
    não; nao; pas; ne; jamais; niet; geen; inte; ikke; nem; не; ні; δεν; değil; 不; 没; 無法; 无法; 안
""")
)
# Whose address stands alone, or behind a few words, below the mails that they scanned.
SCANNERS = ("www.avast.com", "www.avg.com", "www.eset.com", "www.mcafee.com", "www.bitdefender.com")
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
    verificado; information from eset; no virus found in this; scanned by; this message has been checked by;
    le informazioni trasmesse;
    questa e-mail è stata controllata; ta wiadomość e-mail została sprawdzona; sin virus.; sem vírus.; bez wirusów.; garanti
    sans virus.
""")
# … and those that gateways put above it,
BANNERS = _table("""
    caution; warning; external; [external; [ext; attention; achtung; vorsicht; extern; [extern; attenzione; atención; atenção;
    let op; uwaga; varning; advarsel; bemærk; huomio; upozornění; upozornenie; figyelem; внимание; увага; dikkat; atenție; pozor;
    προσοχή; 注意; 警告; 주의
""")
# if one of these words is in them.
OUTSIDE = _table("""
    outside; external; extern; außerhalb; ausserhalb; extérieur; fuera; esterno; externo; buiten; zewnątrz; zewnętrzn; utanför;
    ekstern; udefra; utenfor; ulkopuol; mimo; külső; внешн; зовнішн; външ; dışından; harici; εξωτερικ; 外部; 외부
""")
# … and one of these, since doors are external too.
POSTED = _table("""
    mail; message; sender; organi; [ext; nachricht; absender; courri; expéditeur; mensaje; remitente; mensagem; messaggio; mittente;
    bericht; afzender; meddel; avsändar; wiadomo; nadawc; e-post; avsender; afsender; viesti; zpráv; správ; levél; письм; сообщ; лист;
    съобщ; ileti; μήνυμα; メール; 邮件; 郵件; 메일
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
