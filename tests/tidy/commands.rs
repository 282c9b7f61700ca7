//! Command lines in documents, read by the parsers of the programs themselves; paths that documents name.

use std::ffi::OsString;
use std::path::Path;

use clap::{CommandFactory as _, Parser as _};
use trainer::cli::Cli;

use crate::tree::{self, File, expect_none, root};

/// Options of other programs and of the studio that documents name by themselves.
const OF_OTHERS: &[&str] = &[
    "--answers",
    "--bind-to",
    "--data",
    "--features",
    "--kill-on-bad-exit",
    "--mpi",
    "--no-python",
    "--rdzv-id",
    "--reader",
    "--release",
    "--save",
    "--version",
    "--windowed",
];

/// Folders of ours with which a path in a document begins.
const OURS: &[&str] = &["app/", "assets/", "docs/", "engine/", "tests/", "trainer/"];

/// Commands in fenced code, a line each: continued lines are one, comments and what a shell joins are apart.
fn fenced(text: &str) -> Vec<String> {
    let mut inside = false;
    let mut whole = String::new();
    let mut out = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside = !inside;
        } else if inside {
            let line = line.split(" #").next().unwrap_or_default().trim();
            match line.strip_suffix('\\') {
                Some(begun) => whole.push_str(begun),
                None => {
                    whole.push_str(line);
                    out.extend(std::mem::take(&mut whole).split("&&").map(|part| part.trim().to_owned()));
                }
            }
        }
    }
    out
}

/// Text between backticks outside of fenced code.
fn spans(text: &str) -> Vec<String> {
    let mut fence = false;
    let mut out = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fence = !fence;
        } else if !fence {
            out.extend(line.split('`').skip(1).step_by(2).map(str::to_owned));
        }
    }
    out
}

