//! How long caches may keep what is published.

use crate::settings::Settings;

/// How long caches may keep an index; as long again they may give it out while they ask for a newer, and much longer if
/// they get none.
///
/// We sign anew after a quarter of an index's validity. One that left us at that age, and lies in a cache for half its
/// validity, is good for a quarter yet when it arrives; what is older a phone would refuse, so no cache is to give it.
pub(crate) fn index(settings: &Settings) -> String {
    let fresh_seconds = settings.index_cache_seconds;
    let stale_seconds = (settings.index_valid_hours * 1_800).saturating_sub(fresh_seconds);
    format!(
        "public, max-age={fresh_seconds}, stale-while-revalidate={}, stale-if-error={stale_seconds}, no-transform",
        fresh_seconds.min(stale_seconds),
    )
}

/// A file's name is its digest: it never changes. A cache forgets it when we do.
///
/// - `age_seconds`: since the batch closed.
pub(crate) fn batch(settings: &Settings, age_seconds: i64) -> String {
    let kept_seconds = i64::from(settings.retention_days) * 86_400;
    // A region's last batch stays until the next is there, however old.
    let left_seconds = (kept_seconds - age_seconds).clamp(3_600, kept_seconds);
    format!("public, max-age={left_seconds}, immutable, no-transform")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(header: &str, name: &str) -> u32 {
        let mut parts = header.split(", ").filter_map(|part| part.split_once('='));
        let (_, value) = parts.find(|part| part.0 == name).unwrap();
        value.parse().unwrap()
    }

    #[test]
    fn no_cache_gives_out_an_index_that_phones_would_refuse() {
        let mut settings = Settings::for_data_dir("unused".as_ref());
        for (valid_hours, cache_seconds) in [(1, 60), (1, 900), (24, 60), (336, 1)] {
            (settings.index_valid_hours, settings.index_cache_seconds) =
                (valid_hours, cache_seconds);
            let header = index(&settings);
            // Signed anew after a quarter; a quarter is left when it arrives.
            let quarter = valid_hours * 900;
            let fresh = seconds(&header, "max-age");
            for stale in ["stale-while-revalidate", "stale-if-error"] {
                assert!(quarter + fresh + seconds(&header, stale) <= 3 * quarter);
            }
        }
    }

    #[test]
    fn a_cache_forgets_a_batch_when_we_do() {
        let mut settings = Settings::for_data_dir("unused".as_ref());
        settings.retention_days = 2;
        for (age_seconds, left_seconds) in [
            (-9, 172_800),
            (0, 172_800),
            (100_000, 72_800),
            (172_800, 3_600),
        ] {
            assert_eq!(
                seconds(&batch(&settings, age_seconds), "max-age"),
                left_seconds
            );
        }
    }
}
