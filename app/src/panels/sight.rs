//! Comparing, around the canvas: the modes in the header, which pictures are A and B, the pane with the figures.

use eframe::egui::{Align, Layout, Popup, Rect, RichText, ScrollArea, Sense, Ui, Vec2, pos2, vec2};
use engine::domain::GenerateRequest;

use super::Panel;
use crate::action::Action;
use crate::canvas::differences::Figures;
use crate::canvas::sight::{SightCache, different_sizes, layers, scale};
use crate::rooms::compare;
use crate::state::sight::{self, Mode, Picture};
use crate::state::{Room, Shown, State};
use crate::theme::icons::Icon;
use crate::theme::{self, text, tokens};
use crate::widgets::{Push, caption, secondary};

/// Room that the modes need as buttons.
const BUTTONS_WIDTH: f32 = 352.0;
/// Gains that can be chosen.
const GAINS: [Option<u32>; 7] = [None, Some(1), Some(2), Some(3), Some(5), Some(10), Some(20)];

fn push(out: &mut Vec<Action>, action: sight::Action) {
    out.push(Action::Sight(action));
}

/// The modes, in a row laid out from the right: buttons where there is room, else one menu.
pub fn modes(ui: &mut Ui, panel: &mut Panel<'_>) {
    let now = &panel.state.sight;
    let key = |mode: Mode| if mode == Mode::Swipe { "compare.toggle" } else { "compare.next" };
    ui.spacing_mut().item_spacing.x = 2.0;
    if ui.available_width() >= BUTTONS_WIDTH {
        let difference = Push::new("Difference").command("compare.difference").without_cap().frameless().selected(now.difference);
        if difference.purpose("What differs between A and B").show(ui).clicked() {
            push(panel.out, sight::Action::ToggleDifference);
        }
        for mode in Mode::ALL.into_iter().rev() {
            let button = Push::new(mode.title()).command(key(mode)).without_cap().frameless();
            if button.selected(now.mode == mode).purpose(mode.purpose()).show(ui).clicked() {
                push(panel.out, sight::Action::SetMode(mode));
            }
        }
        return;
    }
    let words = match (now.mode, now.difference) {
        (Mode::Single, false) => "Compare",
        (Mode::Single, true) => "Difference",
        (mode, _) => mode.title(),
    };
    // What is compared is named beside it; else an icon must do where room is short.
    let menu = match panel.metrics.narrow && !now.is_comparing() {
        true => Push::icon(Icon::Compare, "Ways to compare"),
        false => Push::new(words).with_icon(Icon::Down).name("Ways to compare").frameless(),
    };
    let menu = menu.selected(now.is_comparing()).purpose("Single, side by side, swipe, blink, difference").show(ui);
    Popup::menu(&menu).show(|ui| {
        for mode in Mode::ALL {
            if ui.selectable_label(now.mode == mode, mode.title()).on_hover_text(mode.purpose()).clicked() {
                push(panel.out, sight::Action::SetMode(mode));
                ui.close();
            }
        }
        if ui.selectable_label(now.difference, "Difference").clicked() {
            push(panel.out, sight::Action::ToggleDifference);
            ui.close();
        }
    });
}

/// Which pictures are compared; stands where the tool's options are otherwise.
pub fn pair(ui: &mut Ui, panel: &mut Panel<'_>) {
    let state = panel.state;
    let most = match panel.metrics.compact {
        _ if panel.metrics.narrow => 44.0,
        true => 72.0,
        false => 110.0,
    };
    letter(ui, "A");
    let title = state.sight.a.as_ref().map_or("choose", |a| a.title.as_str());
    let short = shortened(ui, title, most);
    let name = format!("Picture A: {title}");
    let choose = Push::new(&short).name(&name).with_icon(Icon::Down).icon_size(12.0).frameless();
    let choose = choose.purpose("Chooses what is compared with").size(24.0, 0.0).show(ui);
    Popup::menu(&choose).show(|ui| {
        ui.set_min_width(240.0);
        ScrollArea::vertical().max_height(360.0).show(ui, |ui| {
            let results = (0..state.results.len()).map(Shown::Result);
            for shown in [Shown::Base, Shown::Example].into_iter().chain(results) {
                if let Some(picture) = Picture::of_shown(state, shown)
                    && ui.button(RichText::new(&picture.title).font(text::body())).clicked()
                {
                    push(panel.out, sight::Action::SetA(shown));
                    ui.close();
                }
            }
        });
    });
    let swap = Push::icon(Icon::Swap, "Swap A and B").purpose("Shows A and compares with what was shown");
    if swap.size(24.0, 24.0).icon_size(14.0).show(ui).clicked() {
        push(panel.out, sight::Action::Swap);
    }
    letter(ui, "B");
    let title = match state.shown {
        Shown::Result(i) => state.results.get(i).map_or_else(String::new, |r| Picture::of_result(r).title),
        _ => state.shown_title(),
    };
    let short = shortened(ui, &title, most);
    ui.label(RichText::new(short).font(text::secondary()).color(tokens::INK2)).on_hover_text(title);
    if state.sight.mode == Mode::Blink && theme::is_still(ui.ctx()) {
        let words = if state.sight.flipped { "Show B" } else { "Show A" };
        if Push::new(words).purpose("Motion is reduced, so pictures change by hand").show(ui).clicked() {
            push(panel.out, sight::Action::Flip);
        }
    }
}

