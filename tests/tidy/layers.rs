//! Who may use whom: modules of the engine, crates of the workspace, and what stays outside of both.

use crate::tree::{self, File, bare, expect_none, line, without_tests};

/// The engine's modules; each uses lower rows and itself, never its own row or a higher one.
const RANKS: &[&[&str]] = &[
    &["domain", "cancel", "allocator"],
    &["imageio", "text", "noise", "device", "ops"],
    &["model", "diffusion", "condition", "store", "phantom", "masks", "statistics"],
    &["denoise", "import", "adherence"],
    &["pipeline"],
];

/// Our crates and those of ours that they may depend on.
const EDGES: &[(&str, &[&str])] = &[
    ("engine", &[]),
    ("study", &["engine"]),
    ("app", &["engine", "study"]),
    ("trainer", &["engine", "study"]),
    ("tests", &["app", "engine", "study", "trainer"]),
];

/// Crates that do not lie in a folder of their name at the root.
const ELSEWHERE: &[(&str, &str)] = &[("study", "engine/study")];

/// Crates that would give a library of ours a window, a command line or, but for the answers of a study, a database.
const NOT_IN_LIBRARIES: &[&str] = &["anyhow", "clap", "eframe", "egui", "indicatif", "rfd"];
const NOT_IN_ENGINE: &[&str] = &["rusqlite"];

/// A study is read where no network and no card is: its crate takes none of these.
const NOT_IN_STUDY: &[&str] = &["candle-core", "candle-nn", "candle-transformers", "cudarc", "tokenizers"];

/// Crates that fetch or send over a network; none may be built into our programs (deny.toml, too).
const NETWORK: &[&str] = &[
    "attohttpc",
    "curl",
    "hf-hub",
    "hyper",
    "isahc",
    "minreq",
    "native-tls",
    "openssl",
    "quinn",
    "reqwest",
    "rustls",
    "surf",
    "tungstenite",
    "ureq",
    "webbrowser",
];

/// Words that would tie a plain value to files, time, tensors or a file format.
const NOT_IN_DOMAIN: &[&str] = &["candle", "serde", "std::path", "std::fs", "std::time", "std::env", "rand::"];

fn rank(module: &str) -> Option<usize> {
    RANKS.iter().position(|row| row.contains(&module))
}

/// Folders and file of a module under `engine/src`: `["ops", "conv2d", "fused"]`.
fn module_path(path: &str) -> Vec<&str> {
    let inside = path.strip_prefix("engine/src/").and_then(|p| p.strip_suffix(".rs")).unwrap_or_default();
    inside.split('/').filter(|part| *part != "mod").collect()
}

/// First names that stand after `prefix`, groups taken apart, with the position of each use.
fn heads(code: &str, prefix: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices(prefix) {
        if code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':') {
            continue;
        }
        let rest = code[at + prefix.len()..].trim_start();
        let name = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
        let Some(group) = rest.strip_prefix('{') else {
            found.push((at, name(rest)));
            continue;
        };
        let mut depth = 0;
        let mut start = 0;
        for (i, c) in group.char_indices() {
            match c {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    if !group[start..i].trim().is_empty() {
                        found.push((at, name(&group[start..i])));
                    }
                    start = i + 1;
                    if c == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
    }
    found
}

fn rank_faults(file: &File) -> Vec<String> {
    let module = module_path(&file.path);
    let own = module[0];
    if own == "lib" {
        return Vec::new();
    }
    let Some(own_rank) = rank(own) else {
        return vec![format!("{}: module {own} has no rank; give it one in tests/tidy/layers.rs and ARCHITECTURE.md", file.path)];
    };
    let code = bare(&file.text);
    let mut faults = Vec::new();
    let mut judge = |at: usize, used: &str| {
        if used != own && rank(used).is_none_or(|used| used >= own_rank) {
            faults.push(format!("{}:{}: {own} must not use {used:?}", file.path, line(&code, at)));
        }
    };
    for (at, used) in heads(&code, "crate::") {
        judge(at, &used);
    }
    // The root can be reached by climbing, too.
    for supers in module.len()..module.len() + 3 {
        for (at, used) in heads(&code, &"super::".repeat(supers)) {
            if rank(&used).is_some() {
                judge(at, &used);
            }
        }
    }
    faults
}

/// Names of the packages that a manifest depends on, in any section of dependencies.
fn dependencies(manifest: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut inside = false;
    for line in manifest.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            let section = section.trim_end_matches(']');
            inside = section.ends_with("dependencies");
            if let Some((head, name)) = section.rsplit_once('.')
                && head.ends_with("dependencies")
            {
                found.push(name);
            }
        } else if inside && !line.starts_with('#') {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if !name.is_empty() {
                found.push(name);
            }
        }
    }
    found
}

