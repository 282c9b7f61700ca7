//! Results of a job folder, checked one by one against what was asked for.

use std::path::{Path, PathBuf};

use engine::imageio::png;
use engine::store::hash::hash_image;
use engine::store::record::RunRecord;

use super::cases::{Case, Rows};
use super::job_folder::{Expected, JOB, Job, RECIPE, RESULTS, region_hash};
use super::recipe::{MAX_BYTES, Recipe};

/// A result that is what was asked for.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Which case.
    pub case: Case,
    /// Name of its files, without ending.
    pub name: String,
    /// The image.
    pub file: PathBuf,
    /// Its record.
    pub record: RunRecord,
}

/// What came back.
#[derive(Clone, Debug)]
pub struct Returned {
    /// The recipe of the folder.
    pub recipe: Recipe,
    /// Its rows.
    pub rows: Rows,
    /// The list of what was asked for.
    pub job: Job,
    /// Results that are right.
    pub arrived: Vec<Arrived>,
    /// Cases without a result.
    pub missing: Vec<Case>,
    /// Results that are wrong, with the reason.
    pub refused: Vec<(Case, String)>,
}

impl Returned {
    /// The whole in one sentence.
    pub fn sentence(&self) -> String {
        let of = self.job.cases.len();
        let mut text = format!("{} of {of} images came back and are right", self.arrived.len());
        if !self.missing.is_empty() {
            text = format!("{text}; {} are missing", self.missing.len());
        }
        if let Some((_, why)) = self.refused.first() {
            text = format!("{text}; {} are refused, the first because {why}", self.refused.len());
        }
        text + "."
    }
}

/// Reads the results of a job folder; `tick` is told the number of checked cases and answers whether to go on.
///
/// # Errors
/// When the folder is no job folder, its recipe cannot be read, or it was stopped.
pub fn read(folder: &Path, mut tick: impl FnMut(usize) -> bool) -> Result<Returned, String> {
    let text = |name: &str| {
        let path = folder.join(name);
        let length = std::fs::metadata(&path).map(|data| data.len());
        match length {
            Ok(length) if length <= MAX_BYTES => {
                std::fs::read_to_string(&path).map_err(|e| format!("{name} cannot be read: {e} ({})", folder.display()))
            }
            Ok(_) => Err(format!("{name} is larger than {} MiB ({})", MAX_BYTES >> 20, folder.display())),
            Err(e) => Err(format!("this is no job folder: {name} cannot be read: {e} ({})", folder.display())),
        }
    };
    let job = Job::parse(&text(JOB)?)?;
    let recipe = Recipe::parse(&text(RECIPE)?).map_err(|e| format!("{RECIPE}: {e}"))?;
    if recipe.tag() != job.tag {
        return Err(format!("{RECIPE} was changed after the folder was written; write the folder again"));
    }
    let rows = Rows::of(&recipe).map_err(|e| format!("{RECIPE}: {e}"))?;
    let mut returned = Returned { recipe, rows, job, arrived: Vec::new(), missing: Vec::new(), refused: Vec::new() };
    for (i, expected) in returned.job.cases.iter().enumerate() {
        if !tick(i) {
            return Err("stopped; nothing was taken".to_owned());
        }
        let name = expected.name.clone();
        let file = folder.join(RESULTS).join(format!("{name}.png"));
        if !file.is_file() {
            returned.missing.push(expected.case);
            continue;
        }
        match check(&returned.job, expected, &file) {
            Ok(record) => returned.arrived.push(Arrived { case: expected.case, name, file, record }),
            Err(why) => returned.refused.push((expected.case, format!("{name}: {why}"))),
        }
    }
    Ok(returned)
}

