//! Who is imaged and how: demographics, anatomy, exposure and display look.

use super::config::PhantomConfig;
use super::rng::Rng;

/// Sex of the phantom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sex {
    /// Female.
    Female,
    /// Male.
    Male,
}

impl Sex {
    /// The word used in prompts and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Female => "Female",
            Self::Male => "Male",
        }
    }
}

/// Projection of the radiograph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// Upright, posterior to anterior.
    Pa,
    /// Portable, anterior to posterior.
    ApPortable,
}

impl View {
    /// The words used in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pa => "PA",
            Self::ApPortable => "AP portable",
        }
    }
}

/// Everything about a patient that is not a finding; lengths in cm of the unscaled patient frame.
#[derive(Clone, Debug)]
pub(crate) struct Patient {
    pub(crate) dataset_seed: u64,
    pub(crate) index: u64,
    pub(crate) sex: Sex,
    pub(crate) age: f32,
    pub(crate) group: char,
    pub(crate) view: View,
    /// Size of the whole patient.
    pub(crate) scale: f32,
    pub(crate) shift: [f32; 2],
    pub(crate) roll: f32,
    pub(crate) field_cm: f32,
    /// Right, left.
    pub(crate) lung_width: [f32; 2],
    pub(crate) lung_taper: [f32; 2],
    pub(crate) apex: [f32; 2],
    pub(crate) dome: [f32; 2],
    pub(crate) dome_peak: [f32; 2],
    pub(crate) sulcus: [f32; 2],
    pub(crate) lobulation: [[f32; 2]; 2],
    pub(crate) depth: [f32; 2],
    pub(crate) fat: f32,
    pub(crate) body_depth: f32,
    pub(crate) shoulder: f32,
    /// Heart width over thoracic width when no cardiomegaly is drawn.
    pub(crate) ctr: f32,
    /// Used instead of `ctr` when cardiomegaly is drawn with severity 1 and 0.
    pub(crate) ctr_big: [f32; 2],
    pub(crate) heart_share: f32,
    pub(crate) heart_angle: f32,
    pub(crate) heart_blunt: f32,
    pub(crate) heart_drop: f32,
    pub(crate) knob: f32,
    pub(crate) knob_calcified: bool,
    pub(crate) unfold: f32,
    pub(crate) trunk: f32,
    pub(crate) mediastinum: f32,
    /// Shift of the spine against the front of the chest.
    pub(crate) rotation: f32,
    pub(crate) scoliosis: [f32; 2],
    pub(crate) rib_pitch: f32,
    pub(crate) rib_slope: f32,
    pub(crate) bone: f32,
    pub(crate) clavicle: [f32; 2],
    pub(crate) scapula_in: f32,
    pub(crate) breast: [f32; 2],
    pub(crate) breast_low: f32,
    pub(crate) vessels: f32,
    pub(crate) lung_density: f32,
    pub(crate) fissure: bool,
    /// Centre x, half-width, half-height, path of the gastric bubble.
    pub(crate) bubble: [f32; 4],
    pub(crate) colon_gas: u32,
    pub(crate) exposure: Exposure,
    pub(crate) look: Look,
}

/// Beam, scatter and noise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exposure {
    /// Weights of the 45, 60 and 80 keV bins.
    pub(crate) spectrum: [f32; 3],
    pub(crate) scatter: f32,
    /// Photons per unit transmission and pixel at 512 px.
    pub(crate) photons: f32,
    /// Electronic noise relative to the mean signal.
    pub(crate) electronic: f32,
    /// Collimator edges in parts of the field: left, top, right, bottom.
    pub(crate) collimator: [f32; 4],
    /// Corner of the side marker, if one is in the field.
    pub(crate) marker: Option<u32>,
}

/// Display chain of an imaginary vendor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) base_gain: f32,
    pub(crate) detail_gain: f32,
    pub(crate) edge_gain: f32,
    pub(crate) slope: f32,
    pub(crate) gamma: f32,
}

