//! What can be said of a country beside its phones, and what stands for what is not said.

use clap::Args;
use truyvet_crypto::Scheme;
use truyvet_server::upload::upload_bytes;

use super::sizing::{Country, MOST_RETENTION_DAYS};

/// What servers, network, database and bucket depend on beside that, for the scheme bluezone and codec 1.
#[derive(Debug, Args)]
pub(super) struct SizingArgs {
    /// Positive tests a day in the whole country: works out traffic, servers and storage too
    #[arg(long, value_name = "CASES", conflicts_with = "published_tags_per_day")]
    cases_per_day: Option<u64>,
    /// Share of cases that have the app and upload, 0 to 1; 1 is the most that can be
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 1.0,
        requires = "cases_per_day"
    )]
    app_share: f64,
    /// Slots that a case publishes, of all days [default: all of the retention, 1344 in 14 days: the most that can be]
    #[arg(long, value_name = "SLOTS", requires = "cases_per_day")]
    slots_per_case: Option<u32>,
    /// Day secrets that a case uploads [default: the retention and today, 15 with 14 days: the most that can be]
    #[arg(long, value_name = "KEYS", requires = "cases_per_day")]
    keys_per_case: Option<u32>,
    /// Calls of each phone that only look like an upload, as the setting of that name
    #[arg(
        long,
        value_name = "DECOYS",
        default_value_t = 2,
        requires = "cases_per_day"
    )]
    decoys_per_week: u32,
    /// Days for which keys and batches are kept, as the setting of that name
    #[arg(
        long,
        value_name = "DAYS",
        default_value_t = 14,
        requires = "cases_per_day"
    )]
    retention_days: u32,
    /// Regions of equal size that the country is published in; a phone follows one
    #[arg(
        long,
        value_name = "REGIONS",
        default_value_t = 1,
        requires = "cases_per_day"
    )]
    regions: u32,
    /// Times a day that a phone asks for what is new: an assumption, once a window
    #[arg(
        long,
        value_name = "SYNCS",
        default_value_t = 6.0,
        requires = "cases_per_day"
    )]
    syncs_per_day: f64,
    /// How much busier the busiest hours are than the mean: an assumption
    #[arg(
        long,
        value_name = "FACTOR",
        default_value_t = 3.0,
        requires = "cases_per_day"
    )]
    peak_factor: f64,
    /// Share of downloads that a CDN in front answers by itself, 0 to 1: an assumption
    #[arg(
        long,
        value_name = "SHARE",
        default_value_t = 0.99,
        requires = "cases_per_day"
    )]
    cdn_hit_share: f64,
    /// Cores of one server
    #[arg(
        long,
        value_name = "CORES",
        default_value_t = 4,
        requires = "cases_per_day"
    )]
    cores_per_server: u32,
    /// What one server sends, 10^9 bits a second: an assumption, half of a 10 Gbit/s line
    #[arg(
        long,
        value_name = "GBIT",
        default_value_t = 5.0,
        requires = "cases_per_day"
    )]
    gbit_per_server: f64,
}

impl SizingArgs {
    /// None if nothing is to be sized.
    pub(super) fn country(
        &self,
        phones: u64,
        batches_per_day: u32,
        bits_per_tag: f64,
    ) -> Option<Country> {
        // No `..` here: what can be said is used.
        let &Self {
            cases_per_day,
            app_share,
            slots_per_case,
            keys_per_case,
            decoys_per_week,
            retention_days,
            regions,
            syncs_per_day,
            peak_factor,
            cdn_hit_share,
            cores_per_server,
            gbit_per_server,
        } = self;
        let scheme = Scheme::Bluezone;
        let all_slots = retention_days.saturating_mul(scheme.slots_per_day());
        // Refused by the sizing if it is out of bounds: there the size of an upload has no meaning.
        let bounded_days = retention_days.min(MOST_RETENTION_DAYS);
        Some(Country {
            phones,
            cases_per_day: cases_per_day?,
            app_share,
            slots_per_case: slots_per_case.unwrap_or(all_slots),
            keys_per_case: keys_per_case.unwrap_or(retention_days.saturating_add(1)),
            decoys_per_week,
            windows_per_day: batches_per_day,
            retention_days,
            regions,
            syncs_per_day,
            peak_factor,
            cdn_hit_share,
            bits_per_tag,
            upload_bytes: upload_bytes(scheme, bounded_days) as u64,
            cores_per_server,
            gbit_per_server,
        })
    }
}
