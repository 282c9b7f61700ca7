//! Opening radiographs, editing them, exporting, and files that nobody can open: by accessible names.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use app::action::Action;
use app::images::Action as Images;
use app::state::{Level, Shown};
use eframe::egui::{self, PointerButton};
use egui_kittest::kittest::Queryable;
use engine::domain::{GrayImage, Source};
use engine::imageio::{dicom, png};

use crate::harness::{Studio, click, drag, see, see_part, studio, wait};

#[derive(Debug)]
struct Dropped(PathBuf);

impl egui::DroppedFile for Dropped {
    fn path(&self) -> &Path {
        &self.0
    }

    fn bytes(&self) -> Result<Vec<u8>, String> {
        std::fs::read(&self.0).map_err(|e| e.to_string())
    }
}

pub(crate) fn drop_files(h: &mut Studio, files: &[PathBuf]) {
    for file in files {
        h.input_mut().dropped_files.push(Arc::new(Dropped(file.clone())));
    }
    h.step();
}

fn radiograph(side: u32) -> GrayImage {
    let pixels = (0..side * side).map(|i| (i.wrapping_mul(2_654_435_761) >> 17) as u16).collect();
    GrayImage::new(side, side, pixels).expect("an image")
}

/// A DICOM radiograph of 16 bits, 0.14 mm a pixel.
pub(crate) fn dicom_file(dir: &Path, image: &GrayImage) -> PathBuf {
    let path = dir.join("chest.dcm");
    let content = dicom::Content::Synthetic;
    let capture = dicom::Capture { image, content, record: None, full_size: None, spacing_mm: Some((0.14, 0.14)) };
    std::fs::write(&path, dicom::encode_capture(&capture).expect("encoded")).expect("writable");
    path
}

fn said(h: &Studio, words: &str) -> bool {
    h.state().state.messages.list.iter().any(|m| m.text.contains(words))
}

#[test]
fn a_radiograph_is_opened_edited_exported_and_comes_back() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let opened = radiograph(2048);
    drop_files(&mut h, &[dicom_file(dir.path(), &opened)]);
    wait(&mut h, "the radiograph", |a| a.state.document.base.is_some());
    assert_eq!(h.state().state.shown, Shown::Base);
    see_part(&mut h, "2\u{A0}048 × 2\u{A0}048 px, 0.140 mm a pixel");
    see_part(&mut h, "Nothing may change yet");

    // Nothing is painted: Generate says what is missing and starts nothing.
    h.state_mut().act(Action::SetImpression("Nodule in the left lung.".to_owned()));
    h.state_mut().act(Action::Generate);
    assert!(!h.state().state.is_running() && said(&h, "Nothing may change yet"));

    drag(&mut h, PointerButton::Primary, (0.6, 0.5), (0.7, 0.5));
    see_part(&mut h, "the drawn findings and");
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| !a.state.results.is_empty());
    see_part(&mut h, "0 of ");
    assert!(h.query_all_by_label("EDITED REGION").count() > 0);
    let request = h.state().state.results[0].artifact.request.clone();
    assert!(matches!(request.source, Source::Region { .. }));

    click(&mut h, "Export fields");
    click(&mut h, "Export DICOM");
    click(&mut h, "Export masks as COCO JSON");
    click(&mut h, "Write the chosen files");
    wait(&mut h, "the files", |a| a.state.messages.list.iter().any(|m| m.text.starts_with("Wrote ")));
    let saved = dir.path().join("saved");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&saved).expect("the folder").flatten().map(|f| f.path()).collect();
    files.sort();
    assert_eq!(files.len(), 3, "{files:?}");
    let exported = png::read_gray(&files[1]).expect("the PNG");
    assert_eq!(exported.width(), 2048);
    // Outside of the region every pixel is the file's.
    let Source::Region { may_change, .. } = &request.source else { panic!("no region") };
    let place = engine::imageio::letterbox::Letterbox::new(2048, 2048, 64);
    let region = engine::imageio::letterbox::unfit_mask(may_change, place, 2048, 2048);
    let changed = |inside: u8| {
        let pairs = exported.pixels().iter().zip(opened.pixels()).zip(region.bits());
        pairs.filter(|((a, b), bit)| **bit == inside && a != b).count()
    };
    assert_eq!(changed(0), 0);
    assert!(changed(1) > region.area() / 2, "{} of {}", changed(1), region.area());

    for file in &files[..2] {
        // Another studio knows nothing of it.
        let name = file.extension().map(|e| e.to_string_lossy().into_owned()).unwrap_or_default();
        let mut other = studio(&dir.path().join(name), Duration::ZERO);
        drop_files(&mut other, std::slice::from_ref(file));
        wait(&mut other, "the file", |a| !a.state.results.is_empty());
        let state = &other.state().state;
        assert_eq!(state.document.impression, "Nodule in the left lung.");
        assert_eq!(state.results[0].artifact.request, request);
        assert_eq!(*state.document.base.as_ref().expect("the opened image").original, opened);
        // The masks of the file come as layers, once they are asked for.
        let layers = state.document.layers.len();
        drop_files(&mut other, &files[2..]);
        wait(&mut other, "the masks", |a| a.state.images.offer.is_some());
        click(&mut other, "Import as layers");
        assert_eq!(other.state().state.document.layers.len(), layers + 1);
        click(&mut other, "Undo");
        assert_eq!(other.state().state.document.layers.len(), layers);
    }
}

