use super::*;

/// Writes one protobuf field of bytes.
fn bytes_field(number: u8, bytes: &[u8], out: &mut Vec<u8>) {
    out.push(number << 3 | 2);
    let mut length = bytes.len();
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
    out.extend_from_slice(bytes);
}

/// A `spiece.model` without character table, of `(text, score, type)` pieces.
fn spiece(pieces: &[(&str, f32, u8)], byte_fallback: bool) -> Vec<u8> {
    let mut file = Vec::new();
    for (text, score, kind) in pieces {
        let mut piece = Vec::new();
        bytes_field(1, text.as_bytes(), &mut piece);
        piece.push(2 << 3 | 5);
        piece.extend_from_slice(&score.to_le_bytes());
        piece.extend_from_slice(&[3 << 3, *kind]);
        bytes_field(1, &piece, &mut file);
    }
    let trainer = [3 << 3, 1, 0x98, 0x02, u8::from(byte_fallback)];
    bytes_field(2, &trainer, &mut file);
    file
}

const PIECES: &[(&str, f32, u8)] = &[
    ("<pad>", 0.0, 3),
    ("</s>", 0.0, 3),
    ("<unk>", 0.0, 2),
    ("\u{2581}", -2.0, 1),
    ("\u{2581}no", -3.0, 1),
    ("n", -4.0, 1),
    ("o", -4.5, 1),
    ("\u{2581}e", -4.0, 1),
    ("dema", -3.5, 1),
    ("d", -5.0, 1),
    ("e", -4.2, 1),
];

fn tokenizer() -> Tokenizer {
    Tokenizer::from_spiece(&spiece(PIECES, false), 2).expect("a model made here")
}

/// The same vocabulary as a `tokenizer.json`, as the converter of the reference would write it.
fn json_twin() -> Tokenizer {
    let mut vocab: Vec<_> = PIECES.iter().map(|(text, score, _)| serde_json::json!([text, score])).collect();
    vocab.push(serde_json::json!(["<extra_id_1>", 0.0]));
    vocab.push(serde_json::json!(["<extra_id_0>", 0.0]));
    let added: Vec<_> = [(0, "<pad>"), (1, "</s>"), (2, "<unk>"), (11, "<extra_id_1>"), (12, "<extra_id_0>")]
        .iter()
        .map(|(id, content)| {
            serde_json::json!({"id": id, "content": content, "single_word": false, "lstrip": false,
                "rstrip": false, "normalized": false, "special": true})
        })
        .collect();
    let file = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Strip", "strip_left": false, "strip_right": true},
            {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "\u{2581}"}]},
        "pre_tokenizer": {"type": "Metaspace", "replacement": "\u{2581}", "add_prefix_space": true, "prepend_scheme": "always"},
        "post_processor": null, "decoder": null,
        "model": {"type": "Unigram", "unk_id": 2, "vocab": vocab, "byte_fallback": false}
    });
    Tokenizer::from_json(file.to_string().as_bytes()).expect("a tokenizer.json made here")
}

fn ids(text: &str) -> Vec<u32> {
    tokenizer().pieces(text).expect("native").iter().map(|piece| piece.id).collect()
}

#[test]
fn takes_the_most_probable_cut() {
    assert_eq!(ids("no edema"), [4, 7, 8], "not ▁ n o, not ▁ e");
    assert_eq!(ids("node"), [4, 9, 10]);
    assert_eq!(ids("  no   no  "), [4, 4], "runs of blanks are one mark, blanks at the end vanish");
    assert_eq!(ids(""), [0u32; 0]);
    assert_eq!(ids("noxyzo"), [4, 2, 6], "unknown neighbours are one token");
}

#[test]
fn special_tokens_in_the_text_are_recognised() {
    assert_eq!(ids("no</s>no<extra_id_0>"), [4, 1, 4, 12]);
}

#[test]
fn pads_truncates_and_keeps_the_end() {
    let tokenizer = tokenizer();
    let short = tokenizer.encode("no edema", 6).expect("encodes");
    assert_eq!(short.ids, [4, 7, 8, 1, 0, 0]);
    assert_eq!(short.mask, [1, 1, 1, 1, 0, 0]);
    assert_eq!(short.used(), 4);
    let cut = tokenizer.encode("no edema no", 3).expect("encodes");
    assert_eq!(cut.ids, [4, 7, 1]);
    assert_eq!(cut.used(), 3);
    assert!(matches!(tokenizer.encode("no", 0), Err(TokenizerError::NoRoom { .. })));
}

