//! Tools by their actions: one undo entry a gesture, none where nothing changed, locked layers left alone.

use std::path::PathBuf;
use std::sync::Arc;

use engine::domain::{Finding, GrayImage, Mask, RectPx, Side};
use engine::phantom::lesion_shape;

use crate::action::{Action, Effect};
use crate::canvas::action::Action as Act;
use crate::reduce::{reduce, shape_drawn};
use crate::state::tools::Handle;
use crate::state::{Base, BaseOrigin, Document, Layer, LayerId, Region, Shown, State, Tool};

const SIZE: u32 = 64;

/// A case with a square mask on an opened image that is dark on its left half.
fn studio() -> State {
    let mut document = Document::empty(SIZE);
    let square = Mask::from_rect(SIZE, SIZE, &RectPx { x0: 20.0, y0: 20.0, x1: 30.0, y1: 30.0 });
    document.push(Finding::Consolidation, Region::Mask(Arc::new(square)));
    let pixels = (0..SIZE * SIZE).map(|i| if i % SIZE < SIZE / 2 { 8000 } else { 50_000 }).collect();
    let image = Arc::new(GrayImage::new(SIZE, SIZE, pixels).expect("64 by 64 pixels"));
    document.base = Some(Base::square("test", BaseOrigin::File, image));
    let mut state = State::new(document, PathBuf::from("out"));
    state.shown = Shown::Base;
    state
}

fn act(state: &mut State, actions: impl IntoIterator<Item = Action>) -> Vec<Effect> {
    actions.into_iter().flat_map(|a| reduce(state, a)).collect()
}

fn tool(act: Act) -> Action {
    Action::Canvas(act)
}

fn drag(from: (f32, f32), to: (f32, f32)) -> [Action; 3] {
    [Action::StrokeBegin { at: from, alternate: false }, Action::StrokeTo { at: to }, Action::StrokeEnd]
}

fn click(at: (f32, f32)) -> [Action; 2] {
    [Action::StrokeBegin { at, alternate: false }, Action::StrokeEnd]
}

fn chosen(state: &State) -> &Layer {
    state.chosen_layer().expect("a layer is chosen")
}

fn mask(state: &State) -> Mask {
    chosen(state).region.mask().map(|m| Mask::clone(m)).expect("a painted layer is chosen")
}

fn id(state: &State) -> LayerId {
    chosen(state).id
}

/// Every way to change the chosen mask, by its name.
fn gestures() -> Vec<(&'static str, Vec<Action>)> {
    let with = |tool: Tool, rest: Vec<Action>| [vec![Action::SetTool(tool)], rest].concat();
    let polygon = [click((40.0, 40.0)), click((55.0, 40.0)), click((55.0, 55.0))].concat();
    vec![
        ("brush", with(Tool::Brush, drag((40.0, 40.0), (50.0, 40.0)).to_vec())),
        ("eraser", with(Tool::Eraser, drag((25.0, 25.0), (26.0, 25.0)).to_vec())),
        (
            "line",
            with(
                Tool::Brush,
                vec![
                    tool(Act::LineBegin { at: (5.0, 5.0), alternate: false }),
                    Action::StrokeTo { at: (50.0, 5.0) },
                    Action::StrokeEnd,
                ],
            ),
        ),
        (
            "lasso",
            with(
                Tool::Lasso,
                [
                    vec![Action::StrokeBegin { at: (40.0, 40.0), alternate: false }],
                    [(50.0, 40.0), (50.0, 50.0), (40.0, 50.0)].map(|at| Action::StrokeTo { at }).to_vec(),
                    vec![Action::StrokeEnd],
                ]
                .concat(),
            ),
        ),
        ("polygon", with(Tool::Polygon, [polygon, vec![tool(Act::ClosePolygon)]].concat())),
        ("ellipse", with(Tool::Ellipse, drag((40.0, 40.0), (55.0, 50.0)).to_vec())),
        ("wand", with(Tool::Wand, click((5.0, 5.0)).to_vec())),
        ("move", with(Tool::Move, drag((25.0, 25.0), (35.0, 30.0)).to_vec())),
        (
            "scale",
            with(
                Tool::Move,
                vec![
                    tool(Act::HandleBegin { handle: Handle::Edge(1, 1), at: (30.0, 30.0) }),
                    Action::StrokeTo { at: (35.0, 44.0) },
                    Action::StrokeTo { at: (40.0, 40.0) },
                    Action::StrokeEnd,
                ],
            ),
        ),
        (
            "turn",
            with(
                Tool::Move,
                vec![
                    tool(Act::HandleBegin { handle: Handle::Turn, at: (25.0, 10.0) }),
                    Action::StrokeTo { at: (35.0, 15.0) },
                    Action::StrokeEnd,
                ],
            ),
        ),
        ("grow", vec![tool(Act::Grow)]),
        ("shrink", vec![tool(Act::Shrink)]),
        ("nudge", vec![Action::Nudge(3, -2), Action::Settle]),
    ]
}

