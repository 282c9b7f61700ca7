//! Convolution on a CPU: patches of a few output rows at a time, then a matrix product.
//!
//! Only tiles of the patches exist at any moment, and which tiles there are depends on the shape alone.

use std::ops::Range;

use candle_core::{CpuStorage, CustomOp3, DType, Layout, Result, Shape as Dims, Tensor};
use rayon::prelude::*;

use super::{Shape, winograd};
use crate::ops::cpu::{Held, add_to, numbers, plain, sum};
use crate::ops::gemm::{Matrix, Threads, Write};

/// Numbers in a tile of patches: about what a second-level cache holds.
const TILE: usize = 1 << 18;
/// Most input channels in a task of the weight's gradient.
const CHANNELS: usize = 64;
/// Every image is cut into at least so many tiles, for as many threads.
const TILES: usize = 8;

/// See [`super::conv2d`]; the shapes are checked already.
pub(super) fn conv2d(x: &Tensor, w: &Tensor, b: Option<&Tensor>, shape: Shape) -> Result<Tensor> {
    let b = match b {
        Some(b) => plain(b)?,
        None => Tensor::zeros(shape.out, DType::F32, x.device())?,
    };
    plain(x)?.apply_op3(&plain(w)?, &b, Conv2d { shape })?.to_dtype(x.dtype())
}

struct Conv2d {
    shape: Shape,
}

impl Shape {
    fn taps(&self) -> usize {
        self.kernel * self.kernel
    }

    pub(super) fn pixels(&self) -> usize {
        self.height * self.width
    }

    fn out_pixels(&self) -> usize {
        self.out_height * self.out_width
    }

    /// Whether the patches are the input itself.
    fn is_pointwise(&self) -> bool {
        self.kernel == 1 && self.stride == 1 && self.padding == 0
    }

    /// Output rows per tile.
    fn tile_rows(&self) -> usize {
        let by_size = TILE / (self.channels * self.taps() * self.out_width).max(1);
        let wide_enough = 128_usize.div_ceil(self.out_width.max(1));
        let by_count = self.out_height.div_ceil(TILES);
        by_size.min(by_count).max(wide_enough).clamp(1, self.out_height.max(1))
    }

    /// Input channels per task of the gradients.
    fn channel_block(&self) -> usize {
        let by_size = TILE / (self.taps() * self.out_pixels()).max(1);
        by_size.clamp(8, 64).min(self.channels.max(1))
    }

    /// Output columns whose input column under tap `column` lies in the picture.
    fn inside(&self, column: usize) -> Range<usize> {
        let first = self.padding.saturating_sub(column).div_ceil(self.stride);
        let reach = (self.width + self.padding).saturating_sub(column);
        let end = reach.div_ceil(self.stride).min(self.out_width);
        first.min(end)..end
    }

    /// Input row that output row `row` sees under tap `tap`, if in the picture.
    fn source_row(&self, row: usize, tap: usize) -> Option<usize> {
        let row = (row * self.stride + tap).checked_sub(self.padding)?;
        (row < self.height).then_some(row)
    }

    /// Writes the patches of some output rows: rows `(channel, tap row, tap column)`, columns
    /// `(output row, output column)`. `x` holds whole channels.
    fn gather(&self, x: &[f32], rows: Range<usize>, patches: &mut [f32]) {
        let line = rows.len() * self.out_width;
        let per_channel = patches.chunks_exact_mut(self.taps() * line);
        for (patches, plane) in per_channel.zip(x.chunks_exact(self.pixels())) {
            for (tap, patches) in patches.chunks_exact_mut(line).enumerate() {
                let (tap_row, tap_column) = (tap / self.kernel, tap % self.kernel);
                let inside = self.inside(tap_column);
                let lines = patches.chunks_exact_mut(self.out_width);
                for (row, out) in rows.clone().zip(lines) {
                    let Some(source) = self.source_row(row, tap_row) else {
                        out.fill(0.);
                        continue;
                    };
                    let source = &plane[source * self.width..(source + 1) * self.width];
                    out[..inside.start].fill(0.);
                    out[inside.end..].fill(0.);
                    if inside.is_empty() {
                        continue;
                    }
                    let from = inside.start * self.stride + tap_column - self.padding;
                    let out = &mut out[inside.clone()];
                    if self.stride == 1 {
                        out.copy_from_slice(&source[from..from + out.len()]);
                    } else {
                        for (out, x) in out.iter_mut().zip(source[from..].iter().step_by(self.stride)) {
                            *out = *x;
                        }
                    }
                }
            }
        }
    }

