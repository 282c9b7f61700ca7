//! Tables of the text repair: classes of characters and one-byte encodings.
//!
//! # Source
//! rspeer/python-ftfy 6.3 (Apache-2.0), `badness.py` and `chardata.py`: which characters belong to which class.

/// Characters of many uses, not wrong by themselves.
pub(super) const COMMON: &str = r"\x{a0}\x{ad}\x{b4}\x{b7}\x{2013}-\x{2015}\x{2019}\x{2026}";

/// Characters that hardly occur outside wrongly decoded text.
pub(super) const BAD: &str = concat!(
    r"\x{a4}\x{a6}\x{a8}\x{aa}\x{ac}\x{af}\x{b8}\x{ba}\x{192}\x{2c6}\x{2c7}\x{2d8}\x{2db}\x{2dc}\x{2020}",
    r"\x{2021}\x{2030}\x{2310}\x{25ca}\x{fffd}",
);

/// Paragraph and section signs.
pub(super) const LAW: &str = r"\x{a7}\x{b6}";

/// Currency signs.
pub(super) const CURRENCY: &str = r"\x{a2}\x{a3}\x{a5}\x{20a7}\x{20ac}";

/// Opening punctuation and its like.
pub(super) const START_PUNCTUATION: &str =
    r"\x{a1}\x{a9}\x{ab}\x{bf}\x{384}\x{385}\x{2018}\x{201a}\x{201c}\x{201e}\x{2022}\x{2039}\x{f8ff}";

/// Closing punctuation and its like.
pub(super) const END_PUNCTUATION: &str = r"\x{ae}\x{bb}\x{2dd}\x{201d}\x{203a}\x{2122}";

/// Superscripts, fractions, mathematical signs.
pub(super) const NUMERIC: &str = concat!(
    r"\x{b1}-\x{b3}\x{b5}\x{b9}\x{bc}-\x{be}\x{d7}\x{f7}\x{2044}\x{2116}\x{2202}\x{2206}\x{220f}\x{2211}",
    r"\x{221a}\x{221e}\x{2229}\x{222b}\x{2248}\x{2260}\x{2261}\x{2264}\x{2265}",
);

/// Accented vowels that occur in emoticons.
pub(super) const KAOMOJI: &str = r"\x{b0}\x{d2}-\x{d6}\x{d9}-\x{dc}\x{f2}-\x{f6}\x{f8}-\x{fc}\x{14c}\x{150}\x{16a}\x{172}";

/// Accented capitals.
pub(super) const UPPER_ACCENTED: &str = concat!(
    r"\x{c0}-\x{d1}\x{d8}\x{dc}\x{dd}\x{100}\x{102}\x{104}\x{106}\x{10c}\x{10e}\x{110}\x{112}\x{116}",
    r"\x{118}\x{11a}\x{11e}\x{122}\x{12a}\x{130}\x{136}\x{139}\x{13b}\x{13d}\x{141}\x{143}\x{145}\x{147}",
    r"\x{152}\x{158}\x{15a}\x{15e}\x{160}\x{162}\x{164}\x{16e}\x{170}\x{178}\x{179}\x{17b}\x{17d}\x{490}",
);

/// Accented small letters.
pub(super) const LOWER_ACCENTED: &str = concat!(
    r"\x{df}-\x{f1}\x{fc}\x{101}\x{103}\x{105}\x{107}\x{10d}\x{10f}\x{111}\x{113}\x{117}\x{119}\x{11b}",
    r"\x{11f}\x{123}\x{12b}\x{12f}\x{137}\x{13a}\x{13c}\x{13e}\x{142}\x{153}\x{155}\x{15b}\x{15f}\x{161}",
    r"\x{165}\x{17a}\x{17c}\x{17e}\x{491}\x{fb01}\x{fb02}",
);

/// Greek and Cyrillic capitals.
pub(super) const UPPER_COMMON: &str = r"\x{de}\x{386}\x{388}-\x{38a}\x{38c}\x{38e}\x{38f}\x{391}-\x{3ab}\x{401}-\x{42f}";

/// Greek and Cyrillic small letters.
pub(super) const LOWER_COMMON: &str = r"\x{3ac}-\x{3c9}\x{430}-\x{45f}";

/// Box drawing.
pub(super) const BOX: &str = concat!(
    r"\x{2502}\x{250c}\x{2510}\x{2518}\x{251c}\x{2524}\x{252c}\x{253c}\x{2550}-\x{256c}\x{2580}\x{2584}",
    r"\x{2588}\x{258c}\x{2590}-\x{2593}",
);

