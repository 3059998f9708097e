//! The key schedules: from a day's secret to the IDs of its slots.
//!
//! Three published ones and no invention of ours; each module names its source.

pub mod bluezone;
pub mod dp3t;
mod gaen;

use crate::{Day, EphemeralId, KeyError, Scheme, SlotSet, Tag};

/// All IDs of one day, by slot.
///
/// - `day_secret`: bluezone: the day's first sub-key ([`bluezone::day_secret`]); gaen: the temporary exposure key;
///   dp3t: the seeds of all slots, one after the other. [`Scheme::day_secret_bytes`] long.
///
/// # Errors
/// [`KeyError::SecretBytes`] if the secret has another length.
pub fn ids_of_day(
    scheme: Scheme,
    day: Day,
    day_secret: &[u8],
) -> Result<Vec<EphemeralId>, KeyError> {
    let mut ids = Vec::with_capacity(scheme.slots_per_day() as usize);
    each_id(scheme, day, day_secret, &SlotSet::full(scheme), |_, id| {
        ids.push(id);
    })?;
    Ok(ids)
}

/// Hands out the tags of some slots of a day, from what is disclosed for just these, as position in the day and tag,
/// ascending.
///
/// - `wanted`: which of them, by position in the day.
pub(crate) fn each_tag(
    scheme: Scheme,
    day: Day,
    disclosed_secret: &[u8],
    slots: &SlotSet,
    wanted: impl Fn(u32) -> bool,
    mut take: impl FnMut(u32, Tag),
) -> Result<(), KeyError> {
    if let (Scheme::Bluezone, Ok(subkey0)) = (scheme, disclosed_secret.try_into()) {
        let wanted = slots.iter().filter(|index| wanted(*index));
        bluezone::each_tag(day, subkey0, wanted, take);
        return Ok(());
    }
    each_id(scheme, day, disclosed_secret, slots, |index, id| {
        if wanted(index) {
            take(index, Tag::new(scheme, scheme.slot(day, index), &id));
        }
    })
}

/// Hands out the IDs of some slots of a day, from what is disclosed for just these, as position in the day and ID,
/// ascending.
fn each_id(
    scheme: Scheme,
    day: Day,
    disclosed_secret: &[u8],
    slots: &SlotSet,
    mut take: impl FnMut(u32, EphemeralId),
) -> Result<(), KeyError> {
    let wrong_length = || KeyError::SecretBytes {
        expected: scheme.disclosed_secret_bytes(slots.len()),
        found: disclosed_secret.len(),
    };
    match scheme {
        Scheme::Bluezone => {
            let subkey0 = disclosed_secret.try_into().map_err(|_| wrong_length())?;
            bluezone::each_id(subkey0, slots, take);
        }
        Scheme::Gaen => {
            let key = disclosed_secret.try_into().map_err(|_| wrong_length())?;
            gaen::each_id(key, day, slots, take);
        }
        Scheme::Dp3t => {
            let (seeds, rest) = disclosed_secret.as_chunks::<{ dp3t::SEED_BYTES }>();
            if seeds.len() != slots.len() as usize || !rest.is_empty() {
                return Err(wrong_length());
            }
            for (slot, seed) in slots.iter().zip(seeds) {
                take(slot, dp3t::id(seed));
            }
        }
    }
    Ok(())
}
