//! Finds Vietnamese names typed without accents: "da nang" is Đà Nẵng.

/// Whether the name has words that begin with those asked for, next to each other; accents and case do not count.
/// Nothing asked for is in every name.
#[must_use]
pub(in crate::officers) fn matches(name: &str, asked: &str) -> bool {
    let asked: Vec<String> = words(asked).collect();
    let Some((last, whole)) = asked.split_last() else {
        return true;
    };
    let name: Vec<String> = words(name).collect();
    name.windows(asked.len())
        .any(|found| found[..whole.len()] == *whole && found[whole.len()].starts_with(last))
}

fn words(text: &str) -> impl Iterator<Item = String> {
    let folded: String = text
        .chars()
        .flat_map(char::to_lowercase)
        .map(fold)
        .collect();
    // Accents of their own (decomposed text, as macOS types it) fall out; every other sign parts words.
    let folded: String = folded.chars().filter(|c| !is_accent(*c)).collect();
    let words: Vec<String> = folded
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect();
    words.into_iter()
}

fn is_accent(c: char) -> bool {
    ('\u{300}'..='\u{36f}').contains(&c)
}

/// The letter below the accents of a lower-case Vietnamese letter.
fn fold(c: char) -> char {
    match c {
        'à' | 'á' | 'ả' | 'ã' | 'ạ' | 'ă' | 'ằ' | 'ắ' | 'ẳ' | 'ẵ' | 'ặ' | 'â' | 'ầ' | 'ấ' | 'ẩ'
        | 'ẫ' | 'ậ' => 'a',
        'đ' => 'd',
        'è' | 'é' | 'ẻ' | 'ẽ' | 'ẹ' | 'ê' | 'ề' | 'ế' | 'ể' | 'ễ' | 'ệ' => 'e',
        'ì' | 'í' | 'ỉ' | 'ĩ' | 'ị' => 'i',
        'ò' | 'ó' | 'ỏ' | 'õ' | 'ọ' | 'ô' | 'ồ' | 'ố' | 'ổ' | 'ỗ' | 'ộ' | 'ơ' | 'ờ' | 'ớ' | 'ở'
        | 'ỡ' | 'ợ' => 'o',
        'ù' | 'ú' | 'ủ' | 'ũ' | 'ụ' | 'ư' | 'ừ' | 'ứ' | 'ử' | 'ữ' | 'ự' => 'u',
        'ỳ' | 'ý' | 'ỷ' | 'ỹ' | 'ỵ' => 'y',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_and_case_do_not_count() {
        for asked in [
            "đà nẵng",
            "da nang",
            "DA NA",
            "  Đa  nẵ ",
            "thanh pho da",
            "",
            "nang",
        ] {
            assert!(matches("Thành phố Đà Nẵng", asked), "{asked}");
        }
        for asked in ["anang", "da nangs", "nang da", "hoi an", "a"] {
            assert!(!matches("Thành phố Đà Nẵng", asked), "{asked}");
        }
        // As macOS types it: the letter, then its accents.
        assert!(matches("Huyện Hoàng Sa", "hoa\u{300}ng"));
        assert!(matches("Huyện Bạch Long Vĩ", "bach-long"));
    }

    #[test]
    fn every_letter_of_the_built_in_list_has_one_without_accents() {
        let list = include_str!("vn-2021-08-01.tsv");
        for word in words(list) {
            assert!(word.is_ascii(), "{word}");
        }
    }
}
