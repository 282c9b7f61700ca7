//! Phantom cases with exactly one drawn finding, equally many of each class.

use engine::condition::{Palette, compile};
use engine::domain::{Annotation, Finding, GrayImage, Mask, Side};
use engine::model::checker::CLASSES;
use engine::phantom::{self, PhantomConfig, Plan};
use rayon::prelude::*;

/// A case and what is asked of the model.
pub struct Case {
    /// Its class.
    pub finding: Finding,
    /// Its side.
    pub side: Side,
    /// Where the finding lies.
    pub mask: Mask,
    /// The phantom with the finding.
    pub with: GrayImage,
    /// The same phantom without it.
    pub without: GrayImage,
    /// Prefix and impression.
    pub prompt: String,
    /// Prefix and impression of the same patient without the finding.
    pub normal_prompt: String,
    /// The condition picture of the mask.
    pub condition: GrayImage,
    /// The plan, to draw the same text in other patients.
    pub plan: Plan,
}

/// `per_finding` cases of each class the checker knows, in the order of its channels.
pub(super) fn collect(seed: u64, per_finding: usize, size_px: u32) -> Vec<Case> {
    let mut cases = Vec::new();
    for (k, &finding) in CLASSES.iter().enumerate() {
        let config = PhantomConfig::practice().with_only(finding);
        let own_seed = seed.wrapping_add(1 + k as u64);
        let mut found = Vec::new();
        let mut next = 0u64;
        while found.len() < per_finding && next < 64 * (per_finding as u64 + 4) {
            let more: Vec<Option<Case>> =
                (next..next + 64).into_par_iter().map(|index| case_of(&config, own_seed, index, finding, size_px)).collect();
            found.extend(more.into_iter().flatten());
            next += 64;
        }
        found.truncate(per_finding);
        cases.extend(found);
    }
    cases
}

fn case_of(config: &PhantomConfig, seed: u64, index: u64, finding: Finding, size_px: u32) -> Option<Case> {
    let plan = phantom::plan(config, seed, index);
    if plan.classes().iter().map(|c| c.0).ne([finding]) {
        return None;
    }
    let case = plan.draw(size_px);
    let found = case.findings.first().filter(|f| !f.mask.is_empty())?;
    let normal = plan.without_findings();
    let condition = compile(&[Annotation::mask(finding, found.mask.clone())], size_px, &Palette::practice())?;
    Some(Case {
        finding,
        side: found.side,
        mask: found.mask.clone(),
        without: case.twin(),
        prompt: format!("{}{}", plan.demographic_prompt(), plan.impression()),
        normal_prompt: format!("{}{}", normal.demographic_prompt(), normal.impression()),
        condition,
        with: case.image,
        plan,
    })
}

/// The text with the words left and right exchanged.
pub(super) fn swap_sides(text: &str) -> String {
    text.replace("right", "\u{1}").replace("left", "right").replace('\u{1}', "left")
}
