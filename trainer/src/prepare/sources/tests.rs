//! Rows of public layouts, invented.

use std::path::{Path, PathBuf};

use engine::domain::RectPx;
use engine::masks::run_length::{self, RunOrder};

use super::*;
use crate::prepare::case::{Input, Place, View, Words};

struct Set(tempfile::TempDir);

impl Set {
    fn new(files: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = dir.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        Self(dir)
    }

    fn list(&self, source: &str) -> Result<Listed> {
        self.list_with("", source)
    }

    fn list_with(&self, top: &str, source: &str) -> Result<Listed> {
        let text = format!("name = \"x\"\nmodel = \"m\"\n{top}\n[[source]]\nroot = \".\"\n{source}\n");
        std::fs::write(self.0.path().join("prepare.toml"), text).unwrap();
        let config = PrepareConfig::read(&self.0.path().join("prepare.toml"), &[])?;
        super::list(&config, &config.sources[0])
    }
}

fn first_path(input: &Input) -> &Path {
    let Input::Picture(paths) = input else { panic!("a picture") };
    &paths[0]
}

#[test]
fn nih() {
    let set = Set::new(&[
        (
            "Data_Entry_2017.csv",
            "Image Index,Finding Labels,Follow-up #,Patient ID,Patient Age,Patient Gender,View Position,OriginalImage[Width,Height],\
             OriginalImagePixelSpacing[x,y],\n90000001_000.png,Cardiomegaly|Effusion,0,90000001,47,F,PA,2400,2600,0.15,0.15,\n\
             90000002_003.png,No Finding,3,90000002,034Y,M,AP,2500,2050,0.17,0.17,\n\
             90000003_011.png,Pleural_Thickening|Nodule|Mass,11,90000003,412,M,PA,2980,2970,0.14,0.14,\n",
        ),
        (
            "BBox_List_2017.csv",
            "Image Index,Finding Label,Bbox [x,y,w,h],,,\n90000001_000.png,Infiltrate,310.5,402.25,120.0,95.5,,,\n",
        ),
        ("train_val_list.txt", "90000001_000.png\n90000003_011.png\n"),
        ("test_list.txt", "90000002_003.png"),
        ("images_001/images/x.txt", ""),
    ]);
    let cases = set.list("kind = \"nih\"").unwrap().cases;
    assert_eq!(cases.len(), 3);
    assert_eq!(
        (cases[0].patient.as_str(), cases[0].view, cases[0].age, cases[0].sex.as_str()),
        ("90000001", View::Pa, Some(47.0), "F")
    );
    assert_eq!(cases[0].labels.keys().collect::<Vec<_>>(), ["Cardiomegaly", "Pleural Effusion"]);
    let rect = RectPx { x0: 310.5, y0: 402.25, x1: 430.5, y1: 497.75 };
    assert_eq!(
        (cases[0].regions[0].class.as_str(), &cases[0].regions[0].place),
        ("Infiltration", &Place::BoxOn(rect, 1024, 1024))
    );
    assert!(first_path(&cases[0].input).ends_with("images_001/images/90000001_000.png"));
    assert_eq!((cases[1].age, cases[1].split, cases[1].annotated), (Some(34.0), Some(Split::Test), true));
    assert_eq!((cases[2].age, cases[2].annotated, cases[2].labels.contains_key("Pleural Thickening")), (None, false, true));
    let pa = set.list_with("views = [\"PA\"]", "kind = \"nih\"").unwrap().cases;
    assert_eq!(pa.len(), 2);
}

#[test]
fn chexpert() {
    let header = "Path,Sex,Age,Frontal/Lateral,AP/PA,No Finding,Enlarged Cardiomediastinum,Cardiomegaly,Lung Opacity";
    let train = format!(
        "{header}\nCheXpert-v1.0-small/train/patient90001/study3/view1_frontal.jpg,Male,41,Frontal,PA,1.0,,,\n\
         CheXpert-v1.0/train/patient90003/study1/view2_lateral.jpg,Unknown,0,Lateral,,,-1.0,0.0,1.0\n"
    );
    let set = Set::new(&[
        ("train.csv", &train),
        ("valid.csv", &format!("{header}\nCheXpert-v1.0/valid/patient9/study1/v.jpg,Female,90,Frontal,AP,,,,\n")),
    ]);
    let cases = set.list("kind = \"chexpert\"").unwrap().cases;
    assert!(first_path(&cases[0].input).ends_with("train/patient90001/study3/view1_frontal.jpg"));
    assert_eq!((cases[0].patient.as_str(), cases[0].view, cases[0].sex.as_str()), ("90001", View::Pa, "M"));
    assert_eq!((cases[1].view, cases[1].age, cases[1].sex.as_str()), (View::Lateral, None, ""));
    assert_eq!(cases[1].labels.values().copied().collect::<Vec<_>>(), [0, -1, 1]);
    assert_eq!((cases[2].split, cases[2].age), (Some(Split::Val), Some(90.0)));
    assert!(Set::new(&[]).list("kind = \"chexpert\"").unwrap_err().to_string().contains("source chexpert"));
}

