//! A network that stays in memory, or that is read from its file whenever its turn comes.

use std::ops::Deref;

use super::Error;
use crate::allocator;

/// Reads a network from its file.
type Load<T> = Box<dyn Fn() -> Result<T, Error> + Send + Sync>;

/// A network of a pipeline.
pub(super) enum Part<T> {
    /// It stays in memory.
    Kept(T),
    /// It is in memory only while somebody holds it.
    Staged(Load<T>),
}

impl<T> Part<T> {
    /// The network, read now if it was not kept.
    pub(super) fn get(&self) -> Result<Held<'_, T>, Error> {
        match self {
            Self::Kept(part) => Ok(Held::Kept(part)),
            Self::Staged(load) => {
                // What the part before took goes back first: memory is short.
                allocator::give_back();
                load().map(Held::Loaded)
            }
        }
    }

    /// The network in `slot`, which is filled when it is asked for the first time and frees it when it is dropped.
    pub(super) fn get_into<'a, 's>(&'a self, slot: &'s mut Option<Held<'a, T>>) -> Result<&'s T, Error> {
        let held = match slot.take() {
            Some(held) => held,
            None => self.get()?,
        };
        Ok(slot.insert(held))
    }
}

/// A network while it is used.
pub(super) enum Held<'a, T> {
    /// One that stays.
    Kept(&'a T),
    /// One that goes with this value.
    Loaded(T),
}

impl<T> Deref for Held<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        match self {
            Self::Kept(part) => part,
            Self::Loaded(part) => part,
        }
    }
}

impl<T> std::fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Kept(_) => "Kept",
            Self::Staged(_) => "Staged",
        })
    }
}
