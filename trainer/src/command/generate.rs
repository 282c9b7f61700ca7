//! Generate radiographs from impressions, masks and boxes, and change images.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, Result};
use engine::device::DeviceKind;
use engine::domain::{Finding, StepRange};

use crate::device::RankDevice;
use crate::generate::{
    Acts, Begin, Blocks, CaseFile, Ended, Film, Fork, ImageEdit, OneImpression, Run, Settings, parse_area, parse_steps,
    parse_strength,
};
use crate::ranks::Sharing;
use crate::ranks::share::own_device;
use crate::run::signals::StopRequest;

/// Arguments of the subcommand.
#[derive(clap::Args, Debug)]
#[command(group = clap::ArgGroup::new("what").required(true).multiple(true).args(["impression", "cases", "fork"]), after_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    what: What,
    #[command(flatten)]
    control: Control,
    #[command(flatten)]
    edit: Edit,
    #[command(flatten)]
    settings: Settings,
    #[command(flatten)]
    results: Results,
    #[command(flatten)]
    machine: Machine,
}

/// Texts and names.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "What to show")]
struct What {
    /// What the radiograph should show.
    #[arg(long, value_name = "TEXT")]
    impression: Option<String>,
    /// A case file: .csv (columns name, impression and, if wanted, others; see below), .json, .jsonl or .txt.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["impression", "fork"])]
    cases: Option<PathBuf>,
    /// Folder that the masks of the case file are relative to; the file's own folder if left out.
    #[arg(long, value_name = "DIR", requires = "cases")]
    mask_dir: Option<PathBuf>,
    /// Seed of the first image of --impression; the others, and the cases of a file that have no seed of their
    /// own, have the seed that follows from this one and their name; 0 if left out.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    seed: Option<u64>,
    /// Number of images of --impression.
    #[arg(long, value_name = "N", default_value_t = 1, allow_negative_numbers = true, conflicts_with_all = ["cases", "fork"],
          value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    count: u32,
    /// Name of the images of --impression, before their number; may hold folders; image, edit or fork if left out.
    #[arg(long, value_name = "NAME", conflicts_with = "cases")]
    name: Option<String>,
    /// Also write the counterfactual twin, from the same seed with this text and nothing drawn, and a map of the
    /// difference.
    #[arg(long, value_name = "TEXT", conflicts_with = "cases")]
    twin: Option<String>,
}

/// Masks and boxes.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Where to show it")]
struct Control {
    /// A mask, of any size; grey of at least half is inside. May be given again. Written as
    /// [CLASS=]FILE[,strength=S][,steps=A-B][,area=PX].
    #[arg(long, value_name = "[CLASS=]PNG[,…]", conflicts_with = "cases")]
    mask: Vec<String>,
    /// Class of masks that name none; if left out, the first finding that the impression names and does not deny.
    #[arg(long, value_name = "NAME")]
    finding: Option<Finding>,
    /// Boxes, as JSON text or the path of a JSON file; see below.
    #[arg(long, value_name = "JSON", conflicts_with = "cases")]
    boxes: Option<String>,
    /// Strength of masks and boxes that name none, 0 to 2; 1 is natural.
    #[arg(long, value_name = "S", allow_negative_numbers = true, value_parser = |text: &str| words(parse_strength(text)))]
    control_strength: Option<f32>,
    /// Part of the run in which they act, as fractions of its steps: 0-0.5 is the first half.
    #[arg(long, value_name = "A-B", allow_hyphen_values = true, value_parser = |text: &str| words(parse_steps(text)))]
    control_steps: Option<StepRange>,
    /// How far beyond its drawing each acts, in pixels of the generated image; everywhere if left out.
    #[arg(long, value_name = "PX", allow_negative_numbers = true, value_parser = |text: &str| words(parse_area(text)))]
    control_area: Option<u32>,
}

