//! Generate radiographs from impressions, masks and boxes.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use engine::device::DeviceKind;
use engine::domain::Finding;

use crate::generate::{CaseFile, Ended, OneImpression, Run, Settings};
use crate::run::signals::StopRequest;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).args(["impression", "cases"]), after_help = AFTER_HELP)]
pub struct Args {
    /// What the radiograph should show.
    #[arg(long, value_name = "TEXT")]
    impression: Option<String>,
    /// A case file: .csv (columns name, impression and, if wanted, mask, seed, boxes), .json, .jsonl or .txt.
    #[arg(long, value_name = "FILE")]
    cases: Option<PathBuf>,
    /// Mask of the impression's finding, of any size; grey of at least half is inside.
    #[arg(long, value_name = "PNG", conflicts_with = "cases")]
    mask: Option<PathBuf>,
    /// Folder that the masks of the case file are relative to; the file's own folder if left out.
    #[arg(long, value_name = "DIR", requires = "cases")]
    mask_dir: Option<PathBuf>,
    /// The masks' class; if left out, the first finding that the impression names and does not deny.
    #[arg(long, value_name = "NAME")]
    finding: Option<Finding>,
    /// Boxes, as JSON text or the path of a JSON file; see below.
    #[arg(long, value_name = "JSON", conflicts_with = "cases")]
    boxes: Option<String>,
    /// Model folder, or `practice` for the practice model that comes with the program.
    #[arg(long, value_name = "DIR", default_value = crate::generate::model::PRACTICE)]
    model: String,
    /// Seed of the first image of --impression; the others, and the cases of a file that have no seed of their
    /// own, have the seed that follows from this one and their name.
    #[arg(long, value_name = "N", default_value_t = 0, allow_negative_numbers = true)]
    seed: u64,
    /// Number of images of --impression.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, conflicts_with = "cases",
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Name of the images of --impression, before their number; may hold folders.
    #[arg(long, value_name = "NAME", default_value = "image", conflicts_with = "cases")]
    name: String,
    #[command(flatten)]
    settings: Settings,
    /// Images that go through the sampler together; changes the speed and nothing else.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    batch: Option<u16>,
    /// Where to run: cpu or cuda[:N].
    #[arg(long, value_name = "DEVICE", default_value_t = DeviceKind::Cpu)]
    device: DeviceKind,
    /// Folder of the results, made when missing. Images that are there are kept and skipped.
    #[arg(long, value_name = "DIR", default_value = "generated")]
    out: PathBuf,
    /// Print a line of JSON for every image and one at the end.
    #[arg(long)]
    json: bool,
}

const AFTER_HELP: &str = "\
Every image NAME gives three files: NAME.png (16-bit grey, its run record inside), NAME_mask.png (what the model saw \
of masks and boxes; only where there are some) and NAME.json (the run record; see `chexgen replay`).

Boxes are a list of objects: class and two corners in pixels of the model's image, or of an image of the given width \
and height; strength (0 to 2) is optional:
  [{\"class\": \"nodule\", \"x0\": 40, \"y0\": 60, \"x1\": 80, \"y1\": 95, \"width\": 256, \"height\": 256}]

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 interrupted (run it again to go on).";

/// Runs the subcommand.
///
/// # Errors
/// When the input cannot be used or a file cannot be read or written.
pub fn run(args: &Args) -> Result<ExitCode> {
    // First, so that a stop request while files are read is not lost.
    let stop = StopRequest::listen(None)?;
    let (mask_class, seed) = (args.finding, args.seed);
    let cases = match (&args.cases, &args.impression) {
        (Some(path), _) => CaseFile { path, mask_dir: args.mask_dir.as_deref(), mask_class, seed }.cases()?,
        (None, impression) => OneImpression {
            impression: impression.as_deref().unwrap_or_default(),
            name: &args.name,
            count: args.count,
            mask: args.mask.as_deref(),
            mask_class,
            boxes: args.boxes.as_deref(),
            seed,
        }
        .cases()?,
    };
    let run = Run {
        cases,
        settings: args.settings.clone(),
        model: Some(args.model.clone()),
        device: args.device,
        batch: args.batch.map(usize::from),
        out: args.out.clone(),
        json: args.json,
    };
    Ok(match run.run(&stop)? {
        Ended::Done => ExitCode::SUCCESS,
        Ended::Interrupted => ExitCode::from(3),
    })
}
