//! Kinds of the autoencoder.

use std::collections::BTreeMap;

use candle_core::{DType, Tensor};
use engine::model::{Autoencoder as _, AutoencoderKl, KlConfig, vae_params};

use super::dit::{compare, strict_builder};
use super::{Check, Comparison, Context, Entry};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[("vae", encode_decode)];

/// The autoencoder of an entry's configuration with the weights it names.
pub(super) fn network(context: &Context, entry: &Entry) -> anyhow::Result<AutoencoderKl> {
    let config: KlConfig = entry.config_as()?;
    let (_, weights) = context.weights(entry)?;
    Ok(AutoencoderKl::new(strict_builder(weights, &vae_params(&config)?, DType::F32)?, &config)?)
}

fn encode_decode(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let vae = network(context, entry)?;
    let scale = vae.latent_scale();
    let mut computed: BTreeMap<String, Tensor> = BTreeMap::new();
    let posterior = vae.encode_observed(&golden.f32("image")?, &mut |stage, value| {
        computed.insert(format!("mid.encoder.{stage}"), value.clone());
    })?;
    let scaled = (posterior.sample(&golden.f32("noise")?)? * scale)?;
    let decoded = vae.decode_observed(&(&scaled / scale)?, &mut |stage, value| {
        computed.insert(format!("mid.decoder.{stage}"), value.clone());
    })?;
    let mut keep = |name: &str, value: Tensor| computed.insert(name.to_owned(), value);
    keep("std", posterior.deviation()?);
    keep("moments_mean", posterior.mean);
    keep("moments_logvar", posterior.log_var);
    keep("latent_scaled", scaled);
    keep("decoded", decoded);
    if golden.find("image2").is_some() {
        let posterior = vae.encode(&golden.f32("image2")?)?;
        keep("decoded2", vae.decode(&posterior.mean)?);
        keep("mean2", posterior.mean);
        keep("logvar2", posterior.log_var);
    }
    compare(entry, &golden, &computed)
}