#[test]
fn count_says_where_the_text_is_cut() {
    let tokenizer = tokenizer();
    let fits = tokenizer.count("no edema no", 5).expect("counts");
    assert_eq!(fits, TokenCount { used: 5, limit: 5, cut_at: None });
    let cut = tokenizer.count("no edema no", 4).expect("counts");
    assert_eq!(cut, TokenCount { used: 5, limit: 4, cut_at: Some(8) }, "before the last word");
    let inside = tokenizer.count("no é edema", 3).expect("counts");
    assert_eq!(inside.cut_at, Some(3), "on a character boundary");
}

#[test]
fn bytes_stand_for_unknown_text_where_the_model_has_them() {
    let mut pieces = PIECES.to_vec();
    let names: Vec<String> = (0..=255u8).map(|byte| format!("<0x{byte:02X}>")).collect();
    pieces.extend(names.iter().map(|name| (name.as_str(), -20.0, 6)));
    let tokenizer = Tokenizer::from_spiece(&spiece(&pieces, true), 0).expect("a model made here");
    let got: Vec<u32> = tokenizer.pieces("é").expect("encodes").iter().map(|piece| piece.id).collect();
    assert_eq!(got, [3, 11 + 0xc3, 11 + 0xa9]);
}

#[test]
fn refuses_what_is_no_model() {
    for bytes in [&b""[..], b"version https://git-lfs", b"PK\x03\x04zip", &[0xff; 64]] {
        assert!(Tokenizer::from_spiece(bytes, 100).is_err());
    }
    let whole = spiece(PIECES, false);
    assert!(Tokenizer::from_spiece(&whole[..whole.len() / 2 + 1], 100).is_err(), "cut off");
    assert!(Tokenizer::from_json(b"{\"version\": 1}").is_err());
    let mut bpe = spiece(PIECES, false);
    let at = bpe.len() - 4;
    bpe[at] = 2;
    let refused = Tokenizer::from_spiece(&bpe, 0).expect_err("a BPE model").to_string();
    assert!(refused.contains("unigram"), "{refused}");
}

/// A character table with the single rule A → `replacement`, and its trie.
fn table(replacement: &str) -> Vec<u8> {
    let mut units = vec![0u32; 512];
    units[0] = 256 << 10; // children of the root from 256 on
    units[256 ^ 0x41] = 0x41 | 1 << 8 | 1 << 10; // the letter A, with its value one unit on
    let mut bytes = 2048u32.to_le_bytes().to_vec();
    bytes.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    bytes.extend_from_slice(replacement.as_bytes());
    bytes.push(0);
    bytes
}

#[test]
fn a_damaged_character_table_is_refused_before_it_is_walked() {
    use super::super::charsmap::from_base64;
    assert_eq!(from_base64("QUJDRA==").as_deref(), Some(&b"ABCD"[..]));
    assert_eq!(from_base64("Q!"), None);
    let sound = table("b");
    assert!(CharsMap::parse(&sound).is_some_and(|table| table.is_sound()));
    let mut far = sound.clone();
    far[4..8].copy_from_slice(&(0x3f_ffffu32 << 10).to_le_bytes());
    assert!(CharsMap::parse(&far).is_some_and(|table| !table.is_sound()), "children behind the end");
    assert!(CharsMap::parse(&sound[..100]).is_none(), "cut off");
    let json = r#"{"normalizer": {"type": "Precompiled", "precompiled_charsmap": "AAAA"}}"#;
    let refused = Tokenizer::from_json(json.as_bytes()).expect_err("damaged").to_string();
    assert!(refused.contains("character table"), "{refused}");
}

mod properties {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn both_file_kinds_give_the_same_ids(text in "[noedma xé \u{2581}<>/s\t漢]{0,40}|(no|</s>| |<extra_id_1>|edema){0,8}|\\PC{0,30}") {
            let native: Vec<u32> = tokenizer().pieces(&text).expect("encodes").iter().map(|piece| piece.id).collect();
            let json: Vec<u32> = json_twin().pieces(&text).expect("encodes").iter().map(|piece| piece.id).collect();
            prop_assert_eq!(native, json);
        }

        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _refused_or_not = Tokenizer::from_spiece(&bytes, 3).map(|t| t.pieces("no edema é"));
        }

        #[test]
        fn a_damaged_model_never_panics(at in 0usize..400, value: u8, text in "\\PC{0,20}") {
            let mut bytes = spiece(PIECES, true);
            let at = at % bytes.len();
            bytes[at] = value;
            let _refused_or_not = Tokenizer::from_spiece(&bytes, 3).map(|t| t.pieces(&text));
        }
    }
}