/// What the first byte of a two-byte sequence decodes to in some one-byte encoding.
pub(super) const UTF8_FIRST_OF_2: &str = concat!(
    r"\x{c2}-\x{df}\x{100}\x{102}\x{106}\x{10c}\x{10e}\x{110}\x{112}\x{116}\x{118}\x{11a}\x{11e}\x{122}",
    r"\x{12a}\x{130}\x{136}\x{139}\x{13b}\x{141}\x{143}\x{145}\x{147}\x{14c}\x{150}\x{158}\x{15a}\x{15e}",
    r"\x{160}\x{162}\x{16a}\x{16e}\x{170}\x{172}\x{179}\x{17b}\x{17d}\x{392}-\x{3a1}\x{3a3}-\x{3af}",
    r"\x{412}-\x{42f}",
);

/// The same for three-byte sequences.
pub(super) const UTF8_FIRST_OF_3: &str = concat!(
    r"\x{e0}-\x{ef}\x{101}\x{103}\x{105}\x{107}\x{10d}\x{10f}\x{113}\x{117}\x{119}\x{11b}\x{123}\x{12b}",
    r"\x{12f}\x{137}\x{13a}\x{13c}\x{155}\x{17a}\x{3b0}-\x{3bf}\x{430}-\x{43f}",
);

/// The same for four-byte sequences.
pub(super) const UTF8_FIRST_OF_4: &str = r"\x{f0}\x{f3}\x{111}\x{11f}\x{161}\x{3c0}\x{3c3}\x{440}\x{443}";

/// What a continuation byte decodes to.
pub(super) const UTF8_CONTINUATION: &str = concat!(
    r"\x{20}\x{80}-\x{bf}\x{c6}\x{d8}\x{e6}\x{f8}\x{104}\x{105}\x{13d}\x{13e}\x{141}\x{142}\x{152}\x{153}",
    r"\x{156}\x{157}\x{15a}\x{15b}\x{15e}-\x{161}\x{164}\x{165}\x{178}-\x{17e}\x{192}\x{2c6}\x{2c7}\x{2d8}",
    r"\x{2db}-\x{2dd}\x{384}-\x{386}\x{388}-\x{38a}\x{38c}\x{38e}\x{38f}\x{401}-\x{40c}\x{40e}\x{40f}",
    r"\x{451}-\x{45c}\x{45e}\x{45f}\x{490}\x{491}\x{2013}-\x{2015}\x{2018}-\x{201a}\x{201c}-\x{201e}",
    r"\x{2020}-\x{2022}\x{2026}\x{2030}\x{2039}\x{203a}\x{20ac}\x{2116}\x{2122}",
);

/// The same without characters that are common by themselves.
pub(super) const UTF8_CONTINUATION_STRICT: &str = concat!(
    r"\x{80}-\x{bf}\x{c6}\x{d8}\x{e6}\x{f8}\x{104}\x{105}\x{13d}\x{13e}\x{141}\x{142}\x{152}\x{153}\x{156}",
    r"\x{157}\x{15a}\x{15b}\x{15e}-\x{161}\x{164}\x{165}\x{178}-\x{17e}\x{192}\x{2c6}\x{2c7}\x{2d8}",
    r"\x{2db}-\x{2dd}\x{384}-\x{386}\x{388}-\x{38a}\x{38c}\x{38e}\x{38f}\x{401}-\x{40c}\x{40e}\x{40f}",
    r"\x{451}-\x{45c}\x{45e}\x{45f}\x{490}\x{491}\x{2020}\x{2021}\x{2030}\x{2039}\x{203a}\x{20ac}\x{2116}",
    r"\x{2122}",
);

