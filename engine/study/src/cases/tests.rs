use super::*;
use crate::template::Template;
use crate::testing::design;

/// A folder with empty images a0 … b9, for tables are read without opening images.
fn folder() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a folder");
    for i in 0..10 {
        for arm in ["a", "b"] {
            std::fs::write(dir.path().join(format!("{arm}{i}.png")), b"").expect("a writable folder");
        }
    }
    dir
}

fn parse(text: &str, kind: &str) -> Result<CaseTable, String> {
    let dir = folder();
    let design = design(Template::ReportAlignment, 1, 2);
    CaseTable::parse(text, &format!("cases.{kind}"), dir.path(), &design).map_err(|error| {
        let sentence = error.to_string();
        assert!(sentence.starts_with(&format!("cases.{kind}: ")) && !sentence.contains('\n'), "{sentence}");
        sentence
    })
}

#[test]
fn wide_long_and_json_tables_say_the_same() {
    let wide = "case,impression,findings,sex,age,view,use,note on it,image:arm1,image:arm2\n\
                1,Right nodule.,NOD,Man,58,PA,,x,a0.png,b0.png\n\
                2,\"No finding, really.\",none,,,,practice,,a1.png,b1.png\n";
    let long = "case,impression,findings,sex,age,view,use,arm,image\n\
                1,Right nodule.,nodule,Man,58,PA,,arm2,b0.png\n\
                2,\"No finding, really.\",,,,,practice,arm1,a1.png\n\
                1,Right nodule.,NOD,Man,58,PA,scored,arm1,a0.png\n\
                2,\"No finding, really.\",,,,,practice,arm2,b1.png\n";
    let json = "{\"case\":1,\"impression\":\"Right nodule.\",\"findings\":[\"nodule\"],\"sex\":\"Man\",\"age\":58,\"view\":\"PA\",\"images\":{\"arm1\":\"a0.png\",\"arm2\":\"b0.png\"}}\n\n\
                {\"case\":\"2\",\"impression\":\"No finding, really.\",\"use\":\"practice\",\"image:arm1\":\"a1.png\",\"image:arm2\":\"b1.png\",\"sex\":null}\n";
    let names = |text: &str, kind: &str| {
        let table = parse(text, kind).expect("a table");
        assert_eq!((table.cases.len(), table.practice.len()), (1, 1));
        let case = &table.cases[0];
        assert_eq!((case.id.as_str(), case.findings.as_slice(), case.age.as_str()), ("1", &["NOD".to_owned()][..], "58"));
        assert_eq!(table.practice[0].impression, "No finding, really.");
        let file = |path: &PathBuf| path.file_name().expect("a name").to_owned();
        case.images.values().chain(table.practice[0].images.values()).map(file).collect::<Vec<_>>()
    };
    let expected = ["a0.png", "b0.png", "a1.png", "b1.png"];
    assert_eq!(names(&format!("\u{feff}{wide}"), "csv"), expected);
    assert_eq!(names(long, "csv"), expected);
    // As spreadsheets of many countries save it; a text with commas needs no quotes then.
    let semicolons = wide.replace("\"No finding, really.\"", "No finding\u{1f} really.").replace(',', ";").replace('\u{1f}', ",");
    assert_eq!(names(&semicolons, "csv"), expected);
    assert_eq!(names(&semicolons.replace(';', "\t"), "csv"), expected);
    assert_eq!(names(json, "jsonl"), expected);
}

