//! The configurations that are shipped.

use super::*;

fn shipped() -> Vec<(String, AnyConfig)> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let mut paths: Vec<_> = std::fs::read_dir(dir).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    // Settings of prepare are read by another command.
    paths.retain(|path| !path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("prepare-")));
    let read = |path: &std::path::PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        (name, AnyConfig::read(path, &[]).unwrap_or_else(|error| panic!("{error:#}")))
    };
    paths.iter().map(read).collect()
}

#[test]
fn every_shipped_configuration_is_read_and_written_again() {
    let all = shipped();
    assert!(all.len() >= 2);
    for (name, config) in all {
        let text = config.to_text().unwrap_or_else(|error| panic!("{name}: {error:#}"));
        let again = AnyConfig::from_text(&text, &[]).unwrap_or_else(|error| panic!("{name}: {error:#}"));
        assert_eq!(again, config, "{name}");
    }
}
