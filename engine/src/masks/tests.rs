use dicom_core::VR;
use dicom_dictionary_std::tags;
use proptest::prelude::*;

use super::coco::{self, CocoExport};
use super::run_length::{self, RunOrder};
use super::yolo::{self, YoloBox};
use super::{LabelledMask, dicom_seg, nifti};
use crate::domain::{GrayImage, Mask, RectPx};
use crate::imageio::dicom::element::Put as _;
use crate::imageio::dicom::{encode_secondary_capture, parse, samples};

mod damaged;
mod exchange;

fn mask_of(width: u32, height: u32, pixels: &[(u32, u32)]) -> Mask {
    Mask::from_fn(width, height, |x, y| pixels.contains(&(x, y)))
}

fn labelled(label: &str, mask: Mask) -> LabelledMask {
    LabelledMask { label: label.to_owned(), mask }
}

/// The worked example of the data set's description: two lines of one 8×8 image.
#[test]
fn siim_counts_gaps_down_the_columns() {
    let table = " ImageId, EncodedPixels\n1.2.7.1, -1\n1.2.7.2, 5 3 4 2\r\n1.2.7.2,30 2\n";
    let expected = mask_of(8, 8, &[(0, 5), (0, 6), (0, 7), (1, 4), (1, 5), (3, 6), (3, 7)]);
    assert_eq!(run_length::from_table(table, "1.2.7.2", 8, 8, "t").unwrap(), Some(expected.clone()));
    assert_eq!(run_length::from_table(table, "1.2.7.1", 8, 8, "t").unwrap(), Some(Mask::empty(8, 8)));
    assert_eq!(run_length::from_table(table, "1.2.7.9", 8, 8, "t").unwrap(), None);
    assert_eq!(run_length::encode(&expected, RunOrder::RelativeColumns), "5 3 4 2 16 2");
    assert_eq!(run_length::encode(&expected, RunOrder::AbsoluteColumnsFromOne), "6 3 13 2 31 2");
    assert_eq!(run_length::encode(&mask_of(3, 2, &[(2, 0), (0, 1)]), RunOrder::AbsoluteRows), "2 2");
    let sentence = run_length::from_table("ImageId,EncodedPixels\na,70 1", "a", 8, 8, "t.csv").unwrap_err().to_string();
    assert!(sentence.starts_with("t.csv, line 2: "), "{sentence}");
    assert!(run_length::to_table(&[("a,b", &expected)]).is_err());
}

fn polygon(corners: &str, width: u32, height: u32) -> Mask {
    let json = format!(
        r#"{{"images":[{{"id":1,"file_name":"a.png","width":{width},"height":{height}}}],
            "annotations":[{{"id":5,"image_id":1,"category_id":2,"segmentation":{corners},"bbox":[1,1,2,1]}}],
            "categories":[{{"id":2,"name":"Effusion"}}]}}"#
    );
    coco::decode(json.as_bytes(), "a.png", "c.json").unwrap().objects[0].labelled.mask.clone()
}