/// Words as a shell would give them; quotes hold a word together.
fn words(line: &str) -> Vec<String> {
    let mut out = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for c in line.chars() {
        match c {
            '"' | '\'' if quote.is_none_or(|open| open == c) => {
                quote = if quote.is_none() { Some(c) } else { None };
                word.get_or_insert_default();
            }
            c if c.is_whitespace() && quote.is_none() => out.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    out.extend(word);
    out
}

/// The words from the name of one of our programs on, whatever starts it.
fn of_ours(line: &str) -> Option<Vec<String>> {
    let line = line
        .replace("cargo run --release -p trainer -- ", "chexgen ")
        .replace("cargo run --release -- ", "chexgen-studio ")
        .replace(['[', ']'], " ")
        .replace("PERCENT", "100");
    let mut words = words(&line);
    let begin = words.iter().position(|word| word == "chexgen" || word == "chexgen-studio")?;
    Some(words.split_off(begin))
}

/// Why a program would refuse a command; its files need not be there, except those of this repository.
fn refusal(words: &[String]) -> Option<String> {
    let missing = words.iter().find(|word| OURS.iter().any(|place| word.starts_with(place)) && !root().join(word).exists());
    if let Some(path) = missing {
        return Some(format!("{path} does not exist"));
    }
    if words[0] == "chexgen-studio" {
        return app::cli::parse(words[1..].iter().map(OsString::from)).err();
    }
    match Cli::try_parse_from(words) {
        Ok(_) => None,
        Err(error) if error.exit_code() == 0 => None,
        Err(error) => Some(error.to_string().lines().next().unwrap_or_default().to_owned()),
    }
}

/// What a command in running text says that the program does not know: a subcommand, or an option by its long name.
fn unknown(words: &[String]) -> Option<String> {
    let mut command = Cli::command();
    command.build();
    let mut rest = words[1..].iter().peekable();
    while let Some(name) = rest.next_if(|word| command.has_subcommands() && word.starts_with(char::is_lowercase)) {
        match command.find_subcommand(name) {
            Some(found) => command = found.clone(),
            None if command.get_positionals().next().is_some() => break,
            None => return Some(format!("{} has no subcommand {name}", command.get_name())),
        }
    }
    let known = |option: &str| command.get_arguments().any(|arg| arg.get_long() == Some(option));
    let option = rest.filter_map(|word| word.strip_prefix("--")).map(|word| word.split('=').next().unwrap_or(word));
    option.filter(|word| !word.is_empty()).find(|word| !known(word)).map(|word| format!("{} has no --{word}", words.join(" ")))
}

/// Whether any of our commands has an option of this long name.
fn is_option(command: &clap::Command, name: &str) -> bool {
    command.get_arguments().any(|arg| arg.get_long() == Some(name)) || command.get_subcommands().any(|sub| is_option(sub, name))
}

fn faults(file: &File) -> Vec<String> {
    let mut faults = Vec::new();
    for line in fenced(&file.text) {
        let refused = of_ours(&line).and_then(|words| refusal(&words));
        faults.extend(refused.map(|why| format!("{}: {line}: {why}", file.path)));
        if line.starts_with("--") {
            faults.push(format!("{}: {line}: options without their command", file.path));
        }
    }
    let mut cli = Cli::command();
    cli.build();
    for span in spans(&file.text) {
        if span.starts_with("chexgen ") {
            let found = of_ours(&span).and_then(|words| unknown(&words));
            faults.extend(found.map(|why| format!("{}: `{span}`: {why}", file.path)));
            continue;
        }
        let name = span.split([' ', '=']).next().unwrap_or_default();
        let option = name.strip_prefix("--").filter(|option| !option.is_empty());
        if option.is_some_and(|option| !OF_OTHERS.contains(&name) && !is_option(&cli, option)) {
            faults.push(format!("{}: no command has {name}", file.path));
        }
    }
    faults
}

/// A path with one group in braces, as each of the paths it stands for.
fn unfolded(path: &str) -> Vec<String> {
    let parts = path.split_once('{').and_then(|(head, rest)| Some((head, rest.split_once('}')?)));
    match parts {
        Some((head, (group, tail))) => group.split(',').map(|one| format!("{head}{one}{tail}")).collect(),
        None => vec![path.to_owned()],
    }
}

fn path_faults(file: &File, exists: impl Fn(&Path) -> bool) -> Vec<String> {
    let is_path = |span: &String| OURS.iter().any(|place| span.starts_with(place)) && !span.contains([' ', '*', '<']);
    let paths = spans(&file.text).into_iter().filter(is_path).flat_map(|span| unfolded(&span));
    paths.filter(|path| !exists(Path::new(path))).map(|path| format!("{}: `{path}` does not exist", file.path)).collect()
}

#[test]
fn command_lines_of_documents_are_taken() {
    let documents = tree::files(".md");
    assert!(documents.iter().flat_map(|file| fenced(&file.text)).filter_map(|line| of_ours(&line)).count() > 40);
    expect_none(&documents.iter().flat_map(faults).collect::<Vec<_>>());

    let count = |text: &str| faults(&File::new("a.md", text)).len();
    assert_eq!(count("```sh\nsrun -n 8 chexgen generate --impression \"A b.\" \\\n  --count 2   # two --such\n```"), 0);
    assert_eq!(count("```sh\nchexgen generate --impresion \"A b.\"\n```"), 1);
    assert_eq!(count("```sh\nchexgen generate \\\n  --impression A\n  --seed 1\n```"), 1);
    assert_eq!(count("```sh\ncd a && cargo run --release -p trainer -- generate A\n```"), 1);
    assert_eq!(count("```sh\nchexgen train trainer/configs/none.toml --out a\nchexgen-studio read\n```"), 2);
    assert_eq!(count("`chexgen train` `--out` `chexgen config diff A B` `chexgen export RUN --ema none` `--features mpi`"), 0);
    assert_eq!(count("`chexgen trein` `--auot` `chexgen config dif A B` `chexgen export RUN --emma none`"), 4);
}

#[test]
fn paths_that_documents_name_exist() {
    let exists = |path: &Path| root().join(path).exists();
    expect_none(&tree::files(".md").iter().flat_map(|file| path_faults(file, exists)).collect::<Vec<_>>());
    let file = File::new("a.md", "`app/src/{a,b}.rs` `engine/c` `other/d` ```x```\n");
    assert_eq!(path_faults(&file, |path| path == Path::new("app/src/a.rs")).len(), 2);
}
