//! Layers and their classes.

use eframe::egui::Key;
use engine::domain::Finding;

use crate::action::Action;
use crate::canvas::action::Action as Act;
use crate::command::{Chord, Command, Group};
use crate::state::State;

pub(super) const COMMANDS: &[Command] = &[
    Command {
        id: "layer.add-mask",
        title: "Add mask",
        group: Group::Layers,
        keys: &[],
        purpose: "Adds an empty mask layer",
        action: |_| Some(Action::AddMask),
    },
    Command {
        id: "layer.add-box",
        title: "Add box",
        group: Group::Layers,
        keys: &[],
        purpose: "Adds an empty box layer",
        action: |_| Some(Action::AddBox),
    },
    Command {
        id: "layer.add-guide",
        title: "Add lung outline",
        group: Group::Layers,
        keys: &[],
        purpose: "Adds the anatomical guide, which the model never gets",
        action: |_| Some(Action::AddGuide),
    },
    Command {
        id: "layer.remove",
        title: "Remove the chosen layer",
        group: Group::Layers,
        keys: &[],
        purpose: "Takes it out of the case; Undo brings it back",
        action: |s| s.chosen_layer().map(|l| Action::RemoveLayer(l.id)),
    },
    Command {
        id: "layer.mirror",
        title: "Mirror layer",
        group: Group::Layers,
        keys: &[],
        purpose: "Puts the chosen layer on the patient's other side",
        action: |s| s.chosen_layer().filter(|l| !l.locked && !l.is_empty()).map(|l| Action::MirrorLayer(l.id)),
    },
    Command {
        id: "layer.visible",
        title: "Show or hide the chosen layer",
        group: Group::Layers,
        keys: &[],
        purpose: "A hidden layer is not sent to the model",
        action: |s| s.chosen_layer().map(|l| Action::ToggleVisible(l.id)),
    },
    Command {
        id: "layer.solo",
        title: "Solo the chosen layer",
        group: Group::Layers,
        keys: &[],
        purpose: "Shows and sends this layer alone, or all again",
        action: |s| s.chosen_layer().map(|l| Action::ToggleSolo(l.id)),
    },
    Command {
        id: "layer.lock",
        title: "Lock or unlock the chosen layer",
        group: Group::Layers,
        keys: &[],
        purpose: "Tools leave a locked layer alone",
        action: |s| s.chosen_layer().map(|l| Action::ToggleLocked(l.id)),
    },
    Command {
        id: "layer.above",
        title: "Choose the layer above",
        group: Group::Layers,
        keys: &[Chord::alt(Key::OpenBracket)],
        purpose: "Goes up the list of layers",
        action: |s| (!s.document.layers.is_empty()).then_some(Action::Canvas(Act::StepLayer(-1))),
    },
    Command {
        id: "layer.below",
        title: "Choose the layer below",
        group: Group::Layers,
        keys: &[Chord::alt(Key::CloseBracket)],
        purpose: "Goes down the list of layers",
        action: |s| (!s.document.layers.is_empty()).then_some(Action::Canvas(Act::StepLayer(1))),
    },
    Command {
        id: "layer.last",
        title: "Choose the layer before this",
        group: Group::Layers,
        keys: &[Chord::plain(Key::Q)],
        purpose: "Goes back and forth between the last two layers",
        action: |s| s.view.chosen_before.map(|_| Action::Canvas(Act::LastLayer)),
    },
    class("class.1", "Class 1: pneumothorax", &[Chord::plain(Key::Num1)], set_class::<0>),
    class("class.2", "Class 2: pleural effusion", &[Chord::plain(Key::Num2)], set_class::<1>),
    class("class.3", "Class 3: consolidation", &[Chord::plain(Key::Num3)], set_class::<2>),
    class("class.4", "Class 4: nodule", &[Chord::plain(Key::Num4)], set_class::<3>),
    class("class.5", "Class 5: enlarged heart", &[Chord::plain(Key::Num5)], set_class::<4>),
    class("class.6", "Class 6: atelectasis", &[Chord::plain(Key::Num6)], set_class::<5>),
    class("class.7", "Class 7: edema", &[Chord::plain(Key::Num7)], set_class::<6>),
    class("class.8", "Class 8: fracture", &[Chord::plain(Key::Num8)], set_class::<7>),
    class("class.9", "Class 9: device", &[Chord::plain(Key::Num9)], set_class::<8>),
];

const fn class(id: &'static str, title: &'static str, keys: &'static [Chord], action: fn(&State) -> Option<Action>) -> Command {
    Command { id, title, group: Group::Layers, keys, purpose: "Class of the chosen mask or box", action }
}

fn set_class<const N: usize>(state: &State) -> Option<Action> {
    state.chosen_layer().map(|l| Action::SetFinding(l.id, Finding::ALL[N]))
}
