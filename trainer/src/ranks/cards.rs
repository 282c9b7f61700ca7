//! Graphics cards by name, for what is reckoned on paper.
//!
//! Figures are those of the makers' data sheets for the form with the fastest memory, products of full matrices without
//! sparsity.

use std::fmt;

use super::estimate::{Card, Links};

/// A card that plans and estimates know by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum CardName {
    /// NVIDIA A100 with 40 GB.
    #[value(name = "a100-40gb")]
    A100Gb40,
    /// NVIDIA A100 with 80 GB.
    #[value(name = "a100-80gb")]
    A100Gb80,
    /// NVIDIA H100 with 80 GB.
    H100,
    /// NVIDIA H200 with 141 GB.
    H200,
    /// NVIDIA B200 with 180 GB.
    B200,
    /// NVIDIA L40S with 48 GB, without NVLink.
    L40s,
    /// NVIDIA RTX 4090 with 24 GB, without NVLink.
    Rtx4090,
}

/// What a data sheet says.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sheet {
    name: &'static str,
    /// Peaks in 10^12 operations a second: products in bf16, and in f32 on the tensor cores (TF32), as training uses them.
    bf16_tflops: f64,
    tf32_tflops: f64,
    memory_gb: f64,
    memory_gb_s: f64,
    /// To another card of the machine, one direction, in GB/s.
    link_gb_s: f64,
}

impl CardName {
    fn sheet(self) -> Sheet {
        let of = |name, bf16_tflops, tf32_tflops, memory_gb, memory_gb_s, link_gb_s| Sheet {
            name,
            bf16_tflops,
            tf32_tflops,
            memory_gb,
            memory_gb_s,
            link_gb_s,
        };
        match self {
            Self::A100Gb40 => of("a100-40gb", 312.0, 156.0, 40.0, 1555.0, 300.0),
            Self::A100Gb80 => of("a100-80gb", 312.0, 156.0, 80.0, 2039.0, 300.0),
            Self::H100 => of("h100", 989.0, 494.0, 80.0, 3350.0, 450.0),
            Self::H200 => of("h200", 989.0, 494.0, 141.0, 4800.0, 450.0),
            Self::B200 => of("b200", 2250.0, 1125.0, 180.0, 7700.0, 900.0),
            Self::L40s => of("l40s", 362.0, 183.0, 48.0, 864.0, 32.0),
            Self::Rtx4090 => of("rtx4090", 165.0, 82.6, 24.0, 1008.0, 32.0),
        }
    }

    /// Its memory in bytes.
    pub fn bytes(self) -> u64 {
        (self.sheet().memory_gb * 1e9) as u64
    }

    /// The card where forward and backward reach a share of its peak.
    pub fn card(self, bf16: bool, reached: f64) -> Card {
        let sheet = self.sheet();
        let peak_tflops = if bf16 { sheet.bf16_tflops } else { sheet.tf32_tflops };
        Card { peak_tflops, reached, memory_gb_s: sheet.memory_gb_s }
    }

    /// Links between such cards; those between machines are the usual ones of a cluster.
    pub fn links(self) -> Links {
        Links { node_gb_s: self.sheet().link_gb_s, ..Links::A100 }
    }
}

impl fmt::Display for CardName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.sheet().name)
    }
}

#[cfg(test)]
mod tests {
    use clap::ValueEnum as _;

    use super::*;

    #[test]
    fn every_card_is_called_as_it_is_typed_and_the_papers_has_its_figures() {
        for card in CardName::value_variants() {
            let typed = card.to_possible_value().unwrap();
            assert_eq!(typed.get_name(), card.to_string());
            let sheet = card.sheet();
            assert!(sheet.tf32_tflops < sheet.bf16_tflops && card.bytes() > 20_000_000_000, "{sheet:?}");
        }
        assert_eq!(CardName::A100Gb80.card(true, 0.4), Card::A100);
        assert_eq!(CardName::A100Gb80.links(), Links::A100);
    }
}
