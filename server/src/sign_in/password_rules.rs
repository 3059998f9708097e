//! Which passwords are taken: NIST SP 800-63B, long ones that are not among the first that anybody would try.
//!
//! No rules of composition and no expiry: they make passwords that are written down or counted up. What is refused is
//! what guessers try first: words that everybody uses, the account's own name, runs and repetitions.

use icu_normalizer::ComposingNormalizer;
use zeroize::Zeroizing;

/// Fewest characters.
pub const MIN_PASSWORD_CHARS: usize = 12;

/// Most characters.
pub const MAX_PASSWORD_CHARS: usize = 128;

/// Parts of the passwords of twelve characters and more that leaks show most, in English and Vietnamese, and what this
/// service is called. Lower case, longer ones before those inside them.
const COMMON: &[&str] = &[
    "administrator",
    "contrasena",
    "motdepasse",
    "matkhau",
    "password",
    "passw0rd",
    "p@ssw0rd",
    "p@ssword",
    "passwort",
    "qwertyuiop",
    "1q2w3e4r5t6y",
    "q1w2e3r4t5y6",
    "1qaz2wsx3edc",
    "1qaz2wsx",
    "1q2w3e4r",
    "zaq12wsx",
    "asdfghjkl",
    "zxcvbnm",
    "qwerty",
    "azerty",
    "iloveyou",
    "anhyeuem",
    "emyeuanh",
    "yeuemnhieu",
    "maiyeuem",
    "concobebe",
    "sunshine",
    "princess",
    "football",
    "baseball",
    "superman",
    "startrek",
    "whatever",
    "trustno1",
    "letmein",
    "welcome",
    "dragon",
    "monkey",
    "shadow",
    "master",
    "michael",
    "abc123",
    "changeme",
    "default",
    "secret",
    "admin",
    "vietnam",
    "vietcong",
    "hanoi",
    "saigon",
    "truyvet",
    "bluezone",
    "covid19",
    "covid",
    "corona",
    "hotline",
    "health",
    "yte",
    "login",
    "user",
    "test",
    "2019",
    "2020",
    "2021",
    "2022",
    "2023",
    "2024",
    "2025",
    "2026",
];

/// Characters that must be left of a password when its common parts, its runs and its repetitions count as one.
const MIN_SUBSTANCE: usize = 8;

/// Why a password is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PasswordFault {
    /// Too short or too long.
    #[error("{MIN_PASSWORD_CHARS} to {MAX_PASSWORD_CHARS} characters")]
    Length,
    /// The account's name is in it.
    #[error("a password without the account's name")]
    HoldsName,
    /// Among the first that a guesser tries.
    #[error("a password that is not made of common words, runs or repetitions")]
    Common,
}

/// The one form that is hashed: the same accents come in several, by keyboard (NFKC, as SP 800-63B says).
pub(super) fn normalised(typed: &str) -> Zeroizing<String> {
    Zeroizing::new(
        ComposingNormalizer::new_nfkc()
            .normalize(typed)
            .into_owned(),
    )
}

/// Refuses what guessers try first.
///
/// - `password`: normalised.
/// - `label`, `unit_code`: whose it is to be.
pub(super) fn check(password: &str, label: &str, unit_code: &str) -> Result<(), PasswordFault> {
    let chars = password.chars().count();
    if !(MIN_PASSWORD_CHARS..=MAX_PASSWORD_CHARS).contains(&chars) {
        return Err(PasswordFault::Length);
    }
    let lower = Zeroizing::new(password.to_lowercase());
    let label = label.to_lowercase();
    let full = format!("{label}@{}", unit_code.to_lowercase());
    // A label of three letters is in a third of all sentences.
    if lower.contains(&full) || label.chars().count() > 3 && lower.contains(&label) {
        return Err(PasswordFault::HoldsName);
    }
    let mut rest = lower;
    for word in COMMON {
        rest = Zeroizing::new(rest.replace(word, "\u{1}"));
    }
    if substance(&rest) < MIN_SUBSTANCE {
        return Err(PasswordFault::Common);
    }
    Ok(())
}

/// Characters that do not follow from those before: neither a repetition of what stood one to six places earlier, nor
/// the next or the previous in the alphabet or the row of digits.
fn substance(text: &str) -> usize {
    let chars: Zeroizing<Vec<u32>> = Zeroizing::new(text.chars().map(u32::from).collect());
    (0..chars.len())
        .filter(|&i| {
            let repeats = (1..=i.min(6)).any(|back| chars[i] == chars[i - back]);
            let runs = i > 0 && chars[i].abs_diff(chars[i - 1]) == 1;
            !repeats && !runs
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_ones_of_any_kind_are_taken() {
        for good in [
            "correct horse battery staple",
            "con mèo nằm trên mái nhà",
            "tGx 7Lq!m2Zp",
            "8264 9173 5046",
            "mưa rơi đầu hè",
        ] {
            assert_eq!(
                check(&normalised(good), "hotline-1", "48"),
                Ok(()),
                "{good}"
            );
        }
    }

    #[test]
    fn what_guessers_try_first_is_refused() {
        for common in [
            "password1234",
            "Password2024!",
            "administrator1",
            "qwertyuiop123",
            "1q2w3e4r5t6y",
            "123456789012",
            "abcdefghijkl",
            "abcabcabcabcabc",
            "aaaaaaaaaaaaaaaa",
            "matkhau123456",
            "anhyeuem12345",
            "Truyvet-2021-Bluezone",
            "98765432109876",
            "AdminAdmin1234",
        ] {
            let refused = check(&normalised(common), "an", "48");
            assert_eq!(refused, Err(PasswordFault::Common), "{common}");
        }
    }

    #[test]
    fn length_counts_characters_and_the_name_must_not_be_in_it() {
        let check = |text: &str| check(&normalised(text), "Hải Châu", "490");
        assert_eq!(check("mưa rơi đầu"), Err(PasswordFault::Length));
        assert_eq!(check(&"ngã tư ".repeat(19)), Err(PasswordFault::Length));
        assert_eq!(check("trời xanh hải châu"), Err(PasswordFault::HoldsName));
    }

    #[test]
    fn accents_have_one_form() {
        assert_eq!(normalised("e\u{302}\u{323}"), normalised("\u{1ec7}"));
    }
}
