"""How programs of many languages announce a quote, sign from a telephone, and warn at the foot: one line each, as they write it."""

from __future__ import annotations

import re

import pytest

from mailgate.mail import fresh

NEW = "The new words."
OLD = "An old question here\nand more of it"
MARKED = "> An old question here\n> and more of it"

# What only stands above marked lines is no evidence by itself: a sender may write it above words of his own.
ABOVE_MARKED = """\
Ann Lee wrote:
Quoting Ann Lee <ann@example.com>:
Zitat von Ann Lee <ann@example.com>:""".split("\n")
ATTRIBUTIONS = """\
On Fri, Nov 20, 2026 at 10:00 AM Ann Lee <ann@example.com> wrote:
On Fri, 20 Nov 2026, Ann Lee wrote:
On 2026-11-20 10:00, Ann Lee wrote:
On Nov 20, 2026, at 10:00 AM, Ann Lee <ann@example.com> wrote:
On 20 Nov 2026 10:00 a.m., "Ann Lee" <ann@example.com> wrote:
On Friday, November 20th, 2026 at 10:00 AM, Ann Lee <ann@example.com> wrote:
On Friday, November 20, 2026, Ann Lee <ann@example.com> wrote:
On Friday, 20 November 2026 at 10:00:00 GMT+1, Ann Lee <ann@example.com> wrote:
On Fri, Nov 20, 2026 at 10:00:00AM +0100, Ann Lee wrote:
---- On Fri, 20 Nov 2026 10:00:00 +0100 Ann Lee<ann@example.com> wrote ----
2026-11-20 10:00 GMT+01:00 Ann Lee <ann@example.com>:
Ann Lee <ann@example.com> wrote on 20.11.2026 10:00:00:
Ann Lee <ann@example.com> wrote on Fri, 20 Nov 2026 at 10:00:
Ann Lee <ann@example.com> writes:
* Ann Lee <ann@example.com> [2026-11-20 10:00]:
Ann Lee (ann@example.com) wrote at 10:00 on 20 Nov 2026:
On Fri, 20 Nov 2026 10:00:00 +0100 Ann Lee <ann@example.com> said:
Thus spake Ann Lee (ann@example.com) on 20.11.2026:
Am 20.11.26 um 10:00 schrieb Ann Lee:
Am Fr., 20. Nov. 2026 um 10:00 Uhr schrieb Ann Lee <ann@example.com>:
Am Freitag, 20. November 2026, 10:00:00 MEZ hat Ann Lee <ann@example.com> Folgendes geschrieben:
Am Freitag, 20. November 2026 um 10:00 schrieb Ann Lee:
Ann Lee <ann@example.com> schrieb am Fr., 20. Nov. 2026, 10:00:
Am 20. November 2026 10:00:00 MEZ schrieb Ann Lee <ann@example.com>:
Le ven. 20 nov. 2026 à 10:00, Ann Lee <ann@example.com> a écrit :
Le 20/11/2026 à 10:00, Ann Lee a écrit :
Le vendredi 20 novembre 2026 à 10:00:00 UTC+1, Ann Lee <ann@example.com> a écrit :
Le 20 nov. 2026 à 10:00, Ann Lee <ann@example.com> a écrit :
Ann Lee <ann@example.com> a écrit :
El vie, 20 nov 2026 a las 10:00, Ann Lee (<ann@example.com>) escribió:
El 20/11/2026 a las 10:00, Ann Lee escribió:
El viernes, 20 de noviembre de 2026, 10:00:00 CET, Ann Lee <ann@example.com> escribió:
El 20 nov 2026, a las 10:00, Ann Lee <ann@example.com> escribió:
Em sex., 20 de nov. de 2026 às 10:00, Ann Lee <ann@example.com> escreveu:
Em 20/11/2026 10:00, Ann Lee escreveu:
No dia 20/11/2026, às 10:00, Ann Lee <ann@example.com> escreveu:
Ann Lee <ann@example.com> escreveu no dia sexta, 20/11/2026 à(s) 10:00:
Em sexta-feira, 20 de novembro de 2026 10:00:00 BRT, Ann Lee <ann@example.com> escreveu:
Il giorno ven 20 nov 2026 alle ore 10:00 Ann Lee <ann@example.com> ha scritto:
Il 20/11/2026 10:00, Ann Lee ha scritto:
Il venerdì 20 novembre 2026 10:00:00 CET, Ann Lee <ann@example.com> ha scritto:
Il giorno 20 nov 2026, alle ore 10:00, Ann Lee <ann@example.com> ha scritto:
Op vr 20 nov. 2026 om 10:00 schreef Ann Lee <ann@example.com>:
Op 20-11-2026 om 10:00 schreef Ann Lee:
Op 20 nov. 2026, om 10:00 heeft Ann Lee <ann@example.com> het volgende geschreven:
Op vrijdag 20 november 2026 10:00:00 CET schreef Ann Lee <ann@example.com>:
Ann Lee <ann@example.com> schreef op 20 november 2026 10:00:
Den fre 20 nov. 2026 kl 10:00 skrev Ann Lee <ann@example.com>:
Den 2026-11-20 kl. 10:00, skrev Ann Lee:
20 nov. 2026 kl. 10:00 skrev Ann Lee <ann@example.com>:
20 nov 2026 kl. 10.00 skrev Ann Lee <ann@example.com>:
fre. 20. nov. 2026 kl. 10:00 skrev Ann Lee <ann@example.com>:
Den fre. 20. nov. 2026 kl. 10.00 skrev Ann Lee <ann@example.com>:
Den 20.11.2026 kl. 10.00, skrev Ann Lee:
Den 20. nov. 2026 kl. 10.00 skrev Ann Lee <ann@example.com>:
På fre. 20. nov. 2026 kl. 10:00 skrev Ann Lee <ann@example.com>:
På fredag 20. november 2026 kl. 10:00:00, skrev Ann Lee <ann@example.com>:
pe 20. marrask. 2026 klo 10.00 Ann Lee (ann@example.com) kirjoitti:
Ann Lee kirjoitti 20.11.2026 klo 10.00:
Ann Lee <ann@example.com> kirjoitti 20.11.2026 kello 10.00:
pt., 20 lis 2026 o 10:00 Ann Lee <ann@example.com> napisał(a):
W dniu 20.11.2026 o 10:00, Ann Lee pisze:
W dniu 2026-11-20 10:00:00 użytkownik Ann Lee <ann@example.com> napisał:
Dnia 20 listopada 2026 10:00 Ann Lee <ann@example.com> napisał(a):
Wiadomość napisana przez Ann Lee <ann@example.com> w dniu 20 lis 2026, o godz. 10:00:
pá 20. 11. 2026 v 10:00 odesílatel Ann Lee <ann@example.com> napsal:
Dne 20.11.2026 v 10:00 Ann Lee napsal(a):
Dne 20. listopadu 2026 10:00:00 Ann Lee <ann@example.com> napsal:
20. 11. 2026 v 10:00, Ann Lee <ann@example.com>:
pi 20. 11. 2026 o 10:00 Ann Lee <ann@example.com> napísal(a):
Dňa 20. 11. 2026 o 10:00 Ann Lee napísal(a):
Ann Lee <ann@example.com> ezt írta (időpont: 2026. nov. 20., P, 10:00):
2026. 11. 20. 10:00 keltezéssel, Ann Lee írta:
2026.11.20. 10:00 keltezéssel, Ann Lee írta:
Ann Lee <ann@example.com> írta 2026. nov. 20. dátummal, 10:00 időpontban:
пт, 20 нояб. 2026 г. в 10:00, Ann Lee <ann@example.com>:
20.11.2026 10:00, Ann Lee пишет:
20 нояб. 2026 г., в 10:00, Ann Lee <ann@example.com> написал(а):
пятница, 20 ноября 2026 г., 10:00 +03:00 от Ann Lee <ann@example.com>:
Пятница, 20 ноября 2026, 10:00 +03:00 от Ann Lee <ann@example.com>:
20.11.2026, 10:00, "Ann Lee" <ann@example.com>:
В Птн, 20/11/2026 в 10:00 +0300, Ann Lee пишет:
пт, 20 лист. 2026 р. о 10:00 Ann Lee <ann@example.com> пише:
20.11.26 10:00, Ann Lee пише:
На пт, 20.11.2026 г. в 10:00 Ann Lee <ann@example.com> написа:
На 20.11.26 г. в 10:00 ч., Ann Lee написа:
Στις Παρ 20 Νοε 2026 στις 10:00 π.μ., ο χρήστης Ann Lee <ann@example.com> έγραψε:
Στις 20/11/2026 10:00 π.μ., ο/η Ann Lee έγραψε:
Ann Lee <ann@example.com>, 20 Kas 2026 Cum, 10:00 tarihinde şunu yazdı:
20.11.2026 10:00 tarihinde Ann Lee yazdı:
Ann Lee <ann@example.com> şunları yazdı (20 Kas 2026 10:00):
În vin., 20 nov. 2026 la 10:00, Ann Lee <ann@example.com> a scris:
Pe 20.11.2026 10:00, Ann Lee a scris:
pet, 20. stu 2026. u 10:00 Ann Lee <ann@example.com> napisao je:
Dana 20. 11. 2026. u 10:00 Ann Lee napisao je:
pet, 20. nov 2026 u 10:00 Ann Lee <ann@example.com> je napisao/la:
пет, 20. нов 2026. у 10:00 Ann Lee <ann@example.com> је написао/ла:
V V pet., 20. nov. 2026 ob 10:00 je oseba Ann Lee <ann@example.com> napisala:
Ann Lee je 20. 11. 2026 ob 10:00 napisal:
2026-11-20, pn, 10:00 Ann Lee <ann@example.com> rašė:
2026 m. lapkričio 20 d., pn 10:00, Ann Lee <ann@example.com> rašė:
piektd., 2026. g. 20. nov., plkst. 10:00 — lietotājs Ann Lee (<ann@example.com>) rakstīja:
Kontakt Ann Lee (<ann@example.com>) kirjutas kuupäeval R, 20. november 2026 kell 10:00:
2026年11月20日(金) 10:00 Ann Lee <ann@example.com>:
2026/11/20 10:00、Ann Lee <ann@example.com>のメール:
2026/11/20 10:00、Ann Lee <ann@example.com>：
Ann Lee <ann@example.com> さんは 2026年11月20日 10:00 に書きました:
On 2026/11/20 10:00, Ann Lee wrote:
(2026/11/20 10:00), Ann Lee wrote:
Ann Lee <ann@example.com> 于2026年11月20日周五 10:00写道：
在 2026/11/20 10:00, Ann Lee 写道:
在 2026年11月20日，上午10:00，Ann Lee <ann@example.com> 写道：
在 2026-11-20 10:00:00，"Ann Lee" <ann@example.com> 写道：
Ann Lee <ann@example.com> 於 2026年11月20日 週五 上午10:00寫道：
2026年11月20日 10:00，Ann Lee <ann@example.com> 写道：
2026년 11월 20일 (금) 오전 10:00, Ann Lee <ann@example.com>님이 작성:
2026. 11. 20. 오전 10:00, Ann Lee <ann@example.com> 작성:
2026. 11. 20. 오전 10:00에 Ann Lee 이(가) 쓴 글:
2026-11-20 10:00에 Ann Lee 이(가) 쓴 글:
‫בתאריך יום ו׳, 20 בנוב׳ 2026 ב-10:00 מאת ‪Ann Lee‬‏ <‪ann@example.com‬‏>:‬
ב-20 בנוב׳ 2026, בשעה 10:00, ‏Ann Lee <ann@example.com> כתב/ה:
في الجمعة، 20 نوفمبر 2026 في 10:00 ص تمت كتابة ما يلي بواسطة Ann Lee <ann@example.com>:
كتب Ann Lee <ann@example.com> في 20/11/2026 10:00:
در تاریخ جمعه ۲۰ نوامبر ۲۰۲۶ ساعت ۱۰:۰۰ Ann Lee <ann@example.com> نوشت:
Vào Th 6, 20 thg 11, 2026 vào lúc 10:00 Ann Lee <ann@example.com> đã viết:
Pada tanggal Jum, 20 Nov 2026 pukul 10.00 Ann Lee <ann@example.com> menulis:
Pada 20/11/2026 10:00, Ann Lee menulis:
ในวันที่ ศ. 20 พ.ย. 2026 เวลา 10:00 Ann Lee <ann@example.com> เขียนว่า:
เมื่อ ศ. 20 พ.ย. 2026 เวลา 10:00 Ann Lee <ann@example.com> เขียนว่า:
शुक्र, 20 नव॰ 2026 को 10:00 am बजे को Ann Lee <ann@example.com> ने लिखा:
El dv., 20 de nov. 2026, 10:00, Ann Lee <ann@example.com> va escriure:
Missatge de Ann Lee <ann@example.com> del dia dv., 20 de nov. 2026 a les 10:00:
Þann fös., 20. nóv. 2026 kl. 10:00 skrifaði Ann Lee <ann@example.com>:
Ann Lee igorleak hau idatzi du (2026 aza. 20, 10:00):
O ven., 20 de nov. de 2026 ás 10:00, Ann Lee (<ann@example.com>) escribiu:
Ar Aoine 20 Samh 2026 ag 10:00, scríobh Ann Lee <ann@example.com>:
Op Vr. 20 Nov. 2026 om 10:00 het Ann Lee <ann@example.com> geskryf:
Më pre, 20 nën 2026 në 10:00 Ann Lee <ann@example.com> shkroi:
Sent from my iPhone On Nov 20, 2026, at 10:00 AM, Ann Lee <ann@example.com> wrote:
2026/11/20 Ann Lee <ann@example.com>
2026-11-20 10:00 GMT+01:00 Ann Lee
пятница, 20 ноября 2026 г. пользователь Ann Lee написал:
2026/11/20 10:00、Ann Lee <ann@example.com> のメッセージ:
2026년 11월 20일 (금) 오전 10:00, Ann Lee <ann@example.com>님이 작성하였습니다:
শুক্র, ২০ নভেম্বর ২০২৬ তারিখে ১০:০০ AM-এ Ann Lee <ann@example.com> লিখেছেন:
வெள்., 20 நவ., 2026, முற்பகல் 10:00 அன்று, Ann Lee <ann@example.com> எழுதியது:
در جمعه ۲۰ نوامبر ۲۰۲۶، ۱۰:۰۰ Ann Lee <ann@example.com> نوشت:
في ٢٠/١١/٢٠٢٦، الساعة ١٠:٠٠ ص، كتب Ann Lee <ann@example.com>:
Жм, 20 қар. 2026 ж. сағ. 10:00, Ann Lee <ann@example.com> жазды:
პარ, 20 ნოე. 2026, 10:00 Ann Lee <ann@example.com> წერს:
Ուրբ, 20 նոյ. 2026 թ. 10:00-ին Ann Lee <ann@example.com> գրել է.
Ngày 20 tháng 11, 2026, vào 10:00, Ann Lee <ann@example.com> viết:
Mnamo Iju, 20 Nov 2026 saa 10:00 AM Ann Lee <ann@example.com> aliandika:
Noong Biy, 20 Nob 2026 nang 10:00 AM, isinulat ni Ann Lee <ann@example.com>:
Dydd Gwener 20 Tach 2026 am 10:00, ysgrifennodd Ann Lee <ann@example.com>:
Friday, 20 November 2026, 10:00 AM +0100 from ann@example.com <ann@example.com>:""".split("\n")
LABELS = """\
Von: Gesendet: An: Betreff:
Von: Datum: An: Cc: Betreff:
De: Envoyé: À: Objet:
De : Envoyé : À : Objet :
De : Date : À : Objet :
De: Enviado el: Para: Asunto:
De: Enviada em: Para: Assunto:
De: Enviado: Para: Assunto:
Da: Inviato: A: Oggetto:
Da: Data: A: Oggetto:
Van: Verzonden: Aan: Onderwerp:
Van: Datum: Aan: Onderwerp:
Fra: Sendt: Til: Emne:
Fra: Dato: Til: Emne:
Från: Skickat: Till: Ämne:
Från: Datum: Till: Ämne:
Od: Wysłano: Do: Temat:
Od: Data: Do: Temat:
Lähettäjä: Lähetetty: Vastaanottaja: Aihe:
Lähettäjä: Päiväys: Vastaanottaja: Aihe:
От: Отправлено: Кому: Тема:
От: Дата: Кому: Тема:
Від: Надіслано: Кому: Тема:
Kimden: Gönderilen: Kime: Konu:
Gönderen: Gönderme Tarihi: Alıcı: Konu:
Kimden: Tarih: Kime: Konu:
差出人: 送信日時: 宛先: 件名:
差出人： 送信日時： 宛先： 件名：
发件人: 发送时间: 收件人: 主题:
发件人： 发送时间： 收件人： 主题：
發件人: 日期: 收件人: 主旨:
寄件者: 寄件日期: 收件者: 主旨:
寄件人: 傳送日期: 收件人: 主題:
보낸 사람: 보낸 날짜: 받는 사람: 제목:
보낸사람: 날짜: 받는사람: 제목:
Od: Odesláno: Komu: Předmět:
Odesílatel: Datum: Příjemce: Předmět:
Od: Odoslané: Komu: Predmet:
Feladó: Elküldve: Címzett: Tárgy:
Feladó: Dátum: Címzett: Tárgy:
De la: Trimis: Către: Subiect:
Expeditor: Data: Destinatar: Subiect:
Από: Στάλθηκε: Προς: Θέμα:
Από: Ημερομηνία: Προς: Θέμα:
От: Изпратено: До: Относно:
Šalje: Poslano: Prima: Predmet:
Od: Poslano: Za: Predmet:
Pošiljatelj: Poslano: Primatelj: Predmet:
Šalje: Datum: Za: Naslov:
Од: Послато: За: Наслов:
Nuo: Išsiųsta: Kam: Tema:
No: Nosūtīts: Kam: Temats:
Saatja: Saadetud: Adressaat: Teema:
Frá: Sent: Til: Efni:
De: Enviat: Per a: Assumpte:
De: Data: A: Assumpte:
Từ: Đã gửi: Đến: Chủ đề:
Dari: Dikirim: Kepada: Subjek:
Dari: Tanggal: Ke: Perihal:
จาก: ส่ง: ถึง: เรื่อง:
מאת: נשלח: אל: נושא:
من: تم الإرسال: إلى: الموضوع:
من: تاريخ الإرسال: إلى: الموضوع:
از: ارسال شده: به: موضوع:
प्रेषक: भेजा गया: प्रति: विषय:
From: Date: To: Subject:
From: Reply-To: Date: To: Subject:
From: Subject: Date: To:
Subject: From: To: Date:
Von: Verschickt: An: Betreff:
Expéditeur : Date : Destinataire : Sujet :
De: Enviada: Para: Assunto:
De: Enviados: Para: Asunto:
Mittente: Data: Destinatario: Oggetto:
Afzender: Verstuurd: Ontvanger: Onderwerp:
Avsändare: Datum: Mottagare: Ämne:
Avsender: Dato: Mottaker: Emne:
Afsender: Dato: Modtager: Emne:
Od: Wysłane: Do: Temat:
Küldő: Elküldve: Címzett: Tárgy:
Отправитель: Дата: Получатель: Тема:
Подател: Дата: Получател: Тема:
Αποστολέας: Ημερομηνία: Παραλήπτης: Θέμα:
Siuntėjas: Data: Gavėjas: Tema:
Sūtītājs: Datums: Saņēmējs: Temats:
Saatja: Kuupäev: Saaja: Teema:
Шаље: Датум: Прима: Наслов:
Nga: Dërguar: Për: Subjekti:
Igorlea: Data: Nori: Gaia:
Daripada: Dihantar: Kepada: Subjek:
ผู้ส่ง: วันที่: ผู้รับ: หัวข้อ:
送信者: 送信日時: 受信者: 件名:
发信人: 日期: 收信人: 标题:
보낸이: 보낸시간: 받는이: 제목:
المرسل: التاريخ: المستلم: الموضوع:
فرستنده: تاریخ: گیرنده: موضوع:
থেকে: তারিখ: প্রাপক: বিষয়:""".split("\n")
DIVIDERS = """\
-----Original Message-----
-----Ursprüngliche Nachricht-----
----- Ursprüngliche Nachricht -----
-------- Ursprüngliche Nachricht --------
-------- Originalnachricht --------
-----Message d'origine-----
-------- Message original --------
-----Mensaje original-----
-----Messaggio originale-----
-----Mensagem original-----
-----Oorspronkelijk bericht-----
-----Ursprungligt meddelande-----
-----Opprinnelig melding-----
-----Oprindelig meddelelse-----
-----Alkuperäinen viesti-----
-----Wiadomość oryginalna-----
-----Původní zpráva-----
---------- Původní e-mail ----------
-----Eredeti üzenet-----
-----Исходное сообщение-----
-----Original Appointment-----
-----Özgün İleti-----
-----Orijinal İleti-----
-----Mesaj original-----
-----Izvorna poruka-----
-----Izvirno sporočilo-----
-----Pôvodná správa-----
-----元のメッセージ-----
-----邮件原件-----
------------------ Original ------------------
-----原始邮件-----
------------------&nbsp;原始邮件&nbsp;------------------
-----原始郵件-----
-----원본 메시지-----
-----הודעה מקורית-----
-----الرسالة الأصلية-----
------- Original Message -------
----- Forwarded Message -----
----- Mensaje reenviado -----
----- Original message from Ann Lee <ann@example.com> -----
--- Original Message ---
***** Original Message *****
Original Message processed by david®
-----Originalmeddelande-----
-----Αρχικό μήνυμα-----
-----Оригінальне повідомлення-----
-----Algne kiri-----
-----Sākotnējais ziņojums-----
-----Pradinis pranešimas-----
---- Original Message ----
----- Original Message -----
----- Reply message -----
---- Am Fr, 20 Nov 2026 10:00:00 +0100 Ann Lee <ann@example.com> schrieb ----
---- El vie, 20 nov 2026 10:00:00 +0100 Ann Lee <ann@example.com> escribió ----
---- Le ven., 20 nov. 2026 10:00:00 +0100 Ann Lee <ann@example.com> a écrit ----
- - - - - Original Message - - - - -
—— Original Message ——
‐‐‐‐‐‐‐ Original Message ‐‐‐‐‐‐‐
+++ Original Message +++
##### Original Message #####
[Original Message]
------ Forwarded Message
---- Replied Message ----
-------- Oprindelig besked --------
-----Antwort Nachricht-----
----- Weitergeleitete Mail -----
------ Исходное письмо ------
-------- Початковий лист --------
-------- Eredeti levél --------
-------- İletilmiş Mesaj --------
-------- 전달된 메시지 --------
-------- 转发的消息 --------
---- 回复的原邮件 ----
-------- پیام ارسال شده --------
-------- הודעה מועברת --------
-------- ข้อความที่ส่งต่อ --------
-------- Tin nhắn đã chuyển tiếp --------
-------- Pesan Terusan --------
-------- Proslijeđena poruka --------
-------- Posredovano sporočilo --------
-------- Persiųstas laiškas --------
-------- Pārsūtīta vēstule --------
-------- Edastatud kiri --------
-------- Missatge reenviat --------""".split("\n")
# What Apple's programs write above a forwarded mail, whose header lines follow.
FORWARDS = """\
Begin forwarded message:
Anfang der weitergeleiteten Nachricht:
Début du message réexpédié :
Inicio del mensaje reenviado:
Inizio messaggio inoltrato:
Início da mensagem reencaminhada:
Begin doorgestuurd bericht:
Vidarebefordrat brev:
Start på videresendt melding:
Välitetty viesti alkaa:
Początek przekazywanej wiadomości:
Začátek přeposílané zprávy:
Továbbított levél kezdete:
Начало переадресованного сообщения:
Έναρξη προωθημένου μηνύματος:
İleti başlangıcı:
Începutul mesajului redirecționat:
下面是被转发的邮件：
開始轉寄訊息：
転送されたメッセージ：
전달된 메시지:
بداية الرسالة المعاد توجيهها:
תחילת ההודעה שהועברה:
Bắt đầu thư đã chuyển tiếp:
Mulai meneruskan pesan:""".split("\n")
DEVICES = """\
Sent from my iPhone
Sent from my iPad
Sent from my BlackBerry® wireless device
Sent from my Samsung Galaxy smartphone.
Sent from my Verizon, Samsung Galaxy smartphone
Sent from my T-Mobile 4G LTE Device
Sent from Mail for Windows 10
Sent from Mail for Windows
Sent from Outlook for iOS
Sent from Yahoo Mail on Android
Sent from Yahoo Mail for iPhone
Sent from AOL Mobile Mail
Sent from ProtonMail mobile
Sent with Proton Mail secure email.
Sent from my Galaxy
Sent from Gmail Mobile
Sent from my Windows Phone
Sent from my HTC
Sent from my Huawei Mobile
Sent from my Xiaomi
Sent from my Android device with K-9 Mail. Please excuse my brevity.
Sent via the Samsung Galaxy S21, an AT&T 5G smartphone
Sent from Nine<http://www.9folders.com/>
Sent from TypeApp
Sent from Spark
Get Outlook for Android<https://aka.ms/ghei36>
Get Outlook for iOS
Get BlueMail for Android
Von meinem iPhone gesendet
Von meinem Samsung Galaxy Smartphone gesendet.
Gesendet von meinem iPhone
Gesendet mit der GMX Mail App
Gesendet mit der WEB.DE Mail App
Diese Nachricht wurde von meinem Android Mobiltelefon mit WEB.DE Mail gesendet.
Diese Nachricht wurde von meinem Android-Gerät mit K-9 Mail gesendet.
Gesendet von Mail für Windows
Von Samsung Mobile gesendet
Holen Sie sich Outlook für iOS
Outlook für Android beziehen
Envoyé de mon iPhone
Envoyé depuis mon mobile
Envoyé depuis mon smartphone Samsung Galaxy.
Envoyé à partir de Outlook pour Android
Obtenir Outlook pour iOS
Télécharger Outlook pour Android
Envoyé depuis l'application Mail Orange
Enviado desde mi iPhone
Enviado desde mi smartphone Samsung Galaxy.
Enviado desde Correo para Windows
Obtener Outlook para iOS
Enviado do meu iPhone
Enviado do Yahoo Mail no Android
Enviado do meu smartphone Samsung Galaxy.
Obter o Outlook para iOS
Inviato da iPhone
Inviato dal mio iPhone
Inviato da smartphone Samsung Galaxy.
Inviato da Outlook per Android
Ottieni Outlook per Android
Verstuurd vanaf mijn iPhone
Verzonden vanaf mijn Galaxy
Verzonden vanuit Outlook voor Android
Outlook voor iOS downloaden
Skickat från min iPhone
Skickat från Outlook för Android
Hämta Outlook för iOS
Sendt fra min iPhone
Sendt fra min Samsung Galaxy-smarttelefon
Hent Outlook til iOS
Lähetetty iPhonesta
Lähetetty Samsung-laitteestani
Hanki Outlook for Android
Wysłane z iPhone'a
Wysłane z mojego iPhone’a
Wysłano z telefonu Samsung Galaxy
Pobierz aplikację Outlook dla systemu iOS
Odesláno z iPhonu
Odesláno ze zařízení Samsung
Odoslané z iPhonu
Elküldve az iPhone-omról
iPhone-ról küldve
Отправлено с iPhone
Отправлено из мобильной Почты Mail.ru
Отправлено с устройства Samsung
Надіслано з iPhone
Изпратено от iPhone
Στάλθηκε από το iPhone μου
Εστάλη από το iPhone μου
iPhone'umdan gönderildi
Samsung cihazımdan gönderildi
Trimis de pe iPhone-ul meu
Poslano s mog iPhonea
Poslano z mojega iPhona
Išsiųsta iš mano iPhone
Saadetud minu iPhone'ist
Nosūtīts no mana iPhone
Enviat des del meu iPhone
Đã gửi từ iPhone của tôi
Gửi từ iPhone của tôi
Dikirim dari iPhone saya
iPhoneから送信
発信元： 私の iPhone
发自我的iPhone
发自我的 iPad
從我的 iPhone 傳送
发自我的华为手机
나의 iPhone에서 보냄
내 iPhone에서 보냄
נשלח מה-iPhone שלי
أرسلت من الـ iPhone
تم الإرسال من هاتفي
ส่งจาก iPhone ของฉัน
مرسل من الآيفون
Sent by my mobile phone
Sent while mobile
Sent on the go
Sent from a mobile device, please excuse typos
Sent from my phone. Please excuse brevity and typos.
<<sent by galaxy>>
From my iPhone 6
Sent wirelessly from my BlackBerry device on the Bell network.
Get [Outlook for iOS](https://aka.ms/o0ukef)
Get Outlook for iOShttps://aka.ms/o0ukef
Sent from Tutanota, get your own encrypted mailbox
Secured with Tuta Mail: https://tuta.com/free-email
Gesendet vom Handy
Envoyé via la messagerie Orange
Provenance : Courrier pour Windows
Enviada do meu iPhone
Enviado pelo meu celular
Verzonden van mijn iPhone
Skickat med Proton Mail
Få Outlook til Android
Küldve a Galaxy készülékemről
Відправлено з iPhone
Poslato sa iPhone-a
Послато са iPhone-а
Saadetud iPhone'ist
Được gửi từ iPhone của tôi
Dihantar daripada iPhone saya
Ipinadala mula sa aking iPhone
Sent úr iPhone
从我的 iPhone 发送
发送自 Windows 10 版邮件应用
從 Yahoo奇摩電子信箱 iPhone 版傳送
삼성 갤럭시 스마트폰에서 보냈습니다.
나의 갤럭시에서 보낸 메일
أُرسلت من الـ iPad
از آیفون من ارسال شد
मेरे iPhone से भेजा गया""".split("\n")
NOTICES = """\
CONFIDENTIALITY NOTICE: This e-mail and any files transmitted with it are confidential and intended solely for the use of the individual.
This email and any attachments are confidential and may be privileged. If you are not the intended recipient, please delete it.
The information contained in this communication is intended for the use of the addressee only and may be confidential.
NOTICE: This email may contain confidential information. If you have received it in error, delete it.
This transmission is intended only for the use of the addressee and may contain privileged information. If you are not the intended.
If you are not the intended recipient of this email, please notify the sender immediately and delete it.
Diese E-Mail enthält vertrauliche und/oder rechtlich geschützte Informationen. Wenn Sie nicht der richtige Adressat sind, informieren.
Diese E-Mail ist vertraulich. Wenn Sie nicht der beabsichtigte Empfänger sind, löschen Sie sie bitte.
Der Inhalt dieser E-Mail ist vertraulich und ausschließlich für den bezeichneten Adressaten bestimmt.
Ce message et toutes les pièces jointes sont confidentiels et établis à l'intention exclusive de ses destinataires.
Ce courrier électronique est confidentiel et protégé par la loi. Si vous n'êtes pas le destinataire, merci de le détruire.
Este mensaje y los ficheros anexos son confidenciales y se dirigen exclusivamente a su destinatario.
Este correo electrónico contiene información confidencial. Si usted no es el destinatario, elimínelo.
La información contenida en este mensaje es confidencial y está dirigida únicamente a su destinatario.
Esta mensagem pode conter informação confidencial. Se você não é o destinatário, apague-a.
AVISO LEGAL: Esta mensagem é confidencial.
Questo messaggio è confidenziale ed è destinato esclusivamente al destinatario indicato.
Le informazioni contenute nella presente comunicazione sono riservate al destinatario.
Dit bericht is uitsluitend bestemd voor de geadresseerde. Indien u niet de geadresseerde bent, verwijder dit bericht.
De informatie verzonden met dit e-mailbericht is uitsluitend bestemd voor de geadresseerde(n).
Detta meddelande är konfidentiellt och endast avsett för mottagaren.
Denne e-mail er fortrolig og kun tiltænkt modtageren.
Tämä viesti on luottamuksellinen ja tarkoitettu vain vastaanottajalle.
Niniejsza wiadomość jest poufna i przeznaczona wyłącznie dla adresata.
Tato zpráva je důvěrná a je určena pouze adresátovi.
Ez az üzenet bizalmas és kizárólag a címzettnek szól.
Это сообщение является конфиденциальным и предназначено только для адресата.
Настоящее сообщение содержит конфиденциальную информацию, предназначенную только для адресата.
Bu e-posta gizlidir ve yalnızca alıcısı içindir.
本邮件及其附件含有保密信息，仅限于发送给上面地址中列出的个人或群组。
Please consider the environment before printing this email.
P Please consider the environment before printing this e-mail
Bitte denken Sie an die Umwelt, bevor Sie diese E-Mail ausdrucken.
Pensez à l'environnement avant d'imprimer ce message.
Virus-free. www.avast.com
This email has been checked for viruses by Avast antivirus software.
Diese E-Mail wurde von Avast Antivirus-Software auf Viren geprüft.
L'absence de virus dans ce courrier électronique a été vérifiée par le logiciel antivirus Avast.
El software de antivirus Avast ha analizado este correo electrónico en busca de virus.
This email was scanned by BitDefender
Virenfrei.www.avast.com
Без вирусов. www.avast.com
ウイルス フリー。 www.avast.com
No virus found in this message. Checked by AVG - www.avg.com
__________ Information from ESET NOD32 Antivirus, version of virus signature database 12345 __________
Ova poruka je povjerljiva i namijenjena samo primatelju.
To sporočilo je zaupno in namenjeno samo naslovniku.
Šis pranešimas yra konfidencialus ir skirtas tik gavėjui.
See kiri on konfidentsiaalne ja mõeldud ainult adressaadile.
이 메일은 기밀 정보를 포함하고 있으며 지정된 수신인만을 위한 것입니다.
הודעה זו חסויה ומיועדת לנמען בלבד.
هذه الرسالة سرية ومخصصة للمستلم فقط.
Email này bảo mật và chỉ dành cho người nhận.""".split("\n")
BANNERS = """\
CAUTION: This email originated from outside of the organization. Do not click links.
[EXTERNAL]
[EXTERN] Diese E-Mail kommt von außerhalb.
ATTENTION : ce courriel provient d'un expéditeur extérieur à l'entreprise.
ATENCIÓN: Este correo electrónico se envió desde fuera de la organización.
LET OP: deze e-mail komt van buiten de organisatie.
ADVARSEL: Denne e-post kommer fra en ekstern avsender.
You don't often get email from ann@example.com. Learn why this is important<https://aka.ms/LearnAboutSenderIdentification>
Sie erhalten nicht häufig E-Mails von ann@example.com. Warum das wichtig ist<https://aka.ms/LearnAboutSenderIdentification>""".split("\n")


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_what_follows_an_attribution_is_old_without_a_mark(attribution: str) -> None:
    assert fresh.cut(f"{NEW}\n\n{attribution}\n\n{OLD}\n") == NEW


