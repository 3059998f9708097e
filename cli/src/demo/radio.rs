//! The demo's radio: which signal a phone reads from another one so many metres away.
//!
//! Path loss without noise, so that the truth is exact. Calibrated to Bluezone's own rule: its white paper calls
//! -86 dBm between two Android phones "near", which is 2 m; from there 20 dB for each factor of ten (free space).
//!
//! ```text
//! rssi(d) = floor(-86 - 20 · log10(max(d, 0.1 m) / 2 m))     heard down to -100 dBm, which is 10 m
//! ```
//!
//! So a signal of -86 dBm or more means exactly 2 m or less.

/// The farthest that counts as near, in millimetres: a signal of -86 dBm.
pub(crate) const NEAR_MM: u32 = 2_000;

/// Signal at [`NEAR_MM`].
const NEAR_DBM: i8 = -86;

/// The weakest signal a phone hears.
const SENSITIVITY_DBM: i8 = -100;

/// Nearer than this is not louder.
const NEAREST_MM: u32 = 100;

/// The signal at this distance in dBm; `None` if it is too weak to be heard.
pub(crate) fn rssi_dbm(distance_mm: u32) -> Option<i8> {
    let ratio = f64::from(distance_mm.max(NEAREST_MM)) / f64::from(NEAR_MM);
    let dbm = (f64::from(NEAR_DBM) - 20.0 * ratio.log10()).floor();
    // From -60 at 0.1 m; u32::MAX millimetres are -213.
    #[expect(
        clippy::cast_possible_truncation,
        reason = "between the sensitivity and -60"
    )]
    (dbm >= f64::from(SENSITIVITY_DBM)).then_some(dbm as i8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn near_is_exactly_two_metres() {
        for distance_mm in 0..=10_000 {
            let near = rssi_dbm(distance_mm).unwrap() >= NEAR_DBM;
            assert_eq!(near, distance_mm <= NEAR_MM, "{distance_mm} mm");
        }
    }

    #[test]
    fn signals_weaken_with_distance_down_to_ten_metres() {
        assert_eq!(rssi_dbm(0), Some(-60));
        assert_eq!(rssi_dbm(100), Some(-60));
        assert_eq!(rssi_dbm(1_000), Some(-80));
        assert_eq!(rssi_dbm(2_000), Some(-86));
        assert_eq!(rssi_dbm(2_001), Some(-87));
        assert_eq!(rssi_dbm(10_000), Some(-100));
        assert_eq!(rssi_dbm(11_000), None);
        assert_eq!(rssi_dbm(u32::MAX), None);
    }
}
