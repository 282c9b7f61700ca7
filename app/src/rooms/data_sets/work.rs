//! Work of the room on threads of its own: planning, files, job folders, exports.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};
use engine::domain::{GenerateRequest, GrayImage};
use engine::imageio::png;
use engine::phantom::lung_guide;
use engine::store::atomic::write_atomic;

use super::dialogs::Dialog;
use super::state::{Example, Field, Plan};
use crate::dataset::cases::{Maker, Rows, cases, seed_of_try};
use crate::dataset::collect::{self, Change, Collection};
use crate::dataset::duplicates::{self, Hash, Pair};
use crate::dataset::export;
use crate::dataset::import;
use crate::dataset::recipe::{MAX_BYTES, Recipe};
use crate::dataset::{Case, Row, cohort, job_folder, notes};
use crate::jobs::{Artifact, panic_sentence};
use crate::library::{Database, JobRow, NewJob, NewRun, Relation, Rule, RunRow, Task, jobs, now_ms, runs};

/// Examples of a plan.
const EXAMPLES: usize = 12;
/// Side of an example's grid in pixels.
pub const EXAMPLE_PX: u32 = 96;
/// Impossible rows that are named.
const NAMED: usize = 5;
/// Jobs that go into the queue as one group.
pub const GROUP: usize = 2000;

/// The model that a recipe is made with.
#[derive(Clone, Debug)]
pub struct Model {
    /// Its name.
    pub name: String,
    /// Its hash.
    pub hash: String,
    /// Its natural settings.
    pub natural: GenerateRequest,
    /// Side of its images in pixels.
    pub size_px: u32,
}

/// What a thread is to do.
#[derive(Clone, Debug)]
pub enum Work {
    /// Plan a recipe; `asked` must still be the newest change when it is done.
    Plan {
        /// The recipe.
        recipe: Box<Recipe>,
        /// Which change it is.
        asked: u64,
        /// The newest change.
        newest: Arc<AtomicU64>,
    },
    /// Read a recipe file.
    Open(PathBuf),
    /// Write a recipe file.
    Save(PathBuf, Box<Recipe>),
    /// Read a cohort table.
    Table(PathBuf),
    /// Read what the library has of a data set.
    Load(String),
    /// Read the small pictures of runs.
    Thumbs(Vec<i64>),
    /// Make jobs of cases; with the try each is.
    Jobs(Box<Recipe>, Arc<Rows>, Vec<(Case, u32)>, Box<Model>, Arc<AtomicBool>),
    /// Write a job folder.
    Folder(PathBuf, Box<Recipe>, Arc<Rows>, Arc<Vec<Case>>, Box<Model>, Arc<AtomicBool>),
    /// Check the results of a job folder.
    Import(PathBuf, Arc<AtomicBool>),
    /// Look for near duplicates among images; cases of one row and seed are meant to be alike.
    Duplicates(Vec<(Case, PathBuf)>, Arc<AtomicBool>),
    /// Ask for a path in the system's dialog; with a name for folders that are to be made.
    Pick(Field, String),
    /// Change and read the collected set.
    Collect(Change),
    /// Export.
    Export(PathBuf, Box<export::Plan>, Arc<AtomicBool>),
}

/// What a thread has to say.
#[derive(Debug)]
pub enum News {
    /// A recipe was planned.
    Planned(u64, Box<Result<Plan, String>>),
    /// A recipe file was read.
    Opened(PathBuf, Box<Result<Recipe, String>>),
    /// A table was read.
    Table(Result<Vec<Row>, String>),
    /// What the library has of a data set.
    Loaded(String, Result<(Vec<RunRow>, Vec<JobRow>), String>),
    /// Small pictures of runs.
    Thumbs(Vec<(i64, Arc<GrayImage>)>),
    /// Jobs are ready to be put into the queue.
    Jobs(Result<Vec<NewJob>, String>),
    /// Results of a job folder, ready to be put into the library.
    Imported(Box<Result<(import::Returned, Vec<NewRun>), String>>),
    /// Near duplicates.
    Duplicates(Result<Vec<(Case, Case, Pair)>, String>),
    /// A path was chosen, or none.
    Picked(Field, Option<PathBuf>),
    /// The collected set, or one phrase why it cannot be had.
    Collected(Result<Collection, String>),
    /// How far the work is.
    Tick(usize, usize),
    /// The work is done, one sentence, or why not.
    Said(Result<String, String>),
}

