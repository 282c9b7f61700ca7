//! Make a model folder, or a folder of parts, of published weights.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Result, bail};
use candle_core::DType;
use engine::cancel::Cancel;
use engine::import::{self, Described, ImportRequest, Outcome, Progress, Report, StableRequest};
use engine::model::t5::Quantization;
use indicatif::{ProgressBar, ProgressStyle};

use crate::out_folder::refuse_results_of_others;
use crate::run::signals::StopRequest;

/// How the text encoder is stored.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// Four bytes a number.
    F32,
    /// Two bytes, fine steps, small range.
    F16,
    /// Two bytes, coarse steps, the range of f32: what the release computes in.
    Bf16,
}

/// How the text encoder is packed.
#[derive(clap::ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packed {
    /// 6.6 bits a weight.
    Q6k,
    /// 4.5 bits a weight.
    Q4k,
    /// Not at all: two bytes a number, as --dtype f16.
    F16,
}

impl Packed {
    fn quantization(self) -> Option<Quantization> {
        match self {
            Self::Q6k => Some(Quantization::Q6K),
            Self::Q4k => Some(Quantization::Q4K),
            Self::F16 => None,
        }
    }
}

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(after_help = AFTER_HELP)]
pub struct Args {
    /// The released checkpoint: text or control, 256 or 512 px; told by its tensors.
    #[arg(long, value_name = "FILE", required_unless_present_any = ["stable_diffusion", "parts"])]
    dit: Option<PathBuf>,
    /// Instead of a checkpoint: only text encoder, tokenizer and autoencoder, for chexgen prepare and chexgen train.
    #[arg(long, conflicts_with_all = ["dit", "stable_diffusion", "state_dict", "heads"])]
    parts: bool,
    /// Instead of a checkpoint: a Stable Diffusion 1.x folder in diffusers' layout, to compare with.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["dit", "t5", "vae", "sentencepiece", "state_dict", "heads", "dtype", "quantize_t5"])]
    stable_diffusion: Option<PathBuf>,
    /// Folder of the T5 v1.1 text encoder as published, or a model folder that has it already.
    #[arg(long, value_name = "DIR")]
    t5: Option<PathBuf>,
    /// Folder of the autoencoder in diffusers' layout, or a model folder that has it already.
    #[arg(long, value_name = "DIR")]
    vae: Option<PathBuf>,
    /// Tokenizer (spiece.model or tokenizer.json), where the T5 folder has none.
    #[arg(long, value_name = "FILE")]
    sentencepiece: Option<PathBuf>,
    /// Dictionary inside the checkpoint; state_dict_ema, the averaged weights, if left out.
    #[arg(long, value_name = "NAME")]
    state_dict: Option<String>,
    /// Attention heads; known for the released width.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1024))]
    heads: Option<u32>,
    /// How the text encoder is stored; the other parts keep their own type.
    #[arg(long, value_enum, default_value_t = Stored::Bf16)]
    dtype: Stored,
    /// How the matrices of the text encoder are packed: less memory and time, and slightly other images. The rest of it
    /// stays as --dtype says.
    #[arg(long, value_enum, value_name = "KIND")]
    quantize_t5: Option<Packed>,
    /// Name of the model; the checkpoint's file name, or Parts, if left out.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The model folder, made when missing. What an interrupted import finished there is kept.
    #[arg(long, value_name = "MODEL_DIR")]
    out: PathBuf,
    /// Put the model in the place of another one that is there.
    #[arg(long)]
    replace: bool,
}

const AFTER_HELP: &str = "\
All names and shapes are compared with what the network needs, before anything is written; a checkpoint that is \
incomplete or of another kind is refused. One tensor at a time is in memory.

With --parts, only text encoder, tokenizer and autoencoder are taken: enough to prepare data and to train a network \
from new weights.

With --stable-diffusion, U-Net, text encoder, autoencoder, scheduler and tokenizer are taken from one folder. Such a \
model reads the text as it is typed, cannot follow masks, and starts with its own scheduler (pndm or ddim), 50 steps \
and guidance 7.5; its safety checker is left out.

