//! CLIP's tokenizer: `vocab.json` and `merges.txt` of a published folder become one `tokenizer.json`.
//!
//! Text is lower-cased, cut into words, single digits and runs of signs, and each is merged from bytes by rank; the
//! last piece of a word ends with `</w>`.
//!
//! # Source
//! Sennrich et al., "Neural Machine Translation of Rare Words with Subword Units", 2016; cutting as `CLIPTokenizer` of
//! transformers 4.46 without ftfy.

use std::collections::HashMap;

use tokenizers::models::bpe::BPE;
use tokenizers::normalizers::{Lowercase, NFC, Replace, Sequence as Normalizers, replace::ReplacePattern};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::sequence::Sequence as Cutters;
use tokenizers::pre_tokenizers::split::{Split, SplitPattern};
use tokenizers::{AddedToken, NormalizerWrapper, PaddingParams, PaddingStrategy, SplitDelimiterBehavior};

use super::TokenizerError;

/// The token before a text.
pub const START: &str = "<|startoftext|>";
/// The token behind a text; it stands for unknown pieces, too.
pub const END: &str = "<|endoftext|>";
/// What ends a word.
const WORD_END: &str = "</w>";
/// Merges that are read at most: the reference cuts longer lists there.
const MERGES: usize = 49_152 - 256 - 2;
/// Control characters and the sign of a failed decoding, which are dropped.
const DROPPED: &str = r"[\p{C}\x{FFFD}&&[^\t\n\r]]";
/// Ideographs, each of which is a word of its own.
const IDEOGRAPHS: &str = r"[\x{4E00}-\x{9FFF}\x{3400}-\x{4DBF}\x{20000}-\x{2A6DF}\x{2A700}-\x{2B73F}\x{2B740}-\x{2B81F}\x{2B820}-\x{2CEAF}\x{F900}-\x{FAFF}\x{2F800}-\x{2FA1F}]";
/// English endings, words, single digits, runs of other signs.
const WORDS: &str = r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+";

/// The bytes of a `tokenizer.json` that cuts texts as a folder with these two files does.
///
/// `pad` is the token that fills up; [`END`] if not said.
///
/// # Errors
/// When a file is damaged, a merge makes what is not in the vocabulary, or a mark is missing.
pub fn tokenizer_json(vocab: &[u8], merges: &str, pad: Option<&str>) -> Result<Vec<u8>, TokenizerError> {
    let refuse = |message: String| TokenizerError::Clip(message);
    let vocab: HashMap<String, u32> =
        serde_json::from_slice(vocab).map_err(|error| refuse(format!("vocab.json is damaged: {error}")))?;
    let pad = pad.unwrap_or(END);
    if let Some(missing) = [START, END, pad].into_iter().find(|token| !vocab.contains_key(*token)) {
        return Err(refuse(format!("vocab.json holds no {missing}")));
    }
    let pad_id = vocab[pad];
    // The first line tells the version.
    let lines = merges.trim().lines().skip(1).take(MERGES);
    let pair = |(at, line): (usize, &str)| match line.split_whitespace().collect::<Vec<_>>().as_slice() {
        [left, right] => Ok(((*left).to_owned(), (*right).to_owned())),
        _ => Err(refuse(format!("line {} of merges.txt is no pair: {line:?}", at + 2))),
    };
    let merges = lines.enumerate().map(pair).collect::<Result<Vec<_>, _>>()?;
    let failed = |error: tokenizers::Error| refuse(error.to_string());
    let model = BPE::builder()
        .vocab_and_merges(vocab.into_iter().collect::<tokenizers::models::bpe::Vocab>(), merges)
        .unk_token(END.to_owned())
        .end_of_word_suffix(WORD_END.to_owned())
        .build()
        .map_err(failed)?;
    let mut tokenizer = tokenizers::Tokenizer::new(model);
    let pattern = |pattern: &str| ReplacePattern::Regex(pattern.to_owned());
    let normalizers: Vec<NormalizerWrapper> = vec![
        Replace::new(pattern(DROPPED), "").map_err(failed)?.into(),
        NFC.into(),
        Replace::new(pattern(r"\s+"), " ").map_err(failed)?.into(),
        Lowercase.into(),
    ];
    tokenizer.with_normalizer(Some(Normalizers::new(normalizers))).map_err(failed)?;
    let split =
        |pattern: &str, behavior, invert| Split::new(SplitPattern::Regex(pattern.to_owned()), behavior, invert).map_err(failed);
    tokenizer.with_pre_tokenizer(Some(Cutters::new(vec![
        split(IDEOGRAPHS, SplitDelimiterBehavior::Isolated, false)?.into(),
        split(WORDS, SplitDelimiterBehavior::Removed, true)?.into(),
        ByteLevel::new(false, true, false).into(),
    ])));
    let special = |token: &str| AddedToken::from(token.to_owned(), true);
    tokenizer.add_special_tokens([special(START), special(END)]).map_err(failed)?;
    tokenizer.with_padding(Some(PaddingParams {
        strategy: PaddingStrategy::BatchLongest,
        pad_id,
        pad_token: pad.to_owned(),
        ..PaddingParams::default()
    }));
    Ok(tokenizer.to_string(false).map_err(failed)?.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::Tokenizer;

    const VOCAB: &str = r#"{"a":0,"b":1,"a</w>":2,"b</w>":3,"ab</w>":4,"!":5,"!</w>":6,"<|startoftext|>":7,"<|endoftext|>":8}"#;

    fn made(merges: &str, pad: Option<&str>) -> Result<Tokenizer, TokenizerError> {
        Tokenizer::from_json(&tokenizer_json(VOCAB.as_bytes(), merges, pad)?)
    }

    #[test]
    fn two_files_become_a_tokenizer_with_marks_and_fill() {
        let tokenizer = made("#version\na b</w>\n", None).unwrap();
        assert_eq!(tokenizer.encode("AB  a!", 8).unwrap().ids, [7, 4, 2, 6, 8, 8, 8, 8]);
        assert_eq!(tokenizer.encode("", 3).unwrap().ids, [7, 8, 8]);
        assert_eq!(tokenizer.encode("a b a b", 4).unwrap().ids, [7, 2, 3, 8], "the end is kept");
        let count = tokenizer.count("a b a b", 4).unwrap();
        assert_eq!((count.used, count.limit, count.cut_at), (6, 4, Some(4)));
        assert!(tokenizer.encode("a", 1).unwrap_err().to_string().contains("limit of 1"));
        let filled = made("#version\na b</w>\n", Some("!")).unwrap();
        assert_eq!(filled.encode("ab", 5).unwrap().ids, [7, 4, 8, 5, 5]);
        // The same content gives the same bytes, so that hashes stay.
        let bytes = || tokenizer_json(VOCAB.as_bytes(), "#version\na b</w>\n", None).unwrap();
        assert_eq!(bytes(), bytes());
    }

    #[test]
    fn damaged_files_are_named() {
        let said = |merges: &str, pad| made(merges, pad).unwrap_err().to_string();
        assert!(said("#version\na b c\n", None).contains("line 2 of merges.txt"));
        assert!(said("#version\na a\n", None).contains("cannot be used"), "{}", said("#version\na a\n", None));
        assert!(said("", Some("pad")).contains("holds no pad"));
        assert!(tokenizer_json(b"{", "", None).unwrap_err().to_string().contains("vocab.json is damaged"));
        assert!(tokenizer_json(b"{\"a\":0}", "", None).unwrap_err().to_string().contains(START));
    }
}
