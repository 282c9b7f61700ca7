//! Statistics of comparisons and of readers: plain numbers in, plain numbers out, every estimator with its source.
//!
//! All sums are in `f64` and in a fixed order, so a result does not depend on threads. Values that a sample cannot
//! give (a correlation of constants, a deviation of one case) are `None`, never a silent zero.

pub mod agreement;
pub mod bootstrap;
pub mod bradley_terry;
pub mod correlation;
pub mod distributions;
pub mod multiple;
pub mod ordinal;
pub mod paired;
pub mod proportion;
pub mod ranks;
pub mod roc;
pub mod summary;
pub mod trend;
pub mod wilcoxon;

pub use correlation::{Correlation, pearson, spearman};
pub use multiple::holm;
pub use paired::{PairedT, paired_t};
pub use summary::{Summary, mean, median, sample_sd};
pub use wilcoxon::{Method, SignedRank, Zeros, signed_rank};