/// Images and runs to go on from.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Change an image")]
struct Edit {
    /// An image to change, PNG or JPEG; another size is fitted to the model's with its proportions.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["cases", "fork"])]
    image: Option<PathBuf>,
    /// Share of the steps that run, 0 (nothing changes) to 1 (almost a new image); 0.5, or 1 for a region.
    #[arg(long, value_name = "S", allow_negative_numbers = true, requires = "image")]
    edit_strength: Option<f32>,
    /// Mask of the pixels that may change; all others stay as they are, exactly.
    #[arg(long, value_name = "PNG", requires = "image")]
    may_change: Option<PathBuf>,
    /// Mask of pixels that must stay, also where the other mask lies; alone, everything else may change.
    #[arg(long, value_name = "PNG", requires = "image")]
    must_not_change: Option<PathBuf>,
    /// Width of the seam inside the region over which old fades into new.
    #[arg(long, value_name = "PX", allow_negative_numbers = true, requires = "image")]
    feather: Option<u32>,
    /// Begin with the noise from which ddim would make the image, and run all steps.
    #[arg(long, requires = "image")]
    invert: bool,
    /// What the image shows, for --invert; if left out, what its record says, or else the impression.
    #[arg(long, value_name = "TEXT", requires = "invert")]
    image_text: Option<String>,
    /// A run to go on from, by its record (.json) or its image (.png): text, drawings, seed and settings are its own
    /// where no others are given.
    #[arg(long, value_name = "FILE", requires = "from_step")]
    fork: Option<PathBuf>,
    /// How many of its steps are kept.
    #[arg(long, value_name = "K", allow_negative_numbers = true, requires = "fork")]
    from_step: Option<usize>,
}

/// Files that come out.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Results")]
struct Results {
    /// Folder of the results, made when missing. Images that are there are kept and skipped.
    #[arg(long, value_name = "DIR", default_value = "generated")]
    out: PathBuf,
    /// Also write maps of where the image looks for each word, step by step, over all blocks of the network (auto)
    /// or some (0,3,5).
    #[arg(long, value_name = "BLOCKS")]
    word_maps: Option<Blocks>,
    /// Also write a sheet of the steps: by the cheap linear map (linear) or by the autoencoder (decoded).
    #[arg(long, value_name = "KIND", num_args = 0..=1, default_missing_value = "linear")]
    filmstrip: Option<Film>,
    /// Print a line of JSON for every image and one at the end.
    #[arg(long)]
    json: bool,
}

/// Where it runs.
#[derive(clap::Args, Debug)]
#[command(next_help_heading = "Model and machine")]
struct Machine {
    /// Model folder, or `practice` for the practice model that comes with the program.
    #[arg(long, value_name = "DIR", default_value = crate::generate::model::PRACTICE)]
    model: String,
    /// Noise from a safetensors file instead of from seeds: `start`, `step`, `posterior`; image i, or case i of a
    /// file, has row i.
    #[arg(long, value_name = "FILE")]
    noise: Option<PathBuf>,
    /// Images that go through the sampler together; changes the speed and nothing else.
    #[arg(long, value_name = "N", allow_negative_numbers = true, value_parser = clap::value_parser!(u16).range(1..=256))]
    batch: Option<u16>,
    /// Where to run: cpu or cuda[:N]. Of many ranks, each takes the card with its number on its machine where none is
    /// named.
    #[arg(long, value_name = "DEVICE", default_value_t = RankDevice::Fixed(DeviceKind::Cpu))]
    device: RankDevice,
    /// Number of this process among those of --world, from 0; each makes its own images. Under srun, torchrun and
    /// mpirun it is known without.
    #[arg(long, value_name = "N", requires = "world")]
    rank: Option<usize>,
    /// Processes that make these images together; no image depends on their number.
    #[arg(long, value_name = "N")]
    world: Option<usize>,
}

const AFTER_HELP: &str = "\
Every image NAME gives three files: NAME.png (16-bit grey, its run record inside), NAME_mask.png (what the model saw \
of masks and boxes; only where there are some) and NAME.json (the run record; see `chexgen replay`). Where they are \
asked for, NAME_twin.png (its record inside), NAME_difference.png, NAME_words.png with NAME_words.json, and \
NAME_steps.png stand beside it. An edited image is kept inside its record.