/// Runs the room's work.
pub struct Works {
    outbox: Sender<News>,
    inbox: Receiver<News>,
    wake: Arc<dyn Fn() + Send + Sync>,
    folder: PathBuf,
    /// Held while the collected set is changed, so that changes come one after the other.
    gate: Arc<Mutex<()>>,
}

impl Works {
    /// `folder` is the library's; `wake` is called after each piece of news.
    pub fn new(folder: PathBuf, wake: impl Fn() + Send + Sync + 'static) -> Self {
        let (outbox, inbox) = bounded(256);
        Self { outbox, inbox, wake: Arc::new(wake), folder, gate: Arc::default() }
    }

    /// The next piece of news, if any.
    pub fn poll(&self) -> Option<News> {
        self.inbox.try_recv().ok()
    }

    /// Does something on a thread of its own.
    pub fn start(&self, work: Work) {
        let (outbox, wake, folder) = (self.outbox.clone(), Arc::clone(&self.wake), self.folder.clone());
        // Each reading of the library has an end, else no other one would begin.
        let tag = if let Work::Load(tag) = &work { Some(tag.clone()) } else { None };
        let failed = move |why: String| match &tag {
            Some(tag) => News::Loaded(tag.clone(), Err(why)),
            None => News::Said(Err(why)),
        };
        let gone = failed.clone();
        let gate = Arc::clone(&self.gate);
        let dialog = match &work {
            Work::Pick(field, name) => Some(Dialog::begin(*field, name.clone())),
            _ => None,
        };
        let body = move || {
            let tell = |news: News| {
                if outbox.send(news).is_ok() {
                    wake();
                }
            };
            // Progress is dropped when the window is behind.
            let tick = |done: usize, of: usize| {
                if outbox.try_send(News::Tick(done, of)).is_ok() {
                    wake();
                }
            };
            let done = catch_unwind(AssertUnwindSafe(|| match (work, dialog) {
                (Work::Pick(field, _), Some(dialog)) => tell(dialog.wait(field)),
                (work @ Work::Collect(_), _) => {
                    let _one = gate.lock().unwrap_or_else(PoisonError::into_inner);
                    run(work, &folder, &tell, &tick);
                }
                (work, _) => run(work, &folder, &tell, &tick),
            }));
            if let Err(payload) = done {
                tell(failed(panic_sentence(payload.as_ref())));
            }
        };
        if let Err(error) = thread::Builder::new().name("data set".to_owned()).spawn(body)
            && self.outbox.try_send(gone(format!("A thread for the data set could not be started: {error}."))).is_err()
        {
            tracing::error!("a thread for the data set could not be started: {error}");
        }
    }
}

type Tell<'a> = &'a dyn Fn(News);
type Tick<'a> = &'a dyn Fn(usize, usize);

fn run(work: Work, folder: &Path, tell: Tell<'_>, tick: Tick<'_>) {
    match work {
        Work::Plan { recipe, asked, newest } => {
            let stale = || newest.load(Ordering::Relaxed) != asked;
            let planned = plan(&recipe, &stale);
            if !stale() {
                tell(News::Planned(asked, Box::new(planned)));
            }
        }
        Work::Open(path) => {
            let recipe = text(&path).and_then(|text| Recipe::parse(&text)).map_err(|e| format!("{e} ({})", path.display()));
            tell(News::Opened(path, Box::new(recipe)));
        }
        Work::Save(path, recipe) => {
            let saved = recipe.to_json().and_then(|json| write_atomic(&path, json.as_bytes()).map_err(|e| e.to_string()));
            tell(News::Said(saved.map(|()| format!("Saved the recipe ({}).", path.display()))));
        }
        Work::Table(path) => {
            let rows = text(&path).and_then(|text| cohort::parse(&text)).map_err(|e| format!("{e} ({})", path.display()));
            tell(News::Table(rows));
        }
        Work::Load(tag) => {
            let loaded = load(folder, &tag);
            tell(News::Loaded(tag, loaded));
        }
        Work::Pick(field, _) => tell(News::Picked(field, None)),
        Work::Collect(change) => tell(News::Collected(collect::change(folder, &change))),
        Work::Thumbs(ids) => tell(News::Thumbs(thumbs(folder, &ids))),
        Work::Jobs(recipe, rows, wanted, model, stop) => {
            tell(News::Jobs(make_jobs(&recipe, &rows, &wanted, &model, &stop, tick)))
        }
        Work::Folder(to, recipe, rows, cases, model, stop) => {
            let of = cases.len();
            let going = |done: usize| {
                tick(done, of);
                !stop.load(Ordering::Relaxed)
            };
            let written = Maker::new(&recipe, &rows.list, &model.natural, model.size_px)
                .and_then(|maker| job_folder::write(&to, &maker, &cases, &model.name, model.size_px, going));
            tell(News::Said(written.map(|path| {
                format!("Wrote a job folder of {of} images; start run.sh in it on the cluster ({}).", path.display())
            })));
        }
        Work::Import(folder_of_job, stop) => {
            tell(News::Imported(Box::new(bring_in(&folder_of_job, &stop, tick))));
        }
        Work::Duplicates(images, stop) => tell(News::Duplicates(near(&images, &stop, tick))),
        Work::Export(to, plan, stop) => {
            let of = plan.items.len();
            let going = |done: usize| {
                tick(done, of);
                !stop.load(Ordering::Relaxed)
            };
            let written = export::write(&to, &plan, going);
            tell(News::Said(written.map(|path| format!("Exported {of} images with their datasheet ({}).", path.display()))));
        }
    }
}

