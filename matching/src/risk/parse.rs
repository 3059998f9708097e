//! Reads [`RiskParameters`] from their text form: every key once, none left out, none unknown.

use super::{
    Bucket, Class, DropRule, Infectiousness, Measure, Nearness, OnsetRange, PairLimit, Platform,
    ReportType, RiskParameters, SyntaxError, Thresholds, Unusable,
    text::{self, Line, Value},
};

/// Why a text holds no parameters.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParametersError {
    /// It is not even `key = value` lines.
    #[error(transparent)]
    Syntax(#[from] SyntaxError),
    /// A key is missing.
    #[error("key {0} is missing")]
    Missing(&'static str),
    /// A key that nobody knows, or one that stands there twice.
    #[error("line {line}: unknown key, or one that was there before")]
    Unknown {
        /// Where.
        line: usize,
    },
    /// A value has the wrong kind, or lies outside its range.
    #[error("line {line}: {key} must be {expected}")]
    Value {
        /// Where.
        line: usize,
        /// Whose value.
        key: &'static str,
        /// What it should be.
        expected: &'static str,
    },
    /// Each value for itself is fine.
    #[error(transparent)]
    Unusable(#[from] Unusable),
}

impl RiskParameters {
    /// Reads the text form: `parameters/` has examples, and `parameters/README.md` the keys.
    ///
    /// # Errors
    /// [`ParametersError`] names the line, or what does not fit together.
    pub fn parse(text: &str) -> Result<Self, ParametersError> {
        let mut keys = Keys(text::read(text)?);
        let parameters = Self {
            name: keys.take("name", "a string", string)?,
            nearness: keys.take("nearness", NEARNESS, nearness)?,
            measure: keys.take("measure", "\"min\" or \"typical\"", measure)?,
            buckets: keys.take("buckets", "rows of [below dB, percent]", |v| {
                rows(v, |[below_db, percent]| {
                    Some(Bucket {
                        below_db: number(below_db)?,
                        percent: number(percent)?,
                    })
                })
            })?,
            classes: keys.take("classes", CLASSES, classes)?,
            onset: keys.take("onset", ONSET, |v| rows(v, onset_range))?,
            onset_unknown: keys.take("onset_unknown", INFECTIOUSNESS, infectiousness)?,
            drop_rules: keys.take("drop_rules", DROP_RULES, |v| rows(v, drop_rule))?,
            drop_levels: keys.take("drop_levels", "a list of levels", |v| {
                list(v)?.iter().map(number).collect()
            })?,
            min_matched_tags: keys.take("min_matched_tags", "a number", number)?,
            min_window_seconds: keys.take("min_window_seconds", "a number", number)?,
            bucket_step_seconds: keys.take("bucket_step_seconds", "a number", number)?,
            day_step_seconds: keys.take("day_step_seconds", "a number", number)?,
            window_thresholds: keys.take("window_seconds", THRESHOLDS, thresholds)?,
            day_thresholds: keys.take("day_seconds", THRESHOLDS, thresholds)?,
            days_back: keys.take("days_back", "a number", number)?,
        };
        if let Some(Line { number: line, .. }) = keys.0.first() {
            return Err(ParametersError::Unknown { line: *line });
        }
        parameters.check()?;
        Ok(parameters)
    }
}

const NEARNESS: &str = "\"tx-power\", or rows of [observer, seen, near from dBm] with \"android\", \"ios\", \"unknown\"";
const CLASSES: &str = "rows of [report type, infectiousness, level, percent] with \"confirmed-test\", \
    \"clinical-diagnosis\", \"self-report\", \"recursive\" or \"any\", and \"none\", \"standard\" or \"high\"";
const ONSET: &str = "rows of [first day, last day, infectiousness]";
const INFECTIOUSNESS: &str = "\"none\", \"standard\" or \"high\"";
const DROP_RULES: &str = "rows of [from dB, below dB, from seconds, below seconds]";
const THRESHOLDS: &str = "[low from seconds, high from seconds]";

/// What has not been asked for yet.
struct Keys(Vec<Line>);

impl Keys {
    fn take<T>(
        &mut self,
        key: &'static str,
        expected: &'static str,
        read: impl FnOnce(&Value) -> Option<T>,
    ) -> Result<T, ParametersError> {
        let position = self.0.iter().position(|line| line.key == key);
        let line = self
            .0
            .remove(position.ok_or(ParametersError::Missing(key))?);
        read(&line.value).ok_or(ParametersError::Value {
            line: line.number,
            key,
            expected,
        })
    }
}

fn text(value: &Value) -> Option<&str> {
    match value {
        Value::Text(text) => Some(text),
        Value::Number(_) | Value::List(_) => None,
    }
}

fn string(value: &Value) -> Option<String> {
    text(value).map(str::to_owned)
}

fn number<T: TryFrom<i64>>(value: &Value) -> Option<T> {
    match value {
        Value::Number(number) => T::try_from(*number).ok(),
        Value::Text(_) | Value::List(_) => None,
    }
}

fn list(value: &Value) -> Option<&[Value]> {
    match value {
        Value::List(list) => Some(list),
        Value::Number(_) | Value::Text(_) => None,
    }
}

/// A list of lists, each of exactly `N`.
fn rows<const N: usize, T>(
    value: &Value,
    read: impl Fn([&Value; N]) -> Option<T>,
) -> Option<Vec<T>> {
    list(value)?
        .iter()
        .map(|row| {
            let row: &[Value; N] = list(row)?.try_into().ok()?;
            read(row.each_ref())
        })
        .collect()
}

fn nearness(value: &Value) -> Option<Nearness> {
    match value {
        Value::Text(text) => (text == "tx-power").then_some(Nearness::TxPower),
        Value::Number(_) => None,
        Value::List(_) => rows(value, |[observer, seen, near_from_dbm]| {
            Some(PairLimit {
                observer: platform(observer)?,
                seen: platform(seen)?,
                near_from_dbm: number(near_from_dbm)?,
            })
        })
        .map(Nearness::Pairs),
    }
}

fn platform(value: &Value) -> Option<Platform> {
    match text(value)? {
        "android" => Some(Platform::Android),
        "ios" => Some(Platform::Ios),
        "unknown" => Some(Platform::Unknown),
        _ => None,
    }
}

fn measure(value: &Value) -> Option<Measure> {
    match text(value)? {
        "min" => Some(Measure::Min),
        "typical" => Some(Measure::Typical),
        _ => None,
    }
}

fn classes(value: &Value) -> Option<Vec<Class>> {
    let rows = rows(value, |[report_type, strength, level, percent]| {
        let infectiousness = infectiousness(strength)?;
        let (level, percent) = (number(level)?, number(percent)?);
        let class = |report_type| Class {
            report_type,
            infectiousness,
            level,
            percent,
        };
        Some(match text(report_type)? {
            "any" => ReportType::ALL.map(class).to_vec(),
            "confirmed-test" => vec![class(ReportType::ConfirmedTest)],
            "clinical-diagnosis" => vec![class(ReportType::ClinicalDiagnosis)],
            "self-report" => vec![class(ReportType::SelfReport)],
            "recursive" => vec![class(ReportType::Recursive)],
            _ => return None,
        })
    })?;
    Some(rows.concat())
}

fn infectiousness(value: &Value) -> Option<Infectiousness> {
    match text(value)? {
        "none" => Some(Infectiousness::None),
        "standard" => Some(Infectiousness::Standard),
        "high" => Some(Infectiousness::High),
        _ => None,
    }
}

fn onset_range([first_day, last_day, strength]: [&Value; 3]) -> Option<OnsetRange> {
    Some(OnsetRange {
        first_day: number(first_day)?,
        last_day: number(last_day)?,
        infectiousness: infectiousness(strength)?,
    })
}

fn drop_rule([from_db, below_db, from_seconds, below_seconds]: [&Value; 4]) -> Option<DropRule> {
    Some(DropRule {
        from_db: number(from_db)?,
        below_db: number(below_db)?,
        from_seconds: number(from_seconds)?,
        below_seconds: number(below_seconds)?,
    })
}

fn thresholds(value: &Value) -> Option<Thresholds> {
    let [low, high] = list(value)? else {
        return None;
    };
    Some(Thresholds {
        low_seconds: number(low)?,
        high_seconds: number(high)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A good text, with one line put in the place of the line of its key.
    fn with(line: &str) -> Result<RiskParameters, ParametersError> {
        let key = line.split(' ').next().unwrap();
        let good = "name = \"x\"\nnearness = \"tx-power\"\nmeasure = \"min\"\nbuckets = [[63, 80]]\n\
            classes = [[\"any\", \"high\", 1, 100]]\nonset = [[-2, 3, \"high\"]]\nonset_unknown = \"high\"\n\
            drop_rules = []\ndrop_levels = []\nmin_matched_tags = 1\nmin_window_seconds = 0\nbucket_step_seconds = 1\n\
            day_step_seconds = 0\nwindow_seconds = [0, 900]\nday_seconds = [0, 900]\ndays_back = 14\n";
        let lines: Vec<_> = good
            .lines()
            .map(|good| {
                if good.split(' ').next() == Some(key) {
                    line
                } else {
                    good
                }
            })
            .collect();
        RiskParameters::parse(&lines.join("\n"))
    }

    #[test]
    fn a_text_is_read_key_by_key() {
        let parameters = with("nearness = [[\"ios\", \"unknown\", -88]]").unwrap();
        let limit = PairLimit {
            observer: Platform::Ios,
            seen: Platform::Unknown,
            near_from_dbm: -88,
        };
        assert_eq!(parameters.nearness, Nearness::Pairs(vec![limit]));
        assert_eq!(parameters.classes.len(), 4);
        assert_eq!(parameters.days_back, 14);
        let parameters = with("drop_rules = [[0, 73, 0, 600]]").unwrap();
        assert_eq!(
            (
                parameters.drop_rules[0].below_db,
                parameters.drop_rules[0].below_seconds
            ),
            (73, 600)
        );
    }

    #[test]
    fn wrong_values_are_named_by_line_and_key() {
        for (line, number, key) in [
            ("name = 1", 1, "name"),
            ("nearness = \"pairs\"", 2, "nearness"),
            ("nearness = [[\"ios\", \"nokia\", -88]]", 2, "nearness"),
            ("measure = \"mean\"", 3, "measure"),
            ("buckets = [[63]]", 4, "buckets"),
            ("buckets = [[-1, 80]]", 4, "buckets"),
            ("classes = [[\"any\", \"high\", 256, 100]]", 5, "classes"),
            ("onset = [[-2, \"high\", 3]]", 6, "onset"),
            ("onset_unknown = []", 7, "onset_unknown"),
            ("drop_rules = [[1, 2, 3]]", 8, "drop_rules"),
            ("day_seconds = [1]", 15, "day_seconds"),
            ("days_back = -1", 16, "days_back"),
        ] {
            match with(line).unwrap_err() {
                ParametersError::Value {
                    line: l, key: k, ..
                } => assert_eq!((l, k), (number, key)),
                other => panic!("{line}: {other}"),
            }
        }
    }

    #[test]
    fn missing_unknown_and_repeated_keys_are_refused() {
        assert_eq!(
            RiskParameters::parse(""),
            Err(ParametersError::Missing("name"))
        );
        for more in ["days_forth = 1", "name = \"y\""] {
            let error = with(&format!("days_back = 14\n{more}")).unwrap_err();
            assert_eq!(error, ParametersError::Unknown { line: 17 });
        }
    }

    #[test]
    fn values_that_do_not_fit_together_are_refused() {
        for (line, fault) in [
            ("name = \"\"", Unusable::Name),
            (
                "nearness = [[\"ios\", \"ios\", -1], [\"ios\", \"ios\", -2]]",
                Unusable::PairTwice,
            ),
            ("buckets = []", Unusable::Buckets),
            ("buckets = [[63, 80], [63, 10]]", Unusable::Buckets),
            ("buckets = [[257, 80]]", Unusable::Buckets),
            ("buckets = [[63, 1001]]", Unusable::Weight),
            ("classes = []", Unusable::Classes),
            (
                "classes = [[\"any\", \"high\", 1, 1], [\"recursive\", \"high\", 2, 1]]",
                Unusable::Classes,
            ),
            ("onset = [[3, 2, \"high\"]]", Unusable::Onset),
            (
                "onset = [[0, 2, \"high\"], [2, 3, \"standard\"]]",
                Unusable::Onset,
            ),
            ("drop_rules = [[1, 1, 0, 9]]", Unusable::DropRule),
            ("day_seconds = [2, 1]", Unusable::Thresholds),
        ] {
            assert_eq!(with(line), Err(ParametersError::Unusable(fault)), "{line}");
        }
        let many = format!("drop_levels = [{}]", "1, ".repeat(65));
        assert_eq!(with(&many), Err(ParametersError::Unusable(Unusable::Rows)));
    }
}