Boxes are a list of objects: class and two corners in pixels of the model's image, or of an image of the given width \
and height; strength, steps and area are optional:
  [{\"class\": \"nodule\", \"x0\": 40, \"y0\": 60, \"x1\": 80, \"y1\": 95, \"width\": 256, \"height\": 256, \
\"strength\": 0.8, \"steps\": [0.2, 1], \"area\": 12}]

Columns or fields of a case file beside name and impression: mask (a file), masks (as --mask, with ; between, or a \
list in JSON), boxes, seed, edit_image, edit_strength, may_change, must_not_change, feather, invert, image_text, twin. \
Images are relative to the file's folder.

Many processes, started by srun, torchrun, mpirun or by hand with --rank and --world, share the images of one command; \
the files are the same for any number of them. A process that dies leaves gaps, which the same command fills on any \
number of processes. They need one folder of results, on a file system whose locks all machines see.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 interrupted (run it again to go on).";

fn words<T>(result: Result<T>) -> Result<T, String> {
    result.map_err(|error| error.to_string())
}

/// Runs the subcommand.
///
/// # Errors
/// When the input cannot be used or a file cannot be read or written.
pub fn run(args: &Args) -> Result<ExitCode> {
    // First, so that a stop request while files are read is not lost.
    let stop = StopRequest::listen(None)?;
    let Args { what, control, edit, settings, results, machine } = args;
    let sharing = Sharing::here(machine.rank, machine.world)?;
    let acts = Acts { strength: control.control_strength, steps: control.control_steps, area_px: control.control_area };
    let mask_class = control.finding;
    let cases = match &what.cases {
        Some(path) => {
            let (mask_dir, seed) = (what.mask_dir.as_deref(), what.seed.unwrap_or(0));
            CaseFile { path, mask_dir, mask_class, acts, seed }.cases()?
        }
        None => {
            let begin = edit.begin()?;
            let (impression, seed) = match &begin {
                Begin::Fork(fork) => {
                    let earlier = &fork.record.request;
                    (what.impression.as_ref().unwrap_or(&earlier.impression).clone(), what.seed.unwrap_or(earlier.seed.0))
                }
                _ => (what.impression.clone().unwrap_or_default(), what.seed.unwrap_or(0)),
            };
            let default_name = match &begin {
                Begin::Noise => "image",
                Begin::Image(_) => "edit",
                Begin::Fork(_) => "fork",
            };
            let name = what.name.as_deref().unwrap_or(default_name);
            let (count, masks) = (what.count, control.mask.as_slice());
            let (boxes, twin, impression) = (control.boxes.as_deref(), what.twin.as_deref(), impression.as_str());
            OneImpression { impression, name, count, masks, mask_class, boxes, acts, begin, twin, seed }.cases()?
        }
    };
    let run = Run {
        cases,
        settings: settings.clone(),
        model: Some(machine.model.clone()),
        device: own_device(machine.device)?,
        batch: machine.batch.map(usize::from),
        noise: machine.noise.clone(),
        words: results.word_maps.clone(),
        film: results.filmstrip,
        sharing,
        out: results.out.clone(),
        json: results.json,
    };
    Ok(match run.run(&stop)? {
        Ended::Done => ExitCode::SUCCESS,
        Ended::Interrupted => ExitCode::from(3),
    })
}

impl Edit {
    /// What the images of an impression begin with.
    fn begin(&self) -> Result<Begin> {
        if let (Some(file), Some(step)) = (&self.fork, self.from_step) {
            return Ok(Begin::Fork(Box::new(Fork::read(file, step).context("--fork")?)));
        }
        let Some(image) = &self.image else { return Ok(Begin::Noise) };
        Ok(Begin::Image(Box::new(ImageEdit {
            image: image.clone(),
            strength: self.edit_strength,
            may_change: self.may_change.clone(),
            must_not_change: self.must_not_change.clone(),
            feather_px: self.feather,
            invert: self.invert,
            text: self.image_text.clone(),
        })))
    }
}
