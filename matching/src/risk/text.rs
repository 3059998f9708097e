//! The syntax of a parameter file: `key = value` lines of numbers, strings and lists of them; a small part of TOML.
//!
//! What the keys mean is left to [`parse`](super::parse). Any TOML reader takes such a file too.

use std::{iter::Peekable, str::CharIndices};

/// No parameter file is longer.
pub const MAX_TEXT_BYTES: usize = 16_384;

/// Lists within lists, at most.
const MAX_DEPTH: u32 = 2;

/// A text that is no parameter file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: expected {expected}")]
pub struct SyntaxError {
    /// From 1.
    pub line: usize,
    /// What should stand there.
    pub expected: &'static str,
}

/// What stands right of `=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    Number(i64),
    Text(String),
    List(Vec<Value>),
}

/// One assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Line {
    /// From 1; where the key stands.
    pub(super) number: usize,
    pub(super) key: String,
    pub(super) value: Value,
}

/// All assignments, in their order.
pub(super) fn read(text: &str) -> Result<Vec<Line>, SyntaxError> {
    let mut reader = Reader {
        characters: text.char_indices().peekable(),
        line: 1,
    };
    if text.len() > MAX_TEXT_BYTES {
        return Err(reader.expected("at most 16,384 bytes"));
    }
    let mut lines = vec![];
    loop {
        reader.skip_blank_and_lines();
        if reader.peek().is_none() {
            return Ok(lines);
        }
        let number = reader.line;
        let key = reader.key()?;
        reader.skip_blank();
        reader.take('=', "=")?;
        reader.skip_blank();
        let value = reader.value(MAX_DEPTH)?;
        reader.skip_blank();
        reader.skip_comment();
        match reader.peek() {
            None | Some('\n') => lines.push(Line { number, key, value }),
            Some(_) => return Err(reader.expected("the end of the line")),
        }
    }
}

struct Reader<'a> {
    characters: Peekable<CharIndices<'a>>,
    line: usize,
}

impl Reader<'_> {
    fn peek(&mut self) -> Option<char> {
        self.characters.peek().map(|&(_, character)| character)
    }

    fn next(&mut self) -> Option<char> {
        let (_, character) = self.characters.next()?;
        self.line += usize::from(character == '\n');
        Some(character)
    }

    fn expected(&self, expected: &'static str) -> SyntaxError {
        SyntaxError {
            line: self.line,
            expected,
        }
    }

    fn take(&mut self, character: char, expected: &'static str) -> Result<(), SyntaxError> {
        if self.peek() == Some(character) {
            self.next();
            Ok(())
        } else {
            Err(self.expected(expected))
        }
    }

    fn take_while(&mut self, belongs: impl Fn(char) -> bool) -> String {
        let mut taken = String::new();
        while let Some(character) = self.peek().filter(|&c| belongs(c)) {
            taken.push(character);
            self.next();
        }
        taken
    }

    fn skip_blank(&mut self) {
        self.take_while(|c| c == ' ');
    }

    fn skip_comment(&mut self) {
        if self.peek() == Some('#') {
            self.take_while(|c| c != '\n');
        }
    }

    fn skip_blank_and_lines(&mut self) {
        loop {
            self.skip_blank();
            self.skip_comment();
            if self.peek() != Some('\n') {
                return;
            }
            self.next();
        }
    }

    fn key(&mut self) -> Result<String, SyntaxError> {
        let key = self.take_while(|c| c.is_ascii_lowercase() || c == '_');
        if key.is_empty() {
            return Err(self.expected("a key"));
        }
        Ok(key)
    }

    fn value(&mut self, depth: u32) -> Result<Value, SyntaxError> {
        match self.peek() {
            Some('"') => self.text().map(Value::Text),
            Some('[') => self.list(depth).map(Value::List),
            _ => self.number().map(Value::Number),
        }
    }

    fn text(&mut self) -> Result<String, SyntaxError> {
        self.take('"', "a string")?;
        let text = self.take_while(|c| !matches!(c, '"' | '\\' | '\n') && !c.is_control());
        self.take('"', "\" (no escapes, one line)")?;
        Ok(text)
    }

    fn number(&mut self) -> Result<i64, SyntaxError> {
        let text = self.take_while(|c| c.is_ascii_digit() || c == '-');
        // TOML has no leading zeros; one number, one way to write it.
        let number = text.parse().ok().filter(|n: &i64| n.to_string() == text);
        number.ok_or_else(|| self.expected("a number, a string in double quotes, or a list"))
    }

    fn list(&mut self, depth: u32) -> Result<Vec<Value>, SyntaxError> {
        self.take('[', "a list")?;
        let depth = depth
            .checked_sub(1)
            .ok_or_else(|| self.expected("no lists so deep"))?;
        let mut values = vec![];
        loop {
            self.skip_blank_and_lines();
            if self.peek() == Some(']') {
                self.next();
                return Ok(values);
            }
            values.push(self.value(depth)?);
            self.skip_blank_and_lines();
            match self.peek() {
                Some(',') => _ = self.next(),
                Some(']') => {}
                _ => return Err(self.expected(", or ]")),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_strings_and_lists_are_read() {
        let text =
            "# rules\n\nname = \"a b\" # that\nlist = [ # rows\n  [1, \"x\"],\n  [-2],\n]\nn=-7";
        let lines = read(text).unwrap();
        let keys: Vec<_> = lines.iter().map(|l| (l.number, l.key.as_str())).collect();
        assert_eq!(keys, [(3, "name"), (4, "list"), (8, "n")]);
        assert_eq!(lines[0].value, Value::Text("a b".into()));
        let row = |values: &[Value]| Value::List(values.to_vec());
        assert_eq!(
            lines[1].value,
            row(&[
                row(&[Value::Number(1), Value::Text("x".into())]),
                row(&[Value::Number(-2)])
            ])
        );
        assert_eq!(lines[2].value, Value::Number(-7));
        assert_eq!(read("").unwrap(), []);
    }

    #[test]
    fn faults_are_named_by_line() {
        for (text, line) in [
            ("a = 1\nb", 2),
            ("a = 1 2", 1),
            ("A = 1", 1),
            ("a = 01", 1),
            ("a = -", 1),
            ("a = 9223372036854775808", 1),
            ("a = \"x", 1),
            ("a = \"x\\n\"", 1),
            ("a = [1\n2]", 2),
            ("a = [[[1]]]", 1),
            ("a = [,]", 1),
            ("a = [1", 1),
            ("\ta = 1", 1),
        ] {
            assert_eq!(read(text).unwrap_err().line, line, "{text}");
        }
        assert!(read(&"#".repeat(MAX_TEXT_BYTES + 1)).is_err());
        assert!(read(&format!("a = {}", "[".repeat(10_000))).is_err());
    }

    proptest! {
        #[test]
        fn any_text_gives_an_answer(text in "[a-z_=\\[\\]\",#\n 0-9-]{0,60}") {
            _ = read(&text);
        }
    }
}