#[test]
fn an_edit_of_the_library_brings_the_opened_image_at_its_own_size() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let opened = radiograph(512);
    drop_files(&mut h, &[dicom_file(dir.path(), &opened)]);
    wait(&mut h, "the radiograph", |a| a.state.document.base.is_some());
    h.state_mut().act(Action::SetImpression("Nodule in the left lung.".to_owned()));
    drag(&mut h, PointerButton::Primary, (0.6, 0.5), (0.7, 0.5));
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| !a.state.results.is_empty());
    let originals = dir.path().join("data/originals");
    wait(&mut h, "the opened image on disk", |_| {
        std::fs::read_dir(&originals).is_ok_and(|files| files.flatten().any(|f| f.path().extension().is_some_and(|e| e == "png")))
    });
    drop(h);

    // After a restart, from the wall.
    let mut h = studio(dir.path(), Duration::ZERO);
    click(&mut h, "Runs");
    wait(&mut h, "the wall", |a| a.state.runs.ids().len() == 1);
    h.get_by_label_contains("Run 1: ").click();
    wait(&mut h, "the run", |a| a.state.runs.inspected().is_some());
    click(&mut h, "Restore in new tab");
    wait(&mut h, "the case", |a| !a.state.results.is_empty());
    let base = h.state().state.document.base.clone().expect("the opened image");
    assert_eq!((*base.original == opened, base.original_spacing_mm), (true, Some((0.14, 0.14))));
}

#[test]
fn the_image_under_the_layers_is_looked_at_edited_and_taken_away() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    wait(&mut h, "the example's picture", |a| a.state.shown_image().is_some());
    click(&mut h, "Use the shown picture as image under the layers");
    assert_eq!(h.state().state.shown, Shown::Base);
    see_part(&mut h, "Only looked at");
    click(&mut h, "Edit the image under the layers");
    see_part(&mut h, "px may change");
    click(&mut h, "Everywhere");
    see_part(&mut h, "the whole image");
    click(&mut h, "Add a region that must not change");
    assert!(h.state().state.document.layers.iter().any(|l| l.kind() == "Must not change"));
    click(&mut h, "Show the image under the layers");
    click(&mut h, "Remove the image under the layers");
    assert!(h.state().state.document.base.is_none());
    click(&mut h, "Undo");
    assert!(h.state().state.document.base.is_some());
    h.check_accessibility();
}

#[test]
fn many_bad_files_leave_the_window_alive() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let mut h = studio(dir.path(), Duration::ZERO);
    let put = |name: &str, bytes: &[u8]| {
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).expect("writable");
        path
    };
    let whole = std::fs::read(dicom_file(dir.path(), &radiograph(64))).expect("readable");
    let files = [
        put("empty.png", b""),
        put("archive.png", b"PK\x03\x04rest"),
        put("cut.dcm", &whole[..whole.len() / 2]),
        put("notes.txt", b"Some words."),
        put("broken.json", b"{\"images\": [], \"annotations\": 3}"),
        dir.path().join("missing.png"),
        dir.path().to_owned(),
    ];
    let before = h.state().state.document.clone();
    drop_files(&mut h, &files);
    wait(&mut h, "all messages", |a| a.state.images.opening == 0);
    let errors: Vec<String> =
        h.state().state.messages.list.iter().filter(|m| m.level == Level::Error).map(|m| m.text.clone()).collect();
    assert_eq!(errors.len(), files.len(), "{errors:?}");
    for (file, error) in [("empty.png", &errors), ("missing.png", &errors), ("archive.png", &errors)] {
        assert!(error.iter().any(|e| e.ends_with(&format!("({file})."))), "{error:?}");
    }
    assert_eq!(h.state().state.document, before);
    click(&mut h, "Generate");
    wait(&mut h, "the image", |a| !a.state.results.is_empty());
    h.state_mut().act(Action::Images(Images::ToggleExport));
    h.run_steps(2);
    see(&mut h, "Write the chosen files");
}

mod pictures {
    use app::examples::Example;
    use app::insight::view::Trip;
    use eframe::egui::{Rect, Vec2, pos2};

    use super::*;
    use crate::pictures::{drawn, tolerant};

    /// A studio in which a drawn chest was opened as DICOM, edited and is about to be exported.
    fn editing(dir: &Path, size: Vec2) -> Option<Studio> {
        let mut h = drawn(dir, size)?;
        h.state_mut().act(Action::HideTips);
        drop_files(&mut h, &[dicom_file(dir, &Example::EnlargedHeart.picture(512))]);
        wait(&mut h, "the radiograph", |a| a.state.document.base.is_some());
        h.state_mut().act(Action::SetImpression("Nodule in the left lung.".to_owned()));
        drag(&mut h, PointerButton::Primary, (0.66, 0.42), (0.70, 0.44));
        Some(h)
    }

    /// Waits for what is computed beside the window, and leaves out what differs from time to time.
    fn settle(h: &mut Studio) {
        h.state_mut().state.messages.list.clear();
        h.run_steps(4);
        wait(h, "the round trip", |a| matches!(a.insight().trip, Trip::Ready { .. }));
        h.run_steps(40);
        let room = h.ctx.content_rect();
        // Memory in use.
        h.mask(Rect::from_min_max(pos2(room.center().x, room.bottom() - 26.0), room.max));
    }

    #[test]
    fn an_opened_radiograph_before_its_edit() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let Some(mut h) = editing(dir.path(), Vec2::new(1600.0, 1000.0)) else { return };
        settle(&mut h);
        h.snapshot_options("images_edit_1600", &tolerant());
    }

    #[test]
    fn an_edit_on_its_way_out() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let Some(mut h) = editing(dir.path(), Vec2::new(1280.0, 800.0)) else { return };
        click(&mut h, "Generate");
        wait(&mut h, "the image", |a| !a.state.results.is_empty());
        h.state_mut().act(Action::Images(Images::ToggleExport));
        h.run_steps(3);
        click(&mut h, "Export DICOM");
        click(&mut h, "Shareable");
        settle(&mut h);
        h.snapshot_options("images_export_1280", &tolerant());
    }
}
