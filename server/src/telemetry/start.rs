//! What a counter says before anything happened: 0, for every label that is known beforehand. A rate over a counter that
//! appears with its first event would miss that event.

use truyvet_matching::{BatchKind, Region};

use super::{Kind, Metric, Telemetry};

/// Labels of counters that are not regions.
const KNOWN: &[(Metric, &[&str])] = &[
    (
        Metric::Redemptions,
        &[
            "granted",
            "refused",
            "braked",
            "malformed",
            "failed",
            "decoy",
        ],
    ),
    (
        Metric::Uploads,
        &[
            "accepted",
            "again",
            "refused",
            "malformed",
            "failed",
            "decoy",
        ],
    ),
    (Metric::LateAnswers, &["redeem", "upload"]),
    (
        Metric::CommitFailures,
        &["busy", "disk", "database", "inconsistent"],
    ),
    (Metric::DownloadBytes, &["index", "batch"]),
    (Metric::CertificateReloads, &["ok", "failed"]),
    (Metric::Forgotten, FORGOTTEN),
    (Metric::SelfChecks, &["passed", "failed"]),
];

/// Kinds of records that retention deletes, as labels.
pub(crate) const FORGOTTEN: &[&str] = &[
    "keys",
    "withdrawn_keys",
    "tokens",
    "codes",
    "sign_ins",
    "imports",
    "batches",
    "files",
];

impl Telemetry {
    /// Makes every metric visible whose labels are known, at 0.
    pub fn start_at_zero(&self, regions: &[Region]) {
        for &metric in Metric::ALL {
            // A histogram without observations says nothing that its absence would not.
            if metric.labels().is_empty() && !matches!(metric.kind(), Kind::Histogram(_)) {
                self.add(metric, &[], 0);
            }
        }
        for (metric, labels) in KNOWN {
            for label in *labels {
                self.add(*metric, &[label], 0);
            }
        }
        for what in ["index", "batch"] {
            for answer in ["full", "part", "not_modified", "not_found", "failed"] {
                self.add(Metric::Downloads, &[what, answer], 0);
            }
        }
        for region in regions {
            let region = region.as_str();
            self.add(Metric::PublicationFailures, &[region], 0);
            for kind in [BatchKind::Delta, BatchKind::Withdrawal] {
                self.add(Metric::BatchesPublished, &[region, &kind.to_string()], 0);
            }
        }
    }
}