fn edge_faults(package: &str, manifest: &str) -> Vec<String> {
    let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == package) else {
        return vec![format!("{package}: a crate without a place in ARCHITECTURE.md")];
    };
    let ours = |name: &&str| EDGES.iter().any(|(other, _)| other == name);
    let mut faults = Vec::new();
    for name in dependencies(manifest) {
        if ours(&name) && !allowed.contains(&name) {
            faults.push(format!("{package} must not depend on {name}"));
        }
        let library = ["engine", "study"].contains(&package);
        if library && NOT_IN_LIBRARIES.contains(&name) || package == "engine" && NOT_IN_ENGINE.contains(&name) {
            faults.push(format!("{package} must not depend on {name}: it knows no window and no command line"));
        }
        if package == "study" && NOT_IN_STUDY.contains(&name) {
            faults.push(format!("study must not depend on {name}: a study is read without a network"));
        }
    }
    if !manifest.contains("[lints]\nworkspace = true") {
        faults.push(format!("{package}/Cargo.toml does not take the lints of the workspace"));
    }
    faults
}

fn network_faults(lock: &str) -> Vec<String> {
    let names = lock.lines().filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    names.filter(|name| NETWORK.contains(name)).map(|name| format!("Cargo.lock: {name} speaks to the network")).collect()
}

fn domain_faults(file: &File) -> Vec<String> {
    let code = without_tests(&bare(&file.text));
    let found = NOT_IN_DOMAIN.iter().filter_map(|word| Some((word, code.find(word)?)));
    found.map(|(word, at)| format!("{}:{}: domain must not know {word}", file.path, line(&code, at))).collect()
}

#[test]
fn engine_modules_use_lower_ranks_only() {
    let files = tree::files(".rs");
    let engine: Vec<_> = files.iter().filter(|file| file.path.starts_with("engine/src/")).collect();
    assert!(engine.len() > 100, "only {} files of the engine were found", engine.len());
    expect_none(&engine.into_iter().flat_map(rank_faults).collect::<Vec<_>>());

    let faults = |path: &str, text: &str| rank_faults(&File::new(path, text)).len();
    assert_eq!(faults("engine/src/diffusion/ddim.rs", "use crate::cancel::Cancel;"), 0);
    assert_eq!(faults("engine/src/diffusion/ddim.rs", "use crate::model::Dit;"), 1);
    assert_eq!(faults("engine/src/store/a.rs", "// crate::model\nuse crate::{domain::{A, B}, pipeline, store};"), 1);
    assert_eq!(faults("engine/src/noise/mod.rs", "fn f(x: super::phantom::Plan) {}"), 1);
    assert_eq!(faults("engine/src/ops/device/tests.rs", "use super::super::device;"), 0);
    assert_eq!(faults("engine/src/newcomer.rs", ""), 1);
}

/// Modules of a row of ARCHITECTURE.md's table of ranks.
fn documented(text: &str, rank: usize) -> Vec<&str> {
    let row = text.lines().find(|line| line.starts_with(&format!("| {rank} |"))).unwrap_or_default();
    row.split('|').nth(2).unwrap_or_default().split('`').skip(1).step_by(2).collect()
}

#[test]
fn the_document_shows_the_same_ranks() {
    let text = File::read("ARCHITECTURE.md").text;
    for (rank, modules) in RANKS.iter().enumerate() {
        assert_eq!(documented(&text, rank), *modules, "rank {rank} of ARCHITECTURE.md");
    }
    assert_eq!(documented("| 0 | `a`, `b` | in words |", 0), ["a", "b"]);
}

#[test]
fn crates_depend_one_way() {
    for (package, _) in EDGES {
        let folder = ELSEWHERE.iter().find(|(name, _)| name == package).map_or(*package, |(_, folder)| folder);
        expect_none(&edge_faults(package, &File::read(&format!("{folder}/Cargo.toml")).text));
    }
    let members = File::read("Cargo.toml").text;
    let known = "members = [\"app\", \"engine\", \"engine/study\", \"trainer\", \"tests\"]";
    assert!(members.contains(known), "a new crate needs a place in EDGES");

    let faults = |package: &str, line: &str| edge_faults(package, &format!("{line}\n[lints]\nworkspace = true")).len();
    assert_eq!(faults("app", "[dependencies]\nengine.workspace = true"), 0);
    assert_eq!(faults("app", "[dev-dependencies]\ntrainer = { path = \"../trainer\" }"), 1);
    assert_eq!(faults("trainer", "[target.'cfg(unix)'.dependencies]\napp.workspace = true"), 1);
    assert_eq!(faults("engine", "[dependencies.clap]\nversion = \"4\""), 1);
    assert_eq!(faults("engine", "[dependencies]\nrusqlite.workspace = true"), 1);
    assert_eq!(faults("study", "[dependencies]\nrusqlite.workspace = true\ncandle-nn.workspace = true"), 1);
}

#[test]
fn nothing_speaks_to_a_network() {
    expect_none(&network_faults(&File::read("Cargo.lock").text));
    let sources = tree::files(".rs");
    let users = sources.iter().filter(|file| bare(&file.text).contains("std::net"));
    expect_none(&users.map(|file| format!("{}: std::net", file.path)).collect::<Vec<_>>());
    assert_eq!(network_faults("[[package]]\nname = \"ureq\"\nversion = \"3.0.0\"").len(), 1);
}

#[test]
fn domain_values_stay_plain() {
    let files = tree::files(".rs");
    let domain = files.iter().filter(|file| file.path.starts_with("engine/src/domain/"));
    expect_none(&domain.flat_map(domain_faults).collect::<Vec<_>>());
    assert_eq!(domain_faults(&File::new("engine/src/domain/a.rs", "use std::path::Path;")).len(), 1);
}
