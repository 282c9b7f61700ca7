use super::*;
use crate::dataset::compose::compose;
use crate::dataset::recipe::{Quotas, Where};
use crate::dataset::row::Lesion;

fn nodule(side: Side) -> Row {
    Row::new(Class::Finding(Finding::Nodule), side)
}

#[test]
fn every_sampled_mask_lies_on_its_side_and_the_text_says_so() {
    let quotas = Quotas { rows: 60, findings: Class::ALL.map(|class| (class, 1)).to_vec(), ..Quotas::default() };
    let recipe = Recipe::default();
    let rows = compose(&quotas, 1).expect("possible").rows;
    for (i, row) in rows.iter().enumerate() {
        let placed = place(&recipe, row, i as u64 + 1, 96, None).unwrap_or_else(|e| panic!("{row:?}: {e}"));
        let Some((_, mask)) = placed.masks(96).into_iter().next() else {
            assert_eq!(row.class, Class::Normal);
            continue;
        };
        assert!(!mask.is_empty());
        let centre = mask.centroid().map(|(x, _)| patient_side(x, 96));
        if row.side != Side::Both && row.class != Class::Finding(Finding::Device) {
            assert_eq!(centre, Some(row.side), "{row:?}");
            assert!(placed.impression.to_lowercase().contains(row.side.name()), "{}", placed.impression);
        }
        assert_eq!(place(&recipe, row, i as u64 + 1, 96, None), Ok(placed), "the same row is the same, bit for bit");
    }
}

#[test]
fn layers_stand_in_the_recipe_and_are_mirrored() {
    let mask = Mask::from_fn(64, 64, |x, y| (8..20).contains(&x) && (20..30).contains(&y));
    let layer = drawn_layer(&Annotation::mask(Finding::Nodule, mask.clone()));
    let boxed = RectPx { x0: 40.0, y0: 10.0, x1: 50.0, y1: 20.0 };
    let boxed = drawn_layer(&Annotation::boxed(Finding::Pneumothorax, boxed, 64, 64));
    let place_of = Where { source: Source::Drawn, drawn: vec![layer, boxed], ..Where::default() };
    let recipe = Recipe { place: place_of, ..Recipe::default() };
    let at = |row: &Row| place(&recipe, row, 1, 64, None).map(|p| p.masks(64).into_iter().next().map(|(_, mask)| mask));
    assert_eq!(at(&nodule(Side::Right)), Ok(Some(mask.clone())));
    assert_eq!(at(&nodule(Side::Left)), Ok(Some(mask.mirrored())));
    let right = at(&Row::new(Class::Finding(Finding::Pneumothorax), Side::Right)).expect("mirrored").expect("a box");
    assert_eq!(right.bounds().map(|r| (r.x0, r.x1)), Some((14.0, 24.0)));
    let edema = Row::new(Class::Finding(Finding::Edema), Side::Both);
    assert!(at(&edema).expect_err("not drawn").contains("no layer of edema"));
}

#[test]
fn folders_tell_class_and_side() {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, mask: &Mask| {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        std::fs::write(path, png::encode_mask(mask, &[]).expect("a PNG")).expect("writable");
    };
    let right = Mask::from_fn(32, 32, |x, y| x < 10 && y < 10);
    write("nodule/a.png", &right);
    write("ptx-1.png", &right.mirrored());
    write("holiday.png", &right);
    let masks = MaskFolder::read(dir.path()).expect("masks");
    assert_eq!(masks.counts(), [(Finding::Pneumothorax, Side::Left, 1), (Finding::Nodule, Side::Right, 1)]);
    let place_of = Where { source: Source::Folder, folder: dir.path().to_path_buf(), ..Where::default() };
    let recipe = Recipe { place: place_of, ..Recipe::default() };
    let at = |row: &Row| place(&recipe, row, 3, 32, Some(&masks));
    assert_eq!(at(&nodule(Side::Right)).map(|p| p.masks(32)), Ok(vec![(Finding::Nodule, right)]));
    assert!(at(&nodule(Side::Left)).expect_err("none on the left").contains("side left"));
    let own = Row { mask: "ptx-1.png".to_owned(), ..nodule(Side::Right) };
    assert!(at(&own).expect_err("the other side").contains("lies on side left"));
    std::fs::write(dir.path().join("nodule/b.png"), b"no picture").expect("writable");
    assert!(MaskFolder::read(dir.path()).expect_err("damaged").contains("b.png"));
    assert!(MaskFolder::read(&dir.path().join("gone")).is_err());
}

#[test]
fn findings_of_one_row_lie_in_one_chest_and_each_has_its_sentence() {
    let lesion = |finding, side| Lesion { finding, side, zone: None, size: None };
    let more = vec![lesion(Finding::PleuralEffusion, Side::Left), lesion(Finding::Cardiomegaly, Side::Both)];
    let row = Row { more, ..nodule(Side::Right) };
    let recipe = Recipe::default();
    let placed = place(&recipe, &row, 3, 96, None).expect("possible");
    let alone = place(&recipe, &nodule(Side::Right), 3, 96, None).expect("possible");
    assert_eq!(placed.masks(96)[0], alone.masks(96)[0], "the first lies where it lies alone");
    assert_eq!(placed.lungs, alone.lungs);
    assert_eq!(
        placed.masks(96).iter().map(|(f, _)| *f).collect::<Vec<_>>(),
        [Finding::Nodule, Finding::PleuralEffusion, Finding::Cardiomegaly]
    );
    assert!(placed.row.lesions().all(|lesion| lesion.zone.is_some()), "places are filled in");
    let text = placed.impression.to_lowercase();
    assert!(
        text.contains("right") && text.contains("left") && text.contains("effusion") && text.contains("cardiomegaly"),
        "{text}"
    );
    assert!(!text.contains("no ") && text.matches('.').count() == 3, "{text}");
    assert_eq!(placed.annotations(0.5).len(), 3);
    let twice = Row { more: vec![lesion(Finding::Nodule, Side::Left)], ..nodule(Side::Right) };
    assert!(place(&recipe, &twice, 1, 96, None).expect_err("twice").contains("stands twice"));
}
