//! Which collective a process uses, by its device and its launcher.

use std::path::Path;
use std::time::Duration;

use anyhow::Result;
#[cfg(not(all(feature = "mpi", feature = "nccl")))]
use anyhow::bail;
use candle_core::Device;

use super::collective::Collective;
use super::group::{GiveUp, Group};
use super::launcher::Place;
use super::presence::Presence;

/// What a build can do, for people.
pub fn abilities() -> String {
    let with = |has: bool, name: &str, how: &str| if has { name.to_owned() } else { format!("no {name} (build with {how})") };
    let mpi = with(cfg!(feature = "mpi"), "MPI for processors", "--features mpi");
    let nccl = with(cfg!(feature = "nccl"), "NCCL for graphics cards", "--features nccl");
    format!("many ranks: {mpi}, {nccl}")
}

/// Joins the ranks that the launcher started; `run` is a folder that all of them see.
///
/// # Errors
/// When this build has no collective for the device, or the others cannot be reached within `limit`.
pub fn connect(place: Place, device: &Device, run: &Path, limit: Duration) -> Result<Group> {
    if place.world == 1 {
        return Ok(Group::alone());
    }
    let presence = Presence::new(run, place.rank);
    let (device, run) = (device.clone(), run.to_owned());
    Group::join(move |give_up| open(&place, &device, &run, limit, give_up), Some(presence), limit)
}

fn open(place: &Place, device: &Device, run: &Path, limit: Duration, give_up: GiveUp) -> Result<Box<dyn Collective>> {
    if device.is_cpu() { on_processors(place, give_up) } else { on_cards(place, device, run, limit, give_up) }
}

#[cfg(feature = "mpi")]
fn on_processors(place: &Place, give_up: GiveUp) -> Result<Box<dyn Collective>> {
    Ok(Box::new(super::mpi::Mpi::join(place, give_up)?))
}

#[cfg(not(feature = "mpi"))]
fn on_processors(place: &Place, _: GiveUp) -> Result<Box<dyn Collective>> {
    bail!(
        "{} started {} ranks on processors, which need MPI, and this build has none; build it by: cargo build --release -p \
         trainer --features mpi (Debian: libopenmpi-dev libclang-dev)",
        place.launcher.name(),
        place.world
    )
}

#[cfg(feature = "nccl")]
fn on_cards(place: &Place, device: &Device, run: &Path, limit: Duration, give_up: GiveUp) -> Result<Box<dyn Collective>> {
    Ok(Box::new(super::nccl::Nccl::join(place, device, run, limit, give_up)?))
}

#[cfg(not(feature = "nccl"))]
fn on_cards(place: &Place, _: &Device, _: &Path, _: Duration, _: GiveUp) -> Result<Box<dyn Collective>> {
    bail!(
        "{} started {} ranks on graphics cards, which need NCCL, and this build has none; build it by: cargo build --release \
         -p trainer --features nccl",
        place.launcher.name(),
        place.world
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(not(feature = "mpi"))]
    use crate::ranks::Launcher;

    #[test]
    fn one_process_needs_no_connection() {
        let dir = tempfile::tempdir().unwrap();
        let alone = connect(Place::ALONE, &Device::Cpu, dir.path(), Duration::from_secs(1)).unwrap();
        assert!(alone.is_alone() && alone.leads());
        assert!(abilities().starts_with("many ranks: "));
    }

    /// With MPI, a process of its own is needed: see `tests/it/many_ranks.rs`.
    #[cfg(not(feature = "mpi"))]
    #[test]
    fn without_mpi_the_sentence_tells_how_to_build_it() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { rank: 1, world: 4, local_rank: 1, launcher: Launcher::Slurm };
        let said = connect(place, &Device::Cpu, dir.path(), Duration::from_secs(600)).map(|_| ()).unwrap_err().to_string();
        assert!(said.contains("Slurm started 4 ranks on processors") && said.contains("--features mpi"), "{said}");
    }
}