/// Whether an image and its record are what was asked for.
fn check(job: &Job, expected: &Expected, file: &Path) -> Result<RunRecord, String> {
    let record = RunRecord::read(file).map_err(|e| e.to_string())?;
    let image = png::read_gray(file).map_err(|e| e.to_string())?;
    let request = &record.request;
    let differs = |what: &str| Err(format!("its {what} is not the one asked for"));
    if hash_image(&image) != record.pixels_blake3 {
        return Err("its pixels are not those of its record".to_owned());
    }
    if request.seed.0 != expected.seed {
        return differs("seed");
    }
    if request.impression != expected.impression {
        return differs("text");
    }
    if region_hash(request) != expected.region {
        return differs("region");
    }
    if request.num_steps != job.steps {
        return differs("number of steps");
    }
    if (request.guidance_scale - job.guidance).abs() > 1e-6 {
        return differs("guidance");
    }
    if request.sampler.name() != job.sampler || request.preset.name() != job.preset {
        return differs("sampler or preset");
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use engine::cancel::Cancel;
    use engine::domain::{GenerateRequest, GrayImage};

    use super::super::cases::{Maker, cases};
    use super::super::job_folder;
    use super::*;
    use crate::jobs::Generator as _;
    use crate::testing::FakeModel;

    /// Works through a job folder as the headless program does.
    fn work(folder: &Path, maker: &Maker<'_>, all: &[Case]) {
        let model = FakeModel::new(64, Duration::ZERO);
        std::fs::create_dir_all(folder.join(RESULTS)).expect("writable");
        for case in all {
            let made = maker.make(*case).expect("a request");
            let artifact = model.generate(&made.request, &Cancel::new(), &mut |_| {}).expect("an image").expect("not stopped");
            let bytes = engine::store::record::encode_png_with_record(&artifact.image, &artifact.record).expect("a PNG");
            std::fs::write(folder.join(RESULTS).join(format!("{}.png", made.name)), bytes).expect("writable");
        }
    }

    #[test]
    fn right_missing_and_wrong_results_are_told_apart() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let mut recipe = Recipe::default();
        if let Some(quotas) = &mut recipe.who.quotas {
            quotas.rows = 6;
        }
        recipe.how.steps = Some(2);
        let rows = Rows::of(&recipe).expect("rows").list;
        let natural = GenerateRequest::new("", 0);
        let maker = Maker::new(&recipe, &rows, &natural, 64).expect("a maker");
        let all = cases(&recipe, &rows);
        let folder = job_folder::write(&dir.path().join("job"), &maker, &all, "Fake", 64, |_| true).expect("written");
        let none = read(&folder, |_| true).expect("a job folder");
        assert_eq!((none.arrived.len(), none.missing.len()), (0, 6));

        work(&folder, &maker, &all[..5]);
        // Another seed under this name, and pixels that are not those of the record.
        let png = |name: &str| folder.join(RESULTS).join(format!("{name}.png"));
        std::fs::copy(png("row-00001-s1"), png("row-00002-s1")).expect("copied");
        let record = RunRecord::read(&png("row-00003-s1")).expect("a record");
        let black = Arc::new(GrayImage::black(64, 64));
        let forged = engine::store::record::encode_png_with_record(&black, &record).expect("a PNG");
        std::fs::write(png("row-00003-s1"), forged).expect("writable");
        std::fs::write(png("row-00004-s1"), b"cut off").expect("writable");
        let back = read(&folder, |_| true).expect("a job folder");
        assert_eq!(back.arrived.iter().map(|a| a.case.row).collect::<Vec<_>>(), [1, 5]);
        assert_eq!(back.missing.iter().map(|c| c.row).collect::<Vec<_>>(), [6]);
        let why: Vec<&str> = back.refused.iter().map(|(_, why)| why.as_str()).collect();
        assert!(why[0].contains("seed") && why[1].contains("pixels") && why[2].contains("row-00004"), "{why:?}");
        assert!(back.sentence().starts_with("2 of 6 images came back"), "{}", back.sentence());

        let recipe_file = folder.join(RECIPE);
        let text = std::fs::read_to_string(&recipe_file).expect("a recipe");
        std::fs::write(&recipe_file, text.replace("\"seed\": 1", "\"seed\": 2")).expect("writable");
        assert!(read(&folder, |_| true).expect_err("changed").contains("changed"));
        assert!(read(dir.path(), |_| true).expect_err("no job").contains("no job folder"));
    }
}
