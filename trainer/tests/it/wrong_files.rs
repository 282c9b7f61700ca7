//! Every place where a file or folder is named gets nothing, an empty file, a folder, bytes, words, a picture and half of a
//! configuration: one sentence that names it, exit code 1, and nothing is written.

use std::path::Path;

use crate::support::{names, run, stderr, tiny, write_mask};

/// What is given instead of what is wanted.
const WRONG: [&str; 7] = ["nothere", "empty", "folder", "bytes", "words.txt", "picture.png", "half.toml"];

/// Commands with `@` where the wrong file stands, `MODEL` for a model folder and `CONFIGS` for the shipped configurations;
/// behind them, which of the files are right there.
const COMMANDS: &[(&str, &[&str])] = &[
    ("generate --model MODEL --cases @ --steps 1 --out out", &["words.txt"]),
    ("generate --model MODEL --impression Pneumothorax. --mask @ --steps 1 --out out", &["picture.png"]),
    ("generate --model MODEL --impression Pneumothorax. --boxes @ --steps 1 --out out", &[]),
    ("generate --model MODEL --impression Pneumothorax. --image @ --steps 2 --out out", &["picture.png"]),
    ("generate --model MODEL --impression Pneumothorax. --image picture.png --may-change @ --out out", &["picture.png"]),
    ("generate --model MODEL --impression Pneumothorax. --noise @ --steps 1 --out out", &[]),
    ("generate --model MODEL --fork @ --from-step 1 --out out", &[]),
    ("generate --model @ --impression Pneumothorax. --out out", &[]),
    ("replay @", &[]),
    ("import --dit @ --t5 MODEL --vae MODEL --out out", &[]),
    ("import --parts --t5 @ --vae MODEL --out out", &[]),
    ("import --parts --t5 MODEL --vae @ --out out", &[]),
    ("import --stable-diffusion @ --out out", &[]),
    ("prepare @ --out out", &[]),
    ("prepare report @", &[]),
    ("prepare verify @", &[]),
    ("prepare release @ --model MODEL --out out", &[]),
    ("plan @ --no-probe", &[]),
    ("train @ --out out", &[]),
    ("train CONFIGS/stage1-256.practice.toml --parts @ --out out", &[]),
    ("train CONFIGS/stage1-256.practice.toml --parts MODEL --data @ --out out", &[]),
    ("train CONFIGS/stage2-512.practice.toml --parts MODEL --from @ --out out", &[]),
    ("launch @ --out out --dry-run", &["words.txt"]),
    ("launch --stages @ --dry-run", &[]),
    ("launch @ --estimate", &[]),
    ("export @ --out out", &[]),
    ("config show @", &[]),
    ("config check @", &[]),
    ("config diff CONFIGS/practice.toml @", &[]),
    ("practice-report --model @ --cases 1 --out out", &[]),
    ("parity @", &[]),
    ("study check @", &[]),
    ("study power @", &[]),
    ("study audit @", &[]),
    ("study seal @", &[]),
    ("study verify @", &[]),
    ("study simulate @ --out out", &[]),
    ("study join @ answers.cxanswers", &[]),
    ("study report @ --out out.html", &[]),
];

fn lay_out(dir: &Path) {
    std::fs::create_dir(dir.join("folder")).unwrap();
    let bytes: Vec<u8> = (0..=255).rev().cycle().take(5000).collect();
    let files: [(&str, &[u8]); 4] =
        [("empty", b""), ("bytes", &bytes), ("words.txt", b"Hello world.\n"), ("half.toml", b"name = \"a\"\nstage = \"te")];
    for (name, content) in files {
        std::fs::write(dir.join(name), content).unwrap();
    }
    write_mask(&dir.join("picture.png"), 64, 64);
}

#[test]
fn are_told_in_one_sentence_and_leave_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path();
    lay_out(dir);
    let before = names(dir);
    let model = tiny().model.to_str().unwrap();
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut faults = Vec::new();
    for (command, right) in COMMANDS {
        for wrong in WRONG.iter().filter(|wrong| !right.contains(wrong)) {
            let line = command.replace("MODEL", model).replace("CONFIGS", configs.to_str().unwrap()).replace('@', wrong);
            let output = run(dir, &line.split_whitespace().collect::<Vec<_>>());
            let text = stderr(&output);
            let mut fault = |what: &str| faults.push(format!("{}: {what}: {text}", command.replace('@', wrong)));
            if output.status.code() != Some(1) {
                fault(&format!("{:?}", output.status));
            }
            if text.lines().count() != 1 || !text.starts_with("chexgen: ") {
                fault("not one sentence");
            }
            if !text.contains(wrong) {
                fault("does not name the file");
            }
            if text.contains("os error") || text.contains(": :") || text.contains("expected usize") {
                fault("words of the system or of the language");
            }
            if names(dir) != before || dir.join("out").exists() {
                fault("something was written");
                for name in names(dir).iter().filter(|name| !before.contains(name)) {
                    std::fs::remove_file(dir.join(name)).unwrap();
                }
                drop(std::fs::remove_dir_all(dir.join("out")));
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}