/// Upper halves (bytes 0x80 to 0xff) of the one-byte encodings, in the order in which they are tried; bytes that an
/// encoding leaves open stand for the control character of the same number. Latin-1 is the identity and left out.
pub(super) const UPPER_HALVES: [(&str, &str); 9] = [
    (
        "windows-1252",
        "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}Ž\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}žŸ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏÐÑÒÓÔÕÖ×ØÙÚÛÜÝÞßàáâãäåæçèéêëìíîïðñòóôõö÷øùúûüýþÿ",
    ),
    (
        "windows-1251",
        "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕїАБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюя",
    ),
    (
        "windows-1250",
        "€\u{81}‚\u{83}„…†‡\u{88}‰Š‹ŚŤŽŹ\u{90}‘’“”•–—\u{98}™š›śťžź\u{a0}ˇ˘Ł¤Ą¦§¨©Ş«¬\u{ad}®Ż°±˛ł´µ¶·¸ąş»Ľ˝ľżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙",
    ),
    (
        "windows-1253",
        "€\u{81}‚ƒ„…†‡\u{88}‰\u{8a}‹\u{8c}\u{8d}\u{8e}\u{8f}\u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}\u{9d}\u{9e}\u{9f}\u{a0}΅Ά£¤¥¦§¨©ª«¬\u{ad}®―°±²³΄µ¶·ΈΉΊ»Ό½ΎΏΐΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡÒΣΤΥΦΧΨΩΪΫάέήίΰαβγδεζηθικλμνξοπρςστυφχψωϊϋόύώÿ",
    ),
    (
        "windows-1254",
        "€\u{81}‚ƒ„…†‡ˆ‰Š‹Œ\u{8d}\u{8e}\u{8f}\u{90}‘’“”•–—˜™š›œ\u{9d}\u{9e}Ÿ\u{a0}¡¢£¤¥¦§¨©ª«¬\u{ad}®¯°±²³´µ¶·¸¹º»¼½¾¿ÀÁÂÃÄÅÆÇÈÉÊËÌÍÎÏĞÑÒÓÔÕÖ×ØÙÚÛÜİŞßàáâãäåæçèéêëìíîïğñòóôõö÷øùúûüışÿ",
    ),
    (
        "windows-1257",
        "€\u{81}‚\u{83}„…†‡\u{88}‰\u{8a}‹\u{8c}¨ˇ¸\u{90}‘’“”•–—\u{98}™\u{9a}›\u{9c}¯˛\u{9f}\u{a0}¡¢£¤¥¦§Ø©Ŗ«¬\u{ad}®Æ°±²³´µ¶·ø¹ŗ»¼½¾æĄĮĀĆÄÅĘĒČÉŹĖĢĶĪĻŠŃŅÓŌÕÖ×ŲŁŚŪÜŻŽßąįāćäåęēčéźėģķīļšńņóōõö÷ųłśūüżž˙",
    ),
    (
        "iso-8859-2",
        "\u{80}\u{81}\u{82}\u{83}\u{84}\u{85}\u{86}\u{87}\u{88}\u{89}\u{8a}\u{8b}\u{8c}\u{8d}\u{8e}\u{8f}\u{90}\u{91}\u{92}\u{93}\u{94}\u{95}\u{96}\u{97}\u{98}\u{99}\u{9a}\u{9b}\u{9c}\u{9d}\u{9e}\u{9f}\u{a0}Ą˘Ł¤ĽŚ§¨ŠŞŤŹ\u{ad}ŽŻ°ą˛ł´ľśˇ¸šşťź˝žżŔÁÂĂÄĹĆÇČÉĘËĚÍÎĎĐŃŇÓÔŐÖ×ŘŮÚŰÜÝŢßŕáâăäĺćçčéęëěíîďđńňóôőö÷řůúűüýţ˙",
    ),
    (
        "macroman",
        "ÄÅÇÉÑÖÜáàâäãåçéèêëíìîïñóòôöõúùûü†°¢£§•¶ß®©™´¨≠ÆØ∞±≤≥¥µ∂∑∏π∫ªºΩæø¿¡¬√ƒ≈∆«»…\u{a0}ÀÃÕŒœ–—“”‘’÷◊ÿŸ⁄€‹›ﬁﬂ‡·‚„‰ÂÊÁËÈÍÎÏÌÓÔ\u{f8ff}ÒÚÛÙıˆ˜¯˘˙˚¸˝˛ˇ",
    ),
    (
        "cp437",
        "ÇüéâäàåçêëèïîìÄÅÉæÆôöòûùÿÖÜ¢£¥₧ƒáíóúñÑªº¿⌐¬½¼¡«»░▒▓│┤╡╢╖╕╣║╗╝╜╛┐└┴┬├─┼╞╟╚╔╩╦╠═╬╧╨╤╥╙╘╒╓╫╪┘┌█▄▌▐▀αßΓπΣσµτΦΘΩδ∞φε∩≡±≥≤⌠⌡÷≈°∙·√ⁿ²■\u{a0}",
    ),
];
