//! A small byte-pair tokenizer learned from phantom reports.
//!
//! Words it has not seen fall apart into letters, so any ASCII text can be read.

use anyhow::{Result, anyhow};
use tokenizers::models::bpe::{BPE, BpeTrainerBuilder};
use tokenizers::pre_tokenizers::PreTokenizerWrapper;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::whitespace::Whitespace;
use tokenizers::{AddedToken, Tokenizer};

/// Learns a `tokenizer.json` of at most `vocab_size` tokens from cleaned texts.
///
/// Ids 0, 1, 2 are padding, end and unknown, as in T5.
///
/// # Errors
/// When the texts hold nothing to learn from.
pub fn learn(texts: &[String], vocab_size: usize) -> Result<String> {
    let failed = |e: tokenizers::Error| anyhow!("the tokenizer could not be learned: {e}");
    let bpe = BPE::builder().unk_token("<unk>".to_owned()).build().map_err(failed)?;
    let mut tokenizer = Tokenizer::new(bpe);
    tokenizer.with_pre_tokenizer(Some(PreTokenizerWrapper::Sequence(Sequence::new(vec![
        PreTokenizerWrapper::Whitespace(Whitespace),
        PreTokenizerWrapper::Digits(Digits::new(true)),
    ]))));
    let special = ["<pad>", "</s>", "<unk>"].map(|t| AddedToken::from(t, true)).to_vec();
    let mut trainer: tokenizers::models::TrainerWrapper = BpeTrainerBuilder::new()
        .vocab_size(vocab_size)
        .min_frequency(2)
        .show_progress(false)
        .initial_alphabet((' '..='~').collect())
        .special_tokens(special)
        .build()
        .into();
    tokenizer.train(&mut trainer, texts.iter().map(String::as_str)).map_err(failed)?;
    tokenizer.to_string(true).map_err(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_words_are_short_and_unknown_words_are_readable() -> Result<()> {
        let texts: Vec<String> = (0..50).map(|_| "right pleural effusion. no pneumothorax".to_owned()).collect();
        let json = learn(&texts, 200)?;
        let tokenizer = engine::text::Tokenizer::from_json(json.as_bytes())?;
        let known = tokenizer.encode("right pleural effusion", 32)?;
        assert_eq!(known.used(), 4, "three words and the end token");
        let unknown = tokenizer.encode("zygoma", 32)?;
        assert!(!unknown.ids[..unknown.used()].contains(&2), "letters, not the unknown token");
        Ok(())
    }
}