#[test]
fn each_fault_is_one_sentence() {
    let head = "case,impression,image:arm1,image:arm2\n";
    for (text, words) in [
        ("", "no row"),
        ("case,impresion\n1,x\n", "the column `impresion` is unknown"),
        ("case,impression,image:rival\n1,x,a0.png\n", "names an arm that the design does not list"),
        ("case,case\n1,2\n", "comes twice"),
        (&format!("{head}1,x,a0.png,none.png\n"), "line 2: the image of arm2 of the case \"1\" is not there"),
        (&format!("{head}1,x,a0.png,b0.png\n1,y,a1.png,b1.png\n"), "line 3: the case \"1\" stands in line 2 already"),
        (
            &format!("{head}1,x,a0.png,b0.png\n2,y,a1.png,\n"),
            "arms of different counts of images (arm1 2, arm2 1): the case \"2\" has none of arm2",
        ),
        (&format!("{head}1,x,a0.png,b0.png\n2,y,a0.png,b1.png\n"), "one image cannot stand for two"),
        (&format!("{head}1,,a0.png,b0.png\n"), "impression is empty"),
        (&format!("{head}1,x,y,a0.png,b0.png\n"), "quotes"),
        (
            &format!("{head}1,\"x,a0.png,b0.png\n2,y,a1.png,b1.png\n"),
            "line 2 has 2 fields and the header 4, and a text that goes on",
        ),
        ("case;impression;image:arm1;image:arm2\n1;x;y;a0.png;b0.png\n", "quotes around text that contains semicolons"),
        (&format!("{head},x,a0.png,b0.png\n"), "`case` must hold an id"),
        ("case,impression,use,image:arm1,image:arm2\n1,x,perhaps,a0.png,b0.png\n", "write `scored` or `practice`"),
        (
            "case,impression,findings,image:arm1,image:arm2\n1,x,gout,a0.png,b0.png\n",
            "findings: \"gout\" is no class; known are PTX, EFF, CON",
        ),
        ("case,impression,arm,image\n1,x,arm1,a0.png\n1,x,arm1,a1.png\n", "has an image of arm1 already"),
        ("case,impression,arm,image\n1,x,arm1,a0.png\n1,y,arm2,b0.png\n", "says something else than in line 2"),
    ] {
        let error = parse(text, "csv").expect_err(text);
        assert!(error.contains(words), "{text}: {error}");
    }
    assert!(parse("{}\n[1]", "jsonl").expect_err("a list").contains("line 2 is no JSON object"));
    assert!(parse("x", "xlsx").expect_err("unknown").contains("name it .csv or .jsonl"));
}

#[test]
fn practice_is_asked_for_and_counted() {
    let dir = folder();
    let mut design = design(Template::ReportAlignment, 1, 2);
    design.plan.practice = 2;
    let text = "case,impression,use,image:arm1,image:arm2\n1,x,,a0.png,b0.png\n2,y,practice,a1.png,b1.png\n";
    let error = CaseTable::parse(text, "cases.csv", dir.path(), &design).expect_err("too few").to_string();
    assert!(error.contains("asks for 2 practice trials, and 1 rows"), "{error}");
}

#[test]
fn cases_of_one_arm_each_need_equal_counts() {
    let dir = folder();
    let mut design = design(Template::RealOrSynthetic, 1, 2);
    design.paired = false;
    let parse = |text: &str| CaseTable::parse(text, "cases.csv", dir.path(), &design);
    assert!(parse("case,arm,image\n1,arm1,a0.png\n2,arm2,b0.png\n").is_ok());
    let error = parse("case,arm,image\n1,arm1,a0.png\n2,arm2,b0.png\n3,arm2,b1.png\n").expect_err("uneven").to_string();
    assert!(error.contains("arms of different counts of images (arm1 1, arm2 2)"), "{error}");
}

#[test]
fn images_are_known_by_their_pixels_and_foreign_files_are_named() {
    use engine::domain::GrayImage;
    use engine::imageio::dicom::encode_secondary_capture;
    use engine::imageio::png::encode_gray16;
    let dir = tempfile::tempdir().expect("a folder");
    let image = GrayImage::new(4, 4, (0..16).map(|i| i * 4000).collect()).expect("a picture");
    std::fs::write(dir.path().join("a.png"), encode_gray16(&image, &[]).expect("a PNG")).expect("a file");
    std::fs::write(dir.path().join("a.json"), "{}").expect("a file");
    std::fs::write(dir.path().join("b.dcm"), encode_secondary_capture(&image, "{}", None).expect("DICOM")).expect("a file");
    std::fs::write(dir.path().join("c.png"), "hello").expect("a file");
    let read = |name: &str| read_image(&dir.path().join(name));
    let (png, record, dicom) = (read("a.png").expect("PNG"), read("a.json").expect("its PNG"), read("b.dcm").expect("DICOM"));
    assert_eq!(png.image, image);
    assert_eq!(png, record);
    assert_eq!(dicom.image, image);
    let error = read("c.png").expect_err("text").to_string();
    assert!(error.contains("c.png: "), "{error}");
    let error = read("d.png").expect_err("nothing").to_string();
    assert!(error.contains("d.png") && error.contains("no such file") && !error.contains('\n'), "{error}");
}

#[test]
fn help_is_tried_on_one_image() {
    let dir = folder();
    let design = design(Template::AssistedReading, 1, 2);
    let read = |other: &str| {
        let text = format!("case,findings,asked,image:arm1,image:arm2\n1,PTX,PTX,a0.png,{other}\n");
        CaseTable::parse(&text, "cases.csv", dir.path(), &design).map_err(|error| error.to_string())
    };
    assert!(read("a0.png").is_ok());
    let refused = read("b0.png").expect_err("another image");
    assert!(refused.contains("line 2: the case \"1\" has another image with help than without"), "{refused}");
}
