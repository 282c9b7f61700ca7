//! PNDM without Runge–Kutta steps: the answers of the last four timesteps give the direction of the next move.
//!
//! With one answer the move is DDIM's. That first move is made twice: the network is asked again where it ended,
//! and the mean of both answers leads there from the start.
//!
//! # Source
//! Liu et al., "Pseudo Numerical Methods for Diffusion Models on Manifolds" (2022), equations 11 and 12; options as
//! `PNDMScheduler` of diffusers 0.31 with `skip_prk_steps`, which Stable Diffusion uses.

use candle_core::Tensor;

use super::{
    DiffusionError, ModelOutput, NoiseFn, NoiseSchedule, Prediction, Result, Sampler, SolverMemory, Step, TimestepSpacing,
};

/// Answers that are remembered.
const MEMORY: usize = 4;
/// Their names in a kept run, the earliest first.
const ANSWERS: [&str; MEMORY] = ["answer1", "answer2", "answer3", "answer4"];

/// Settings of the solver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PndmConfig {
    /// Timesteps; the network is asked once more than that where there are two or more.
    pub steps: usize,
    /// Added to all timesteps, which are a whole stride apart from 0 on.
    pub steps_offset: usize,
    /// Whether the step below timestep 0 is clean (`alpha_bar` 1) or timestep 0 again.
    pub set_alpha_to_one: bool,
}

/// The solver; it remembers the last answers, and the start until the first move is made again.
#[derive(Clone, Debug)]
pub struct Pndm {
    timesteps: Vec<usize>,
    /// `alpha_bar` at each of them, and at the end.
    bars: Vec<f64>,
    answers: Vec<Tensor>,
    start: Option<Tensor>,
    /// The step it took last.
    last: usize,
}

impl Pndm {
    /// Spreads timesteps over a full-length schedule.
    ///
    /// # Errors
    /// When the count of steps is out of range.
    pub fn new(schedule: &NoiseSchedule, config: PndmConfig) -> Result<Self> {
        let total = schedule.len();
        if !(1..=total).contains(&config.steps) {
            let value = config.steps.to_string();
            return Err(DiffusionError::OutOfRange { field: "steps", value, range: "1 to the length of the schedule" });
        }
        let mut timesteps = TimestepSpacing::Leading.descending(total, config.steps, config.steps_offset, false);
        timesteps.dedup();
        // Where the first move ends is visited twice.
        if let Some(&second) = timesteps.get(1) {
            timesteps.insert(1, second);
        }
        let all = schedule.alphas_cumprod();
        let mut bars: Vec<f64> = timesteps.iter().map(|&t| all[t]).collect();
        let end = timesteps.last().and_then(|t| t.checked_sub(total / config.steps));
        bars.push(match end {
            Some(below) => all[below],
            None if config.set_alpha_to_one => 1.0,
            None => all[0],
        });
        Ok(Self { timesteps, bars, answers: Vec::with_capacity(MEMORY), start: None, last: 0 })
    }

    /// The move from the level of step `from` to that of step `to` along one answer.
    fn advance(&self, from: usize, to: usize, x: &Tensor, prediction: Prediction, answer: &Tensor) -> Result<Tensor> {
        let (bar, next) = (self.bars[from], self.bars[to]);
        let epsilon = prediction.epsilon_at(bar.sqrt(), (1.0 - bar).sqrt(), x, answer)?;
        let share = (next - bar) / (bar * (1.0 - next).sqrt() + (bar * (1.0 - bar) * next).sqrt());
        Ok((x.affine((next / bar).sqrt(), 0.0)? - epsilon.affine(share, 0.0)?)?)
    }

    /// The remembered answers, the latest last, as one.
    fn combined(&self) -> Result<Tensor> {
        let weights: &[f64] = match self.answers.len() {
            1 => &[1.0],
            2 => &[-1.0 / 2.0, 3.0 / 2.0],
            3 => &[5.0 / 12.0, -16.0 / 12.0, 23.0 / 12.0],
            _ => &[-9.0 / 24.0, 37.0 / 24.0, -59.0 / 24.0, 55.0 / 24.0],
        };
        let mut terms = self.answers.iter().zip(weights).map(|(answer, &weight)| answer.affine(weight, 0.0));
        let first = terms.next().ok_or(DiffusionError::Timestep { index: 0, len: 0 })??;
        Ok(terms.try_fold(first, |sum, term| sum + term?)?)
    }
}

impl Sampler for Pndm {
    fn timesteps(&self) -> &[usize] {
        &self.timesteps
    }

    fn level(&self, index: usize) -> Result<(f64, f64)> {
        let bar = self.bars.get(index).ok_or(DiffusionError::Timestep { index, len: self.timesteps.len() })?;
        Ok((bar.sqrt(), (1.0 - bar).sqrt()))
    }

    fn step(
        &mut self,
        index: usize,
        x: &Tensor,
        prediction: Prediction,
        output: &ModelOutput,
        _noise: &mut NoiseFn<'_>,
    ) -> Result<Step> {
        if index >= self.timesteps.len() {
            return Err(DiffusionError::Timestep { index, len: self.timesteps.len() });
        }
        let (signal, noise) = self.level(index)?;
        let answer = output.prediction.detach();
        self.last = index;
        let x_start = prediction.denoised_at(signal, noise, x, &answer)?;
        if index == 1 {
            let next = match (self.start.take(), self.answers.last()) {
                (Some(start), Some(first)) => {
                    let mean = (first + &answer)?.affine(0.5, 0.0)?;
                    self.advance(0, 1, &start, prediction, &mean)?
                }
                // A run that begins here is where the move would lead.
                _ => x.clone(),
            };
            return Ok(Step { x: next, x_start });
        }
        if index == 0 {
            self.answers.clear();
            self.start = Some(x.clone());
        }
        if self.answers.len() == MEMORY {
            self.answers.remove(0);
        }
        self.answers.push(answer);
        let next = self.advance(index, index + 1, x, prediction, &self.combined()?)?;
        Ok(Step { x: next, x_start })
    }

    fn memory(&self) -> Option<SolverMemory> {
        if self.answers.is_empty() {
            return None;
        }
        let answers = ANSWERS.into_iter().zip(self.answers.iter().cloned());
        let tensors = answers.chain(self.start.clone().map(|start| ("start", start))).collect();
        Some(SolverMemory { index: self.last, order: self.answers.len(), tensors })
    }

    fn remember(&mut self, memory: &SolverMemory) {
        self.last = memory.index;
        self.start = memory.tensor("start");
        self.answers = ANSWERS.into_iter().map_while(|name| memory.tensor(name)).collect();
    }
}