fn letter(ui: &mut Ui, words: &str) {
    ui.label(RichText::new(words).font(text::section()).color(tokens::INK));
}

/// The words, cut off with an ellipsis where they are wider than `most`.
fn shortened(ui: &Ui, words: &str, most: f32) -> String {
    let fits = |text: &str| ui.painter().layout_no_wrap(text.to_owned(), text::secondary(), tokens::INK).size().x <= most;
    if fits(words) {
        return words.to_owned();
    }
    let mut cut: Vec<char> = words.chars().collect();
    while cut.len() > 1 {
        cut.pop();
        let text: String = cut.iter().collect::<String>().trim_end().to_owned() + "…";
        if fits(&text) {
            return text;
        }
    }
    "…".to_owned()
}

/// The pane beside the image: map, scale, figures and what the two runs share.
pub fn pane(ui: &mut Ui, state: &State, cache: &mut SightCache, rect: Rect, out: &mut Vec<Action>) {
    ui.painter().rect_filled(rect, 0.0, tokens::VIEW);
    let (Some(a), Some(b)) = (state.sight.a.as_ref(), state.shown_image()) else { return };
    let inner = rect.shrink2(vec2(16.0, 20.0));
    let mut child = ui.new_child(eframe::egui::UiBuilder::new().max_rect(inner).layout(Layout::top_down(Align::Min)));
    child.shrink_clip_rect(rect);
    ScrollArea::vertical().id_salt("difference pane").show(&mut child, |ui| {
        ui.set_width(inner.width());
        let compared = cache.differences.get(ui.ctx(), (&a.image, &b), state.sight.gain, || layers(state));
        match compared.map(|c| &c.what) {
            Some(Some((figures, texture))) => {
                heading(ui, state, figures, out);
                let (map, response) = ui.allocate_exact_size(Vec2::splat(ui.available_width()), Sense::click());
                response.widget_info(|| eframe::egui::WidgetInfo::labeled(eframe::egui::Role::Button, true, "Difference map"));
                let place = crate::canvas::picture::letterbox(map, &b);
                let all = Rect::from_min_max(pos2(0.0, 0.0), pos2(1.0, 1.0));
                ui.painter().rect_filled(map, 0.0, tokens::VIEW);
                ui.painter().image(texture.id(), place, all, tokens::AS_IS);
                if response.on_hover_text("Click shows the map as a view of its own, and back.").clicked() {
                    push(out, sight::Action::ToggleLargeMap);
                }
                legend(ui, figures.gain);
                rows(ui, figures);
            }
            Some(None) => {
                secondary(ui, different_sizes(&a.image, &b));
            }
            None => {
                caption(ui, "Being measured.");
            }
        }
        ui.add_space(6.0);
        ui.separator();
        let b_request = match state.shown {
            Shown::Result(i) | Shown::ResultStep(i, _) => state.results.get(i).map(|r| &r.artifact.request),
            Shown::Live | Shown::LiveStep(_) => state.job.as_ref().map(|j| &j.request),
            _ => None,
        };
        if let (Some(a), Some(b)) = (a.request(), b_request) {
            caption(ui, shared(a, b));
        }
        if Push::new("Open in Compare").with_icon(Icon::Compare).purpose("Both in the room for many pictures").show(ui).clicked()
        {
            out.push(Action::Compare(compare::Action::AddPair));
            out.push(Action::OpenRoom(Room::Compare));
        }
    });
}