@pytest.mark.parametrize("attribution", ATTRIBUTIONS + ABOVE_MARKED)
@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_an_attribution_goes_with_its_marked_lines(attribution: str, gap: str) -> None:
    assert fresh.cut(f"{NEW}{gap}{attribution}{gap}{MARKED}\n") == NEW


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_an_answer_below_the_quote_is_new(attribution: str) -> None:
    assert fresh.cut(f"{attribution}\n{MARKED}\n\n{NEW}\n") == NEW


@pytest.mark.parametrize("attribution", ATTRIBUTIONS)
def test_an_answer_between_two_quotes_is_new(attribution: str) -> None:
    assert fresh.cut(f"{attribution}\n{MARKED}\n\n{NEW}\n\n{MARKED}\n\nMore.\n") == f"{NEW}\n\nMore."


@pytest.mark.parametrize("divider", DIVIDERS)
def test_a_divider_begins_the_old_mail_with_and_without_a_header_block(divider: str) -> None:
    block = "From: Ann Lee <ann@example.com>\nSent: Friday, November 20, 2026 10:00 AM\nTo: Desk\nSubject: x"
    assert fresh.cut(f"{NEW}\n\n{divider}\n{block}\n\n{OLD}") == NEW
    assert fresh.cut(f"{NEW}\n\n{divider}\n\n{OLD}") == NEW


