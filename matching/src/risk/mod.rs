//! What encounters amount to by published rules: exposure windows → daily summaries → risk.
//!
//! One engine for all rules: seconds weighted by attenuation, times the weight of report type and infectiousness, summed
//! by day. The rules themselves are data: [`RiskParameters`], a plain struct with a text form that a deployment can sign
//! and serve. The texts of known ones are in `parameters/`; [`RiskParameters::built_in`] reads them.
//!
//! All arithmetic is in whole numbers, so that every phone comes to the same answer at a threshold. (Floating point
//! once told some German phones 8.9 minutes and others 9.0.)
//!
//! ```
//! use truyvet_matching::risk::{Circumstances, Risk, RiskParameters, assess, windows};
//! # use truyvet_crypto::{Tag, Timestamp};
//! # use truyvet_matching::{LocalDay, Sighting, encounters};
//! # let noon = Timestamp::from_unix_seconds(1_754_049_600).unwrap();
//! # let matched = [0, 300, 600].map(|later| Sighting {
//! #     tag: Tag::from_bytes([7; 16]),
//! #     time: noon.plus_seconds(later),
//! #     seconds: 300,
//! #     rssi_dbm: -71,
//! # });
//! let parameters = RiskParameters::built_in("bluezone").unwrap();
//! let circumstances = Circumstances { utc_offset_seconds: 7 * 3_600, ..Circumstances::default() };
//! let windows = windows(&encounters(&matched), &circumstances, &parameters);
//! let days = assess(&windows, &parameters, LocalDay::of(noon, 7 * 3_600));
//! assert_eq!((days[0].risk, days[0].score.whole_minutes()), (Some(Risk::High), 15));
//! ```

mod assess;
mod built_in;
mod parameters;
mod parse;
mod radio;
mod score;
mod text;
mod window;

pub use assess::{DailySummary, Overview, assess};
pub use parameters::{
    Bucket, Class, DropRule, MAX_ROWS, MAX_WEIGHT_PERCENT, Measure, OnsetRange, RiskParameters,
    Thresholds, Unusable,
};
pub use parse::ParametersError;
pub use radio::{MAX_TX_POWER_DBM, MIN_TX_POWER_DBM, Nearness, PairLimit, Platform};
pub use score::{Risk, Score};
pub use text::{MAX_TEXT_BYTES, SyntaxError};
pub use window::{
    CalibrationConfidence, Circumstances, ExposureWindow, Infectiousness, MAX_WINDOW_SECONDS,
    ReportType, ScanInstance, windows,
};