#[test]
fn mimic() {
    let set = Set::new(&[
        (
            "mimic-cxr-2.0.0-metadata.csv",
            "dicom_id,subject_id,study_id,PerformedProcedureStepDescription,ViewPosition,Rows,Columns,StudyDate,StudyTime\n\
             aaaa1,10999999,50999999,CHEST (PA AND LAT),PA,3056,2544,21800506,213014.531\n\
             aaaa2,10999999,50999999,CHEST (PA AND LAT),LATERAL,3056,2544,21800506,213014.531\n\
             aaaa3,19888888,58888888,CHEST (PORTABLE AP),AP,2021,2021,21550101,40712.0\n",
        ),
        (
            "mimic-cxr-2.0.0-split.csv",
            "dicom_id,study_id,subject_id,split\naaaa1,50999999,10999999,train\naaaa3,58888888,19888888,test\n",
        ),
        (
            "mimic-cxr-2.0.0-chexpert.csv",
            "subject_id,study_id,Atelectasis,Cardiomegaly,Edema\n10999999,50999999,,1.0,-1.0\n19888888,58888888,1.0,0.0,\n",
        ),
        ("iv/patients.csv", "subject_id,gender,anchor_age,anchor_year\n10999999,M,62,2178\n19888888,F,35,2154\n"),
        (
            "iv/admissions.csv",
            "subject_id,hadm_id,race\n10999999,1,BLACK/AFRICAN AMERICAN\n19888888,2,WHITE - RUSSIAN\n19888888,3,ASIAN - CHINESE\n",
        ),
        ("files/p10/p10999999/s50999999.txt", " IMPRESSION: Clear.\n"),
    ]);
    let cases = set.list("kind = \"mimic\"\ndemographics = \"iv\"").unwrap().cases;
    assert_eq!(cases[0].name, "files/p10/p10999999/s50999999/aaaa1");
    assert!(first_path(&cases[0].input).ends_with("files/p10/p10999999/s50999999/aaaa1.jpg"));
    let Words::Report(report) = &cases[0].words else { panic!("a report") };
    assert!(report.is_file());
    assert_eq!((cases[0].age, cases[0].race.as_str(), cases[0].split), (Some(64.0), "Black", Some(Split::Train)));
    assert_eq!(cases[0].labels.iter().map(|(k, v)| (k.as_str(), *v)).collect::<Vec<_>>(), [("Cardiomegaly", 1), ("Edema", -1)]);
    assert_eq!((cases[1].view, cases[1].split), (View::Lateral, None));
    assert_eq!((cases[2].race.as_str(), cases[2].age), ("", Some(36.0)), "of two races none is taken");
    let pa = set.list_with("views = [\"PA\"]", "kind = \"mimic\"").unwrap().cases;
    assert_eq!(pa.len(), 1);
    let unfit = set.list_with("views = [\"PA\"]", "kind = \"mimic\"").unwrap().unfit;
    let told: Vec<_> = unfit.iter().map(|case| (case.kind, case.reason.as_str())).collect();
    assert_eq!(told, [("view", "its view is LATERAL"), ("view", "its view is AP")]);
}

#[test]
fn siim() {
    let set = Set::new(&[
        ("train-rle.csv", "ImageId, EncodedPixels\n1.2.7.1, -1\n1.2.7.2,5 3 4 2\n1.2.7.2,30 2\n1.2.7.9,-1\n"),
        ("dicom/a/b/1.2.7.1.dcm", "x"),
        ("dicom/c/d/1.2.7.2.dcm", "x"),
        ("captions.csv", "name,impression\n1.2.7.2.dcm,Right pneumothorax.\n"),
    ]);
    let listed = set.list("kind = \"siim\"\ncaptions = \"captions.csv\"").unwrap();
    assert_eq!(
        listed.unfit,
        [Unfit {
            kind: "list",
            case: "1.2.7.9".to_owned(),
            reason: "its picture is not there; copy it, or take its lines out of the table".to_owned()
        }]
    );
    let [none, two] = &listed.cases[..] else { panic!("two cases") };
    assert!(none.annotated && none.regions.is_empty() && none.labels["Pneumothorax"] == 0);
    assert_eq!(two.words, Words::Caption("Right pneumothorax.".to_owned()));
    let Place::Runs(texts, RunOrder::RelativeColumns) = &two.regions[0].place else { panic!("runs") };
    let mut mask = engine::domain::Mask::empty(8, 8);
    for text in texts {
        mask.union_with(&run_length::decode(text, RunOrder::RelativeColumns, 8, 8, "x").unwrap());
    }
    let inside: Vec<(u32, u32)> = (0..8).flat_map(|x| (0..8).map(move |y| (x, y))).filter(|&(x, y)| mask.get(x, y)).collect();
    assert_eq!(inside, [(0, 5), (0, 6), (0, 7), (1, 4), (1, 5), (3, 6), (3, 7)]);
}

