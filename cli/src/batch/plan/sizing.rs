//! Works out what a country's servers, network, database and bucket have to carry; pure arithmetic.
//!
//! Means are exact for the given numbers. Peaks are the mean times the peak factor and then, since uploads and decoys of
//! different people are independent, the 99.9 % quantile of a Poisson distribution: one span in a thousand of the busiest
//! ones has more. Constants say whether they are computed, measured or estimated; a pilot's own figures are better than
//! the last.

use anyhow::ensure;
use serde::Serialize;

use super::{poisson, whole};

/// Of the busiest seconds and windows, so many have no more than what is called the peak.
pub(super) const PEAK_SHARE: f64 = 0.999;

/// Both calls of an upload have one size each; this is the first's (`proto/truyvet/v1/report.proto`).
pub(super) const REDEEM_BYTES: u64 = 256;

/// Estimate: what a phone sends for a new TLS 1.3 connection, its heads and its packets, beside the messages.
pub(super) const SENT_BYTES_OF_A_CONNECTION: u64 = 2_000;

/// Estimate: what it is sent for that, with a chain of two certificates.
pub(super) const ANSWERED_BYTES_OF_A_CONNECTION: u64 = 4_000;

/// Computed: an entry of the index, as `proto/truyvet/v1/exposure.proto` has it.
const INDEX_ENTRY_BYTES: u64 = 50;

/// Computed: the index without entries, with one signature.
const INDEX_HEAD_BYTES: u64 = 100;

/// Settings `pad_floor_tags` and `pad_step_tags`, by default.
pub(super) const PAD_TAGS: u64 = 4_096;

/// Measured by `truyvet-bench load` on a core of 2021 (AMD Zen 3): a durable upload, redeemed and stored, on a new TLS
/// connection. Every other call on a new connection is counted as one, which costs less.
pub(super) const CALLS_PER_CORE_ON_NEW_CONNECTIONS: f64 = 300.0;

/// Measured likewise, on kept connections: behind a balancer that ends phones' TLS.
pub(super) const CALLS_PER_CORE_ON_KEPT_CONNECTIONS: f64 = 500.0;

/// Estimates of a row in PostgreSQL with its indexes, to be measured: `pg_total_relation_size` over rows.
pub(super) const KEY_ROW_BYTES: u64 = 260;
pub(super) const TOKEN_ROW_BYTES: u64 = 170;
pub(super) const CODE_ROW_BYTES: u64 = 400;
pub(super) const AUDIT_ROW_BYTES: u64 = 300;

/// Calendar days on which a spent token's row is there: that of redeeming, of grace, and one more (`server/src/retention.rs`).
const TOKEN_ROW_DAYS: f64 = 3.0;

/// The most that the setting `retention_days` takes.
pub(super) const MOST_RETENTION_DAYS: u32 = 30;

/// Beyond any country; bounds how long a quantile takes.
const MOST_PHONES: u64 = 10_000_000_000;

/// What a country has, and how its phones behave.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Country {
    /// Phones that match, in the whole country.
    pub(super) phones: u64,
    /// Positive tests a day.
    pub(super) cases_per_day: u64,
    /// Share of cases that have the app and upload.
    pub(super) app_share: f64,
    /// Slots that a case publishes, of all days: as many tags.
    pub(super) slots_per_case: u32,
    /// Day secrets that a case uploads, the youngest of today.
    pub(super) keys_per_case: u32,
    /// Decoys of each phone.
    pub(super) decoys_per_week: u32,
    /// Publications a day of each region.
    pub(super) windows_per_day: u32,
    /// Days for which keys and batches are kept.
    pub(super) retention_days: u32,
    /// Regions of equal size; a phone follows one.
    pub(super) regions: u32,
    /// Times a day that a phone asks for the index, and downloads what is new.
    pub(super) syncs_per_day: f64,
    /// How much busier the busiest hours are than the mean.
    pub(super) peak_factor: f64,
    /// Share of downloads that a CDN answers by itself.
    pub(super) cdn_hit_share: f64,
    /// Of the batch file, by codec and fingerprint bits.
    pub(super) bits_per_tag: f64,
    /// Size of every upload request of the deployment.
    pub(super) upload_bytes: u64,
    /// Cores of one server.
    pub(super) cores_per_server: u32,
    /// What one server sends, 10^9 bits a second.
    pub(super) gbit_per_server: f64,
}

