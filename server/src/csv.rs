//! Tables as spreadsheets read them: comma-separated, UTF-8 with a mark that lets Excel show Vietnamese.
//!
//! A cell that a spreadsheet would run as a formula gets an apostrophe in front, which it shows as text.

/// What a file begins with.
pub const BYTE_ORDER_MARK: &str = "\u{feff}";

/// What formulas begin with.
const FORMULA: [char; 6] = ['=', '+', '-', '@', '\t', '\r'];

/// Adds a line.
pub fn push_line(text: &mut String, cells: impl IntoIterator<Item = impl AsRef<str>>) {
    for (index, cell) in cells.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_cell(text, cell.as_ref());
    }
    text.push_str("\r\n");
}

fn push_cell(text: &mut String, cell: &str) {
    // An apostrophe of the cell's own would be taken for ours when it is read again.
    let guard = cell.starts_with(FORMULA) || cell.starts_with('\'');
    let quoted = cell.contains([',', '"', '\n', '\r']);
    if quoted {
        text.push('"');
    }
    if guard {
        text.push('\'');
    }
    text.push_str(&cell.replace('"', "\"\""));
    if quoted {
        text.push('"');
    }
}

/// The cells of a line that [`push_line`] wrote; `None` if it cannot have. Cells with line ends are not read.
#[must_use]
pub fn parse_line(line: &str) -> Option<Vec<String>> {
    let mut rest = line.strip_suffix('\r').unwrap_or(line);
    let mut cells = Vec::new();
    loop {
        let cell;
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut text = String::new();
            let mut at = quoted;
            loop {
                let end = at.find('"')?;
                text.push_str(&at[..end]);
                at = &at[end + 1..];
                match at.strip_prefix('"') {
                    Some(more) => {
                        text.push('"');
                        at = more;
                    }
                    None => break,
                }
            }
            cell = text;
            rest = at;
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            cell = rest[..end].to_owned();
            rest = &rest[end..];
        }
        cells.push(cell.strip_prefix('\'').map_or(cell.clone(), str::to_owned));
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None if rest.is_empty() => return Some(cells),
            None => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        for cells in [
            vec!["a", "", "Đà Nẵng"],
            vec!["=1+1", "+1", "-1", "@x", "\tx", "'x", "''"],
            vec!["a,b", "say \"x\"", "\"", "", "=\"a\",b"],
            vec![""],
        ] {
            let mut line = String::new();
            push_line(&mut line, &cells);
            assert_eq!(parse_line(line.trim_end_matches('\n')).unwrap(), cells);
        }
        for wrong in ["\"a", "\"a\"b", "a,\""] {
            assert_eq!(parse_line(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn no_cell_is_a_formula() {
        let mut line = String::new();
        push_line(&mut line, ["=HYPERLINK(1,2)", "<5", "12"]);
        assert_eq!(line, "\"'=HYPERLINK(1,2)\",<5,12\r\n");
    }
}
