//! What actions and news about images change.

use std::sync::Arc;

use engine::domain::{Finding, Mask, Shape, Source};
use engine::masks::LabelledMask;
use engine::store::record::Tier;

use super::open::{Found, Picture, Restored};
use super::write::{Order, Written};
use super::{Action, Effect, ExportChoice, News, Offer, Original};
use crate::action::{Action as Any, Effect as AnyEffect};
use crate::canvas::gpu::MAX_LABELS;
use crate::jobs::files;
use crate::reduce::{edit, field_toggled, open_case, restore, shown_result};
use crate::rooms::train;
use crate::shell::divider::Edge;
use crate::state::sight::Mode;
use crate::state::{Base, BaseOrigin, Document, Gesture, Level, Region, Room, Sampling, Shown, State, StudioResult};
use crate::widgets::grouped;

/// Opened images that are kept for saving edits at their size.
const ORIGINALS: usize = 4;

/// Applies an action and names what the app must do.
pub fn reduce(state: &mut State, action: Action) -> Vec<AnyEffect> {
    match action {
        Action::ShowBase => {
            if state.document.base.is_some() {
                state.shown = Shown::Base;
            }
        }
        Action::RemoveBase => {
            edit(state, Gesture::Click, |d| d.base = None);
            if state.shown == Shown::Base {
                state.shown = if state.results.is_empty() { Shown::Blank } else { Shown::Result(0) };
            }
        }
        Action::UseShown => return use_shown(state),
        Action::SetEdit(on) => change(state, Gesture::Click, |b| b.edit = on),
        Action::SetWhole(whole) => change(state, Gesture::Click, |b| b.whole = whole),
        Action::SetStrength(strength) if strength.is_finite() => {
            change(state, Gesture::Underlay, |b| b.strength = strength.clamp(0.0, 1.0));
        }
        Action::SetStrength(_) => {}
        Action::SetFeather(px) => change(state, Gesture::Underlay, |b| b.feather_px = px.min(b.image.width() / 4)),
        Action::SetMargin(px) => change(state, Gesture::Underlay, |b| b.margin_px = px.min(b.image.width() / 2)),
        Action::SetDetail(detail) => change(state, Gesture::Click, |b| b.detail = detail),
        Action::SetFileWindow(window) => {
            let stored = state.document.base.as_ref().and_then(|b| b.stored.clone());
            if let Some(stored) = stored.filter(|s| window < s.windows().len()) {
                return vec![AnyEffect::Images(Effect::Rewindow(stored, window, state.document.size_px))];
            }
        }
        Action::Accept => accept(state),
        Action::AcceptAsImage => {
            if let Some(picture) = state.images.offer.take().and_then(|offer| offer.picture) {
                open_picture(state, *picture);
            }
        }
        Action::Dismiss => state.images.offer = None,
        Action::ToggleExport => {
            state.images.export_open = field_toggled(state, state.images.export_open, Edge::Right);
        }
        Action::SetExport(choice) => state.images.export = choice,
        Action::Export => match order(state, state.images.export.clone()) {
            Ok(order) => return vec![AnyEffect::Images(Effect::Write(Box::new(order)))],
            Err(why) => state.messages.push(Level::Note, why),
        },
    }
    Vec::new()
}

fn change(state: &mut State, gesture: Gesture, change: impl FnOnce(&mut Base)) {
    edit(state, gesture, |d| {
        if let Some(base) = &mut d.base {
            change(base);
        }
    });
}

/// Takes what a thread has to say; gives what is to be done with what belongs to another room.
pub fn news(state: &mut State, news: News) -> Vec<Any> {
    if let News::Opened(Ok(Found::Training(folder))) = news {
        state.images.opening = state.images.opening.saturating_sub(1);
        state.view.open_open = false;
        return vec![Any::OpenRoom(Room::Train), Any::Train(train::Action::Open(folder))];
    }
    state.history.meet(&state.document, state.sampling);
    take(state, news);
    state.history.note(state.sampling);
    Vec::new()
}

