//! What lies around the rooms: command palette, key sheet, settings, dividers and jumps between regions.
//!
//! A sheet takes the place of the left panel and so covers nothing of the image.

pub mod divider;
pub mod fuzzy;
pub mod keys;
pub mod palette;
pub mod preferences;
pub mod regions;
pub mod tips;

use eframe::egui::{Key, RichText, Ui};

use crate::action::Effect;
use crate::command::{Chord, find};
use crate::panels::Panel;
use crate::settings::TEXT_PERCENT;
use crate::state::Level;
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::Push;

pub use regions::Region;

/// What can take the place of the left panel.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sheet {
    /// The command palette.
    Palette,
    /// All keys.
    Keys,
    /// The settings.
    Settings,
    /// The models, to choose another one.
    Models,
}

/// A key that is wanted by one command and bound to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clash {
    /// The command that wants it.
    pub id: &'static str,
    /// The key.
    pub chord: Chord,
    /// The command that has it.
    pub owner: &'static str,
}

/// What the shell knows.
#[derive(Clone, Debug, Default)]
pub struct State {
    /// The open sheet.
    pub sheet: Option<Sheet>,
    /// What is searched for in it.
    pub query: String,
    /// The row that Enter takes.
    pub picked: usize,
    /// Commands taken from the palette, the newest first.
    pub used: Vec<&'static str>,
    /// The command that waits for a key.
    pub waiting: Option<&'static str>,
    /// A key that is taken.
    pub clash: Option<Clash>,
    /// The region that the keyboard goes to when it is drawn next.
    pub jump: Option<Region>,
    /// Whether the right panel is pushed out in a narrow window.
    pub drawer: bool,
    /// Whether the settings file could not be read and is left alone.
    pub settings_held: bool,
}

