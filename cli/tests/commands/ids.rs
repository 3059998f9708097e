//! `truyvet phone ids`.

use super::{succeeds, truyvet};

/// Lines of slots from 0 without gaps, as the IDs alone.
fn ids(args: &[&str]) -> Vec<String> {
    succeeds(args)
        .lines()
        .enumerate()
        .map(|(slot, line)| {
            let (number, id) = line.split_once('\t').unwrap();
            assert_eq!(number, slot.to_string());
            id.to_owned()
        })
        .collect()
}

/// Bluezone capture, GAEN and DP-3T vectors: sources in `tests/tests/known_answers.rs`.
#[test]
fn ids_are_printed_by_slot() {
    let base_id = "4C5224B397F8AB3896781D5AA0F3119F280513F1B592CA280EBDED6357E21084";
    let scheme = ["phone", "ids", "--scheme"];
    let of = |rest: &[&str]| ids(&[scheme.as_slice(), rest].concat());
    let bluezone = of(&["bluezone", "--secret", base_id, "--day", "2020-08-08"]);
    assert_eq!(bluezone.len(), 96);
    assert_eq!(bluezone[23], "b9a665d754fe65e665d76a45");
    let day_after = ["bluezone", "--secret", base_id, "--day", "2020-08-09"];
    let from_base = of(&[day_after.as_slice(), &["--base-day", "2020-08-08"]].concat());
    assert_ne!(from_base, bluezone);
    assert_eq!(of(&day_after), bluezone, "made on the day itself");
    let tek = "75c734c6dd1a782de7a965da5eb93125";
    let gaen = of(&["gaen", "--secret", tek, "--day", "2020-04-02"]);
    assert_eq!(gaen.len(), 144);
    assert_eq!(gaen[0], "8be6cd371c5c891604bfbe49df845096");
    let seed = "eaa2054637009757b9988b28998209d253eede69345f835bb91b3b333108d229";
    let dp3t = of(&["dp3t", "--secret", seed, "--day", "2020-04-10"]);
    assert_eq!(dp3t, ["b7b1d06cd81686669aeea51e9f4723b5"; 96]);
}

#[test]
fn secrets_and_days_that_are_none_are_refused() {
    for (scheme, secret, day) in [
        ("bluezone", "00", "2020-08-08"),
        ("gaen", "zz", "2020-08-08"),
        ("dp3t", "0011", "2020-08-08"),
        ("gaen", "75c734c6dd1a782de7a965da5eb93125", "2020-02-30"),
        ("gaen", "75c734c6dd1a782de7a965da5eb93125", "yesterday"),
    ] {
        let output = truyvet(&[
            "phone", "ids", "--scheme", scheme, "--secret", secret, "--day", day,
        ]);
        assert!(!output.status.success());
        assert!(output.stdout.is_empty());
        assert!(!output.stderr.is_empty());
    }
}