fn take(state: &mut State, news: News) {
    match news {
        News::Opened(found) => {
            state.images.opening = state.images.opening.saturating_sub(1);
            match found {
                Ok(found) => {
                    (state.room, state.view.open_open) = (Room::Canvas, false);
                    match found {
                        Found::Restored(restored) => open_restored(state, *restored),
                        Found::Picture(picture) => open_picture(state, *picture),
                        Found::Masks(offer) => open_masks(state, *offer),
                        // It went to its room.
                        Found::Training(_) => {}
                    }
                }
                Err(why) => state.messages.push(Level::Error, why),
            }
        }
        News::Written(Ok(written)) => state.messages.push(Level::Done, said(&written)),
        News::Written(Err(why)) => state.messages.push_with(Level::Error, why, "Choose a folder", Any::ToggleSaveFields),
        News::Rewindowed(stored, window, original, square) => {
            let same = state.document.base.as_ref().is_some_and(|b| b.stored.as_ref().is_some_and(|s| Arc::ptr_eq(s, &stored)));
            if same && square.width() == state.document.size_px {
                change(state, Gesture::Click, |b| (b.window, b.original, b.image) = (window, original, square));
                state.shown = Shown::Base;
            }
        }
        News::Composed(case, Ok(_)) if case != state.tabs.open_id() => {
            let words = "The edit was made for another case; go to that case and put it under the layers again.";
            state.messages.push(Level::Note, words);
        }
        News::Composed(_, Ok(base)) => put_under(state, *base),
        News::NotKept(why) => {
            let words = format!("The opened image could not be kept, so this edit comes back at the model's size later. {why}");
            state.messages.push(Level::Error, words);
        }
        News::Composed(_, Err(why)) => state.messages.push(Level::Error, why),
    }
}

fn said(written: &Written) -> String {
    let name = written.files.last().and_then(|f| f.file_name()).map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let (count, lie) = match written.files.len() {
        1 => (format!("Wrote {name}"), "it lies"),
        n => (format!("Wrote {n} files, {name} last"), "they lie"),
    };
    let kept = written.kept.map_or_else(String::new, |kept| {
        format!("; {} of {} pixels outside the region changed", grouped(kept.changed), grouped(kept.outside))
    });
    format!("{count}{kept}; {lie} in {}.", written.folder.display())
}

/// Notes as a part of a sentence.
fn with_notes(mut sentence: String, notes: &[String]) -> String {
    for note in notes {
        sentence.push_str("; ");
        sentence.push_str(note);
    }
    sentence.push('.');
    sentence
}

fn open_restored(state: &mut State, restored: Restored) {
    let Restored { opened, original, notes } = restored;
    let name = opened.name.clone();
    restore(state, opened);
    if let Some(Original { image, spacing_mm, detail, .. }) = original
        && let Some(base) = &state.document.base
    {
        let mut whole = Base::placed(base.title.clone(), base.origin.clone(), image, Arc::clone(&base.image), spacing_mm);
        (whole.edit, whole.strength, whole.feather_px) = (base.edit, base.strength, base.feather_px);
        (whole.whole, whole.detail) = (base.whole, detail);
        state.document.base = Some(whole);
        state.history.amend(&state.document, state.sampling);
        // It came from a file or from the studio's folder, so it need not be kept again.
        let _on_disk = remember(state);
    }
    if !notes.is_empty() {
        state.messages.push(Level::Note, with_notes(format!("About {name}"), &notes).replacen("; ", ": ", 1));
    }
}

/// Whether a case holds something that a person would miss.
fn has_work(document: &Document) -> bool {
    let drawn = document.layers.iter().any(|l| l.region != Region::Guide && !l.is_empty());
    drawn || !document.impression.trim().is_empty()
}

