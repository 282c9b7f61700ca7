use super::*;

fn items(file: &str, text: &str) -> Vec<(String, String)> {
    parse_cases(file, text).expect("parses").into_iter().map(|row| (row.name, row.impression)).collect()
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn refused(file: &str, text: &str) -> String {
    format!("{:#}", parse_cases(file, text).expect_err("must be refused"))
}

#[test]
fn csv_follows_pandas() {
    let text = "name,Finding Labels,impression\na.png,X,\"No, acute\"\nb,Y,\nc,Z,NA\nd,Z,null\ne,Z,null text\nf,Z,\"two \"\"q\"\"\nlines\"\n";
    assert_eq!(items("x.csv", text), pairs(&[("a.png", "No, acute"), ("e", "null text"), ("f", "two \"q\"\nlines")]));
    assert_eq!(items("x.CSV", "\u{feff}impression\r\none\r\n\r\ntwo\r\n"), pairs(&[("0", "one"), ("1", "two")]));
    assert_eq!(items("x.csv", "impression\n"), pairs(&[]));
}

#[test]
fn csv_reads_mask_seed_and_boxes() {
    let text =
        "name,impression,mask,seed,boxes\na,t,m/a.png,7,\"[{\"\"class\"\": \"\"nodule\"\"}]\"\nb,t,nan,,\nc,t,,8.0,\nd,t\n";
    let rows = parse_cases("x.csv", text).expect("parses");
    assert_eq!(rows[0].mask.as_deref(), Some("m/a.png"));
    assert_eq!(rows[0].seed, Some(7));
    assert_eq!(rows[0].boxes.as_deref(), Some("[{\"class\": \"nodule\"}]"));
    assert_eq!((&rows[1].mask, rows[1].seed, &rows[1].boxes), (&None, None, &None));
    assert_eq!(rows[2].seed, Some(8));
    assert_eq!(rows[3].name, "d", "a short row");
}

#[test]
fn further_columns_are_kept_as_text() {
    let rows = parse_cases("x.csv", "impression,twin,feather,image\na,b,3,p.png\nc,,nan,\n").expect("parses");
    assert_eq!(rows[0].more.iter().map(|(k, v)| (*k, v.as_str())).collect::<Vec<_>>(), [("feather", "3"), ("twin", "b")]);
    assert!(rows[1].more.is_empty());
    let text = r#"[{"impression": "a", "invert": true, "feather": 3, "masks": ["a.png"], "twin": null}]"#;
    let row = &parse_cases("x.json", text).expect("parses")[0];
    assert_eq!(
        (row.more["invert"].as_str(), row.more["feather"].as_str(), row.more["masks"].as_str()),
        ("true", "3", "[\"a.png\"]")
    );
    assert!(refused("x.json", r#"[{"impression": "a", "twin": {}}]"#).contains("twin is an object"));
}

#[test]
fn json_and_lines_and_text() {
    assert_eq!(
        items("x.json", r#"["one", {"impression": "two", "name": "n2"}, {"impression": "three"}, {"impression": null}]"#),
        pairs(&[("0", "one"), ("n2", "two"), ("2", "three")])
    );
    assert_eq!(items("x.jsonl", "\"one\"\n\n{\"impression\": \"two\", \"name\": 5}\n"), pairs(&[("0", "one"), ("5", "two")]));
    assert_eq!(items("x.txt", "one\r\n\r\n  three  \n"), pairs(&[("0", "one"), ("1", ""), ("2", "  three  ")]));
    let rows = parse_cases("x.json", r#"[{"impression": "t", "boxes": [{"box": [0, 1, 2, 3]}], "seed": 18446744073709551615}]"#);
    let rows = rows.expect("parses");
    assert_eq!(rows[0].boxes.as_deref(), Some(r#"[{"box":[0,1,2,3]}]"#));
    assert_eq!(rows[0].seed, Some(u64::MAX));
}

#[test]
fn errors_name_file_place_and_remedy() {
    let sentence = refused("cases.csv", "name,Impression\na,b\n");
    assert!(
        sentence.contains("cases.csv") && sentence.contains("`impression`") && sentence.contains("name, Impression"),
        "{sentence}"
    );
    let sentence = refused("cases.csv", "name,impression\na,no effusion, no edema\n");
    assert!(sentence.contains("line 2") && sentence.contains("quotes"), "{sentence}");
    let sentence = refused("cases.csv", "impression,seed\nx,1\ny,-3\n");
    assert!(sentence.contains("line 3") && sentence.contains("seed is `-3`"), "{sentence}");
    let sentence = refused("cases.json", r#"[{"text": "x"}]"#);
    assert!(sentence.contains("cases.json") && sentence.contains("item 0") && sentence.contains("impression"), "{sentence}");
    let sentence = refused("cases.jsonl", "\"x\"\n{broken\n");
    assert!(sentence.contains("line 2") && sentence.contains("JSON"), "{sentence}");
    assert!(refused("cases.json", "{}").contains("list"));
    assert!(refused("cases.json", r#"[{"impression": 3}]"#).contains("impression is a number"));
    assert!(refused("cases.json", r#"[{"impression": "a", "seed": 1.5}]"#).contains("seed is 1.5"));
    assert!(refused("cases.xlsx", "").contains(".csv"));
    assert!(read_cases(Path::new("no-such-file.csv")).is_err());
}

proptest::proptest! {
    #[test]
    fn no_text_panics(text in "(name|impression|seed|boxes|mask|,|\"|\n|\r|[\\[\\]{}:]|NA|-?[0-9.]{1,20}|\\PC){0,40}", kind in 0usize..5) {
        let ending = ["csv", "json", "jsonl", "txt", "odd"][kind];
        let _rows_or_not = parse_cases(&format!("x.{ending}"), &text);
        let _rows_or_not = parse_cases("x.csv", &format!("name,impression,seed\n{text}"));
    }
}
