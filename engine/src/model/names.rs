//! Tensor names of other releases, translated to the official ones of this release.
//!
//! | found | official |
//! | --- | --- |
//! | `blocks.N.scale_shift_table` (PixArt) | `blocks.N.shift_scale_gate_table` |
//! | `final_layer.scale_shift_table` (PixArt) | `final_layer.shift_scale_table` |
//! | `….attentions.N.query`, `key`, `value`, `proj_attn` (older autoencoder files) | `to_q`, `to_k`, `to_v`, `to_out.0` |
//! | the same as 1×1 convolutions `(out, in, 1, 1)` | matrices `(out, in)` |
//! | `encoder.embed_tokens.weight` (text encoder) | `shared.weight` |
//!
//! PixArt's null caption is a buffer there and a parameter here; both are plain tensors of the same name in a file.
//! Row orders agree everywhere, so nothing but names and those two trailing axes changes.

use std::collections::BTreeMap;

use candle_core::Tensor;

use super::t5::EMBEDDING_NAMES;

/// Older and present names of the four matrices of an autoencoder's attention.
const ATTENTION: [(&str, &str); 4] = [("query", "to_q"), ("key", "to_k"), ("value", "to_v"), ("proj_attn", "to_out.0")];

/// A set of names that cannot be translated.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NamesError {
    /// A tensor is there under its official name and under another.
    #[error("the weights hold {first} and {second}, two names of one tensor, and the two differ")]
    TwoSpellings {
        /// One name.
        first: String,
        /// The other name.
        second: String,
    },
    /// A failure of the tensor library.
    #[error(transparent)]
    Tensor(#[from] candle_core::Error),
}

/// The official name of a tensor; most names are returned as they are.
pub fn official_name(name: &str) -> String {
    if let Some(owner) = name.strip_suffix(".scale_shift_table") {
        let table = if owner.ends_with("final_layer") { "shift_scale_table" } else { "shift_scale_gate_table" };
        return format!("{owner}.{table}");
    }
    if name == EMBEDDING_NAMES[1] {
        return EMBEDDING_NAMES[0].to_owned();
    }
    if name.contains(".attentions.") {
        for (old, new) in ATTENTION {
            for kind in ["weight", "bias"] {
                if let Some(owner) = name.strip_suffix(&format!(".{old}.{kind}")) {
                    return format!("{owner}.{new}.{kind}");
                }
            }
        }
    }
    name.to_owned()
}

/// The shape of a tensor under its official name: 1×1 convolutions in the autoencoder's attention lose their trailing axes.
pub fn official_shape(official: &str, shape: &[usize]) -> Vec<usize> {
    match shape {
        [rows, columns, 1, 1] if is_attention_matrix(official) => vec![*rows, *columns],
        _ => shape.to_vec(),
    }
}

/// Renames a whole file's tensors and drops the trailing axes of 1×1 convolutions in the autoencoder's attention.
///
/// A tensor that is there under two names is kept once if both are equal (the text encoder's embedding).
///
/// # Errors
/// Two different tensors that would get one name.
pub fn official(tensors: BTreeMap<String, Tensor>) -> Result<BTreeMap<String, Tensor>, NamesError> {
    let mut map: BTreeMap<String, (String, Tensor)> = BTreeMap::new();
    for (found, tensor) in tensors {
        let official = official_name(&found);
        let tensor = if is_attention_matrix(&official) && matches!(tensor.dims(), [_, _, 1, 1]) {
            tensor.flatten_from(1)?
        } else {
            tensor
        };
        match map.get(&official) {
            Some((first, known)) if !equal(known, &tensor)? => {
                return Err(NamesError::TwoSpellings { first: first.clone(), second: found });
            }
            Some(_) => {}
            None => {
                map.insert(official, (found, tensor));
            }
        }
    }
    Ok(map.into_iter().map(|(official, (_, tensor))| (official, tensor)).collect())
}

fn is_attention_matrix(official: &str) -> bool {
    official.contains(".attentions.") && ATTENTION.iter().any(|(_, new)| official.ends_with(&format!(".{new}.weight")))
}

/// Same shape, same dtype, same bits (zero and minus zero count as equal).
fn equal(a: &Tensor, b: &Tensor) -> candle_core::Result<bool> {
    if a.dims() != b.dims() || a.dtype() != b.dtype() {
        return Ok(false);
    }
    let differing = a.ne(b)?.flatten_all()?.max(0)?.to_scalar::<u8>()?;
    Ok(differing == 0)
}

#[cfg(test)]
mod tests;
