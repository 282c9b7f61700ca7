//! The backward pass by blocks against one graph, with and without checkpointing, in parts and in half precision.

use std::collections::BTreeMap;

use anyhow::Result;
use candle_core::{DType, Device, Tensor};
use engine::denoise::Network;
use engine::diffusion::{LossConfig, LossKind, NoiseSchedule, Prediction, Variance};
use engine::domain::{Seed, Stream};
use engine::model::{Base, ControlInput, DitConfig, control_params, dit_params};
use engine::noise;

use crate::stages::network::NetworkMaker;
use crate::step::Gradients;
use crate::step::objective::Objective;
use crate::step::params::ParamStore;
use crate::step::pass::{HiddenLoss, Pass, Passed, RowControl, Rows};

fn config() -> DitConfig {
    DitConfig {
        input_size: 8,
        in_channels: 2,
        hidden_size: 16,
        depth: 4,
        num_heads: 2,
        text_embed_dims: 6,
        token_num: 5,
        ..DitConfig::default()
    }
}

fn random(name: &str, shape: &[usize], scale: f32) -> Result<Tensor> {
    let count = shape.iter().product();
    let values = noise::normal(Seed::for_case(11, name), Stream::Init, 0, count).into_iter().map(|v| v * scale).collect();
    Ok(Tensor::from_vec::<_, f32>(values, shape, &Device::Cpu)?)
}

/// A network with random weights; with control blocks the base is frozen.
fn store(control_blocks: usize) -> Result<ParamStore> {
    let list = match control_blocks {
        0 => dit_params(&config())?,
        blocks => control_params(&config(), blocks, Base::Frozen)?,
    };
    let tensors = list.iter().map(|p| Ok((p.name.clone(), random(&p.name, &p.shape, 0.3)?))).collect::<Result<_>>()?;
    let frozen: Vec<String> = list.into_iter().filter(|p| !p.trainable).map(|p| p.name).collect();
    Ok(ParamStore::starting_from(tensors, &Device::Cpu, Box::new(move |name| frozen.iter().any(|f| f == name)))?)
}

fn rows(count: usize, control: bool) -> Result<Rows> {
    let latent = |name: &str| random(name, &[6, 2, 8, 8], 1.0)?.narrow(0, 0, count)?.contiguous().map_err(anyhow::Error::from);
    let lengths = [3usize, 5, 1, 4, 2, 5];
    let mask: Vec<u32> = lengths.iter().flat_map(|&n| (0..5).map(move |i| u32::from(i < n))).collect();
    let strength = Tensor::new(&[1f32, 0.0, 1.0, 1.0, 0.0, 1.0], &Device::Cpu)?.narrow(0, 0, count)?.contiguous()?;
    Ok(Rows {
        x_start: latent("x")?,
        noise: latent("noise")?,
        t: [0, 10, 200, 500, 900, 999][..count].to_vec(),
        captions: random("captions", &[6, 5, 6], 1.0)?.narrow(0, 0, count)?.contiguous()?,
        mask: Tensor::from_vec(mask, (6, 5), &Device::Cpu)?.narrow(0, 0, count)?.contiguous()?,
        drop: [false, true, false, false, true, false][..count].to_vec(),
        control: if control { Some(RowControl { latent: latent("condition")?, strength }) } else { None },
        features: Some(random("features", &[6, 16, 16], 1.0)?.narrow(0, 0, count)?.contiguous()?),
    })
}

fn objective() -> Result<Objective> {
    let config = LossConfig { prediction: Prediction::Epsilon, variance: Variance::LearnedRange, kind: LossKind::Mse };
    Objective::new(NoiseSchedule::linear(1000)?, config, None)
}

fn run(store: &ParamStore, blocks: usize, dtype: DType, rows: &Rows, of: usize, kept: bool) -> Result<(Passed, Gradients)> {
    let network = NetworkMaker::new(store, "", &config(), blocks, dtype)?.network()?;
    let mut gradients = Gradients::new(store.vars());
    gradients.begin(true, true);
    let objective = objective()?;
    let pass = Pass { network: &network, objective: &objective, checkpointing: !kept, hidden: None };
    let passed = pass.run(rows, of, &mut gradients)?;
    Ok((passed, gradients))
}

