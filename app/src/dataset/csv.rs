//! Comma-separated tables with places in errors; quotes as spreadsheets write them.

/// A table: its header and its lines with their numbers in the file, from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table {
    /// Names of the columns.
    pub header: Vec<String>,
    /// Fields of each line, as many as the header has.
    pub lines: Vec<(usize, Vec<String>)>,
}

/// Reads a table; blank lines are left out.
///
/// # Errors
/// Names the line: a quote that is never closed, or another number of fields than the header has.
pub fn parse(text: &str) -> Result<Table, String> {
    let mut lines = records(text.strip_prefix('\u{feff}').unwrap_or(text))?.into_iter();
    let Some((_, header)) = lines.next() else { return Err("it is empty; the first line names the columns".to_owned()) };
    let mut table = Table { header: header.into_iter().map(|name| name.trim().to_owned()).collect(), lines: Vec::new() };
    for (line, fields) in lines {
        if fields.len() != table.header.len() {
            return Err(format!(
                "line {line} has {} fields and the header {}; put quotes around text that contains commas",
                fields.len(),
                table.header.len()
            ));
        }
        table.lines.push((line, fields));
    }
    Ok(table)
}

fn records(text: &str) -> Result<Vec<(usize, Vec<String>)>, String> {
    let mut found: Vec<(usize, Vec<String>)> = Vec::new();
    let (mut line, mut began) = (1, 1);
    let (mut fields, mut field) = (Vec::new(), String::new());
    let (mut quoted, mut was_quoted) = (false, false);
    let mut chars = text.chars().peekable();
    let mut end = |fields: &mut Vec<String>, field: &mut String, was_quoted: &mut bool, began: usize| {
        fields.push(std::mem::take(field));
        let whole = std::mem::take(fields);
        if whole.len() > 1 || *was_quoted || !whole[0].trim().is_empty() {
            found.push((began, whole));
        }
        *was_quoted = false;
    };
    while let Some(c) = chars.next() {
        match c {
            '"' if quoted && chars.peek() == Some(&'"') => {
                chars.next();
                field.push('"');
            }
            '"' if quoted => quoted = false,
            '"' if field.is_empty() => (quoted, was_quoted) = (true, true),
            ',' if !quoted => fields.push(std::mem::take(&mut field)),
            '\r' if !quoted && chars.peek() == Some(&'\n') => {}
            '\n' if !quoted => {
                end(&mut fields, &mut field, &mut was_quoted, began);
                line += 1;
                began = line;
            }
            c => {
                line += usize::from(c == '\n');
                field.push(c);
            }
        }
    }
    if quoted {
        return Err(format!("line {began} opens a quote that is never closed"));
    }
    if !field.is_empty() || !fields.is_empty() || was_quoted {
        end(&mut fields, &mut field, &mut was_quoted, began);
    }
    Ok(found)
}

/// One line of a table, with its line break.
pub fn line<S: AsRef<str>>(fields: &[S]) -> String {
    let quoted = fields.iter().map(|field| {
        let field = field.as_ref();
        if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field.to_owned() }
    });
    quoted.collect::<Vec<_>>().join(",") + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let rows = [vec!["a", "b,c"], vec!["say \"x\"", "two\nlines"], vec!["", "Übung"]];
        let text: String = rows.iter().map(|row| line(row)).collect();
        let table = parse(&text).expect("a table");
        assert_eq!(table.header, ["a", "b,c"]);
        assert_eq!(table.lines[0], (2, vec!["say \"x\"".to_owned(), "two\nlines".to_owned()]));
        assert_eq!(table.lines[1].0, 4, "lines are counted in the file");
        assert_eq!(parse("a,b\r\n1,2\r\n\r\n").expect("a table").lines.len(), 1);
    }

    #[test]
    fn damage_names_its_line() {
        assert!(parse("").expect_err("nothing").contains("empty"));
        assert!(parse("a,b\n1,2,3").expect_err("a field too many").contains("line 2"));
        assert!(parse("a,b\n1,\"2").expect_err("an open quote").contains("line 2"));
    }
}
