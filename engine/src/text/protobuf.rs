//! The few lines of protocol buffers that a `spiece.model` file needs.
//!
//! Yields the fields of one message in file order; nested messages are read by a second [`Fields`] over
//! the bytes of the field. Groups (wire types 3 and 4, long deprecated) are refused.

/// The value of one field, still undecoded beyond its wire type.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Wire<'a> {
    /// A variable-length integer: integers, booleans, enums.
    Varint(u64),
    /// Four bytes, little endian: here always an `f32`.
    Fixed32([u8; 4]),
    /// Eight bytes, little endian.
    Fixed64,
    /// Length-prefixed bytes: strings and nested messages.
    Bytes(&'a [u8]),
}

/// Iterator over the `(field number, value)` pairs of one message; ends with one `Err(())` on damage.
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// The message ends in the middle of a field, or uses a wire type that does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

impl<'a> Fields<'a> {
    /// Reads the fields of `message`.
    pub(super) fn new(message: &'a [u8]) -> Self {
        Self { rest: message }
    }

    fn varint(&mut self) -> Result<u64, Damaged> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(Damaged)?;
            self.rest = rest;
            if shift < 64 {
                value |= u64::from(byte & 0x7f) << shift;
            }
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(Damaged)
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Damaged> {
        if count > self.rest.len() {
            return Err(Damaged);
        }
        let (head, rest) = self.rest.split_at(count);
        self.rest = rest;
        Ok(head)
    }

    fn field(&mut self) -> Result<(u64, Wire<'a>), Damaged> {
        let key = self.varint()?;
        let wire = match key & 7 {
            0 => Wire::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                Wire::Fixed64
            }
            2 => {
                let length = usize::try_from(self.varint()?).map_err(|_| Damaged)?;
                Wire::Bytes(self.take(length)?)
            }
            5 => {
                let bytes = self.take(4)?;
                Wire::Fixed32([bytes[0], bytes[1], bytes[2], bytes[3]])
            }
            _ => return Err(Damaged),
        };
        Ok((key >> 3, wire))
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(u64, Wire<'a>), Damaged>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.rest = &[];
        }
        Some(field)
    }
}