#[test]
fn polygons_own_the_pixels_whose_centres_they_hold() {
    // A rectangle on centres: its left and upper edges are inside, its right and lower ones are not.
    let rect = polygon("[[0.5,0.5,2.5,0.5,2.5,2.5,0.5,2.5]]", 4, 4);
    assert_eq!(rect, mask_of(4, 4, &[(0, 0), (1, 0), (0, 1), (1, 1)]));
    // Two triangles that share the diagonal have no pixel in common and leave none out.
    let (one, two) = (polygon("[[0,0,7,0,7,5]]", 7, 5), polygon("[[0,0,7,5,0,5]]", 7, 5));
    assert_eq!(one.area() + two.area(), 35);
    let mut both = one.clone();
    both.union_with(&two);
    assert_eq!((both.area(), polygon("[[0,0,7,0,7,5],[0,0,7,5,0,5]]", 7, 5).area()), (35, 35));
    // Even and odd: where a star covers itself twice is outside; beyond the image nothing happens.
    assert_eq!(polygon("[[0,0,4,0,4,4,0,4,0,0,-9,-9,99,-9,99,99,-9,99,-9,-9]]", 4, 4).area(), 0);
    assert_eq!(polygon("[]", 4, 4), mask_of(4, 4, &[(1, 1), (2, 1)]), "the box stands in");
    assert_eq!(polygon(r#"{"size":[4,4],"counts":[1,2,13]}"#, 4, 4), mask_of(4, 4, &[(0, 1), (0, 2)]));
    assert_eq!(polygon(r#"{"size":[4,4],"counts":"12="}"#, 4, 4), mask_of(4, 4, &[(0, 1), (0, 2)]));
}

#[test]
fn coco_files_choose_by_name() {
    let objects = [labelled("Mass", mask_of(3, 2, &[(1, 0), (2, 1)])), labelled("Nodule", Mask::empty(3, 2))];
    let export = |file_name, objects| CocoExport { file_name, width: 3, height: 2, objects };
    let json =
        coco::encode(&[export("x/a.png", &objects), export("y/a.png", &objects[1..]), export("b.png", &[])], true).unwrap();
    let read = |name| coco::decode(json.as_bytes(), name, "c.json");
    let found = read("x/a.png").unwrap();
    assert_eq!(found.objects.iter().map(|object| object.labelled.clone()).collect::<Vec<_>>(), objects);
    assert_eq!(found.objects[0].bbox, Some(RectPx { x0: 1.0, y0: 0.0, x1: 3.0, y1: 2.0 }));
    assert_eq!((read("y/a.png").unwrap().objects.len(), read("folder/b.png").unwrap().objects.len()), (1, 0));
    assert!(read("a.png").unwrap_err().to_string().contains("2 of its images"));
    assert!(read("z.png").unwrap_err().to_string().contains("none of its 3 images"));
    assert!(coco::encode(&[CocoExport { file_name: "a", width: 4, height: 2, objects: &objects }], false).is_err());
}

/// A label map of 3×2 whose voxel (0, 0) alone is set, with an affine of the given columns.
fn map_with(i: [f32; 3], j: [f32; 3]) -> nifti::LabelMap {
    let mut bytes = nifti::encode(&[&mask_of(3, 2, &[(0, 0)])], Some((0.5, 0.25)), false).unwrap();
    for (row, at) in [280, 296, 312].into_iter().enumerate() {
        bytes[at..at + 4].copy_from_slice(&i[row].to_le_bytes());
        bytes[at + 4..at + 8].copy_from_slice(&j[row].to_le_bytes());
    }
    nifti::decode(&bytes, "a.nii").unwrap()
}

#[test]
fn nifti_axes_become_those_of_the_picture() {
    let at = |map: &nifti::LabelMap| map.labels[0].1.bounds().map(|b| (b.x0 as u32, b.y0 as u32)).unwrap();
    let (left, right, down, up, front, back) =
        ([-1., 0., 0.], [1., 0., 0.], [0., 0., -1.], [0., 0., 1.], [0., 1., 0.], [0., -1., 0.]);
    for (i, j, place, size) in [
        (left, down, (0, 0), (3, 2)),
        (right, down, (2, 0), (3, 2)),
        (left, up, (0, 1), (3, 2)),
        (right, front, (2, 1), (3, 2)),
        (left, back, (0, 0), (3, 2)),
        (down, left, (0, 0), (2, 3)),
        (up, right, (1, 2), (2, 3)),
    ] {
        let map = map_with(i, j);
        assert_eq!((at(&map), (map.width, map.height)), (place, size), "{i:?} {j:?}");
        assert_eq!(map.spacing_mm, Some(if size.0 == 2 { (0.25, 0.5) } else { (0.5, 0.25) }));
    }
}

#[test]
fn nifti_orientation_by_quaternion_and_other_voxels() {
    let mut bytes = nifti::encode(&[&mask_of(3, 2, &[(0, 0)])], None, false).unwrap();
    bytes[254..256].fill(0);
    let lies = nifti::decode(&bytes, "a").unwrap();
    assert_eq!(lies.labels[0].1, mask_of(3, 2, &[(0, 0)]), "without codes it is as it lies");
    bytes[252] = 1;
    // The identity: x to the right, y to the front.
    assert_eq!(nifti::decode(&bytes, "a").unwrap().labels[0].1, mask_of(3, 2, &[(2, 1)]));
    // Half a turn about z: to the left and to the back.
    bytes[264..268].copy_from_slice(&1f32.to_le_bytes());
    assert_eq!(nifti::decode(&bytes, "a").unwrap().labels[0].1, mask_of(3, 2, &[(0, 0)]));
    // Floats, scaled by 2 from 1.5: label 3.
    bytes[70] = 16;
    bytes[112..116].copy_from_slice(&2f32.to_le_bytes());
    bytes.truncate(352);
    bytes.extend([1.5f32, 0., 0., 0., 0., 0.].iter().flat_map(|v| v.to_le_bytes()));
    assert_eq!(nifti::decode(&bytes, "a").unwrap().labels, [(3, mask_of(3, 2, &[(0, 0)]))]);
    bytes[352..356].copy_from_slice(&1.3f32.to_le_bytes());
    assert!(nifti::decode(&bytes, "a").unwrap_err().to_string().contains("no labels"));
}

#[test]
fn nifti_in_the_other_order_of_bytes() {
    let mut bytes = nifti::encode(&[&mask_of(3, 2, &[(2, 1)])], None, false).unwrap();
    bytes[0..4].reverse();
    for at in (40..56).step_by(2).chain([68, 70, 72, 252, 254]) {
        bytes[at..at + 2].reverse();
    }
    for at in (76..120).step_by(4).chain((256..328).step_by(4)) {
        bytes[at..at + 4].reverse();
    }
    assert_eq!(nifti::decode(&bytes, "a").unwrap().labels, [(1, mask_of(3, 2, &[(2, 1)]))]);
}

#[test]
fn label_maps_hold_no_overlap() {
    let (a, b) = (mask_of(3, 2, &[(0, 0), (1, 0)]), mask_of(3, 2, &[(1, 0)]));
    assert!(nifti::encode(&[&a, &b], None, true).unwrap_err().to_string().contains("masks 1 and 2 overlap"));
    assert!(nifti::encode(&[], None, true).is_err() && nifti::encode(&[&a, &Mask::empty(2, 2)], None, true).is_err());
}

#[test]
fn segmentations_join_a_synthetic_study_only() {
    let masks = [labelled("Opazität", mask_of(3, 2, &[(0, 0)]))];
    let image = encode_secondary_capture(&GrayImage::black(3, 2), "{}", None).unwrap();
    let bytes = dicom_seg::encode(&masks, Some((0.2, 0.2)), Some(&image)).unwrap();
    assert_eq!(dicom_seg::decode(&bytes, "s").unwrap(), masks);
    let (seg, source) = (parse(&bytes).unwrap(), parse(&image).unwrap());
    let study =
        |set: &dicom_object::InMemDicomObject| set.element(tags::STUDY_INSTANCE_UID).unwrap().to_str().unwrap().into_owned();
    assert_eq!(study(&seg), study(&source));
    let mut foreign = samples::grey(3, 2, 16, 16, false);
    samples::put_pixels(&mut foreign, &[0; 6]);
    let sentence = dicom_seg::encode(&masks, None, Some(&samples::file(&foreign, samples::EXPLICIT))).unwrap_err().to_string();
    assert!(sentence.contains("not marked as synthetic"), "{sentence}");
    for label in ["", "a\\b", " a", &"x".repeat(65)] {
        assert!(dicom_seg::encode(&[labelled(label, Mask::empty(3, 2))], None, None).is_err(), "{label:?}");
    }
    assert!(dicom_seg::decode(&image, "s").unwrap_err().to_string().contains("not a DICOM segmentation"));
    let mut fractional = seg.clone();
    fractional.put_text(tags::SEGMENTATION_TYPE, VR::CS, "FRACTIONAL");
    let bytes = samples::file(&fractional, samples::EXPLICIT);
    assert!(dicom_seg::decode(&bytes, "s").unwrap_err().to_string().contains("not binary"));
}

/// Masks of one size, from 1 to `most`.
fn masks(most: usize) -> impl Strategy<Value = Vec<Mask>> {
    (1u32..24, 1u32..24, 1..=most).prop_flat_map(|(w, h, n)| {
        let bits = proptest::collection::vec(any::<bool>(), (w * h) as usize);
        proptest::collection::vec(bits, n)
            .prop_map(move |all| all.into_iter().map(|bits| Mask::from_fn(w, h, |x, y| bits[(y * w + x) as usize])).collect())
    })
}

proptest! {
    #[test]
    fn run_lengths_come_back(masks in masks(1)) {
        let mask = &masks[0];
        for order in [RunOrder::RelativeColumns, RunOrder::AbsoluteRows, RunOrder::AbsoluteColumnsFromOne] {
            let text = run_length::encode(mask, order);
            prop_assert_eq!(&run_length::decode(&text, order, mask.width(), mask.height(), "t").unwrap(), mask);
        }
        let table = run_length::to_table(&[("1.2", mask)]).unwrap();
        let read = run_length::from_table(&table, "1.2", mask.width(), mask.height(), "t").unwrap();
        prop_assert_eq!(read.as_ref(), Some(mask));
    }

    #[test]
    fn coco_comes_back(masks in masks(4), compress in any::<bool>()) {
        let objects: Vec<_> = masks.iter().enumerate().map(|(i, mask)| labelled(&format!("class {}", i % 2), mask.clone())).collect();
        let (width, height) = (masks[0].width(), masks[0].height());
        let json = coco::encode(&[CocoExport { file_name: "a.png", width, height, objects: &objects }], compress).unwrap();
        let read = coco::decode(json.as_bytes(), "a.png", "c").unwrap();
        prop_assert_eq!((read.width, read.height), (width, height));
        prop_assert_eq!(read.objects.iter().map(|object| object.labelled.clone()).collect::<Vec<_>>(), objects);
        for (object, mask) in read.objects.iter().zip(&masks) {
            let around = mask.bounds().unwrap_or(RectPx { x0: 0.0, y0: 0.0, x1: 0.0, y1: 0.0 });
            prop_assert_eq!(object.bbox, Some(around));
        }
    }

    #[test]
    fn yolo_comes_back(boxes in proptest::collection::vec((0usize..9, 0u32..99, 0u32..99, 1u32..99, 1u32..99), 0..5), w in 200u32..3000, h in 200u32..3000) {
        let boxes: Vec<_> = boxes.into_iter().map(|(class, x, y, dx, dy)| {
            YoloBox { class, rect: RectPx { x0: x as f32, y0: y as f32, x1: (x + dx) as f32, y1: (y + dy) as f32 } }
        }).collect();
        let text = yolo::encode(&boxes, w, h).unwrap();
        prop_assert_eq!(yolo::decode(&text, w, h, "t").unwrap(), boxes);
    }

    #[test]
    fn nifti_comes_back(masks in masks(3), gzip in any::<bool>()) {
        // Masks that do not overlap: the first wins.
        let mut taken = Mask::empty(masks[0].width(), masks[0].height());
        let apart: Vec<Mask> = masks.iter().map(|mask| {
            let own = Mask::from_fn(mask.width(), mask.height(), |x, y| mask.get(x, y) && !taken.get(x, y));
            taken.union_with(mask);
            own
        }).collect();
        let bytes = nifti::encode(&apart.iter().collect::<Vec<_>>(), Some((0.25, 0.5)), gzip).unwrap();
        let read = nifti::decode(&bytes, "a").unwrap();
        let expected: Vec<_> = (1u32..).zip(apart).filter(|(_, mask)| !mask.is_empty()).collect();
        prop_assert_eq!(&read.labels, &expected);
        prop_assert_eq!((read.spacing_mm, read.width, read.height), (Some((0.25, 0.5)), masks[0].width(), masks[0].height()));
    }

    #[test]
    fn segmentations_come_back(masks in masks(5)) {
        let masks: Vec<_> = masks.into_iter().enumerate().map(|(i, mask)| labelled(&format!("Klasse ß {i}"), mask)).collect();
        let bytes = dicom_seg::encode(&masks, None, None).unwrap();
        prop_assert_eq!(&dicom_seg::decode(&bytes, "s").unwrap(), &masks);
        prop_assert_eq!(&dicom_seg::encode(&masks, None, None).unwrap(), &bytes);
    }

    #[test]
    fn polygons_agree_with_the_rule(corners in proptest::collection::vec((-4i32..20, -4i32..20), 3..8)) {
        let numbers: Vec<String> = corners.iter().map(|(x, y)| format!("{x},{y}")).collect();
        let mask = polygon(&format!("[[{}]]", numbers.join(",")), 16, 12);
        // The even-odd rule at each centre, counted along a ray to the right; centres lie on no corner's row.
        for (i, bit) in mask.bits().iter().enumerate() {
            let (cx, cy) = (f64::from(i as u32 % 16) + 0.5, f64::from(i as u32 / 16) + 0.5);
            let crossings = (0..corners.len()).filter(|k| {
                let (a, b) = (corners[*k], corners[(k + 1) % corners.len()]);
                let (a, b) = if a.1 < b.1 { (a, b) } else { (b, a) };
                let (ay, by) = (f64::from(a.1), f64::from(b.1));
                ay <= cy && cy < by && f64::from(a.0) + (cy - ay) / (by - ay) * f64::from(b.0 - a.0) > cx
            });
            prop_assert_eq!(*bit, (crossings.count() % 2) as u8, "centre {} {}", cx, cy);
        }
    }
}