impl Patient {
    /// The patient of an index.
    pub(crate) fn draw(config: &PhantomConfig, seed: u64, index: u64) -> Self {
        let mut who = Rng::new(seed, index, "demographics");
        let sex = if who.chance(0.46) { Sex::Female } else { Sex::Male };
        let female = sex == Sex::Female;
        let age = who.normal(59.0, 18.0).clamp(18.0, 95.0).round();
        let group = who.pick(['A', 'B', 'C']);
        let view = if who.chance(config.portable) { View::ApPortable } else { View::Pa };
        let ap = view == View::ApPortable;
        let bmi = who.normal(26.5, 4.2).clamp(17.0, 42.0);
        let age_over = (age - 40.0).max(0.0);

        let mut body = Rng::new(seed, index, "habitus");
        let scale = (if female { 0.93 } else { 1.0 }) * body.normal(1.0, 0.035);
        let shift = [body.normal(0.0, 0.45), body.normal(0.1, 0.55)];
        let roll = body.normal(0.0, 0.021);
        let field_cm = 33.5 * body.range(0.99, 1.06);
        let shoulder = body.normal(0.0, 0.7);
        let body_depth = (if female { 0.93 } else { 1.0 }) * body.normal(1.0, 0.05) * (1.0 + 0.006 * (bmi - 26.0));
        let fat = ((bmi - 20.0) * 0.16).clamp(0.2, 3.6);

        let mut air = Rng::new(seed, index, "lungs");
        let inspiration = if ap { air.normal(0.91, 0.05) } else { air.normal(1.02, 0.06) }.clamp(0.8, 1.15);
        let right_dome = 6.3 * inspiration + air.normal(0.0, 0.35) - if ap { 0.6 } else { 0.0 };
        let left_dome = right_dome + air.range(0.5, 1.7);
        let wide = air.normal(1.0, 0.035);
        let lungs = [wide * air.normal(1.0, 0.015), wide * air.normal(0.99, 0.015)];
        let taper = air.normal(0.0, 0.35);
        let lung_taper = [taper + air.normal(0.0, 0.12), taper + air.normal(0.0, 0.12)];
        let apex_both = air.normal(0.0, 0.4);
        let apex = [apex_both + air.normal(0.0, 0.15), apex_both + air.normal(0.0, 0.15)];
        let dome_peak = [air.normal(6.6, 0.7), air.normal(6.9, 0.7)];
        let sulcus = [air.normal(3.6, 0.4).clamp(2.6, 4.6), air.normal(3.6, 0.4).clamp(2.6, 4.6)];
        let lobe = |rng: &mut Rng| {
            [if rng.chance(0.3) { rng.range(0.15, 0.4) } else { rng.range(0.0, 0.1) }, rng.range(0.0, std::f32::consts::TAU)]
        };
        let lobulation = [lobe(&mut air), lobe(&mut air)];

        let mut heart = Rng::new(seed, index, "heart");
        let mut ctr = heart.normal(0.45, 0.027).clamp(0.385, 0.5);
        let mut ctr_big = [heart.range(0.53, 0.55), heart.range(0.62, 0.67)];
        if ap {
            let more = heart.range(0.03, 0.05);
            ctr = (ctr + more).min(0.53);
            ctr_big = ctr_big.map(|v| v + 0.03);
        }
        let heart_share = heart.normal(0.31, 0.03).clamp(0.24, 0.38);
        let heart_angle = heart.normal(33.0, 5.0).to_radians();
        let heart_blunt = heart.normal(0.80, 0.035);
        let heart_drop = heart.normal(2.1, 0.35);

        let mut aorta = Rng::new(seed, index, "mediastinum");
        let knob = (1.0 + 0.006 * (age - 40.0) + aorta.normal(0.0, 0.07)).clamp(0.75, 1.45);
        let knob_calcified = age > 62.0 && aorta.chance(0.35);
        let unfold = (0.012 * age_over + aorta.normal(0.0, 0.15)).clamp(-0.2, 0.9);
        let trunk = aorta.normal(1.0, 0.08);
        let mediastinum = aorta.normal(1.0, 0.07) * if ap { 1.12 } else { 1.0 };
        let rotation = aorta.normal(0.0, if ap { 0.5 } else { 0.25 });
        let scoliosis = [
            if aorta.chance(0.12) { aorta.normal(0.0, 0.7) } else { aorta.normal(0.0, 0.12) },
            aorta.range(0.0, std::f32::consts::TAU),
        ];

        let mut skeleton = Rng::new(seed, index, "skeleton");
        let rib_pitch = (0.97 + 0.03 * inspiration) * skeleton.normal(1.0, 0.02);
        let rib_slope = skeleton.normal(1.0, 0.07);
        let thin = if female { 0.0045 } else { 0.0025 } * age_over;
        let bone = skeleton.normal(1.0, 0.08) * (1.0 - thin);
        let clavicle = [skeleton.normal(if ap { -0.5 } else { 0.0 }, 0.5), skeleton.normal(0.0, 0.25)];
        let scapula_in = if ap { skeleton.range(1.2, 2.6) } else { skeleton.range(-0.9, 0.6) };

        let mut soft = Rng::new(seed, index, "breasts");
        let size = if female { (1.0 + 0.04 * (bmi - 24.0)).clamp(0.45, 1.6) * soft.range(0.65, 1.1) } else { 0.0 };
        let mut breast = [size * soft.normal(1.0, 0.06), size * soft.normal(1.0, 0.06)];
        if soft.chance(0.03) {
            breast[soft.below(2)] = 0.0;
        }
        let breast_low = 0.03 * (age - 40.0) + soft.normal(0.0, 0.4);

        let mut inner = Rng::new(seed, index, "abdomen");
        let bubble = [inner.normal(6.3, 0.9), inner.range(1.4, 2.9), inner.range(0.6, 1.4), 4.2 * inner.range(0.15, 1.0)];
        let colon_gas = if inner.chance(0.35) { 1 + inner.below(3) as u32 } else { 0 };

        let mut lung = Rng::new(seed, index, "parenchyma");
        let lung_density = 1.0 / inspiration * lung.normal(1.0, 0.06);
        let vessels = lung.normal(1.0, 0.12) + 0.003 * age_over;
        let fissure = lung.chance(0.6);

        Self {
            dataset_seed: seed,
            index,
            sex,
            age,
            group,
            view,
            scale,
            shift,
            roll,
            field_cm,
            lung_width: lungs,
            lung_taper,
            apex,
            dome: [right_dome, left_dome],
            dome_peak,
            sulcus,
            lobulation,
            depth: [1.0 + 0.05 * rotation, 1.0 - 0.05 * rotation],
            fat,
            body_depth,
            shoulder,
            ctr,
            ctr_big,
            heart_share,
            heart_angle,
            heart_blunt,
            heart_drop,
            knob,
            knob_calcified,
            unfold,
            trunk,
            mediastinum,
            rotation,
            scoliosis,
            rib_pitch,
            rib_slope,
            bone,
            clavicle,
            scapula_in,
            breast,
            breast_low,
            vessels,
            lung_density,
            fissure,
            bubble,
            colon_gas,
            exposure: Exposure::draw(config, seed, index, ap, group),
            look: Look::draw(seed, index),
        }
    }