/// What follows. Numbers of a day or window are means unless they say "peak".
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Sizing {
    pub(super) country: Country,
    /// Redeemed codes are as many.
    pub(super) uploads_per_day: f64,
    pub(super) uploads_in_peak_second: u64,
    pub(super) decoys_per_day: f64,
    pub(super) decoys_in_peak_second: u64,
    pub(super) calls_per_day: f64,
    pub(super) calls_in_peak_second: u64,
    pub(super) received_bytes_per_day: f64,
    pub(super) received_bits_per_second_at_peak: f64,
    /// Of one region, as the next five.
    pub(super) uploads_of_a_window: f64,
    pub(super) uploads_of_a_peak_window: u64,
    /// Padding included.
    pub(super) tags_of_a_window: u64,
    pub(super) tags_of_a_peak_window: u64,
    pub(super) file_bytes: f64,
    pub(super) file_bytes_of_a_peak_window: f64,
    pub(super) index_bytes: u64,
    pub(super) bytes_per_phone_and_day: f64,
    pub(super) without_cdn: Serving,
    pub(super) with_cdn: Serving,
    pub(super) kept: Kept,
}

/// What the servers themselves hand out and answer.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Serving {
    pub(super) bytes_per_day: f64,
    pub(super) bits_per_second_at_peak: f64,
    pub(super) connections_per_day: f64,
    pub(super) connections_in_peak_second: u64,
    /// Where phones' TLS ends at the servers.
    pub(super) cores_on_new_connections: f64,
    /// Where it ends at a balancer.
    pub(super) cores_on_kept_connections: f64,
    /// One more than the peak takes, with the larger number of cores.
    pub(super) servers: u64,
}

/// What lies in the database and in the bucket.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Kept {
    pub(super) keys: Rows,
    pub(super) tokens: Rows,
    pub(super) codes: Rows,
    /// Of one year: the audit is kept for good.
    pub(super) audit: Rows,
    /// Files, without versions of deleted ones.
    pub(super) bucket: Rows,
}

/// A number of things and their bytes.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Rows {
    pub(super) count: f64,
    pub(super) bytes: f64,
}

impl Sizing {
    /// - `country`: held against the bounds that the formulas have.
    ///
    /// # Errors
    /// Names the option that is out of bounds.
    pub(super) fn of(country: Country) -> anyhow::Result<Self> {
        country.check()?;
        let uploads_per_day = country.cases_per_day as f64 * country.app_share;
        let decoys_per_day = country.phones as f64 * f64::from(country.decoys_per_week) / 7.0;
        let calls_per_day = uploads_per_day + decoys_per_day;
        let call_bytes = REDEEM_BYTES + country.upload_bytes + SENT_BYTES_OF_A_CONNECTION;
        let calls_in_peak_second = country.in_peak_second(calls_per_day);

        let windows = f64::from(country.windows_per_day);
        let uploads_of_a_window = uploads_per_day / windows / f64::from(country.regions);
        let uploads_of_a_peak_window =
            poisson::quantile(uploads_of_a_window * country.peak_factor, PEAK_SHARE);
        let tags = |uploads: f64| padded(uploads * f64::from(country.slots_per_case));
        let tags_of_a_window = tags(uploads_of_a_window);
        let tags_of_a_peak_window = tags(uploads_of_a_peak_window as f64);
        let file_bytes = |tags: u64| tags as f64 * country.bits_per_tag / 8.0;

        let entries = u64::from(country.windows_per_day) * u64::from(country.retention_days);
        let index_bytes = INDEX_HEAD_BYTES + entries * INDEX_ENTRY_BYTES;
        let a_sync = (index_bytes + ANSWERED_BYTES_OF_A_CONNECTION) as f64;
        let bytes_per_phone_and_day =
            windows * file_bytes(tags_of_a_window) + country.syncs_per_day * a_sync;

        let phones = country.phones as f64;
        let egress = phones * bytes_per_phone_and_day;
        let syncs = phones * country.syncs_per_day;
        let missed = 1.0 - country.cdn_hit_share;
        Ok(Self {
            country,
            uploads_per_day,
            uploads_in_peak_second: country.in_peak_second(uploads_per_day),
            decoys_per_day,
            decoys_in_peak_second: country.in_peak_second(decoys_per_day),
            calls_per_day,
            calls_in_peak_second,
            received_bytes_per_day: calls_per_day * call_bytes as f64,
            received_bits_per_second_at_peak: (calls_in_peak_second * call_bytes * 8) as f64,
            uploads_of_a_window,
            uploads_of_a_peak_window,
            tags_of_a_window,
            tags_of_a_peak_window,
            file_bytes: file_bytes(tags_of_a_window),
            file_bytes_of_a_peak_window: file_bytes(tags_of_a_peak_window),
            index_bytes,
            bytes_per_phone_and_day,
            // A phone asks for the configuration, once a day, on the connection of a sync.
            without_cdn: country.serving(egress, syncs + calls_per_day),
            // The configuration is a call, which no cache answers.
            with_cdn: country.serving(missed * egress, missed * syncs + phones + calls_per_day),
            kept: country.kept(uploads_per_day, file_bytes(tags_of_a_window)),
        })
    }

