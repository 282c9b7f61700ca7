use candle_core::{DType, Device};
use proptest::prelude::*;

use super::*;
use crate::ranks::exchange::BUCKET_BYTES;
use crate::stages::network::NetworkMaker;
use crate::step::params::ParamStore;

fn config(text: &str) -> StageConfig {
    StageConfig::from_text(text).unwrap()
}

const STAGE1: &str = include_str!("../../../configs/stage1-256.paper.toml");
const RELEASE: &str = include_str!("../../../configs/stage1-256.release.toml");
const CONTROL: &str = include_str!("../../../configs/control.release.toml");

#[test]
fn the_numbers_of_a_network_are_counted() {
    let small = DitConfig { hidden_size: 48, depth: 3, num_heads: 4, text_embed_dims: 20, token_num: 7, ..DitConfig::default() };
    for learn_sigma in [false, true] {
        let dit = DitConfig { learn_sigma, ..small.clone() };
        let count = |blocks: usize, frozen: fn(&str) -> bool| {
            let store = ParamStore::new(&Device::Cpu, Box::new(|_, shape| vec![0.0; shape.iter().product()]), Box::new(frozen));
            drop(NetworkMaker::new(&store, "", &dit, blocks, DType::F32).unwrap());
            store.vars().iter().map(|(_, var)| var.elem_count()).sum::<usize>() as f64
        };
        // The position table is no variable.
        let whole = count(0, |name| name.ends_with("pos_embed"));
        assert_eq!(whole, parameters(&dit));
        assert_eq!(count(2, |name| name.ends_with("pos_embed")) - whole, control_parameters(&dit, 2));
    }
}

#[test]
fn the_published_network_has_its_known_sizes() {
    let cost = Cost::of(&config(RELEASE));
    assert!((cost.trained - 611e6).abs() < 3e6, "{}", cost.trained);
    // 2.45 GB is what a released checkpoint has for one copy.
    assert!((cost.gradient_bytes() - 2.45e9).abs() < 0.02e9);
    // 119 thousand million multiplications of DiT-XL/2, and those of the captions.
    assert!((2.0 * 119.0..2.0 * 155.0).contains(&cost.forward_gflops), "{}", cost.forward_gflops);
    let control = Cost::of(&config(CONTROL));
    assert!(control.trained < cost.trained && control.passes < 4.0, "{control:?}");
}

#[test]
fn a_ring_sends_twice_the_bytes_but_one_part() {
    let links = Links { reached: 1.0, hop_s: 0.0, ..Links::A100 };
    let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-9 * b.abs().max(1.0), "{a} {b}");
    close(links.all_reduce_s(1e9, 1, 1, 1), 0.0);
    close(links.all_reduce_s(1e9, 1, 2, 1), 1.0 / 300.0);
    close(links.all_reduce_s(1e9, 1, 8, 1), 2.0 * 7.0 / 8.0 / 300.0);
    // Four adapters of 25 GB/s are slower than NVLink, twenty are not.
    close(links.all_reduce_s(1e9, 4, 8, 1), 2.0 * 31.0 / 32.0 / 100.0);
    close(Links { adapters: 20, ..links }.all_reduce_s(1e9, 4, 8, 1), 2.0 * 31.0 / 32.0 / 300.0);
    close(Links { hop_s: 1e-5, ..links }.all_reduce_s(0.0, 4, 8, 3), 62.0 * 3e-5);
}

#[test]
fn the_paper_model_of_the_first_stage() {
    let cost = Cost::of(&config(STAGE1));
    let spread = Spread { nodes: 4, cards: 8, rows: 6144, micro_rows: 48, bucket_bytes: BUCKET_BYTES };
    let found = estimate(&cost, &Card::A100, &Links::A100, &spread, Measured::default());
    assert!(found.waited_s < 0.05 && found.efficiency() > 0.99, "{found:?}");
    // A slow network is not hidden: one adapter of 10 Gbit/s.
    let slow = Links { adapters: 1, adapter_gbit_s: 10.0, ..Links::A100 };
    let slow = estimate(&cost, &Card::A100, &slow, &spread, Measured::default());
    assert!(slow.waited_s > 10.0 && slow.efficiency() < 0.9, "{slow:?}");
    // What was measured counts.
    let measured = estimate(&cost, &Card::A100, &Links::A100, &spread, Measured { row_s: Some(0.01), optimiser_s: Some(0.5) });
    assert!((measured.compute_s - 1.92).abs() < 1e-9, "{measured:?}");
    assert!((measured.update_s() - 2.42 - measured.waited_s).abs() < 1e-9, "{measured:?}");
}

proptest! {
    #[test]
    fn figures_stay_within_reason(
        nodes in 1usize..9, cards in 1usize..9, rows in 1usize..200, micro in 1usize..64, gbit in 1.0f64..400.0, row_s in 1e-4f64..1.0,
    ) {
        let cost = Cost::of(&config(RELEASE));
        let at = |nodes: usize, gbit: f64| {
            let links = Links { adapter_gbit_s: gbit, ..Links::A100 };
            let rows = rows * nodes * cards;
            estimate(&cost, &Card::A100, &links, &Spread { nodes, cards, rows, micro_rows: micro, bucket_bytes: BUCKET_BYTES }, Measured { row_s: Some(row_s), optimiser_s: None })
        };
        let found = at(nodes, gbit);
        prop_assert!(found.waited_s >= 0.0 && found.waited_s <= found.all_reduce_s);
        prop_assert!(found.efficiency() > 0.0 && found.efficiency() <= 1.0);
        prop_assert!(at(nodes, 2.0 * gbit).rows_per_s >= found.rows_per_s);
        prop_assert!(at(nodes + 1, gbit).efficiency() <= found.efficiency() + 1e-12);
        let alone = at(1, gbit).rows_per_s / cards as f64;
        prop_assert!(found.rows_per_s <= alone * (nodes * cards) as f64 * 1.0001 || cards > 1);
    }
}
