//! The row below the image: tiles for the answer, and the button that locks it.

use eframe::egui::{Align, Label, Layout, Rect, RichText, Ui, UiBuilder, pos2, vec2};

use super::{Scene, tile};
use crate::reader::action::Action;
use crate::reader::state::Step;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::Push;

/// Most width and height of a tile, in points, and the gap between two.
const TILE: [f32; 2] = [162.0, 96.0];
const GAP: f32 = 8.0;
/// Room for the words left of the tiles and for the button right of them.
const WORDS: f32 = 240.0;
const BUTTON: f32 = 206.0;
/// The same where room is short; the key on the button goes first.
const NARROW_BUTTON: f32 = 146.0;
/// Width of the row, in points, below which room is short.
const NARROW: f32 = 1000.0;

pub(super) fn show(ui: &mut Ui, scene: &mut Scene<'_>) {
    let state = scene.state;
    let turn = &state.turn;
    let all = ui.max_rect();
    let n = state.sheet.choices.len().max(1) as f32;
    let wide = TILE[0] * n + GAP * (n - 1.0);
    let fits_words = all.width() >= wide + 2.0 * (WORDS + 16.0);
    // Where there is no room the words go first, then the tiles shrink.
    let narrow = all.width() < NARROW;
    let room = all.width() - if narrow { NARROW_BUTTON } else { BUTTON } - 16.0 - if fits_words { WORDS } else { 0.0 };
    let width = ((wide.min(room) - GAP * (n - 1.0)) / n).max(60.0);
    let row = vec2(width * n + GAP * (n - 1.0), TILE[1]);
    let left = if fits_words { all.center().x - row.x * 0.5 } else { all.left() };
    let row = Rect::from_min_size(pos2(left, all.center().y - row.y * 0.5), row);

    if fits_words {
        let place = Rect::from_min_max(all.min, pos2(row.left() - 12.0, all.bottom()));
        let mut words = ui.new_child(UiBuilder::new().max_rect(place).layout(Layout::top_down(Align::Min)));
        words.add_space(all.height() * 0.5 - 26.0);
        side_words(&mut words, scene);
    }

    let open = turn.step == Step::Score && turn.was_shown;
    for (i, choice) in state.sheet.choices.iter().enumerate() {
        let rect = Rect::from_min_size(pos2(row.left() + (width + GAP) * i as f32, row.top()), vec2(width, TILE[1]));
        let chosen = turn.choice() == Some(i);
        let look = match (chosen, turn.step == Step::Score) {
            (true, _) => tile::Look::Chosen,
            (false, true) => tile::Look::Open,
            (false, false) => tile::Look::Faded,
        };
        if tile::show(ui, rect, choice, look, open).clicked() {
            scene.out.push(Action::Choose(i));
        }
    }

    let place = Rect::from_min_max(pos2(row.right() + 16.0, all.top()), all.max);
    let mut right = ui.new_child(UiBuilder::new().max_rect(place).layout(Layout::top_down(Align::Min)));
    if let Some(trouble) = &state.saving.trouble {
        not_saved(&mut right, scene.out, trouble, place);
        return;
    }
    if turn.step != Step::Score {
        return;
    }
    right.add_space(all.height() * 0.5 - 20.0);
    let ready = turn.open_question().is_none() && turn.was_shown;
    let purpose = "Locks the answer and shows the next image; there is no way back";
    let button = Push::new("Lock and next").primary().enabled(ready).purpose(purpose);
    let button = if narrow { button.size(40.0, NARROW_BUTTON - 8.0) } else { button.key("Enter").size(40.0, 190.0) };
    if button.show(&mut right).clicked() {
        scene.out.push(Action::Next);
    }
    // In practice the card says it.
    if !fits_words
        && !turn.practice
        && let Some(notice) = &state.notice
    {
        right.label(RichText::new(notice).font(text::secondary()).color(tokens::WARN));
    }
}

fn side_words(ui: &mut Ui, scene: &Scene<'_>) {
    let state = scene.state;
    let turn = &state.turn;
    if turn.step != Step::Score {
        return;
    }
    let among = state.sheet.template.images() > 1;
    let title = state.sheet.criteria.get(turn.question).map_or(if among { "Choice" } else { "Score" }, String::as_str);
    ui.label(RichText::new(title).font(text::section()).color(tokens::INK));
    ui.add_space(2.0);
    let words = match state.notice.as_ref().filter(|_| !turn.practice) {
        Some(notice) => RichText::new(notice).color(tokens::WARN),
        None => RichText::new(how(scene)).color(tokens::INK2),
    };
    ui.set_max_width(200.0);
    ui.label(words.font(text::secondary()));
}

/// Which keys choose and lock.
fn how(scene: &Scene<'_>) -> String {
    let sheet = &scene.state.sheet;
    let what = match (sheet.template.images(), sheet.questions()) {
        (1, 1) => "score",
        (1, _) => "scores of this image",
        _ => "choice",
    };
    let keys = match sheet.choices.len() {
        2 => "Keys 1 and 2, or ← and →.".to_owned(),
        n => format!("Keys 1 to {n}."),
    };
    format!("{keys} Enter locks the {what} and shows the next image.")
}

/// What could not be saved, and the way to try again; the score stays on the screen.
fn not_saved(ui: &mut Ui, out: &mut Vec<Action>, trouble: &str, place: Rect) {
    let words = RichText::new(trouble).font(text::secondary()).color(tokens::INK);
    ui.set_max_width((place.width() - 8.0).max(80.0));
    ui.add_space(4.0);
    ui.horizontal_top(|ui| {
        let (rect, _) = ui.allocate_exact_size(vec2(16.0, 16.0), eframe::egui::Sense::hover());
        Icon::Warning.paint(ui.painter(), rect, 15.0, tokens::ERR);
        ui.add(Label::new(words).wrap());
    });
    ui.add_space(2.0);
    let again = Push::new("Try again").key("Enter").purpose("Saves what could not be saved; nothing was lost");
    if again.size(30.0, 150.0).show(ui).clicked() {
        out.push(Action::TryAgain);
    }
}
