//! What a training on phantoms waits for before its first update: all ranks draw them, then each encodes them. Work that can
//! take hours, so it ends soon when a rank is signalled.

use anyhow::Result;
use candle_core::Device;

use crate::data::phantom_cases::{Encoders, PhantomCases};
use crate::data::phantoms::{CHUNK, Phantoms};
use crate::ranks::Group;
use crate::run::log::say;
use crate::run::preparing::Preparing;
use crate::run::signals::StopRequest;
use crate::work::WorkShare;

/// Draws the phantoms, each rank its share; false where one of them was signalled.
///
/// # Errors
/// When a file cannot be written, or a rank fails.
pub fn draw(data: &Phantoms, stop: &StopRequest, group: &Group) -> Result<bool> {
    let share = WorkShare::new(group.rank(), group.world())?;
    let progress = Preparing::begin("drawing", (data.len() / CHUNK).div_ceil(share.world()), group.leads());
    let drawn = group.together(data.draw_share(share, &|| stop.is_signalled(), |done| progress.at(done)))?;
    progress.end();
    let goes_on = group.all(drawn)?;
    if !goes_on {
        say_stopped(group);
    }
    Ok(goes_on)
}

/// Encodes the phantoms; `None` where a rank was signalled.
///
/// # Errors
/// When a case cannot be encoded, or a rank fails.
pub fn encode(
    data: &Phantoms,
    with: &Encoders<'_>,
    device: &Device,
    stop: &StopRequest,
    group: &Group,
) -> Result<Option<PhantomCases>> {
    let progress = Preparing::begin("encoding", data.len() / CHUNK, group.leads());
    // Nobody waits longer than for a chunk of another one.
    let next = |done, went| {
        let went = group.together(went)?;
        progress.at(done);
        group.all(went)
    };
    let cases = PhantomCases::encode(data, with, device, &|| stop.is_signalled(), next)?;
    progress.end();
    if cases.is_none() {
        say_stopped(group);
    }
    Ok(cases)
}

fn say_stopped(group: &Group) {
    if group.leads() {
        say(
            "stopped while phantoms were prepared, before an update; those that are drawn are kept, and the same command goes on",
        );
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    use candle_core::Tensor;
    use engine::condition::Palette;
    use engine::model::{Autoencoder, ModelError, Posterior};
    use engine::phantom::PhantomConfig;

    use super::*;
    use crate::data::cases::Caption;

    /// Takes pictures as they are; asks to stop at its third call.
    struct Impatient {
        calls: AtomicUsize,
        stop: Arc<AtomicBool>,
    }

    impl Autoencoder for Impatient {
        fn encode(&self, image: &Tensor) -> Result<Posterior, ModelError> {
            self.stop.fetch_or(self.calls.fetch_add(1, Ordering::Relaxed) == 2, Ordering::Relaxed);
            Ok(Posterior { mean: image.clone(), log_var: image.zeros_like()? })
        }

        fn decode(&self, latent: &Tensor) -> Result<Tensor, ModelError> {
            Ok(latent.clone())
        }

        fn latent_channels(&self) -> usize {
            1
        }

        fn factor(&self) -> usize {
            1
        }
    }

    #[test]
    fn a_signal_ends_the_encoding_within_a_chunk_and_the_drawing_at_once() -> Result<()> {
        let data = Phantoms::new(1, PhantomConfig::practice(), 32, 2 * CHUNK, None);
        let flag = Arc::new(AtomicBool::new(false));
        let (stop, group) = (StopRequest::by(flag.clone()), Group::alone());
        assert!(draw(&data, &stop, &group)?);
        let autoencoder = Impatient { calls: AtomicUsize::new(0), stop: flag };
        let with = Encoders {
            autoencoder: &autoencoder,
            maps: None,
            caption: &|_| Ok(Caption::Tokens(vec![1])),
            caption_width: None,
            palette: &Palette::practice(),
            kinds: &[],
            sample_posterior: false,
        };
        assert!(encode(&data, &with, &Device::Cpu, &stop, &group)?.is_none());
        assert_eq!(autoencoder.calls.load(Ordering::Relaxed), 3, "no picture is encoded after it");
        assert!(!draw(&data, &stop, &group)?, "nothing is drawn any more");
        assert!(encode(&data, &with, &Device::Cpu, &StopRequest::never(), &group)?.is_some());
        Ok(())
    }
}