    /// Adds the patches of all output rows back to where they came from.
    fn scatter(&self, patches: &[f32], x: &mut [f32]) {
        let line = self.out_pixels();
        let per_channel = patches.chunks_exact(self.taps() * line);
        for (patches, plane) in per_channel.zip(x.chunks_exact_mut(self.pixels())) {
            for (tap, patches) in patches.chunks_exact(line).enumerate() {
                let (tap_row, tap_column) = (tap / self.kernel, tap % self.kernel);
                let inside = self.inside(tap_column);
                if inside.is_empty() {
                    continue;
                }
                let from = inside.start * self.stride + tap_column - self.padding;
                for (row, patch) in patches.chunks_exact(self.out_width).enumerate() {
                    let Some(target) = self.source_row(row, tap_row) else {
                        continue;
                    };
                    let target = &mut plane[target * self.width..(target + 1) * self.width];
                    let patch = &patch[inside.clone()];
                    if self.stride == 1 {
                        add_to(&mut target[from..], patch);
                    } else {
                        let target = target[from..].iter_mut().step_by(self.stride);
                        for (target, patch) in target.zip(patch) {
                            *target += patch;
                        }
                    }
                }
            }
        }
    }
}

/// `(out, pixels of the tile)` of one tile of output rows of an image.
fn tile(s: &Shape, image: &[f32], w: Matrix<'_>, rows: Range<usize>) -> Result<Vec<f32>> {
    let count = rows.len() * s.out_width;
    if s.is_pointwise() {
        return w.times(Matrix::new(&image[rows.start * s.out_width..], (s.channels, count), (s.pixels(), 1))?);
    }
    let mut patches = vec![0.; s.channels * s.taps() * count];
    s.gather(image, rows, &mut patches);
    w.times(Matrix::whole(&patches, s.channels * s.taps(), count)?)
}

/// Convolves images by kernels.
fn convolve(s: &Shape, x: &[f32], w: &[f32], b: Option<&[f32]>) -> Result<Vec<f32>> {
    let terms = s.channels * s.taps();
    let own = w;
    let w = Matrix::whole(w, s.out, terms)?;
    let image_size = s.channels * s.pixels();
    let (kernels, tile_rows) = if winograd::pays(s) {
        (Some(winograd::transformed_kernels(s, own)), winograd::tile_rows(s))
    } else {
        (None, s.tile_rows())
    };
    let tiles = s.out_height.div_ceil(tile_rows);
    let done: Vec<Vec<f32>> = (0..s.batch * tiles)
        .into_par_iter()
        .map(|index| {
            let (image, first) = (index / tiles, index % tiles * tile_rows);
            let rows = first..(first + tile_rows).min(s.out_height);
            let image = &x[image * image_size..(image + 1) * image_size];
            match &kernels {
                Some(kernels) => winograd::tile(s, image, kernels, rows),
                None => tile(s, image, w, rows),
            }
        })
        .collect::<Result<_>>()?;
    let mut y = vec![0.; s.batch * s.out * s.out_pixels()];
    if y.is_empty() {
        return Ok(y);
    }
    y.par_chunks_mut(s.out_pixels()).enumerate().for_each(|(index, y)| {
        let (image, out) = (index / s.out, index % s.out);
        let b = b.map_or(0., |b| b[out]);
        let own = &done[image * tiles..(image + 1) * tiles];
        for (y, tile) in y.chunks_mut(tile_rows * s.out_width).zip(own) {
            let tile = &tile[out * y.len()..];
            for (y, x) in y.iter_mut().zip(tile) {
                *y = x + b;
            }
        }
    });
    Ok(y)
}

impl Conv2d {
    /// Gradient of the input.
    fn input_gradient(&self, w: &Held<'_>, g: &Held<'_>) -> Result<Vec<f32>> {
        let s = &self.shape;
        if s.stride > 1 || s.padding >= s.kernel {
            return self.scattered_input_gradient(w, g);
        }
        // With stride 1 it is itself a convolution, by the kernels turned round.
        let turned = Shape {
            channels: s.out,
            out: s.channels,
            height: s.out_height,
            width: s.out_width,
            out_height: s.height,
            out_width: s.width,
            padding: s.kernel - 1 - s.padding,
            ..*s
        };
        let taps = s.taps();
        let mut kernels = vec![0.; w.len()];
        for (channel, kernels) in kernels.chunks_exact_mut(s.out * taps).enumerate() {
            for (out, kernel) in kernels.chunks_exact_mut(taps).enumerate() {
                let start = (out * s.channels + channel) * taps;
                kernel.copy_from_slice(&w[start..start + taps]);
                kernel.reverse();
            }
        }
        convolve(&turned, g, &kernels, None)
    }

    /// The same for any stride: each task turns the output's gradient into patches of a few
    /// channels and adds them up.
    fn scattered_input_gradient(&self, w: &Held<'_>, g: &Held<'_>) -> Result<Vec<f32>> {
        let s = &self.shape;
        let (block, terms) = (s.channel_block(), s.channels * s.taps());
        let w = w.matrix(0, s.out, terms)?;
        let mut dx = vec![0.; s.batch * s.channels * s.pixels()];
        if dx.is_empty() {
            return Ok(dx);
        }
        let outputs: Vec<Matrix<'_>> =
            (0..s.batch).map(|image| g.matrix(image * s.out * s.out_pixels(), s.out, s.out_pixels())).collect::<Result<_>>()?;
        dx.par_chunks_mut(s.channels * s.pixels()).zip(&outputs).try_for_each(|(dx, g)| -> Result<()> {
            dx.par_chunks_mut(block * s.pixels()).enumerate().try_for_each(|(index, dx)| -> Result<()> {
                let first = index * block;
                let own = first..(first + block).min(s.channels);
                let w = w.columns(own.start * s.taps()..own.end * s.taps())?;
                s.scatter(&w.t().times(*g)?, dx);
                Ok(())
            })
        })?;
        Ok(dx)
    }

