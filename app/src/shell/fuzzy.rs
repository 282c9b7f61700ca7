//! Finds words by some of their letters in order: `gnr` finds "Generate".

/// How well a text fits what was typed; `None` when letters are missing.
///
/// Letters that begin a word, stand side by side or begin the text count more; texts in which less is left over win.
pub fn score(query: &str, text: &str) -> Option<i32> {
    let wanted: Vec<char> = query.chars().filter(|c| !c.is_whitespace()).flat_map(char::to_lowercase).collect();
    if wanted.is_empty() {
        return Some(0);
    }
    let letters: Vec<char> = text.chars().flat_map(char::to_lowercase).collect();
    let begins = |i: usize| i == 0 || !letters[i - 1].is_alphanumeric();
    // Best score of the letters so far that ends at each place.
    let mut best: Vec<Option<i32>> = vec![None; letters.len()];
    for (n, &letter) in wanted.iter().enumerate() {
        let mut next = vec![None; letters.len()];
        // Best of all ends that lie before the place.
        let mut before: Option<i32> = None;
        for (i, &there) in letters.iter().enumerate() {
            let side_by_side = if i > 0 { best[i - 1] } else { None };
            if there == letter {
                let own = if begins(i) { 8 } else { 1 } + if i == 0 { 4 } else { 0 };
                next[i] = if n == 0 {
                    Some(own)
                } else {
                    [before.map(|b| b + own), side_by_side.map(|b| b + own + 6)].into_iter().flatten().max()
                };
            }
            before = before.max(best[i]);
        }
        best = next;
    }
    let left_over = letters.len().saturating_sub(wanted.len()) as i32;
    // Letters that were typed as they stand in the text beat letters picked from many words.
    let solid = |letters: &[char]| letters.iter().filter(|c| !c.is_whitespace()).collect::<String>();
    let (text, typed) = (solid(&letters), wanted.iter().collect::<String>());
    let as_typed = match text.find(&typed) {
        Some(0) if text.len() == typed.len() => 4096,
        Some(0) => 2048,
        Some(_) => 512,
        None => 0,
    };
    best.into_iter().flatten().max().map(|b| b * 16 + as_typed - left_over.min(64))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn first(query: &str, texts: &[&'static str]) -> &'static str {
        let mut scored: Vec<(i32, &'static str)> = texts.iter().filter_map(|t| Some((score(query, t)?, *t))).collect();
        scored.sort_by_key(|(score, _)| -score);
        scored.first().map_or("", |(_, text)| text)
    }

    #[test]
    fn the_likely_word_comes_first() {
        let texts = [
            "Generate",
            "Show or hide overlays",
            "Runs room",
            "Reset window and level",
            "Open a file",
            "Eraser",
            "Lasso",
            "Last step of the film",
        ];
        for (query, wanted) in [
            ("gen", "Generate"),
            ("gnr", "Generate"),
            ("overl", "Show or hide overlays"),
            ("rwl", "Reset window and level"),
            ("runs", "Runs room"),
            ("ERAS", "Eraser"),
            ("opf", "Open a file"),
            ("lasso", "Lasso"),
        ] {
            assert_eq!(first(query, &texts), wanted, "{query}");
        }
        assert_eq!(score("xyz", "Generate"), None);
        assert_eq!(score("etareneg", "Generate"), None, "letters out of order");
        assert_eq!(score("  ", "Generate"), Some(0));
        assert!(score("é", "Élan").is_some());
    }
}