@pytest.mark.parametrize("divider", FORWARDS)
@pytest.mark.parametrize("mark", ["", "> "])
def test_the_line_above_a_forwarded_mail_goes_with_it(divider: str, mark: str) -> None:
    mail = f"From: Ann Lee <ann@example.com>\nSubject: Printer\nDate: 20 November 2026 at 10:00:00\nTo: Desk\n\n{OLD}"
    assert fresh.cut(f"{NEW}\n\n{divider}\n\n" + "\n".join(mark + line for line in mail.split("\n"))) == NEW


def folded(attribution: str, lines: int) -> str:
    """An attribution on several lines. Programs fold before the address, behind it and before the verb: near the end."""
    words = attribution.rsplit(" ", lines - 1)
    return "\n".join(words)


@pytest.mark.parametrize("attribution", [one for one in ATTRIBUTIONS if one.endswith((":", "：")) and len(one.rsplit(" ", 2)[0]) >= 30])
@pytest.mark.parametrize("lines", [2, 3])
def test_an_attribution_may_be_folded_where_programs_fold(attribution: str, lines: int) -> None:
    assert fresh.cut(f"{NEW}\n\n{folded(attribution, lines)}\n\n{OLD}\n") == NEW
    assert fresh.cut(f"{NEW}\n\n{folded(attribution, lines)}\n\n{MARKED}\n") == NEW