#[test]
fn every_gesture_is_one_entry_on_every_kind_of_painted_layer() {
    let kinds: [fn(Arc<Mask>) -> Region; 3] = [Region::Mask, Region::MayChange, Region::Keep];
    for kind in kinds {
        for (name, actions) in gestures() {
            let mut state = studio();
            let (layer, shape) = (id(&state), mask(&state));
            state.document.layer_mut(layer).expect("it is there").region = kind(Arc::new(shape));
            let before = state.document.clone();
            act(&mut state, actions);
            assert_ne!(state.document, before, "{name} changes something");
            assert_eq!(state.document.layers.len(), before.layers.len(), "{name} stays in its layer");
            let after = state.document.clone();
            act(&mut state, [Action::Undo]);
            assert_eq!(state.document, before, "{name} is undone at once");
            assert!(!state.history.can_undo(), "{name} is one entry");
            act(&mut state, [Action::Redo]);
            assert_eq!(state.document, after, "{name} is done again");
        }
    }
}

#[test]
fn locked_and_hidden_layers_are_left_alone_with_a_note() {
    for (name, actions) in gestures() {
        for (hide, word) in [(false, "locked"), (true, "hidden")] {
            let mut state = studio();
            let layer = id(&state);
            act(&mut state, [if hide { Action::ToggleVisible(layer) } else { Action::ToggleLocked(layer) }]);
            let before = state.document.clone();
            act(&mut state, actions.clone());
            assert_eq!(state.document, before, "{name} leaves a {word} layer alone");
            let said = state.messages.list.last().map(|m| m.text.clone()).unwrap_or_default();
            assert!(said.contains(word), "{name}: {said}");
        }
    }
    // Another layer shown alone hides this one too.
    let mut state = studio();
    let layer = id(&state);
    let other = state.document.push(Finding::Nodule, Region::Mask(Arc::new(Mask::empty(SIZE, SIZE))));
    act(&mut state, [Action::ToggleSolo(other), Action::ChooseLayer(layer)]);
    let before = state.document.clone();
    act(&mut state, drag((40.0, 40.0), (50.0, 40.0)));
    assert_eq!(state.document, before);
}

#[test]
fn what_changes_nothing_leaves_no_entry_and_no_layer() {
    let nothing: Vec<Vec<Action>> = vec![
        [vec![Action::SetTool(Tool::Eraser)], drag((5.0, 50.0), (9.0, 50.0)).to_vec()].concat(),
        [vec![Action::SetTool(Tool::Lasso)], click((5.0, 50.0)).to_vec()].concat(),
        [vec![Action::SetTool(Tool::Ellipse)], click((5.0, 50.0)).to_vec()].concat(),
        [vec![Action::SetTool(Tool::Move)], click((25.0, 25.0)).to_vec()].concat(),
        vec![tool(Act::FillHoles)],
        [vec![Action::SetTool(Tool::Polygon)], click((5.0, 5.0)).to_vec(), vec![tool(Act::ClosePolygon)]].concat(),
        vec![Action::SetTool(Tool::Brush), Action::StrokeBegin { at: (40.0, 40.0), alternate: false }, Action::Escape],
        vec![tool(Act::CopyEarlier { result: 3, annotation: 0 })],
    ];
    for actions in nothing {
        let mut state = studio();
        let before = state.document.clone();
        act(&mut state, actions.clone());
        assert_eq!(state.document, before, "{actions:?}");
        assert!(!state.history.can_undo(), "{actions:?}");
        assert!(state.view.stroke.is_none(), "{actions:?}");
    }
    // A limited brush that finds no such grey makes no layer.
    let mut state = studio();
    let layer = id(&state);
    act(&mut state, [Action::RemoveLayer(layer), tool(Act::ToggleLimit), tool(Act::SetLimit(0.4, 0.5))]);
    let before = state.document.clone();
    act(&mut state, drag((5.0, 5.0), (20.0, 20.0)));
    assert_eq!(state.document, before);
}