    /// Tags a day that a phone downloads, padding included.
    pub(super) fn published_tags_per_day(&self) -> u64 {
        self.tags_of_a_window * u64::from(self.country.windows_per_day)
    }
}

impl Country {
    fn in_peak_second(&self, per_day: f64) -> u64 {
        poisson::quantile(self.peak_factor * per_day / 86_400.0, PEAK_SHARE)
    }

    fn serving(&self, bytes_per_day: f64, connections_per_day: f64) -> Serving {
        let bits_per_second_at_peak = bytes_per_day * 8.0 / 86_400.0 * self.peak_factor;
        let connections_in_peak_second = self.in_peak_second(connections_per_day);
        let cores = |per_core| connections_in_peak_second as f64 / per_core;
        let cores_on_new_connections = cores(CALLS_PER_CORE_ON_NEW_CONNECTIONS);
        let by_cores = cores_on_new_connections / f64::from(self.cores_per_server);
        let by_network = bits_per_second_at_peak / 1e9 / self.gbit_per_server;
        Serving {
            bytes_per_day,
            bits_per_second_at_peak,
            connections_per_day,
            connections_in_peak_second,
            cores_on_new_connections,
            cores_on_kept_connections: cores(CALLS_PER_CORE_ON_KEPT_CONNECTIONS),
            servers: 1 + whole(by_cores.max(by_network).max(1.0).ceil()),
        }
    }

    fn kept(&self, uploads_per_day: f64, file_bytes: f64) -> Kept {
        let of = |count: f64, bytes_of_one: f64| Rows {
            count,
            bytes: count * bytes_of_one,
        };
        let rows = |count, row_bytes: u64| of(count, row_bytes as f64);
        let days = f64::from(self.retention_days);
        // The key of k days ago stays for the retention, today included, less k.
        let key_days: f64 = (0..self.keys_per_case)
            .map(|k| days + 1.0 - f64::from(k))
            .sum();
        Kept {
            keys: rows(uploads_per_day * key_days, KEY_ROW_BYTES),
            tokens: rows(uploads_per_day * TOKEN_ROW_DAYS, TOKEN_ROW_BYTES),
            // A day until they expire, at the default life, and the retention after that.
            codes: rows(uploads_per_day * (days + 1.0), CODE_ROW_BYTES),
            audit: rows(uploads_per_day * 365.0, AUDIT_ROW_BYTES),
            bucket: of(
                f64::from(self.windows_per_day) * days * f64::from(self.regions),
                file_bytes,
            ),
        }
    }

