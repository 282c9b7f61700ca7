//! Words for a shell.

/// A word that the shell takes as it is.
pub fn quote(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Words of a command, one blank between them.
pub fn join<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    words.into_iter().map(quote).collect::<Vec<_>>().join(" ")
}

/// A command over several lines: `head` as it is, then a word with what belongs to it a line.
pub fn broken(head: &str, lines: &[String]) -> String {
    let mut text = head.to_owned();
    for line in lines {
        text.push_str(" \\\n  ");
        text.push_str(line);
    }
    text
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_words_stay_and_others_are_quoted() {
        assert_eq!(
            join(["a/b.toml", "--set", "name=x y", "it's", "", "$HOME"]),
            r#"a/b.toml --set 'name=x y' 'it'\''s' '' '$HOME'"#
        );
    }

    #[cfg(unix)]
    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_shell_reads_what_was_meant(words in prop::collection::vec("[ -~\n]{0,8}", 1..5)) {
            let command = format!("printf '%s\\0' {}", join(words.iter().map(String::as_str)));
            let output = std::process::Command::new("sh").args(["-c", &command]).output().unwrap();
            let read: Vec<String> = String::from_utf8(output.stdout).unwrap().split_terminator('\0').map(str::to_owned).collect();
            prop_assert_eq!(read, words);
        }
    }
}