#[test]
fn vindr_in_both_forms() {
    let boxes = "bb21,No finding,14,R11,,,,\nbb22,Cardiomegaly,3,R8,700.0,1200.0,1500.0,1700.0\nbb22,Cardiomegaly,3,R9,705,1200,1500,1700\n\
                 bb22,Aortic enlargement,0,R9,1100.0,600.0,1400.0,900.0\nbb22,Cardiomegaly,3,R10,710,1201,1490,1702\n";
    let kaggle = Set::new(&[
        ("train.csv", &format!("image_id,class_name,class_id,rad_id,x_min,y_min,x_max,y_max\n{boxes}")),
        ("train/bb21.dicom", "x"),
        ("train/bb22.dicom", "x"),
    ]);
    let cases = kaggle.list("kind = \"vindr\"").unwrap().cases;
    assert_eq!((cases[0].labels["No Finding"], cases[0].regions.len()), (1, 0));
    assert_eq!((cases[1].labels["Cardiomegaly"], cases[1].labels["Aortic enlargement"]), (1, 0));
    assert_eq!(cases[1].regions.len(), 1, "three boxes of one heart are one");
    assert_eq!(kaggle.list("kind = \"vindr\"\nvote = \"any\"").unwrap().cases[1].regions.len(), 2);
    let published = Set::new(&[
        ("annotations/image_labels_train.csv", "image_id,rad_id,Edema,No finding\nc1,R1,1,0\nc1,R2,1,0\nc1,R3,0,1\n"),
        (
            "annotations/annotations_train.csv",
            "image_id,rad_id,class_name,x_min,y_min,x_max,y_max\nc1,R1,Edema,1,2,3,4\nc1,R3,No finding,,,,\n",
        ),
        ("train/c1.dicom", "x"),
    ]);
    let cases = published.list("kind = \"vindr\"").unwrap().cases;
    assert_eq!((cases[0].labels["Edema"], cases[0].labels["No Finding"], cases[0].regions.len()), (1, 0, 1));
}

#[test]
fn lists_in_csv_and_json_lines() {
    let set = Set::new(&[
        (
            "a.csv",
            "file_path,Impression,subject_id,sex,age,split,mask,Cardiomegaly,Airspace Opacity\n\
             train/p10999999/s01/v.jpg,\"Clear, no effusion.\",,Male,71,train,m.png,1.0,0.0\nb.jpg,,7,F,,,,,\n",
        ),
        (
            "b.jsonl",
            "{\"name\":\"n\",\"image\":\"images/n.png\",\"impression\":\"X.\",\"sex\":\"Female\",\"age\":31.0,\"view\":\"AP portable\",\
             \"labels\":{\"Edema\":1,\"Fracture\":0},\"findings\":[{\"class\":\"edema\",\"side\":\"both\",\"severity\":0.5,\"mask\":\"masks/n.png\",\
             \"box\":[1,2,3,4]}]}\n\n{\"image\":\"o.png\",\"boxes\":[{\"class\":\"nodule\",\"box\":[0,0,9,9]}]}\n",
        ),
    ]);
    let csv = "kind = \"manifest\"\nlist = \"a.csv\"\ncolumns = { image = \"file_path\", impression = \"Impression\" }";
    let cases = set.list(csv).unwrap().cases;
    assert_eq!((cases[0].patient.as_str(), cases[0].split, cases[0].age), ("10999999", Some(Split::Train), Some(71.0)));
    assert_eq!(cases[0].words, Words::Caption("Clear, no effusion.".to_owned()));
    assert_eq!((cases[0].labels["Lung Opacity"], cases[0].regions[0].class.as_str()), (0, "Cardiomegaly"));
    assert_eq!((cases[1].patient.as_str(), &cases[1].words, cases[1].annotated), ("7", &Words::None, true));
    let cases = set.list("kind = \"manifest\"\nlist = \"b.jsonl\"").unwrap().cases;
    assert_eq!((cases[0].view, cases[0].regions[0].severity, cases[0].labels["Fracture"]), (View::Ap, Some(0.5), 0));
    assert!(matches!(&cases[0].regions[0].place, Place::File(path) if path.ends_with(PathBuf::from("masks/n.png"))));
    assert!(matches!(cases[1].regions[0].place, Place::Box(_)));
    let error = format!("{:#}", set.list("kind = \"manifest\"\nlist = \"a.csv\"\ncolumns = { image = \"nope\" }").unwrap_err());
    assert!(error.contains("source manifest") && error.contains("the column \"nope\" is missing"), "{error}");
}

#[test]
fn lists_of_the_release() {
    let set = Set::new(&[("train.txt", "i/a.npz t/a.npz\ni/b.npz t/b.npz m/b.npz\n\n")]);
    let cases = set.list("kind = \"release\"\nlist = \"train.txt\"").unwrap().cases;
    assert!(matches!(&cases[1].input, Input::Release { condition: Some(path), .. } if path.ends_with("m/b.npz")));
    assert!(!cases[0].annotated && cases[1].annotated);
    let set = Set::new(&[("train.txt", "i/a.npz\n")]);
    assert!(
        format!("{:#}", set.list("kind = \"release\"\nlist = \"train.txt\"").unwrap_err()).contains("line 1: it has 1 files")
    );
}