    fn check(&self) -> anyhow::Result<()> {
        let share = 0.0..=1.0;
        ensure!(
            (1..=MOST_PHONES).contains(&self.phones),
            "--phones: 1 to 10,000,000,000"
        );
        ensure!(
            self.cases_per_day <= self.phones,
            "--cases-per-day: at most as many as phones"
        );
        ensure!(share.contains(&self.app_share), "--app-share: 0 to 1");
        ensure!(
            (1..=MOST_RETENTION_DAYS).contains(&self.retention_days),
            "--retention-days: 1 to 30"
        );
        ensure!(
            (1..=self.retention_days + 1).contains(&self.keys_per_case),
            "--keys-per-case: 1 to {}, today and the retention before it",
            self.retention_days + 1
        );
        ensure!(
            (1..=100_000).contains(&self.slots_per_case),
            "--slots-per-case: 1 to 100,000"
        );
        ensure!(self.decoys_per_week <= 70, "--decoys-per-week: 0 to 70");
        ensure!(
            (1..=1_440).contains(&self.windows_per_day),
            "--batches-per-day: 1 to 1,440"
        );
        ensure!(
            (1..=10_000).contains(&self.regions),
            "--regions: 1 to 10,000"
        );
        ensure!(
            (0.0..=1_440.0).contains(&self.syncs_per_day),
            "--syncs-per-day: 0 to 1,440"
        );
        ensure!(
            (1.0..=1_000.0).contains(&self.peak_factor),
            "--peak-factor: 1 to 1,000"
        );
        ensure!(
            share.contains(&self.cdn_hit_share),
            "--cdn-hit-share: 0 to 1"
        );
        ensure!(self.cores_per_server > 0, "--cores-per-server: at least 1");
        ensure!(self.gbit_per_server > 0.0, "--gbit-per-server: more than 0");
        Ok(())
    }
}

