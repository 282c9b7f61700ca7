//! Values of a data set by tag. Errors name the field and never what it holds.

use dicom_core::{PrimitiveValue, Tag};
use dicom_object::InMemDicomObject;

use super::guard::keyword;
use crate::imageio::fault::Fault;

/// Reading of single fields.
pub(crate) trait Fields {
    /// All numbers of a field; empty when it is missing or empty.
    fn numbers(&self, tag: Tag) -> Result<Vec<f64>, Fault>;
    /// The text of a field without padding; `None` when it is missing or empty.
    fn text(&self, tag: Tag) -> Result<Option<String>, Fault>;
    /// The items of a sequence; none when it is missing.
    fn items(&self, tag: Tag) -> &[InMemDicomObject];

    /// The first number of a field.
    fn number(&self, tag: Tag) -> Result<Option<f64>, Fault> {
        Ok(self.numbers(tag)?.first().copied())
    }

    /// A whole number from 0 to 65535.
    fn count(&self, tag: Tag) -> Result<Option<u32>, Fault> {
        let Some(value) = self.number(tag)? else { return Ok(None) };
        if value.fract() != 0.0 || !(0.0..=f64::from(u32::MAX)).contains(&value) {
            return Err(Fault::damaged(keyword(tag), "is no whole number from 0"));
        }
        Ok(Some(value as u32))
    }

    /// As [`Fields::count`], and it must be there.
    fn needed(&self, tag: Tag) -> Result<u32, Fault> {
        self.count(tag)?.ok_or_else(|| Fault::missing(keyword(tag)))
    }
}

impl Fields for InMemDicomObject {
    fn numbers(&self, tag: Tag) -> Result<Vec<f64>, Fault> {
        let Some(element) = self.get(tag) else { return Ok(Vec::new()) };
        let unread = || Fault::damaged(keyword(tag), "is no number");
        let finite = |numbers: Vec<f64>| if numbers.iter().all(|v| v.is_finite()) { Ok(numbers) } else { Err(unread()) };
        match element.value().primitive() {
            None => Err(unread()),
            Some(PrimitiveValue::Empty) => Ok(Vec::new()),
            Some(PrimitiveValue::Str(_) | PrimitiveValue::Strs(_)) => {
                let text = element.to_str().map_err(|_| unread())?;
                let parts = text.split('\\').map(|part| part.trim_matches([' ', '\0'])).filter(|part| !part.is_empty());
                finite(parts.map(|part| part.parse().map_err(|_| unread())).collect::<Result<_, _>>()?)
            }
            Some(value) => finite(value.to_multi_float64().map_err(|_| unread())?),
        }
    }

    fn text(&self, tag: Tag) -> Result<Option<String>, Fault> {
        let Some(element) = self.get(tag) else { return Ok(None) };
        let text = element.to_str().map_err(|_| Fault::damaged(keyword(tag), "is no text"))?;
        let text = text.trim_matches([' ', '\0']);
        Ok((!text.is_empty()).then(|| text.to_owned()))
    }

    fn items(&self, tag: Tag) -> &[InMemDicomObject] {
        self.get(tag).and_then(|element| element.items()).unwrap_or_default()
    }
}