@pytest.mark.parametrize("labels", [one for one in LABELS if one.count(":") == 4])
def test_a_header_block_may_stand_in_one_line(labels: str) -> None:
    names = re.findall(r"\S.*?\s?[:：]", labels)
    values = ["Ann Lee <ann@example.com>", "20.11.2026 10:00", "Bob Ray", "Printer"]
    block = " ".join(f"*{name}* {value}" for name, value in zip(names, values, strict=True))
    assert fresh.cut(f"{NEW}\n\n{block}\n\n{OLD}\n") == NEW
    assert fresh.cut(f"{NEW}\n\n{block.replace('*', '')}\n\n{OLD}\n") == NEW


@pytest.mark.parametrize("banner", BANNERS)
def test_a_banner_of_the_gateway_is_left_out_at_the_top_alone(banner: str) -> None:
    assert fresh.cut(f"{banner}\n\n{NEW}\n") == NEW
    assert fresh.cut(f"{NEW}\n\n{banner}\n\nThe end.\n").startswith(f"{NEW}\n\n{banner}")


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("emphasis", ["", "*"])
@pytest.mark.parametrize("who", ["Ann Lee", "Ann Lee <ann@example.com>", "Ann Lee [mailto:ann@example.com]"])
def test_a_header_block_without_any_divider_begins_the_old_mail(labels: str, emphasis: str, who: str) -> None:
    names = re.findall(r"\S.*?\s?[:：]", labels)
    values = [who, "20.11.2026 10:00", "Bob Ray", *(["Cy Roe"] if len(names) == 5 else []), "Printer"]
    block = "\n".join(f"{emphasis}{name}{emphasis} {value}" for name, value in zip(names, values, strict=True))
    assert fresh.cut(f"{NEW}\n\n{block}\n\n{OLD}\n") == NEW