/// What a person can do around the rooms.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Opens a sheet, or closes it when it is open.
    Toggle(Sheet),
    /// Closes the sheet, or the question in it.
    Close,
    /// Types into the search field of the sheet.
    Search(String),
    /// Goes to a row of the palette.
    Pick(usize),
    /// Notes that a command was taken from the palette.
    Used(&'static str),
    /// Says that a command has nothing to work on.
    NotNow(&'static str),
    /// Waits for a key for a command.
    AwaitKey(&'static str),
    /// A key was pressed for the command that waits.
    Press(Chord),
    /// Takes the key from the command that has it.
    TakeKey,
    /// Leaves the key where it is.
    LeaveKey,
    /// The default keys of a command again.
    ResetKeys(&'static str),
    /// All default keys again.
    ResetAllKeys,
    /// Sets the size of text in percent.
    SetText(u32),
    /// Makes text larger or smaller by so many percent.
    ScaleText(i32),
    /// Stops or allows what moves by itself.
    SetReduceMotion(bool),
    /// Leaves out a step of the tips.
    PassTip(tips::Step),
    /// Shows or hides the start tips.
    SetTips(bool),
    /// Shows the start tips from the first one on.
    RestartTips,
    /// Whether opened files are remembered after the studio is closed.
    SetRemember(bool),
    /// How much saved and exported images tell, until something else is chosen for one export.
    SetTier(engine::store::record::Tier),
    /// Sets the width of a panel or the height of the dock in points; `None` is the natural one.
    SetPanel(divider::Edge, Option<f32>),
    /// Pushes the right panel out or in, in a narrow window.
    ToggleDrawer,
    /// Goes to the next region, or to the one before.
    Jump(i32),
    /// The jump has arrived.
    Arrived,
    /// Puts settings that could not be read aside and begins new ones.
    RenewSettings,
}

/// Applies an action and names what the app must do.
pub fn reduce(state: &mut crate::state::State, action: Action) -> Vec<Effect> {
    let shell = &mut state.shell;
    match action {
        Action::Toggle(sheet) => {
            shell.sheet = if shell.sheet == Some(sheet) { None } else { Some(sheet) };
            (shell.query, shell.picked, shell.waiting, shell.clash) = (String::new(), 0, None, None);
        }
        Action::Close => {
            if shell.waiting.take().is_none() && shell.clash.take().is_none() {
                shell.sheet = None;
            }
        }
        Action::Search(query) => (shell.query, shell.picked) = (query, 0),
        Action::Pick(row) => shell.picked = row,
        Action::Used(id) => {
            shell.used.retain(|u| *u != id);
            shell.used.insert(0, id);
            shell.used.truncate(5);
            shell.sheet = None;
        }
        Action::NotNow(id) => {
            let title = find(id).map_or(id, |c| c.title);
            state.messages.push(Level::Note, format!("{title} has nothing to work on now."));
        }
        Action::AwaitKey(id) => (shell.waiting, shell.clash) = (Some(id), None),
        Action::Press(chord) => press(state, chord),
        Action::TakeKey => {
            if let Some(clash) = shell.clash.take() {
                state.settings.keys.free(clash.chord);
                bind(state, clash.id, clash.chord);
            }
        }
        Action::LeaveKey => shell.clash = None,
        Action::ResetKeys(id) => {
            if let Some(command) = find(id) {
                state.settings.keys.reset(command);
            }
        }
        Action::ResetAllKeys => state.settings.keys.reset_all(),
        Action::SetText(percent) => state.settings.text_percent = percent.clamp(TEXT_PERCENT.0, TEXT_PERCENT.1),
        Action::ScaleText(by) => {
            let percent = state.settings.text_percent.saturating_add_signed(by);
            state.settings.text_percent = percent.clamp(TEXT_PERCENT.0, TEXT_PERCENT.1);
        }
        Action::SetReduceMotion(still) => state.settings.reduce_motion = still,
        Action::PassTip(step) => state.settings.lesson.pass(step),
        Action::RestartTips => (state.settings.lesson, state.settings.tips_hidden) = (tips::Lesson::default(), false),
        Action::SetRemember(on) => state.settings.remember_opened = on,
        Action::SetTier(tier) => {
            state.settings.tier = tier;
            state.apply_tier();
        }
        Action::SetTips(shown) => state.settings.tips_hidden = !shown,
        Action::SetPanel(edge, size) => {
            let size = size.filter(|s| s.is_finite()).map(|s| s.clamp(edge.range().0, edge.range().1));
            *edge.of(&mut state.settings) = size;
        }
        Action::ToggleDrawer => shell.drawer = !shell.drawer,
        Action::Jump(by) => state.shell.jump = Some(regions::next(state, by)),
        Action::Arrived => {
            if let Some(region) = shell.jump.take() {
                state.view.region = Some(region);
            }
        }
        Action::RenewSettings => return vec![Effect::RenewSettings],
    }
    Vec::new()
}

fn press(state: &mut crate::state::State, chord: Chord) {
    let Some(id) = state.shell.waiting.take() else { return };
    if chord == Chord::plain(Key::Escape) {
        return;
    }
    if chord.key == Key::Tab && !chord.ctrl {
        state.messages.push(Level::Note, "Tab moves the focus and cannot be bound; choose another key.");
        return;
    }
    match state.settings.keys.owner(chord) {
        Some(owner) if owner.id != id => state.shell.clash = Some(Clash { id, chord, owner: owner.id }),
        Some(_) => {}
        None => bind(state, id, chord),
    }
}

/// The key becomes the first one of the command; its other keys stay.
fn bind(state: &mut crate::state::State, id: &'static str, chord: Chord) {
    let Some(command) = find(id) else { return };
    let mut keys = vec![chord];
    keys.extend(state.settings.keys.keys(command).iter().skip(1).filter(|k| **k != chord));
    state.settings.keys.bind(command, keys);
}

/// Shows the open sheet.
pub fn show(ui: &mut Ui, panel: &mut Panel<'_>, sheet: Sheet) {
    match sheet {
        Sheet::Palette => palette::show(ui, panel),
        Sheet::Keys => keys::show(ui, panel),
        Sheet::Settings => preferences::show(ui, panel),
        Sheet::Models => {
            heading(ui, panel, "Models", "Close models");
            crate::rooms::models::view::menu(ui, panel);
        }
    }
}

/// Heading of a sheet with the cross that closes it.
fn heading(ui: &mut Ui, panel: &mut Panel<'_>, words: &str, close: &str) {
    ui.add_space(4.0);
    ui.horizontal(|ui| {
        ui.label(RichText::new(words).font(text::title()).color(tokens::INK));
        ui.with_layout(eframe::egui::Layout::right_to_left(eframe::egui::Align::Center), |ui| {
            if Push::icon(Icon::Cross, close).key("Esc").size(24.0, 24.0).icon_size(13.0).show(ui).clicked() {
                panel.out.push(crate::action::Action::Shell(Action::Close));
            }
        });
    });
    ui.add_space(4.0);
}

/// The search field of a sheet; it takes the focus when the sheet opens.
fn search_field(ui: &mut Ui, panel: &mut Panel<'_>, name: &str) -> eframe::egui::Response {
    let mut words = panel.state.shell.query.clone();
    let field = eframe::egui::TextEdit::singleline(&mut words).hint_text(name).desired_width(f32::INFINITY);
    let response = ui.add(field).accessible_name(name);
    let fresh = ui.scope_id().with(("fresh", name));
    let frame = ui.ctx().cumulative_frame_nr();
    let seen: Option<u64> = ui.data(|d| d.get_temp(fresh));
    if seen.is_none_or(|n| n + 1 < frame) {
        response.request_focus();
    }
    ui.data_mut(|d| d.insert_temp(fresh, frame));
    if response.changed() {
        panel.out.push(crate::action::Action::Shell(Action::Search(words)));
    }
    response
}

#[cfg(test)]
mod tests;
