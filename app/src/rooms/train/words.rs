//! How a run stands, in sentences.

use std::time::{Duration, SystemTime};

use super::watch::{Checkpoint, Standing, View};
use crate::checks::Verdict;
use crate::day;
use crate::widgets::{duration, grouped};

/// A run without news for so long, and for ten times an update, is worth a look.
const SILENT: Duration = Duration::from_secs(180);

/// How it stands, and how well that is.
pub(super) fn standing(view: &View) -> (Verdict, String) {
    if let Some(trouble) = &view.trouble {
        return (Verdict::Conflict, trouble.clone());
    }
    let Some(stage) = view.newest() else {
        return (Verdict::Note, begins(view.standing).to_owned());
    };
    let step = grouped(stage.step as usize);
    let kept = view.checkpoint(&stage.name).filter(|checkpoint| checkpoint.whole).map(|checkpoint| checkpoint.step);
    match view.standing {
        Standing::Reading => (Verdict::Note, "The log is being read.".to_owned()),
        Standing::NotBegun | Standing::Unreadable => (Verdict::Note, begins(view.standing).to_owned()),
        Standing::Running => running(view),
        Standing::Finished => (Verdict::Agrees, "All its stages are done.".to_owned()),
        Standing::Stopped => {
            (Verdict::Note, format!("It was stopped at update {step} with a checkpoint; nothing is lost when it goes on."))
        }
        Standing::Crashed => {
            let again = kept.map_or("it begins anew".to_owned(), |kept| {
                let lost = u64::from(stage.step).saturating_sub(kept);
                format!("it goes on from update {} and does {} again", grouped(kept as usize), updates(lost))
            });
            (Verdict::Conflict, format!("It ended at update {step} without a checkpoint of it: {again}."))
        }
    }
}

fn begins(standing: Standing) -> &'static str {
    match standing {
        Standing::Running => "It begins: no update yet. Drawing cases and reading data may take minutes.",
        _ => "No update yet.",
    }
}

fn running(view: &View) -> (Verdict, String) {
    let silent = view.changed.and_then(|at| SystemTime::now().duration_since(at).ok()).unwrap_or_default();
    let pace = view.newest().and_then(|stage| stage.pace()).unwrap_or(0.0);
    if silent > SILENT.max(Duration::from_secs_f64(10.0 * pace)) {
        let words = duration(silent.as_secs_f64());
        return (
            Verdict::Conflict,
            format!("It works, but noted no update for {words}: it draws a panel, waits for its disk, or hangs."),
        );
    }
    (Verdict::Agrees, "It works just now.".to_owned())
}

/// "1 update", "12 updates".
pub(super) fn updates(n: u64) -> String {
    if n == 1 { "1 update".to_owned() } else { format!("{} updates", grouped(n as usize)) }
}

/// What is worth a look in the numbers of the newest stage.
pub(super) fn warnings(view: &View) -> Vec<String> {
    let Some(stage) = view.newest() else { return Vec::new() };
    let mut all = Vec::new();
    if stage.left_out > 0 {
        let at: Vec<String> = stage.left_out_at.iter().rev().take(4).map(|step| grouped(*step as usize)).collect();
        let some = if stage.left_out > at.len() as u64 { "the last at " } else { "at " };
        all.push(format!("{} left out, as the gradient was not finite: {some}{}.", updates(stage.left_out), at.join(", ")));
    }
    if let Some(waits) = stage.waits().filter(|waits| *waits > 0.02) {
        all.push(format!(
            "{:.0} % of the time goes into waiting for data, more than 2 %: raise train.loader_threads, or look at the disk.",
            100.0 * waits
        ));
    }
    if let Some(damaged) = view.checkpoints.iter().rev().find(|checkpoint| !checkpoint.whole) {
        all.push(format!("The checkpoint of update {} cannot be read.", grouped(damaged.step as usize)));
    }
    all
}

/// Why a checkpoint stays.
pub(super) fn kept(view: &View, checkpoint: &Checkpoint) -> String {
    if let Some(name) = &checkpoint.milestone {
        return format!("milestone {name}");
    }
    let plan = view.plan.stage(&checkpoint.stage);
    match plan.and_then(|stage| stage.keep_every) {
        Some(every) if checkpoint.step.is_multiple_of(every) => format!("every {}", grouped(every as usize)),
        _ => plan
            .and_then(|stage| stage.keep_last)
            .map_or("newest".to_owned(), |n| if n == 1 { "the newest".to_owned() } else { format!("newest {n}") }),
    }
}

/// A time as day and minute, UTC.
pub(super) fn time(at: SystemTime) -> String {
    let secs = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let minutes = secs / 60 % 1440;
    let day = day::folder(i64::try_from(secs).unwrap_or(0) * 1000);
    format!("{} {:02}:{:02}", &day[5..], minutes / 60, minutes % 60)
}

#[cfg(test)]
mod tests {
    use super::super::watch::stage::Stage;
    use super::*;
    use std::sync::Arc;

    fn view(standing: Standing, checkpoint: Option<u64>) -> View {
        let stage = Stage { name: "text".to_owned(), step: 1250, ..Stage::default() };
        let kept = checkpoint.map(|step| Checkpoint {
            stage: "text".to_owned(),
            step,
            time: None,
            bytes: 1,
            milestone: None,
            whole: true,
            path: "a".into(),
        });
        View { standing, stages: vec![Arc::new(stage)], checkpoints: kept.into_iter().collect(), ..View::default() }
    }

    #[test]
    fn a_run_that_ended_early_tells_what_is_done_again() {
        let (verdict, words) = standing(&view(Standing::Crashed, Some(1200)));
        assert_eq!(verdict, Verdict::Conflict);
        assert!(words.contains("goes on from update 1\u{a0}200 and does 50 updates again"), "{words}");
        assert!(standing(&view(Standing::Crashed, None)).1.ends_with("it begins anew."));
        assert!(standing(&view(Standing::Stopped, Some(1250))).1.contains("nothing is lost"));
    }

    #[test]
    fn a_silent_process_is_said() {
        let old = SystemTime::now() - Duration::from_secs(4000);
        let view = View { changed: Some(old), ..view(Standing::Running, None) };
        assert!(standing(&view).1.contains("no update for 1 h"), "{}", standing(&view).1);
    }

    #[test]
    fn times_are_of_the_day() {
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_824_000 + 3723);
        assert_eq!(time(at), "11-28 01:02");
    }
}