    /// A stream of this patient for a component.
    pub(crate) fn rng(&self, component: &str) -> Rng {
        Rng::new(self.dataset_seed, self.index, component)
    }

    pub(crate) fn is_portable(&self) -> bool {
        self.view == View::ApPortable
    }
}

impl Exposure {
    fn draw(config: &PhantomConfig, seed: u64, index: u64, ap: bool, group: char) -> Self {
        let mut rng = Rng::new(seed, index, "exposure");
        let mix = rng.range(-0.05, 0.05);
        let spectrum = if ap { [0.55 + mix, 0.35, 0.10 - mix] } else { [0.30 + mix, 0.42, 0.28 - mix] };
        let scatter = if ap { rng.range(1.0, 1.5) } else { rng.range(0.7, 1.1) };
        let photons = if ap { rng.range(2e5, 4e5) } else { rng.range(4e5, 10e5) };
        let biased = if config.planted_bias && group == 'B' { 2.5 } else { 1.0 };
        let noise = (config.noise * biased).max(0.0);
        let electronic = rng.range(0.001, 0.003) * noise;
        let mut collimator = [0.0; 4];
        for edge in &mut collimator {
            if rng.chance(0.10) {
                *edge = rng.range(0.005, 0.03);
            }
        }
        let marker = rng.chance(0.5).then(|| rng.below(4) as u32);
        Self { spectrum, scatter, photons: photons / (noise * noise).max(1e-9), electronic, collimator, marker }
    }
}

impl Look {
    fn draw(seed: u64, index: u64) -> Self {
        let mut rng = Rng::new(seed, index, "look");
        Self {
            base_gain: 0.75 * rng.range(0.85, 1.15),
            detail_gain: rng.range(1.05, 1.5),
            edge_gain: rng.range(0.6, 1.2),
            slope: rng.range(1.3, 2.0),
            gamma: rng.range(1.0, 1.3),
        }
    }
}