@pytest.mark.parametrize("device", DEVICES)
def test_the_signature_of_a_device_is_left_out(device: str) -> None:
    assert fresh.cut(f"{NEW}\n\n{device}\n") == NEW
    assert fresh.cut(f"{NEW}\n\n{device}\n\n{ATTRIBUTIONS[0]}\n\n{MARKED}\n") == NEW


@pytest.mark.parametrize("notice", NOTICES)
def test_a_notice_at_the_foot_is_left_out(notice: str) -> None:
    assert fresh.cut(f"{NEW}\n\nRegards\nAnn Lee\n\n{notice}\n") == f"{NEW}\n\nRegards\nAnn Lee"


@pytest.mark.parametrize(
    "words",
    [
        "Sent from my phone is what the mail said, so I thought it was you.",
        "Gesendet von der Firma, die den Drucker warten sollte, kam gestern ein Brief: was tun?",
        "Wysłane z naszego systemu faktury, które mają błędne kwoty, proszę poprawić",
        "Why did the recipient of my confidential mail get it twice?",
        "The original idea was mine.",
        "Bob wrote that at 10:00:",
        "This is what we need:",
        "I sent it on 20.11.2026 at 10:00.",
        "An den Kollegen: bitte den Toner wechseln.",
        "--- original idea ---",
        "Ann\nLee",
        "Ann Lee\n<https://example.com/ann>",
    ],
)
def test_words_that_only_resemble_such_lines_stay(words: str) -> None:
    assert fresh.cut(f"{NEW}\n\n{words}\n") == f"{NEW}\n\n{words}"
    assert fresh.cut(f"{NEW}\n\n{words}\n\nAnd an end.\n") == f"{NEW}\n\n{words}\n\nAnd an end."


@pytest.mark.parametrize("name", ["Ann Lee", "Lee Ann Marie Smith"])
def test_a_name_on_the_line_before_its_address_goes_with_the_quote(name: str) -> None:
    assert fresh.cut(f"{NEW}\n\n{name}\n<ann@example.com> wrote on 20.11.2026 10:00:\n\n{MARKED}\n") == NEW