A folder that holds another model is left alone without --replace; the same import again, or one that was interrupted, \
goes on there, and a checkpoint may be added to a folder of the same parts.

Weights keep the licence and the data use agreement under which you received them; the model folder says so, too.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 interrupted (run it again to go on).";

impl Args {
    /// The import of a released checkpoint, or of parts.
    fn request(&self, dit: Option<&Path>) -> ImportRequest {
        ImportRequest {
            dit: dit.map(Path::to_owned),
            state_dict: self.state_dict.clone(),
            heads: self.heads.map(|heads| heads as usize),
            text: self.t5.clone(),
            tokenizer: self.sentencepiece.clone(),
            text_dtype: match self.dtype {
                _ if self.quantize_t5 == Some(Packed::F16) => DType::F16,
                Stored::F32 => DType::F32,
                Stored::F16 => DType::F16,
                Stored::Bf16 => DType::BF16,
            },
            text_quantization: self.quantize_t5.and_then(Packed::quantization),
            autoencoder: self.vae.clone(),
            name: self.name.clone(),
            out: self.out.clone(),
            replace: self.replace,
        }
    }
}

/// Runs the subcommand.
///
/// # Errors
/// When a source cannot be used or a file cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    refuse_results_of_others(&args.out, Some("model.toml"))?;
    let stop = StopRequest::listen(None)?;
    let cancel = Cancel::new();
    // indicatif draws on stderr and stays silent where that is no terminal.
    let bar = ProgressBar::new(0).with_style(
        ProgressStyle::with_template("{bar:30} {bytes}/{total_bytes}  {bytes_per_sec}  {eta} left  {msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let mut on_progress = |progress: Progress<'_>| {
        bar.set_length(progress.total_bytes);
        bar.set_position(progress.done_bytes);
        bar.set_message(progress.part.to_owned());
        if stop.is_raised() {
            cancel.cancel();
        }
    };
    let outcome = match (&args.dit, &args.stable_diffusion) {
        (Some(dit), None) => import::run(&args.request(Some(dit)), &cancel, &mut on_progress),
        (None, None) if args.parts => import::run(&args.request(None), &cancel, &mut on_progress),
        (None, Some(dir)) => {
            let (name, out) = (args.name.clone(), args.out.clone());
            let request = StableRequest { dir: dir.clone(), name, out, replace: args.replace };
            import::run_stable(&request, &cancel, &mut on_progress)
        }
        _ => bail!("name one of --dit FILE, --stable-diffusion DIR and --parts"),
    };
    bar.finish_and_clear();
    match outcome? {
        Outcome::Done(report) => {
            tell(&report, &mut std::io::stdout().lock())?;
            Ok(ExitCode::SUCCESS)
        }
        Outcome::Cancelled => {
            let mut err = std::io::stderr().lock();
            writeln!(err, "interrupted; run the same command again to go on")?;
            Ok(ExitCode::from(3))
        }
    }
}

fn tell(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let notice = match &report.described {
        Described::Model(spec) => {
            let control = match spec.dit().map(|dit| dit.control_blocks) {
                None => format!("{}, text only", spec.network.kind()),
                Some(0) => "text only".to_owned(),
                Some(blocks) => format!("text and control ({blocks} copied blocks)"),
            };
            writeln!(out, "{}: {} px, {control}, at most {} tokens", spec.name, spec.size_px, spec.text.max_tokens)?;
            &spec.notice
        }
        Described::Parts(spec) => {
            writeln!(out, "{}: parts for chexgen prepare and chexgen train, at most {} tokens", spec.name, spec.text.max_tokens)?;
            &spec.notice
        }
    };
    for (what, files) in [("written", &report.written), ("kept", &report.kept)] {
        if !files.is_empty() {
            writeln!(out, "{what}: {}", files.join(", "))?;
        }
    }
    if report.left_out > 0 {
        writeln!(out, "left out: {} tensors of the T5 decoder, which is not needed", report.left_out)?;
    }
    writeln!(out, "{notice}")
}
