//! What ranks find out, decide and fail at together: each of these is a call that all of them make.

use std::fmt;

use anyhow::{Result, anyhow};

use super::Group;

/// The failure of this process where another one tells of it.
#[derive(Debug)]
pub struct Elsewhere;

impl fmt::Display for Elsewhere {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("another rank failed and says why")
    }
}

impl std::error::Error for Elsewhere {}

impl Group {
    /// Bytes of every rank, in their order.
    ///
    /// # Errors
    /// As [`Group::wait`].
    pub fn gather(&self, mine: Vec<u8>) -> Result<Vec<Vec<u8>>> {
        self.wait(self.begin(move |ranks| ranks.gather(&mine))?)
    }

    /// The bytes of rank 0.
    ///
    /// # Errors
    /// As [`Group::wait`].
    pub fn broadcast(&self, bytes: Vec<u8>) -> Result<Vec<u8>> {
        self.wait(self.begin(move |ranks| ranks.broadcast(bytes))?)
    }

    /// Whether it is so on every rank.
    ///
    /// # Errors
    /// As [`Group::wait`].
    pub fn all(&self, here: bool) -> Result<bool> {
        if self.is_alone() {
            return Ok(here);
        }
        Ok(self.gather(vec![u8::from(here)])?.iter().all(|there| *there == [1]))
    }

    /// Waits for all.
    ///
    /// # Errors
    /// As [`Group::wait`].
    pub fn barrier(&self) -> Result<()> {
        self.wait(self.begin(|ranks| ranks.barrier())?)
    }

    /// What rank 0 finds; the others do not look, so that all act on the same.
    ///
    /// # Errors
    /// As [`Group::wait`], or when rank 0 finds out nothing.
    pub fn decide<T>(&self, find: impl FnOnce() -> Result<T>) -> Result<T>
    where
        T: serde::Serialize + serde::de::DeserializeOwned,
    {
        let found = self.together(if self.leads() { find().map(Some) } else { Ok(None) })?;
        match found {
            Some(found) if self.is_alone() => Ok(found),
            found => Ok(serde_json::from_slice(&self.broadcast(serde_json::to_vec(&found)?)?)?),
        }
    }

    /// Joins results of a step that all ranks take: when one fails, all fail, and the first that failed tells why.
    ///
    /// # Errors
    /// The failure of this rank, or [`Elsewhere`].
    pub fn together<T>(&self, result: Result<T>) -> Result<T> {
        if self.is_alone() {
            return result;
        }
        let mine = result.as_ref().err().map(|error| format!("{error:#}")).unwrap_or_default();
        let said = self.gather(mine.into_bytes())?;
        let Some(first) = said.iter().position(|said| !said.is_empty()) else { return result };
        self.failed.set(true);
        let same = said.iter().all(|other| *other == said[first]);
        match result {
            Err(error) if first == self.rank && (same || error.is::<Elsewhere>()) => Err(error),
            Err(error) if first == self.rank => Err(error.context(self.name(first).to_owned())),
            _ => Err(Elsewhere.into()),
        }
    }

    /// Makes sure that all ranks mean the same `text`.
    ///
    /// # Errors
    /// Names a rank that has another `what` than rank 0.
    pub fn agree(&self, what: &str, text: &str) -> Result<()> {
        if self.is_alone() {
            return Ok(());
        }
        let all = self.gather(text.as_bytes().to_vec())?;
        let Some(other) = all.iter().position(|text| *text != all[0]) else { return Ok(()) };
        let other = self.name(other);
        self.together(Err(anyhow!("{other} has another {what} than rank 0; start all ranks by the same command and program")))
    }

    /// Work that leaves files: first rank 0 does it (`true`), then the others read what it wrote (`false`).
    ///
    /// # Errors
    /// As [`Group::together`].
    pub fn first<T>(&self, work: impl Fn(bool) -> Result<T>) -> Result<T> {
        let led = self.together(if self.leads() { work(true).map(Some) } else { Ok(None) })?;
        match led {
            Some(led) if self.is_alone() => Ok(led),
            Some(led) => self.together(Ok(led)),
            None => self.together(work(false)),
        }
    }
}