fn all(gradients: &Gradients) -> Result<BTreeMap<String, Vec<f32>>> {
    let of = |name: &String| Ok((name.clone(), gradients.of(name)?.flatten_all()?.to_vec1::<f32>()?));
    gradients.vars().iter().map(|(name, _)| of(name)).collect()
}

fn assert_near(got: &BTreeMap<String, Vec<f32>>, want: &BTreeMap<String, Vec<f32>>, tolerance: f32) {
    for (name, want) in want {
        let largest = want.iter().fold(1e-12f32, |m, v| m.max(v.abs()));
        for (got, want) in got[name].iter().zip(want) {
            assert!((got - want).abs() <= tolerance * largest, "{name}: {got} instead of {want}, largest {largest}");
        }
    }
}

#[test]
fn checkpointing_gives_the_same_bits_and_both_the_gradients_of_one_graph() -> Result<()> {
    for blocks in [0, 2] {
        let store = store(blocks)?;
        let rows = rows(6, blocks > 0)?;
        let (kept, kept_gradients) = run(&store, blocks, DType::F32, &rows, 6, true)?;
        let (again, again_gradients) = run(&store, blocks, DType::F32, &rows, 6, false)?;
        assert_eq!(kept.loss.loss.to_vec1::<f32>()?, again.loss.loss.to_vec1::<f32>()?);
        assert_eq!(all(&kept_gradients)?, all(&again_gradients)?, "{blocks} control blocks");
        assert!(kept_gradients.missing().is_empty(), "{:?}", kept_gradients.missing());

        let network = NetworkMaker::new(&store, "", &config(), blocks, DType::F32)?.network()?;
        let objective = objective()?;
        let x_t = objective.noised(&rows.x_start, &rows.noise, &rows.t)?;
        let t = objective.timesteps(&rows.t, &Device::Cpu)?;
        let y = network.base().captions().drop_captions(&rows.captions, &rows.drop)?;
        let output = match &network {
            Network::Text(dit) => dit.forward(&x_t, &t, &y, Some(&rows.mask))?,
            Network::Control(control) => {
                let condition = rows.control.as_ref().map(|c| ControlInput {
                    latent: &c.latent,
                    strength: 1.0,
                    row_strength: Some(&c.strength),
                    area: None,
                });
                let context = control.caption_context(&y, Some(&rows.mask))?;
                control.forward_with_context(&x_t, &t, &context, condition.as_ref())?
            }
        };
        let loss = objective.losses(&output, &rows.x_start, &x_t, &rows.t, &rows.noise)?.loss;
        assert_eq!(loss.to_vec1::<f32>()?, kept.loss.loss.to_vec1::<f32>()?);
        let mut whole = Gradients::new(store.vars());
        whole.absorb(&mut (loss.sum_all()? / 6.0)?.backward()?)?;
        let (whole, parts) = (all(&whole)?, all(&kept_gradients)?);
        assert_near(&parts, &whole, 1e-5);
        // Inside the blocks nothing is summed in another order, so not a bit differs.
        for (name, gradient) in whole.iter().filter(|(name, _)| name.contains("blocks.") || name.contains("copied_block")) {
            assert_eq!(&parts[name], gradient, "{name}");
        }
    }
    Ok(())
}