fn heading(ui: &mut Ui, state: &State, figures: &Figures, out: &mut Vec<Action>) {
    ui.horizontal(|ui| {
        ui.label(RichText::new("Difference").font(text::section()).color(tokens::INK));
        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
            let words = format!("B − A, × {}", figures.gain);
            let gain = Push::new(&words).name("Gain of the difference map").frameless().size(22.0, 0.0);
            let gain = gain.purpose("How many times a change is enlarged").show(ui);
            Popup::menu(&gain).show(|ui| {
                for choice in GAINS {
                    let words = choice.map_or_else(|| "Automatic".to_owned(), |g| format!("× {g}"));
                    if ui.selectable_label(state.sight.gain == choice, words).clicked() {
                        push(out, sight::Action::SetGain(choice));
                        ui.close();
                    }
                }
            });
        });
    });
}

fn legend(ui: &mut Ui, gain: u32) {
    let (bar, _) = ui.allocate_exact_size(vec2(ui.available_width(), 7.0), Sense::hover());
    scale(ui.painter(), bar);
    let end = 1.0 / gain as f32;
    let (words, _) = ui.allocate_exact_size(vec2(ui.available_width(), 15.0), Sense::hover());
    let put = |at, anchor, text: String| {
        ui.painter().text(at, anchor, text, text::caption(), tokens::INK2);
    };
    use eframe::egui::Align2;
    put(words.left_top(), Align2::LEFT_TOP, format!("darker −{end:.2}"));
    put(words.center_top(), Align2::CENTER_TOP, "0".to_owned());
    put(words.right_top(), Align2::RIGHT_TOP, format!("brighter +{end:.2}"));
    ui.add_space(4.0);
}

fn rows(ui: &mut Ui, figures: &Figures) {
    ui.spacing_mut().interact_size.y = 20.0;
    let row = |ui: &mut Ui, words: &str, value: String| {
        ui.horizontal(|ui| {
            ui.label(RichText::new(words).font(text::secondary()).color(tokens::INK2));
            ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                ui.label(RichText::new(value).font(text::medium()).color(tokens::INK));
            });
        });
    };
    if figures.layers.is_empty() {
        row(ui, "Mean change", format!("{:.3}", figures.mean));
    }
    for (i, (name, mean)) in figures.layers.iter().enumerate() {
        let words = if i == 0 { format!("Mean change in {name}") } else { format!("in {name}") };
        row(ui, &words, format!("{mean:.3}"));
    }
    if let Some(elsewhere) = figures.elsewhere {
        row(ui, "elsewhere", format!("{elsewhere:.3}"));
    }
    if let Some(inside) = figures.inside {
        row(ui, "Inside areas of effect", format!("{:.0} %", inside * 100.0));
    }
}

/// What two runs share, in one sentence.
pub fn shared(a: &GenerateRequest, b: &GenerateRequest) -> String {
    let mut other: Vec<&str> = Vec::new();
    let mut differ = |differs: bool, words: &'static str| {
        if differs {
            other.push(words);
        }
    };
    differ(a.impression != b.impression, "text");
    differ(a.annotations != b.annotations, "layers");
    differ(a.num_steps != b.num_steps, "steps");
    differ(a.guidance_scale != b.guidance_scale, "guidance");
    differ((a.sampler, a.eta, a.karras) != (b.sampler, b.eta, b.karras), "sampler");
    differ(a.preset != b.preset, "preset");
    differ(a.source != b.source, "where they begin");
    let list = match other.as_slice() {
        [] => String::new(),
        [one] => (*one).to_owned(),
        [first @ .., last] => format!("{} and {last}", first.join(", ")),
    };
    match (a.seed == b.seed, list.is_empty()) {
        (true, true) => "Both runs ask for the same.".to_owned(),
        (true, false) if other.len() == 1 && matches!(other[0], "text" | "guidance" | "sampler" | "preset") => {
            format!("Both runs share the seed, so only the {list} differs.")
        }
        (true, false) => format!("Both runs share the seed, so only {list} differ."),
        (false, true) => format!("The seeds differ ({} and {}): another patient, all else is the same.", a.seed.0, b.seed.0),
        (false, false) => format!("The seeds differ ({} and {}), and so do {list}.", a.seed.0, b.seed.0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_shared_is_said() {
        let a = GenerateRequest::new("Clear lungs.", 1);
        let said = |b: GenerateRequest| shared(&a, &b);
        assert_eq!(said(a.clone()), "Both runs ask for the same.");
        assert_eq!(
            said(GenerateRequest { impression: "x".into(), ..a.clone() }),
            "Both runs share the seed, so only the text differs."
        );
        let two = GenerateRequest { impression: "x".into(), num_steps: 3, ..a.clone() };
        assert_eq!(said(two), "Both runs share the seed, so only text and steps differ.");
        assert!(said(GenerateRequest::new("Clear lungs.", 2)).starts_with("The seeds differ (1 and 2)"));
    }
}