fn open_picture(state: &mut State, picture: Picture) {
    let size = state.document.size_px;
    let (width, height) = (picture.original.width(), picture.original.height());
    let mut base = Base::placed(&picture.title, BaseOrigin::File, picture.original, picture.square, picture.spacing_mm);
    if base.image.width() != size {
        base = base.resized(size);
    }
    base.stored = picture.stored;
    base.edit = picture.shareable.is_none();
    let new = has_work(&state.document);
    if new {
        let mut document = Document::empty(size);
        // Another patient: only what the file says is known.
        document.demographics.view = picture.view;
        document.name = picture.case;
        document.base = Some(base);
        open_case(state, document, None);
    } else {
        edit(state, Gesture::Click, |d| {
            d.name = picture.case;
            d.base = Some(base);
            if picture.view != crate::state::View::Unstated {
                d.demographics.view = picture.view;
            }
        });
        state.view.zoom = None;
        (state.sight.mode, state.sight.difference) = (Mode::Single, false);
        state.queue.follow = false;
    }
    state.example = None;
    state.shown = Shown::Base;
    let place = if new { "in a new case" } else { "under the layers" };
    let mut sentence = format!("Opened {} {place}, {} × {} px", picture.title, grouped(width as usize), grouped(height as usize));
    if let Some(shared) = picture.shareable {
        let mut sampling = state.sampling;
        (sampling.seed, sampling.seed_locked) = (shared.seed, true);
        sampling.steps = shared.num_steps.clamp(1, 1000);
        if shared.guidance_scale.is_finite() {
            sampling.guidance = shared.guidance_scale.clamp(0.0, 30.0);
        }
        state.sampling = Sampling { karras: shared.karras, ..sampling };
        sentence.push_str("; seed and steps are set, and it was saved as shareable, so it holds no text and no layers");
    }
    state.messages.push(Level::Done, with_notes(sentence, &picture.notes));
}

fn open_masks(state: &mut State, offer: Offer) {
    if offer.layers.is_empty() {
        state.messages.push(Level::Note, format!("{} was read as {}, and nothing is drawn in it.", offer.name, offer.format));
        return;
    }
    state.images.offer = Some(offer);
}

fn accept(state: &mut State) {
    let Some(offer) = state.images.offer.take() else { return };
    let class = state.chosen_layer().filter(|l| l.region.is_finding()).map_or(Finding::Pneumothorax, |l| l.finding);
    let mut added = (None, 0);
    edit(state, Gesture::Click, |d| added = offer.add_to(d, class, MAX_LABELS - 1));
    let (first, count) = added;
    if first.is_some() {
        state.view.chosen = first;
    }
    let layers = if count == 1 { "1 layer".to_owned() } else { format!("{count} layers") };
    let left = offer.layers.len() - count;
    let rest = if left > 0 { format!("; {left} more do not fit, a case takes {} layers", MAX_LABELS - 1) } else { String::new() };
    state.messages.push(Level::Done, format!("Imported {layers} from {}{rest}.", offer.name));
}

/// Puts an image under the layers of this case.
fn put_under(state: &mut State, base: Base) {
    let base = if base.image.width() == state.document.size_px { base } else { base.resized(state.document.size_px) };
    let title = base.title.clone();
    edit(state, Gesture::Click, |d| d.base = Some(base));
    state.shown = Shown::Base;
    state.messages.push(Level::Done, format!("{title} lies under the layers now."));
}

fn use_shown(state: &mut State) -> Vec<AnyEffect> {
    let Some(image) = state.shown_image().filter(|_| state.shown != Shown::Base) else {
        state.messages.push(Level::Note, "There is no picture on the canvas to put under the layers.");
        return Vec::new();
    };
    let result = match state.shown {
        Shown::Result(i) => state.results.get(i).cloned(),
        _ => None,
    };
    let title = match &result {
        Some(result) => format!("Result, seed {}", result.artifact.request.seed.0),
        None => state.shown_title(),
    };
    if let Some(result) = &result
        && let Some(original) = original_of(state, result)
    {
        let order = order_of(state, result.clone(), Some(original), ExportChoice::default());
        return vec![AnyEffect::Images(Effect::Compose(Box::new(order), title))];
    }
    let run = result.as_ref().and_then(StudioResult::run_id).unwrap_or(0);
    put_under(state, Base::square(title, BaseOrigin::Run(run), image));
    Vec::new()
}

/// Keeps the opened image of the edit that is about to run: in memory, and on disk by the effect it gives.
pub(crate) fn remember(state: &mut State) -> Option<AnyEffect> {
    let original = Original::of(state.document.base.as_ref().filter(|b| b.edit)?);
    let on_disk = AnyEffect::Images(Effect::Keep(Box::new(original.clone())));
    let kept = &mut state.images.originals;
    kept.retain(|o| o.square != original.square);
    kept.push(original);
    if kept.len() > ORIGINALS {
        kept.remove(0);
    }
    Some(on_disk)
}

