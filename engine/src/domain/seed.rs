//! Who may draw which random numbers.

/// The seed of one image. All noise of the image follows from it and a [`Stream`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Default)]
pub struct Seed(pub u64);

impl Seed {
    /// The seed of a named case in a run: independent of order and of other cases.
    ///
    /// FNV-1a over the name, then a finaliser with the run's seed; stable for ever.
    pub fn for_case(run_seed: u64, name: &str) -> Self {
        let mut hash = 0xcbf2_9ce4_8422_2325u64;
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        let mut z = hash ^ run_seed.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        Self(z ^ (z >> 31))
    }
}

/// A use of random numbers; each use has its own stream, so adding one moves no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u32)]
pub enum Stream {
    /// The starting latent.
    Start = 0,
    /// The noise added at a sampler step; the step index selects the block.
    Step = 1,
    /// The autoencoder posterior of the condition image.
    Condition = 2,
    /// Training: which timestep.
    Timestep = 16,
    /// Training: the noise added to the clean latent.
    TrainNoise = 17,
    /// Training: the autoencoder posterior of the image.
    Posterior = 18,
    /// Training: caption and control dropout.
    Dropout = 19,
    /// Training: augmentation.
    Augment = 20,
    /// Parameter initialisation.
    Init = 32,
    /// Procedural phantoms.
    Phantom = 48,
    /// Evaluation: which cases a resample takes.
    Resample = 64,
}
