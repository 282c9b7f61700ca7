//! How long a stage takes: of an update that was probed, was given, or follows from a card's data sheet.
//!
//! What cards wait for each other is always reckoned ([`estimate`]), for a probe runs on one.

use candle_core::DType;
use serde::Serialize;

use super::Cut;
use super::probe::Probed;
use crate::config::StageConfig;
use crate::ranks::cards::CardName;
use crate::ranks::estimate::{Card, Cost, Estimate, Links, Measured, Spread, estimate};
use crate::ranks::exchange::BUCKET_BYTES;

/// Where the time of forward and backward comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Basis {
    /// Steps were taken on the device.
    Probe,
    /// The time of a row was given.
    Given,
    /// A share of a named card's peak.
    Assumed,
}

/// What the hours are reckoned from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Source {
    /// A probe.
    Probe {
        /// What it measured.
        probed: Probed,
        /// Whether it ran on a processor.
        on_processor: bool,
    },
    /// A card that is not here.
    Card {
        /// Which.
        name: CardName,
        /// Share of its peak that forward and backward reach.
        reached: f64,
        /// Measured seconds of one row instead.
        row_s: Option<f64>,
    },
}

/// Where the cards are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Machines.
    pub nodes: usize,
    /// Cards of each.
    pub cards: usize,
}

/// How machines are joined, where that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Network {
    /// Adapters of a machine.
    pub adapters: Option<usize>,
    /// Speed of one, in Gbit/s.
    pub gbit_s: Option<f64>,
}

/// Times of an update and what they stand on.
#[derive(Clone, Debug, PartialEq)]
pub struct Hours {
    /// Where forward and backward come from.
    pub basis: Basis,
    /// The update.
    pub update: Estimate,
    /// What was assumed, a sentence each without its full stop.
    pub assumed: Vec<String>,
}

impl Hours {
    /// Of a stage that computes in `dtype`.
    pub fn of(config: &StageConfig, dtype: DType, cut: &Cut, places: Places, source: &Source, network: Network) -> Self {
        let bf16 = dtype != DType::F32;
        let (card, links, measured, basis) = match *source {
            Source::Probe { probed, on_processor } => {
                let row_s = probed.micro_s / probed.rows.max(1) as f64;
                let measured = Measured { row_s: Some(row_s), optimiser_s: Some(probed.optimiser_s) };
                (Card::A100, if on_processor { Links::PROCESSORS } else { Links::A100 }, measured, Basis::Probe)
            }
            Source::Card { name, reached, row_s } => {
                let basis = if row_s.is_some() { Basis::Given } else { Basis::Assumed };
                (name.card(bf16, reached), name.links(), Measured { row_s, optimiser_s: None }, basis)
            }
        };
        let links = Links {
            adapters: network.adapters.unwrap_or(links.adapters),
            adapter_gbit_s: network.gbit_s.unwrap_or(links.adapter_gbit_s),
            ..links
        };
        let spread = Spread {
            nodes: places.nodes,
            cards: places.cards,
            rows: config.train.batch_size,
            micro_rows: cut.micro,
            bucket_bytes: BUCKET_BYTES,
        };
        let update = estimate(&Cost::of(config), &card, &links, &spread, measured);
        let mut assumed = Vec::new();
        if basis == Basis::Assumed {
            let kind = if bf16 { "bf16" } else { "f32 (TF32)" };
            let (share, peak) = (100.0 * card.reached, card.peak_tflops);
            assumed.push(format!(
                "forward and backward reach {share:.0} % of the card's {peak:.0} TFLOP/s in {kind}; --share says otherwise"
            ));
        }
        if measured.optimiser_s.is_none() {
            assumed.push(format!("the optimiser goes once through memory of {:.0} GB/s", card.memory_gb_s));
        }
        if spread.nodes * spread.cards > 1 {
            assumed.push(joined(&links, places));
        }
        Self { basis, update, assumed }
    }
}

/// What is assumed of the links.
fn joined(links: &Links, places: Places) -> String {
    let share = 100.0 * links.reached;
    let within = format!("{} GB/s between those of a machine", links.node_gb_s);
    let between = match links.adapters {
        1 => format!("one adapter of {} Gbit/s on each machine", links.adapter_gbit_s),
        many => format!("{many} adapters of {} Gbit/s on each machine", links.adapter_gbit_s),
    };
    match (places.nodes, places.cards) {
        (1, _) => format!("{within}, of which a sum over all reaches {share:.0} %"),
        (_, 1) => format!("{between}, of which a sum over all reaches {share:.0} %; --adapters and --gbit say otherwise"),
        _ => format!("{within} and {between}, of which a sum over all reaches {share:.0} %; --adapters and --gbit say otherwise"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> StageConfig {
        StageConfig::from_text(include_str!("../../configs/stage1-256.paper.toml")).unwrap()
    }

    const PLACES: Places = Places { nodes: 4, cards: 8 };

    fn hours(places: Places, source: &Source, network: Network) -> Hours {
        let cut = Cut { own: 6144 / (places.nodes * places.cards), micro: 48 };
        Hours::of(&config(), DType::BF16, &cut, places, source, network)
    }

    #[test]
    fn a_named_card_gives_hours_that_say_what_they_assume() {
        let source = Source::Card { name: CardName::A100Gb80, reached: 0.4, row_s: None };
        let found = hours(PLACES, &source, Network::default());
        assert_eq!(found.basis, Basis::Assumed);
        assert!((found.update.compute_s - 5.663).abs() < 0.01, "{found:?}");
        let said = found.assumed.join("\n");
        for words in ["40 % of the card's 312 TFLOP/s in bf16", "2039 GB/s", "4 adapters of 200 Gbit/s"] {
            assert!(said.contains(words), "{words}: {said}");
        }
        let faster = hours(PLACES, &Source::Card { name: CardName::H100, reached: 0.4, row_s: None }, Network::default());
        assert!(faster.update.compute_s < 0.33 * found.update.compute_s);
        let given =
            hours(PLACES, &Source::Card { name: CardName::A100Gb80, reached: 0.4, row_s: Some(0.02) }, Network::default());
        assert_eq!((given.basis, given.assumed.len()), (Basis::Given, 2));
        assert!((given.update.compute_s - 3.84).abs() < 1e-9, "{given:?}");
    }

    #[test]
    fn what_cards_wait_for_depends_on_where_they_are() {
        let probed = Probed { steps: 20, rows: 48, micro_s: 1.0, optimiser_s: 0.1, peak_bytes: None };
        let source = Source::Probe { probed, on_processor: false };
        let alone = hours(Places { nodes: 1, cards: 1 }, &source, Network::default());
        assert_eq!((alone.update.waited_s, alone.assumed.len()), (0.0, 0));
        assert!((alone.update.update_s() - 128.1).abs() < 1e-9, "{alone:?}");
        let slow = Network { adapters: Some(1), gbit_s: Some(10.0) };
        let (near, far) = (hours(PLACES, &source, Network::default()), hours(PLACES, &source, slow));
        assert!(
            near.update.waited_s > 0.0 && far.update.waited_s > 5.0 && far.update.compute_s == near.update.compute_s,
            "{far:?}"
        );
        assert!(far.assumed[0].contains("one adapter of 10 Gbit/s"), "{far:?}");
        let processors = Source::Probe { probed, on_processor: true };
        let ranks = hours(Places { nodes: 1, cards: 4 }, &processors, Network::default());
        assert!(ranks.assumed[0].contains("2.75 GB/s") && !ranks.assumed[0].contains("adapter"), "{ranks:?}");
    }
}
