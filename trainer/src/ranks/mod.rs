//! Many processes that do one job together: who they are and what they cost.

pub mod cards;
pub mod collective;
pub mod connect;
pub mod estimate;
pub mod exchange;
pub mod group;
pub mod launcher;
pub mod meet;
#[cfg(feature = "mpi")]
pub mod mpi;
#[cfg(feature = "nccl")]
pub mod nccl;
pub mod presence;
pub mod share;
#[cfg(test)]
pub(crate) mod testing;

pub use collective::Collective;
pub use group::{Elsewhere, Group};
pub use launcher::{Launcher, Place, place, place_in};
pub use share::{Mine, Sharing, title};
