//! Toasts above the status bar, and the list of all messages.

use eframe::egui::{
    Align, Align2, Area, Context, Frame, Id, Label, Layout, Margin, Order, RichText, ScrollArea, Stroke, Ui, vec2,
};

use crate::action::Action;
use crate::state::messages::TOAST_SECS;
use crate::state::{Level, Message, State};
use crate::theme::icons::Icon;
use crate::theme::{text, tokens};
use crate::widgets::Push;

/// Highest list of messages.
const LIST: f32 = 320.0;
/// Width of a toast.
const WIDTH: f32 = 380.0;
/// Toasts at once.
const MOST: usize = 4;
/// Share of the window's height that they may take.
const SHARE: f32 = 0.25;

/// Marks new messages with the time and closes those whose time is over.
pub fn tick(ctx: &Context, state: &mut State) {
    let now = ctx.input(|i| i.time);
    for message in state.messages.list.iter_mut().filter(|m| !m.closed) {
        let since = *message.shown_at.get_or_insert(now);
        if message.level != Level::Error {
            let left = TOAST_SECS - (now - since);
            if left <= 0.0 {
                message.closed = true;
            } else {
                ctx.request_repaint_after(std::time::Duration::from_secs_f64(left + 0.02));
            }
        }
    }
}

/// Shows open toasts, or the whole list.
pub fn show(ctx: &Context, state: &State, bottom: f32, out: &mut Vec<Action>) {
    let open: Vec<(usize, &Message)> = if state.view.messages_open {
        state.messages.list.iter().enumerate().rev().collect()
    } else {
        let mut open: Vec<_> = state.messages.list.iter().enumerate().filter(|(_, m)| !m.closed).collect();
        open.reverse();
        open
    };
    // The newest that fit; they must not hide the picture, and the list has them all.
    let room = ctx.content_rect().height() * SHARE;
    let fit = if state.view.messages_open { open.len() } else { fitting(ctx, &open, room) };
    let (open, more) = (&open[..fit], open.len() - fit);
    if open.is_empty() && !state.view.messages_open {
        return;
    }
    Area::new(Id::unique("toasts")).order(Order::Foreground).anchor(Align2::RIGHT_BOTTOM, vec2(-12.0, -bottom - 8.0)).show(
        ctx,
        |ui| {
            ui.set_width(WIDTH);
            if state.view.messages_open {
                list(ui, open, out);
            } else {
                if more > 0 {
                    let words = format!("{more} more");
                    let name = format!("{more} more messages");
                    let push = Push::new(&words).name(&name).purpose("Opens the list of all messages");
                    ui.horizontal(|ui| {
                        ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                            if push.show(ui).clicked() {
                                out.push(Action::ToggleMessages);
                            }
                        });
                    });
                }
                for (index, message) in open.iter().rev() {
                    toast(ui, *index, message, true, out);
                }
            }
        },
    );
}

/// How many of the newest messages have room, one at least.
fn fitting(ctx: &Context, open: &[(usize, &Message)], room: f32) -> usize {
    let height = |message: &Message| {
        let words = ctx.fonts_mut(|f| f.layout(message.text.clone(), text::body(), tokens::INK, WIDTH - 88.0));
        words.size().y.max(24.0) + 28.0 + if message.action.is_some() { 32.0 } else { 0.0 }
    };
    let mut used = 0.0;
    let fits = open.iter().take(MOST).take_while(|(_, message)| {
        used += height(message);
        used <= room
    });
    fits.count().max(1).min(open.len())
}

fn list(ui: &mut Ui, messages: &[(usize, &Message)], out: &mut Vec<Action>) {
    Frame::new().fill(tokens::BG).stroke(Stroke::new(1.0, tokens::LINE2)).corner_radius(8).inner_margin(Margin::same(12)).show(
        ui,
        |ui| {
            ui.set_width(WIDTH - 24.0);
            ui.horizontal(|ui| {
                ui.label(RichText::new("Messages").font(text::section()).color(tokens::INK));
                ui.with_layout(Layout::right_to_left(Align::Center), |ui| {
                    if Push::icon(Icon::Cross, "Close messages").size(24.0, 24.0).icon_size(13.0).show(ui).clicked() {
                        out.push(Action::ToggleMessages);
                    }
                });
            });
            if messages.is_empty() {
                ui.label(RichText::new("Nothing happened yet.").font(text::secondary()).color(tokens::INK3));
            }
            ScrollArea::vertical().max_height(LIST).min_scrolled_height(LIST).show(ui, |ui| {
                for (index, message) in messages {
                    toast(ui, *index, message, false, out);
                }
            });
        },
    );
}

fn toast(ui: &mut Ui, index: usize, message: &Message, closable: bool, out: &mut Vec<Action>) {
    let (icon, color) = match message.level {
        Level::Done => (Icon::Check, tokens::OK),
        Level::Note => (Icon::Info, tokens::INK2),
        Level::Error => (Icon::Warning, tokens::ERR),
    };
    Frame::new()
        .fill(tokens::RAISE)
        .stroke(Stroke::new(1.0, tokens::LINE2))
        .corner_radius(8)
        .inner_margin(Margin::symmetric(12, 10))
        .show(ui, |ui| {
            ui.set_width(ui.available_width());
            ui.horizontal_top(|ui| {
                let (rect, _) = ui.allocate_exact_size(vec2(16.0, 18.0), eframe::egui::Sense::hover());
                icon.paint(ui.painter(), rect, 15.0, color);
                let room = ui.available_width() - if closable { 32.0 } else { 0.0 };
                ui.vertical(|ui| {
                    ui.set_width(room);
                    ui.add(Label::new(RichText::new(&message.text).font(text::body()).color(tokens::INK)).wrap());
                    if let Some((label, action)) = &message.action
                        && Push::new(label).show(ui).clicked()
                    {
                        out.push(action.clone());
                        out.push(Action::CloseMessage(index));
                    }
                });
                if closable && Push::icon(Icon::Cross, "Close message").size(24.0, 24.0).icon_size(13.0).show(ui).clicked() {
                    out.push(Action::CloseMessage(index));
                }
            });
        });
}