#[test]
fn micro_batches_add_up_to_the_batch() -> Result<()> {
    let (store, whole) = (store(0)?, rows(6, false)?);
    let (_, expected) = run(&store, 0, DType::F32, &whole, 6, true)?;
    let network = NetworkMaker::new(&store, "", &config(), 0, DType::F32)?.network()?;
    let mut gradients = Gradients::new(store.vars());
    for part in 0..3 {
        let cut = |tensor: &Tensor| tensor.narrow(0, 2 * part, 2)?.contiguous();
        let rows = Rows {
            x_start: cut(&whole.x_start)?,
            noise: cut(&whole.noise)?,
            t: whole.t[2 * part..2 * part + 2].to_vec(),
            captions: cut(&whole.captions)?,
            mask: cut(&whole.mask)?,
            drop: whole.drop[2 * part..2 * part + 2].to_vec(),
            control: None,
            features: None,
        };
        gradients.begin(part == 0, part == 2);
        let objective = objective()?;
        Pass { network: &network, objective: &objective, checkpointing: false, hidden: None }.run(&rows, 6, &mut gradients)?;
    }
    assert_near(&all(&gradients)?, &all(&expected)?, 2e-6);
    Ok(())
}

#[test]
fn half_precision_reaches_the_same_variables_within_its_rounding() -> Result<()> {
    for blocks in [0, 2] {
        let (store, rows) = (store(blocks)?, rows(6, blocks > 0)?);
        let (_, exact) = run(&store, blocks, DType::F32, &rows, 6, false)?;
        let (passed, half) = run(&store, blocks, DType::BF16, &rows, 6, false)?;
        assert_eq!(passed.loss.loss.dtype(), DType::F32);
        assert!(half.missing().is_empty(), "{:?}", half.missing());
        let norm = exact.norm()?;
        let mut difference = 0.0;
        for (name, gradient) in all(&exact)? {
            let other = half.of(&name)?;
            assert_eq!(other.dtype(), DType::F32);
            let other = other.flatten_all()?.to_vec1::<f32>()?;
            difference += gradient.iter().zip(&other).map(|(a, b)| f64::from(a - b).powi(2)).sum::<f64>();
        }
        assert!(difference.sqrt() < 0.1 * norm && difference > 0.0, "{} of {norm}", difference.sqrt());
    }
    Ok(())
}

#[test]
fn a_half_precision_network_sees_the_present_values() -> Result<()> {
    let (store, rows) = (store(0)?, rows(2, false)?);
    let maker = NetworkMaker::new(&store, "", &config(), 0, DType::BF16)?;
    let objective = objective()?;
    let loss = || -> Result<Vec<f32>> {
        let network = maker.network()?;
        let pass = Pass { network: &network, objective: &objective, checkpointing: true, hidden: None };
        Ok(pass.run(&rows, 2, &mut Gradients::new(store.vars()))?.loss.loss.to_vec1()?)
    };
    let before = loss()?;
    assert_eq!(before, loss()?);
    for (_, var) in store.vars() {
        var.set(&var.as_detached_tensor().affine(0.5, 0.0)?)?;
    }
    assert_ne!(before, loss()?);
    Ok(())
}

struct Nearness;

impl HiddenLoss for Nearness {
    fn after_block(&self) -> usize {
        1
    }
    fn losses(&self, tokens: &Tensor, features: &Tensor) -> Result<Tensor> {
        Ok((tokens - features)?.sqr()?.flatten_from(1)?.mean(1)?)
    }
}

#[test]
fn hidden_tokens_teach_what_lies_before_them_only() -> Result<()> {
    let (store, rows) = (store(0)?, rows(3, false)?);
    let network = NetworkMaker::new(&store, "", &config(), 0, DType::F32)?.network()?;
    let objective = objective()?;
    let gradients = |hidden: Option<&dyn HiddenLoss>| -> Result<BTreeMap<String, Vec<f32>>> {
        let mut gradients = Gradients::new(store.vars());
        let passed =
            Pass { network: &network, objective: &objective, checkpointing: true, hidden }.run(&rows, 3, &mut gradients)?;
        assert_eq!(passed.hidden.is_some(), hidden.is_some());
        all(&gradients)
    };
    let (plain, taught) = (gradients(None)?, gradients(Some(&Nearness))?);
    for (name, gradient) in &plain {
        let later = name.starts_with("blocks.2.") || name.starts_with("blocks.3.") || name.starts_with("final_layer");
        let key_bias = name.ends_with("y_embedding");
        assert!(later == (&taught[name] == gradient) || key_bias, "{name}");
    }
    Ok(())
}