fn text(path: &Path) -> Result<String, String> {
    let length = std::fs::metadata(path).map_err(|e| format!("the file cannot be read: {e}"))?.len();
    if length > MAX_BYTES {
        return Err(format!("the file is larger than {} MiB", MAX_BYTES >> 20));
    }
    let bytes = std::fs::read(path).map_err(|e| format!("the file cannot be read: {e}"))?;
    String::from_utf8(bytes).map_err(|_| "it is not UTF-8 text; save it again as UTF-8".to_owned())
}

/// Rows, cases, warnings and examples of a recipe; regions are drawn small and without a model.
fn plan(recipe: &Recipe, stale: &dyn Fn() -> bool) -> Result<Plan, String> {
    let rows = Rows::of(recipe)?;
    let warnings = notes::warnings(recipe, &rows);
    let maker = Maker::new(recipe, &rows.list, &GenerateRequest::new("", 0), EXAMPLE_PX)?;
    let impossible = if stale() { Vec::new() } else { notes::impossible(&maker, NAMED) };
    let mut examples = Vec::new();
    for number in notes::examples(rows.list.len(), EXAMPLES) {
        if stale() {
            break;
        }
        // What cannot be placed is named among the impossible, or here when only drawing shows it.
        if let Ok(placed) = maker.place(number) {
            examples.push(Example {
                row: number,
                title: placed.row.title(),
                lungs: placed.lungs.clone().unwrap_or_else(|| lung_guide(EXAMPLE_PX)),
                regions: placed.masks(EXAMPLE_PX),
                impression: placed.impression,
            });
        }
    }
    let cases = Arc::new(cases(recipe, &rows.list));
    drop(maker);
    Ok(Plan { cases, examples, warnings, impossible, rows: Arc::new(rows) })
}

/// Runs and unfinished or failed jobs of a data set.
fn load(folder: &Path, tag: &str) -> Result<(Vec<RunRow>, Vec<JobRow>), String> {
    let db = Database::open(folder).map_err(|e| e.to_string())?;
    let ids = |sql: &str| -> Result<Vec<i64>, String> {
        let failed = |e: rusqlite::Error| format!("the library cannot be read: {e}");
        let mut statement = db.connection.prepare(sql).map_err(failed)?;
        let found = statement.query_map([tag], |r| r.get(0)).map_err(failed)?;
        found.collect::<rusqlite::Result<_>>().map_err(failed)
    };
    let run_ids = ids("SELECT id FROM runs WHERE recipe = ?1 ORDER BY id")?;
    let job_ids =
        ids("SELECT id FROM jobs WHERE recipe = ?1 AND state IN ('waiting', 'running', 'paused', 'failed') ORDER BY id")?;
    let found_runs = run_ids.into_iter().map(|id| {
        let mut run = runs::get(&db.connection, id).map_err(|e| e.to_string())?;
        run.file = runs::path(folder, &run).to_string_lossy().into_owned();
        Ok(run)
    });
    let found_runs = found_runs.collect::<Result<Vec<RunRow>, String>>()?;
    let found_jobs = job_ids.into_iter().map(|id| jobs::get(&db.connection, id).map_err(|e| e.to_string()));
    Ok((found_runs, found_jobs.collect::<Result<_, _>>()?))
}

