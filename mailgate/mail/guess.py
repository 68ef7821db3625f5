"""Which charset were these octets written in, where nobody says so? Judges by the commonest letters of the languages; decodes nothing
else, and knows no labels.

Octets beyond ASCII stand alone among ASCII in the languages of Western Europe, and in runs in all scripts but Latin. Of the charsets of
those scripts, the one wins in which most characters are among the commonest of its language: in the others the same octets are rare
characters, if they are any.
"""

from __future__ import annotations

from mailgate.desk.seldom import seldom

# So much is looked at. A text does not change its charset.
_SAMPLE = 4000
_RUN = seldom(rb"[\x80-\xff]{3,}")
_HIGH = seldom(rb"[\x80-\xff]")
# Signs of Windows-1252 that are letters of Central Europe in ISO-8859-2 or Windows-1250, inside a word where no sign belongs.
_CENTRAL = seldom(rb"[A-Za-z\xc0-\xff][\xb1\xb3\xb6\xb9\xbc\xbe\xbf][a-z\xe0-\xff]")
_CENTRAL_WINDOWS = seldom(rb"[\x8c\x8f\x9c\x9f]|[A-Za-z]\xb9[a-z]")
_CENTRAL_ISO = seldom(rb"[A-Za-z\xc0-\xff](?:[\xb1\xb6\xbc]|\xb9[a-z]*[\xec\xf8])|[\xec\xf8][^\x80-\xff]{0,20}\xb9")
# Kana in Shift_JIS: their second octets are often ASCII.
_SHIFTED_KANA = seldom(rb"[\x82\x83][\x40-\xf1]")
# Thousands of characters share the wide charsets, so that chance hits the common ones rarely there: half as many prove as much. Below
# these shares of common characters a guess is no better than Windows-1252.
_WIDE = frozenset(("cp932", "euc_jis_2004", "gb18030", "cp949", "cp950"))
_ENOUGH, _ENOUGH_WIDE = 0.7, 0.25
_KANA = "".join(map(chr, [*range(0x3041, 0x3094), *range(0x30A1, 0x30FD)])) + "、。・「」"
_CHINESE = (
    "的一是不了在人有我他这这个们来到时大地为子中你说生国年着就那和要她出也得里后自以会家可下而过天去能对小多然于心学么之都好看起发当没成只如"
    "事把还用第样道想作种开美总从无情己面最女但现前些所同日手又行意动方期它头经长儿回位分爱老因很给名法间斯知世什两次使身者被高已亲其进此话"
    "常与活正感请谢谢您题问系统件机收信邮址关打印新公司部电联系网户修，。！？：；（）“”、"
)
_TRADITIONAL = (
    "的一是不了在人有我他這個們來到時大地為子中你說生國年著就那和要她出也得裡後自以會家可下而過天去能對小多然於心學麼之都好看起發當沒成只如"
    "事把還用第樣道想作種開美總從無情己面最女但現前些所同日手又行意動方期它頭經長兒回位分愛老因很給名法間知世什兩次使身者被高已親其進此話"
    "常與活正感請謝您題問系統件機收信郵址關打印新公司部電聯網戶修，。！？：；（）「」、"
)
_KOREAN = (
    "이다는을에의가하고은를지로기사도한인나어대서자시리해그아정주수일들보제라전있안과으부여만상구게니요입동원장까면데성경생신습했것없오미내조"
    "공소개업관계무용모선중발문국영회스연세트유예치우였음때방위물될되비화통마메감님녕드합세터번호드립프린고장"
)
_RUSSIAN = "оеаинтсрвлкмдпуябыьгзчйхжшюцщ"
_COMMON = {
    "koi8-r": _RUSSIAN,
    "cp1251": _RUSSIAN + "іїє",
    "cp866": _RUSSIAN,
    "cp932": _KANA,
    "euc_jis_2004": _KANA,
    "gb18030": _CHINESE,
    "cp949": _KOREAN,
    "cp950": _TRADITIONAL,
    "cp1253": "αοιετσνηυρπκμλςήίόάέύώωθγδχφβξζ",
    "cp1255": "יוהלאתרבמשנכדחפעקצטגסםןךז",
    "cp1256": "اليمنرتوبةعدسفهكقحجشطصخأ",
    "cp874": "านรอกเงวมลยตสทดหบพคขปแจไใโช่้ีิัื็ุูะำ์",
    "cp1252": "äöüÄÖÜßéèàçêâáíóúñãõåæøîôûëï",
}
_LETTERS = {name: frozenset(common) for name, common in _COMMON.items()}


def charset(octets: bytes) -> str:
    """The Python codec that fits octets which are neither ASCII nor UTF-8; Windows-1252 where nothing else fits better."""
    sample = octets[:_SAMPLE]
    high = len(_HIGH.findall(sample))
    if sum(map(len, _RUN.findall(sample))) * 2 < high:
        kana = _SHIFTED_KANA.search(sample) is not None and _share(sample, "cp932") >= 2 * _ENOUGH_WIDE
        return "cp932" if kana else _central(sample)
    shares = {name: _share(sample, name) * (2 if name in _WIDE else 1) for name in _COMMON}
    best = max(shares, key=lambda name: shares[name])
    return best if shares[best] >= (2 * _ENOUGH_WIDE if best in _WIDE else _ENOUGH) else "cp1252"


def _central(sample: bytes) -> str:
    """The charset of a text in Latin letters."""
    if not _CENTRAL.search(sample):
        return "cp1252"
    return "iso8859-2" if _CENTRAL_ISO.search(sample) or not _CENTRAL_WINDOWS.search(sample) else "cp1250"


def _share(sample: bytes, name: str) -> float:
    """Which part of the characters beyond ASCII is among the commonest, if the sample is read in this charset; 0 if it cannot be."""
    try:
        text = sample.decode(name)
    except UnicodeDecodeError as error:
        # The sample may end inside a character.
        if len(sample) < _SAMPLE or error.start < _SAMPLE - 4:
            return 0.0
        text = sample[: error.start].decode(name)
    beyond = [char for char in text if char > "\x7f"]
    letters = _LETTERS[name]
    return sum(char in letters for char in beyond) / len(beyond) if beyond else 0.0
