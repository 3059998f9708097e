//! Since when something is wrong: remembered from the first look that found it.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

/// Condition, and of what.
type Key = (&'static str, Option<String>);

/// What is wrong now, and since when, in Unix seconds.
#[derive(Default)]
pub(super) struct Watch(Mutex<HashMap<Key, i64>>);

impl Watch {
    /// Since when each of these holds, in their order. What is not among them any more is forgotten.
    pub(super) fn since(&self, holding: &[Key], now: i64) -> Vec<i64> {
        // Entries are put in and taken out whole: a panic cannot leave one half-changed.
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|key, _| holding.contains(key));
        holding
            .iter()
            .map(|key| *known.entry(key.clone()).or_insert(now))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ended_and_begins_again_begins_anew() {
        let watch = Watch::default();
        let (disk, backup) = (("disk", Some("a".into())), ("backup", None));
        assert_eq!(watch.since(std::slice::from_ref(&disk), 10), [10]);
        assert_eq!(watch.since(&[backup.clone(), disk.clone()], 20), [20, 10]);
        assert_eq!(watch.since(std::slice::from_ref(&backup), 30), [20]);
        assert_eq!(watch.since(&[disk, backup], 40), [40, 20]);
    }
}