/// Small pictures; those that cannot be read are left out and asked for no more.
fn thumbs(folder: &Path, ids: &[i64]) -> Vec<(i64, Arc<GrayImage>)> {
    let Ok(db) = Database::open(folder) else { return Vec::new() };
    let read = |id: i64| {
        let bytes = runs::thumb(&db.connection, id).ok()??;
        png::decode_gray(&bytes, "a small picture").ok().map(|picture| (id, Arc::new(picture)))
    };
    ids.iter().filter_map(|&id| read(id)).collect()
}

fn make_jobs(
    recipe: &Recipe,
    rows: &Rows,
    wanted: &[(Case, u32)],
    model: &Model,
    stop: &AtomicBool,
    tick: Tick<'_>,
) -> Result<Vec<NewJob>, String> {
    let maker = Maker::new(recipe, &rows.list, &model.natural, model.size_px)?;
    let rule = Rule { keep_best: false, below: recipe.how.below, retries: recipe.how.retries };
    let mut made_jobs = Vec::with_capacity(wanted.len());
    for (i, (case, attempt)) in wanted.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Err("stopped; nothing was put into the queue".to_owned());
        }
        tick(i, wanted.len());
        let made = maker.make(*case)?;
        let mut request = made.request;
        request.seed = seed_of_try(recipe.seed, *case, *attempt);
        let relation = match (case.twin, *attempt > 1) {
            (true, _) => Relation::Twin,
            (false, true) => Relation::Retry,
            (false, false) => Relation::None,
        };
        let task = Task {
            relation,
            recipe: recipe.tag(),
            cell: case.cell(),
            rule: if case.twin { Rule::default() } else { rule },
            attempt: *attempt,
            ..Task::new(made.name, model.hash.clone())
        };
        made_jobs.push(NewJob { task, request });
    }
    Ok(made_jobs)
}

fn bring_in(folder: &Path, stop: &AtomicBool, tick: Tick<'_>) -> Result<(import::Returned, Vec<NewRun>), String> {
    let returned = import::read(folder, |done| {
        tick(done, 0);
        !stop.load(Ordering::Relaxed)
    })?;
    let mut new = Vec::with_capacity(returned.arrived.len());
    for (i, arrived) in returned.arrived.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Err("stopped; nothing was taken".to_owned());
        }
        tick(i, returned.arrived.len());
        let image = png::read_gray(&arrived.file).map_err(|e| e.to_string())?;
        let record = arrived.record.clone();
        let request = record.request.clone();
        let artifact = Artifact { image: Arc::new(image), condition: None, request, record };
        let file = std::path::absolute(&arrived.file).unwrap_or_else(|_| arrived.file.clone());
        let hash = artifact.record.files.first().map_or_else(String::new, |file| file.blake3.clone());
        let mut run = NewRun::new(&arrived.name, &artifact, &hash, file.to_string_lossy().into_owned(), now_ms())
            .map_err(|e| e.to_string())?;
        run.row.recipe.clone_from(&returned.job.tag);
        run.row.cell = arrived.case.cell();
        if arrived.case.twin {
            run.row.relation = Relation::Twin;
        }
        new.push(run);
    }
    Ok((returned, new))
}

fn near(images: &[(Case, PathBuf)], stop: &AtomicBool, tick: Tick<'_>) -> Result<Vec<(Case, Case, Pair)>, String> {
    let mut hashes = Vec::with_capacity(images.len());
    for (i, (_, path)) in images.iter().enumerate() {
        if stop.load(Ordering::Relaxed) {
            return Err("stopped; nothing was compared".to_owned());
        }
        tick(i, images.len());
        hashes.push(Hash::of(&png::read_gray(path).map_err(|e| e.to_string())?));
    }
    let twins = |a: usize, b: usize| {
        let (a, b) = (images[a].0, images[b].0);
        (a.row, a.copy) == (b.row, b.copy)
    };
    Ok(duplicates::pairs(&hashes, twins).into_iter().map(|pair| (images[pair.first].0, images[pair.second].0, pair)).collect())
}
