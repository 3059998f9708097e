//! How each symbol of an upload code is read aloud, in Vietnamese and English.

use super::texts::Language;

/// A symbol with what stands for it on the telephone.
struct Symbol {
    symbol: char,
    /// What a Vietnamese speaker calls it; for a digit, its word.
    vietnamese_name: &'static str,
    /// A familiar word that begins with the letter, and with no other letter of the alphabet by ear.
    vietnamese_word: Option<&'static str>,
    /// NATO's word, or the digit's.
    english: &'static str,
}

const fn digit(symbol: char, vietnamese: &'static str, english: &'static str) -> Symbol {
    Symbol {
        symbol,
        vietnamese_name: vietnamese,
        vietnamese_word: None,
        english,
    }
}

const fn letter(
    symbol: char,
    vietnamese_name: &'static str,
    vietnamese_word: &'static str,
    english: &'static str,
) -> Symbol {
    Symbol {
        symbol,
        vietnamese_name,
        vietnamese_word: Some(vietnamese_word),
        english,
    }
}

const SYMBOLS: [Symbol; 23] = [
    digit('2', "hai", "two"),
    digit('3', "ba", "three"),
    digit('4', "bốn", "four"),
    digit('5', "năm", "five"),
    digit('6', "sáu", "six"),
    digit('7', "bảy", "seven"),
    digit('8', "tám", "eight"),
    digit('9', "chín", "nine"),
    letter('A', "a", "áo", "Alfa"),
    letter('C', "cờ", "Cường", "Charlie"),
    letter('E', "e", "em bé", "Echo"),
    letter('F', "ép", "Festival", "Foxtrot"),
    letter('H', "hát", "Hà Nội", "Hotel"),
    letter('J', "gi", "Judo", "Juliett"),
    letter('K', "ca", "Kiên", "Kilo"),
    letter('M', "mờ", "Minh", "Mike"),
    letter('N', "nờ", "Nam", "November"),
    letter('P', "pờ", "Pin", "Papa"),
    letter('R', "rờ", "Rồng", "Romeo"),
    letter('T', "tờ", "Tuấn", "Tango"),
    letter('W', "vê kép", "Wi-Fi", "Whiskey"),
    letter('X', "ích-xì", "Xuân", "X-ray"),
    letter('Y', "y dài", "Yên", "Yankee"),
];

/// What to say for a symbol: `cờ, như Cường`, `Charlie`, `bảy`. The symbol itself if no code has it.
pub(crate) fn spelled(symbol: char, language: Language) -> String {
    let Some(entry) = SYMBOLS.iter().find(|entry| entry.symbol == symbol) else {
        return symbol.to_string();
    };
    match (language, entry.vietnamese_word) {
        (Language::English, _) => entry.english.to_owned(),
        (Language::Vietnamese, None) => format!("số {}", entry.vietnamese_name),
        (Language::Vietnamese, Some(word)) => format!("{}, như {word}", entry.vietnamese_name),
    }
}

/// Every symbol with what to say for it.
pub(crate) fn all(language: Language) -> impl Iterator<Item = (char, String)> {
    SYMBOLS
        .iter()
        .map(move |entry| (entry.symbol, spelled(entry.symbol, language)))
}

/// A code's groups, as the hyphens cut it.
pub(crate) fn groups(upload_code: &str) -> Vec<&str> {
    upload_code.split('-').collect()
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashSet};

    use rand::{SeedableRng as _, rngs::StdRng};
    use truyvet_crypto::UploadCode;

    use super::*;

    #[test]
    fn every_symbol_that_codes_have_can_be_spelled() {
        let mut rng = StdRng::seed_from_u64(1);
        let drawn: BTreeSet<char> = (0..200)
            .flat_map(|_| {
                let code = UploadCode::generate(&mut rng).grouped();
                code.chars().filter(|c| *c != '-').collect::<Vec<_>>()
            })
            .collect();
        let known: BTreeSet<char> = SYMBOLS.iter().map(|entry| entry.symbol).collect();
        assert_eq!(drawn, known);
    }

    #[test]
    fn no_two_symbols_sound_the_same() {
        for language in Language::ALL {
            let said: HashSet<String> = SYMBOLS
                .iter()
                .map(|entry| spelled(entry.symbol, language).to_lowercase())
                .collect();
            assert_eq!(said.len(), SYMBOLS.len());
        }
        let names: HashSet<&str> = SYMBOLS.iter().map(|entry| entry.vietnamese_name).collect();
        assert_eq!(names.len(), SYMBOLS.len());
    }

    #[test]
    fn words_begin_with_their_letter() {
        for entry in &SYMBOLS {
            let words = [entry.vietnamese_word, Some(entry.english)];
            for word in words.into_iter().flatten() {
                // á is an A that carries a tone.
                let first = word.chars().next().map(|c| if c == 'á' { 'A' } else { c });
                assert!(
                    entry.symbol.is_ascii_digit()
                        || first.is_some_and(|c| c.eq_ignore_ascii_case(&entry.symbol)),
                    "{word}"
                );
            }
        }
    }

    #[test]
    fn an_officer_reads_what_is_written() {
        assert_eq!(spelled('C', Language::Vietnamese), "cờ, như Cường");
        assert_eq!(spelled('7', Language::Vietnamese), "số bảy");
        assert_eq!(spelled('C', Language::English), "Charlie");
        assert_eq!(groups("7XK4-9AC-2HTE"), ["7XK4", "9AC", "2HTE"]);
    }
}