/// Tags of a file, as publication pads them.
fn padded(tags: f64) -> u64 {
    whole(tags.ceil()).next_multiple_of(PAD_TAGS).max(PAD_TAGS)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Round numbers: 2,400 uploads a day, 400 a window, 100 times 4,096 tags of 5 bytes.
    const COUNTRY: Country = Country {
        phones: 7_000_000,
        cases_per_day: 4_800,
        app_share: 0.5,
        slots_per_case: 1_024,
        keys_per_case: 15,
        decoys_per_week: 2,
        windows_per_day: 6,
        retention_days: 14,
        regions: 1,
        syncs_per_day: 6.0,
        peak_factor: 3.0,
        cdn_hit_share: 0.99,
        bits_per_tag: 40.0,
        upload_bytes: 1_024,
        cores_per_server: 4,
        gbit_per_server: 5.0,
    };

    fn near(found: f64, expected: f64) {
        let off = (found - expected).abs();
        assert!(off <= expected.abs() * 1e-9, "{found}, not {expected}");
    }

    #[test]
    fn calls_are_those_of_cases_and_of_decoys() {
        let sizing = Sizing::of(COUNTRY).unwrap();
        near(sizing.uploads_per_day, 2_400.0);
        // 7,000,000 × 2 / 7.
        near(sizing.decoys_per_day, 2_000_000.0);
        // A mean of 3 × 2,400 / 86,400 = 1/12: e^-1/12 (1 + 1/12) = 0.9967, and 0.99991 to 2.
        assert_eq!(sizing.uploads_in_peak_second, 2);
        // A mean of 69.53.
        assert_eq!(sizing.calls_in_peak_second, 97);
        // 256 + 1,024 + 2,000 bytes each.
        near(sizing.received_bytes_per_day, 2_002_400.0 * 3_280.0);
        near(
            sizing.received_bits_per_second_at_peak,
            97.0 * 3_280.0 * 8.0,
        );
    }

    #[test]
    fn a_window_has_its_share_and_the_busiest_one_more() {
        let sizing = Sizing::of(COUNTRY).unwrap();
        near(sizing.uploads_of_a_window, 400.0);
        assert_eq!(sizing.tags_of_a_window, 409_600);
        near(sizing.file_bytes, 2_048_000.0);
        // Poisson with a mean of 1,200.
        assert_eq!(sizing.uploads_of_a_peak_window, 1_308);
        // 1,308 × 1,024 = 327 × 4,096.
        assert_eq!(sizing.tags_of_a_peak_window, 1_339_392);
        near(sizing.file_bytes_of_a_peak_window, 6_696_960.0);
        assert_eq!(sizing.published_tags_per_day(), 2_457_600);
    }

    #[test]
    fn a_quiet_region_publishes_padding() {
        let nobody = Country {
            cases_per_day: 0,
            ..COUNTRY
        };
        let sizing = Sizing::of(nobody).unwrap();
        assert_eq!(sizing.uploads_of_a_peak_window, 0);
        assert_eq!(sizing.tags_of_a_window, 4_096);
        near(sizing.kept.keys.bytes, 0.0);
    }

    #[test]
    fn phones_download_files_and_indexes() {
        let sizing = Sizing::of(COUNTRY).unwrap();
        // 84 entries of 50 bytes and 100 more.
        assert_eq!(sizing.index_bytes, 4_300);
        // 6 × 2,048,000 + 6 × (4,300 + 4,000).
        near(sizing.bytes_per_phone_and_day, 12_337_800.0);
        let direct = sizing.without_cdn;
        near(direct.bytes_per_day, 86_364_600_000_000.0);
        // × 8 / 86,400 × 3.
        near(direct.bits_per_second_at_peak, 23_990_166_666.666_668);
        // 7,000,000 × 6 and the calls.
        near(direct.connections_per_day, 44_002_400.0);
        // By the network: 23.99 / 5, rounded up, and a spare one.
        assert_eq!(direct.servers, 6);
        let cdn = sizing.with_cdn;
        near(cdn.bytes_per_day, 863_646_000_000.0);
        // 420,000 + 7,000,000 for the configuration, and the calls.
        near(cdn.connections_per_day, 9_422_400.0);
        // A mean of 327.2.
        assert_eq!(cdn.connections_in_peak_second, 384);
        near(cdn.cores_on_new_connections, 1.28);
        near(cdn.cores_on_kept_connections, 0.768);
        assert_eq!(cdn.servers, 2);
    }

    #[test]
    fn rows_live_as_long_as_retention_lets_them() {
        let kept = Sizing::of(COUNTRY).unwrap().kept;
        // 15 + 14 + ... + 1 = 120 days for the keys of one case.
        near(kept.keys.count, 288_000.0);
        near(kept.keys.bytes, 74_880_000.0);
        near(kept.tokens.count, 7_200.0);
        near(kept.codes.count, 36_000.0);
        near(kept.audit.count, 876_000.0);
        near(kept.audit.bytes, 262_800_000.0);
        near(kept.bucket.count, 84.0);
        near(kept.bucket.bytes, 172_032_000.0);
    }

    #[test]
    fn regions_share_the_cases() {
        let divided = Country {
            regions: 10,
            ..COUNTRY
        };
        let sizing = Sizing::of(divided).unwrap();
        near(sizing.uploads_of_a_window, 40.0);
        assert_eq!(sizing.tags_of_a_window, 40_960);
        near(sizing.kept.bucket.count, 840.0);
        near(sizing.kept.bucket.bytes, 172_032_000.0);
    }

    #[test]
    fn what_is_out_of_bounds_is_named() {
        for (country, option) in [
            (
                Country {
                    phones: 0,
                    ..COUNTRY
                },
                "--phones",
            ),
            (
                Country {
                    cases_per_day: 7_000_001,
                    ..COUNTRY
                },
                "--cases-per-day",
            ),
            (
                Country {
                    app_share: 1.1,
                    ..COUNTRY
                },
                "--app-share",
            ),
            (
                Country {
                    keys_per_case: 16,
                    ..COUNTRY
                },
                "--keys-per-case",
            ),
            (
                Country {
                    peak_factor: f64::NAN,
                    ..COUNTRY
                },
                "--peak-factor",
            ),
            (
                Country {
                    cdn_hit_share: -0.1,
                    ..COUNTRY
                },
                "--cdn-hit-share",
            ),
        ] {
            let error = Sizing::of(country).unwrap_err().to_string();
            assert!(error.contains(option), "{error}");
        }
    }
}