    /// Gradient of the weight.
    ///
    /// A task takes a block of channels and a run of tiles, gathers their patches and adds up the
    /// products; which tiles form a run depends on the shape alone.
    fn weight_gradient(&self, x: &Held<'_>, g: &Held<'_>) -> Result<Vec<f32>> {
        let s = &self.shape;
        let mut dw = vec![0.; s.out * s.channels * s.taps()];
        if dw.is_empty() || s.batch == 0 {
            return Ok(dw);
        }
        let blocks = s.channels.div_ceil(CHANNELS);
        let block = s.channels.div_ceil(blocks);
        let tile_rows = (TILE / (block * s.taps() * s.out_width)).clamp(1, s.out_height);
        let tiles: Vec<(usize, Range<usize>)> = (0..s.batch)
            .flat_map(|image| {
                (0..s.out_height).step_by(tile_rows).map(move |first| (image, first..(first + tile_rows).min(s.out_height)))
            })
            .collect();
        let run = tiles.len().div_ceil(TILES.div_ceil(blocks));
        let runs: Vec<_> = tiles.chunks(run).collect();
        let (x, g): (&[f32], &[f32]) = (x, g);
        let parts: Vec<Vec<f32>> = (0..blocks * runs.len())
            .into_par_iter()
            .map(|index| {
                let first = index / runs.len() * block;
                let columns = block.min(s.channels - first) * s.taps();
                let mut total = vec![0.; s.out * columns];
                for (image, rows) in runs[index % runs.len()] {
                    let count = rows.len() * s.out_width;
                    let mut patches = vec![0.; columns * count];
                    let own = (image * s.channels + first) * s.pixels();
                    s.gather(&x[own..], rows.clone(), &mut patches);
                    let patches = Matrix::whole(&patches, columns, count)?;
                    let start = image * s.out * s.out_pixels() + rows.start * s.out_width;
                    let g = Matrix::new(&g[start..], (s.out, count), (s.out_pixels(), 1))?;
                    g.times_into(patches.t(), &mut total, columns, Write::Add, Threads::One)?;
                }
                Ok(total)
            })
            .collect::<Result<_>>()?;
        let terms = s.channels * s.taps();
        for (index, part) in parts.iter().enumerate() {
            let first = index / runs.len() * block;
            let columns = block.min(s.channels - first) * s.taps();
            for (dw, part) in dw.chunks_exact_mut(terms).zip(part.chunks_exact(columns)) {
                add_to(&mut dw[first * s.taps()..], part);
            }
        }
        Ok(dw)
    }

    fn bias_gradient(&self, g: &[f32]) -> Vec<f32> {
        let s = &self.shape;
        (0..s.out)
            .into_par_iter()
            .map(|out| {
                (0..s.batch)
                    .map(|image| {
                        let start = (image * s.out + out) * s.out_pixels();
                        f64::from(sum(&g[start..start + s.out_pixels()]))
                    })
                    .sum::<f64>() as f32
            })
            .collect()
    }
}

impl CustomOp3 for Conv2d {
    fn name(&self) -> &'static str {
        "conv2d"
    }

    fn cpu_fwd(
        &self,
        x: &CpuStorage,
        x_layout: &Layout,
        w: &CpuStorage,
        w_layout: &Layout,
        b: &CpuStorage,
        b_layout: &Layout,
    ) -> Result<(CpuStorage, Dims)> {
        let s = &self.shape;
        let y = convolve(s, numbers(x, x_layout)?, numbers(w, w_layout)?, Some(numbers(b, b_layout)?))?;
        let dims = Dims::from((s.batch, s.out, s.out_height, s.out_width));
        Ok((CpuStorage::F32(y), dims))
    }

    fn bwd(
        &self,
        x: &Tensor,
        w: &Tensor,
        b: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let grad = plain(grad)?;
        let g = Held::new(&grad)?;
        let dx = if x.track_op() {
            let dx = self.input_gradient(&Held::new(w)?, &g)?;
            Some(Tensor::from_vec(dx, x.shape(), x.device())?)
        } else {
            None
        };
        let dw = if w.track_op() {
            let dw = self.weight_gradient(&Held::new(x)?, &g)?;
            Some(Tensor::from_vec(dw, w.shape(), x.device())?)
        } else {
            None
        };
        let db = if b.track_op() { Some(Tensor::from_vec(self.bias_gradient(&g), b.shape(), x.device())?) } else { None };
        Ok((dx, dw, db))
    }
}