#[test]
fn the_limit_takes_the_grey_under_the_pointer_and_can_be_inverted() {
    let mut state = studio();
    act(&mut state, [Action::Hover(Some((50.0, 50.0))), tool(Act::ToggleLimit)]);
    let limit = state.view.tools.limit().expect("a limit");
    assert!(limit.contains(50_000.0 / 65535.0) && !limit.contains(8000.0 / 65535.0), "{limit:?}");
    let across = || drag((25.0, 50.0), (40.0, 50.0));
    act(&mut state, across());
    assert!(mask(&state).get(40, 50) && !mask(&state).get(25, 50));
    act(&mut state, [Action::Undo, tool(Act::InvertLimit)]);
    act(&mut state, across());
    assert!(!mask(&state).get(40, 50) && mask(&state).get(25, 50));
    act(&mut state, [Action::Undo, tool(Act::ToggleLimit)]);
    act(&mut state, across());
    assert!(mask(&state).get(40, 50) && mask(&state).get(25, 50), "the range is off");
}

#[test]
fn polygons_take_corners_back_and_can_be_given_up() {
    let mut state = studio();
    act(&mut state, [Action::SetTool(Tool::Polygon)]);
    let before = state.document.clone();
    for at in [(40.0, 40.0), (55.0, 40.0), (2.0, 2.0)] {
        act(&mut state, click(at));
    }
    act(&mut state, [tool(Act::TakeBackPoint)]);
    act(&mut state, click((55.0, 55.0)));
    assert_eq!(state.document, before, "nothing is filled before it is closed");
    act(&mut state, [tool(Act::ClosePolygon)]);
    assert!(mask(&state).get(53, 45) && !mask(&state).get(10, 10));
    act(&mut state, click((40.0, 40.0)));
    act(&mut state, [Action::Escape]);
    assert!(state.view.stroke.is_none());
    act(&mut state, [Action::Undo]);
    assert_eq!(state.document, before);
}

#[test]
fn adding_and_taking_away_are_swapped() {
    let mut state = studio();
    act(&mut state, [tool(Act::Swap)]);
    assert_eq!(state.view.tool, Tool::Eraser);
    act(&mut state, [tool(Act::Swap)]);
    assert_eq!(state.view.tool, Tool::Brush);
    act(&mut state, [Action::SetTool(Tool::Ellipse), tool(Act::Swap)]);
    act(&mut state, drag((18.0, 18.0), (32.0, 32.0)));
    assert!(!mask(&state).get(25, 25), "it cuts out");
    act(&mut state, [Action::Undo, Action::StrokeBegin { at: (40.0, 40.0), alternate: true }]);
    act(&mut state, [Action::StrokeTo { at: (50.0, 50.0) }, Action::StrokeEnd]);
    assert!(mask(&state).get(45, 45), "Alt turns it round again");
}

#[test]
fn distances_are_millimetres_where_the_spacing_is_known() {
    let grown = |spacing: Option<(f32, f32)>| {
        let mut state = studio();
        state.document.base.as_mut().expect("an opened image").spacing_mm = spacing;
        act(&mut state, [tool(Act::SetMargin(4.0)), tool(Act::Grow)]);
        mask(&state).bounds().expect("still there").width()
    };
    assert_eq!(grown(None), 18.0, "four pixels on each side");
    assert_eq!(grown(Some((2.0, 2.0))), 14.0, "four millimetres are two pixels");
}

#[test]
fn boxes_are_resized_by_handles_margin_and_keys() {
    let mut state = studio();
    act(&mut state, [Action::SetTool(Tool::Box)]);
    act(&mut state, drag((40.0, 40.0), (50.0, 50.0)));
    let rect = |state: &State| match chosen(state).region {
        Region::Box(Some(rect)) => rect,
        ref other => panic!("{other:?}"),
    };
    assert_eq!(rect(&state), RectPx { x0: 40.0, y0: 40.0, x1: 50.0, y1: 50.0 });
    let handle = tool(Act::HandleBegin { handle: Handle::Edge(-1, 0), at: (40.0, 45.0) });
    act(&mut state, [handle, Action::StrokeTo { at: (34.0, 45.0) }, Action::StrokeEnd]);
    assert_eq!(rect(&state).x0, 34.0);
    act(&mut state, [tool(Act::ResizeBox(3, -2)), Action::Settle]);
    assert_eq!((rect(&state).x1, rect(&state).y1), (53.0, 48.0));
    act(&mut state, [Action::Undo, Action::Undo]);
    assert_eq!(rect(&state), RectPx { x0: 40.0, y0: 40.0, x1: 50.0, y1: 50.0 });
    act(&mut state, [Action::Undo]);
    assert!(state.document.layers.iter().all(|l| !matches!(l.region, Region::Box(_))), "the box came with its layer");
}

