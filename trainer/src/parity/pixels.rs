//! Kinds of image preparation.

use anyhow::{Context as _, bail};
use candle_core::{DType, Device, Tensor};
use engine::imageio::normalize::{bytes_from_model, centre_square, condition_square};
use engine::imageio::resize::{ByteImage, Filter};
use engine::imageio::xray_input::xray_square;
use serde_json::Value;

use super::context::Tensors;
use super::{Check, Comparison, Context, Entry};

/// Kinds of this family.
pub const KINDS: &[(&str, Check)] = &[("pixels", pixels)];

/// Each output is named after what is done: `cropN`, `maskN`, `save`, `xrv` or `resize_FILTER_WxH`.
fn pixels(context: &Context, entry: &Entry) -> anyhow::Result<Comparison> {
    let golden = context.tensors(entry)?;
    let mut comparison = Comparison::new();
    for name in entry.outputs() {
        let want = golden.get(name)?;
        let case = name.strip_suffix(".out").unwrap_or(name);
        let got = compute(entry, &golden, case).with_context(|| name.to_owned())?;
        comparison.tensor(name, &got.reshape(want.shape())?, want, &entry.tolerance(name))?;
    }
    Ok(comparison)
}

fn compute(entry: &Entry, golden: &Tensors, case: &str) -> anyhow::Result<Tensor> {
    let input = |name: &str| golden.get(&format!("{name}.in"));
    if let Some(rest) = case.strip_prefix("resize") {
        // The source is shared, or stands under the case's own name.
        let source = golden.find(&format!("{case}.in")).map_or_else(|| input("resize"), Ok)?;
        let mut parts = rest.trim_start_matches('_').split('_');
        let filter = match parts.next() {
            Some("box") => Filter::Box,
            Some("bilinear") => Filter::Bilinear,
            Some("bicubic") => Filter::Bicubic,
            Some("lanczos") => Filter::Lanczos,
            other => bail!("no filter {other:?}"),
        };
        let (w, h) = parts.next().and_then(|size| size.split_once('x')).context("the name holds no size")?;
        return tensor(&picture(source)?.resized(w.parse()?, h.parse()?, filter));
    }
    if case.starts_with("crop") {
        return tensor(&centre_square(&picture(input(case)?)?, size(entry, case, golden)?));
    }
    if case.starts_with("mask") {
        return floats(condition_square(&picture(input(case)?)?, size(entry, case, golden)?));
    }
    if case.starts_with("save") {
        let planes = input(case)?.to_dtype(DType::F32)?;
        let channels = planes.dim(0)?;
        let bytes = bytes_from_model(&planes.flatten_all()?.to_vec1::<f32>()?, channels);
        return Ok(Tensor::new(bytes, &Device::Cpu)?);
    }
    if case.starts_with("xrv") {
        return floats(xray_square(&picture(input(case)?)?, size(entry, case, golden)?));
    }
    bail!("no such case")
}

/// Side of a case's result: from `config.cases`, `config.CASE`, or the result itself.
fn size(entry: &Entry, case: &str, golden: &Tensors) -> anyhow::Result<usize> {
    let config = entry.config();
    let listed = config
        .get("cases")
        .and_then(Value::as_array)
        .and_then(|cases| cases.iter().find(|c| c.get("name").and_then(Value::as_str) == Some(case)));
    let size = listed.or_else(|| config.get(case)).and_then(|c| c.get("size")).and_then(Value::as_u64);
    match size {
        Some(size) => Ok(usize::try_from(size)?),
        None => Ok(golden.get(&format!("{case}.out"))?.dim(1)?),
    }
}

/// `(height, width)` or `(height, width, channels)` 8-bit samples.
fn picture(tensor: &Tensor) -> anyhow::Result<ByteImage> {
    let (height, width, channels) = match *tensor.dims() {
        [height, width] => (height, width, 1),
        [height, width, channels] => (height, width, channels),
        _ => bail!("a picture of shape {:?}", tensor.dims()),
    };
    Ok(ByteImage::new(width, height, channels, tensor.to_dtype(DType::U8)?.flatten_all()?.to_vec1()?)?)
}

fn tensor(picture: &ByteImage) -> anyhow::Result<Tensor> {
    Ok(Tensor::from_slice(picture.samples(), picture.samples().len(), &Device::Cpu)?)
}

fn floats(values: Vec<f32>) -> anyhow::Result<Tensor> {
    let count = values.len();
    Ok(Tensor::from_vec(values, count, &Device::Cpu)?)
}
