//! The parameter sets that come with the library: the files in `parameters/`.

use super::RiskParameters;

/// By alphabet.
const SETS: [(&str, &str); 5] = [
    ("bluezone", include_str!("../../parameters/bluezone.toml")),
    (
        "germany-1.15",
        include_str!("../../parameters/germany-1.15.toml"),
    ),
    (
        "switzerland",
        include_str!("../../parameters/switzerland.toml"),
    ),
    (
        "us-narrow-v2",
        include_str!("../../parameters/us-narrow-v2.toml"),
    ),
    (
        "us-wide-v1",
        include_str!("../../parameters/us-wide-v1.toml"),
    ),
];

pub(super) fn names() -> impl Iterator<Item = &'static str> {
    SETS.iter().map(|&(name, _)| name)
}

pub(super) fn find(name: &str) -> Option<RiskParameters> {
    let (_, text) = SETS.iter().find(|&&(known, _)| known == name)?;
    Some(RiskParameters::parse(text).expect("every built-in set is parsed by a test"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_set_can_be_read_and_has_the_name_it_is_found_by() {
        for name in names() {
            assert_eq!(find(name).unwrap().name, name);
        }
        assert!(names().is_sorted());
        assert_eq!(find("atlantis"), None);
    }
}