#[test]
fn the_move_tool_takes_the_layer_under_it_and_another_tool_ends_a_stroke() {
    let mut state = studio();
    let first = id(&state);
    act(&mut state, [Action::SetTool(Tool::Box)]);
    act(&mut state, drag((40.0, 40.0), (50.0, 50.0)));
    let second = id(&state);
    act(&mut state, [Action::SetTool(Tool::Move)]);
    act(&mut state, drag((25.0, 25.0), (26.0, 25.0)));
    assert_eq!(id(&state), first, "the mask lies under the pointer");
    act(&mut state, drag((5.0, 60.0), (6.0, 60.0)));
    assert_eq!(id(&state), first, "nothing lies there: the chosen one moves");
    act(&mut state, drag((45.0, 45.0), (46.0, 45.0)));
    assert_eq!(id(&state), second);
    act(&mut state, [Action::ChooseLayer(first), Action::SetTool(Tool::Brush)]);
    act(&mut state, [Action::StrokeBegin { at: (10.0, 50.0), alternate: false }, Action::SetTool(Tool::Lasso)]);
    assert!(state.view.stroke.is_none() && mask(&state).get(10, 50), "what was painted stays");
}

#[test]
fn enter_places_a_disc_or_a_box_in_the_middle() {
    let mut state = studio();
    let layer = id(&state);
    act(&mut state, [Action::RemoveLayer(layer), tool(Act::Place)]);
    let (x, y) = mask(&state).centroid().expect("a disc");
    assert!((x - 32.0).abs() < 0.6 && (y - 32.0).abs() < 0.6);
    act(&mut state, [Action::AddBox, tool(Act::Place)]);
    assert_eq!(chosen(&state).side(SIZE), Some(Side::Left), "the middle counts as left");
    assert!(matches!(chosen(&state).region, Region::Box(Some(r)) if r.center() == (32.0, 32.0)));
}

#[test]
fn layers_are_stepped_through_and_the_last_two_swapped() {
    let mut state = studio();
    let first = id(&state);
    act(&mut state, [Action::AddMask]);
    let second = id(&state);
    act(&mut state, [tool(Act::LastLayer)]);
    assert_eq!(id(&state), first);
    act(&mut state, [tool(Act::LastLayer)]);
    assert_eq!(id(&state), second);
    act(&mut state, [tool(Act::StepLayer(-1))]);
    assert_eq!(id(&state), first);
    act(&mut state, [tool(Act::StepLayer(-1))]);
    assert_eq!(id(&state), first, "there is none above");
    act(&mut state, [tool(Act::StepLayer(99))]);
    assert_eq!(chosen(&state).region, Region::Guide);
}

#[test]
fn shapes_go_into_an_empty_layer_or_a_new_one_and_another_replaces_them() {
    let mut state = studio();
    let before = state.document.clone();
    let ask = |state: &mut State, what: Act| match act(state, [tool(what)]).pop() {
        Some(Effect::DrawShape(layer, wish)) => {
            shape_drawn(state, layer, wish.finding, lesion_shape(&wish, SIZE));
            wish
        }
        other => panic!("{other:?}"),
    };
    let first = ask(&mut state, Act::PlaceShape);
    assert_eq!(first.finding, Finding::Consolidation, "the class of the chosen layer");
    assert_eq!(state.document.layers.len(), before.layers.len() + 1, "the drawn mask is kept");
    let one = mask(&state);
    assert_eq!(chosen(&state).side(SIZE), Some(Side::Right));
    let second = ask(&mut state, Act::AnotherShape);
    assert_ne!(first.seed, second.seed);
    assert_ne!(mask(&state), one);
    assert_eq!(state.document.layers.len(), before.layers.len() + 1);
    act(&mut state, [Action::Undo]);
    assert_eq!(mask(&state), one);
    act(&mut state, [Action::Undo]);
    assert_eq!(state.document, before);
    act(&mut state, [Action::AddMask]);
    let empty = id(&state);
    ask(&mut state, Act::PlaceShape);
    assert_eq!(id(&state), empty, "an empty layer is filled");
}