/// The opened image that a result changed, where this session still has it and it is another than the square.
pub fn original_of(state: &State, result: &StudioResult) -> Option<Original> {
    let (Source::Region { image, .. } | Source::Image { image, .. }) = &result.artifact.request.source else { return None };
    // The case on the canvas knows its image best; those of other cases are kept for a while.
    let of_case = state.document.base.as_ref().filter(|b| b.image == *image).map(Original::of);
    let original = of_case.or_else(|| state.images.originals.iter().rev().find(|o| o.square == *image).cloned())?;
    (original.image != original.square || original.spacing_mm.is_some()).then_some(original)
}

/// What Save writes where it is not just image, mask and record: an edit at the opened image's size, or an image that
/// tells less than everything, as the settings say.
pub fn order_for_save(state: &State, index: usize) -> Option<Order> {
    let result = state.results.get(index)?;
    let (original, tier) = (original_of(state, result), state.settings.tier);
    if original.is_none() && tier == Tier::Full {
        return None;
    }
    let choice = ExportChoice { tier, ..ExportChoice::default() };
    Some(Order { json: true, ..order_of(state, result.clone(), original, choice) })
}

fn order_of(state: &State, result: StudioResult, original: Option<Original>, choice: ExportChoice) -> Order {
    let artifact = Arc::clone(&result.artifact);
    let stem = match choice.tier {
        Tier::Full => files::stem(&result.name, artifact.request.seed.0),
        // The name of a case may say whose it is.
        Tier::Shareable | Tier::MarkOnly => format!("image-{}", artifact.record.pixels_blake3.get(..8).unwrap_or_default()),
    };
    let size = artifact.image.width();
    let masks = artifact.request.annotations.iter().map(|annotation| {
        let mask = match &annotation.shape {
            Shape::Mask(mask) => mask.resized(size, size),
            Shape::Box { rect, width, height } => {
                let (sx, sy) = (size as f32 / (*width).max(1) as f32, size as f32 / (*height).max(1) as f32);
                Mask::from_rect(size, size, &rect.scaled(sx, sy))
            }
        };
        LabelledMask { label: annotation.finding.name().to_owned(), mask }
    });
    Order {
        folder: state.save_folder.clone(),
        stem,
        masks: masks.filter(|entry| !entry.mask.is_empty()).collect(),
        result: Some(artifact),
        original,
        spacing_mm: None,
        choice,
        json: false,
    }
}

/// What an export writes now: the shown result with its masks, or the drawn masks alone.
fn order(state: &State, choice: ExportChoice) -> Result<Order, &'static str> {
    if choice.is_empty() {
        return Err("Nothing is chosen; choose a format to export first.");
    }
    if let Some(result) = shown_result(state).and_then(|i| state.results.get(i)) {
        let original = original_of(state, result);
        return Ok(order_of(state, result.clone(), original, choice));
    }
    let document = &state.document;
    let masks = document.layers.iter().filter(|l| document.is_active(l)).filter_map(|layer| {
        let mask = match &layer.region {
            Region::Mask(mask) => Mask::clone(mask),
            Region::Box(Some(rect)) => Mask::from_rect(document.size_px, document.size_px, rect),
            _ => return None,
        };
        (!mask.is_empty()).then(|| LabelledMask { label: layer.finding.name().to_owned(), mask })
    });
    let masks: Vec<LabelledMask> = masks.collect();
    if choice.masks.is_empty() || masks.is_empty() {
        return Err("There is no finished image to export; show a result, or draw and choose a format of masks.");
    }
    let original = document.base.as_ref().map(Original::of);
    let spacing_mm = document.base.as_ref().and_then(|b| b.spacing_mm).map(|(x, y)| (f64::from(y), f64::from(x)));
    let stem = match choice.tier {
        Tier::Full => files::stem(&document.name, state.sampling.seed),
        Tier::Shareable | Tier::MarkOnly => "masks".to_owned(),
    };
    Ok(Order { folder: state.save_folder.clone(), stem, result: None, original, masks, spacing_mm, choice, json: false })
}
