//! The key schedules: from a day's secret to the IDs of its slots.
//!
//! Three published ones and no invention of ours; each module names its source.

pub mod bluezone;
pub mod dp3t;
mod gaen;

use crate::{Day, EphemeralId, KeyError, Scheme, SlotSet};

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
    let all = SlotSet::full(scheme);
    Ok(ids(scheme, day, day_secret, &all)?
        .into_iter()
        .map(|(_, id)| id)
        .collect())
}

/// The IDs of some slots of a day, from what is disclosed for just these, as (position in the day, ID).
pub(crate) fn ids(
    scheme: Scheme,
    day: Day,
    disclosed_secret: &[u8],
    slots: &SlotSet,
) -> Result<Vec<(u32, EphemeralId)>, KeyError> {
    let wrong_length = || KeyError::SecretBytes {
        expected: scheme.disclosed_secret_bytes(slots.len()),
        found: disclosed_secret.len(),
    };
    let of_day = |ids: Vec<EphemeralId>| slots.iter().map(|i| (i, ids[i as usize])).collect();
    match scheme {
        Scheme::Bluezone => {
            let subkey0 = disclosed_secret.try_into().map_err(|_| wrong_length())?;
            Ok(of_day(bluezone::ids(subkey0)))
        }
        Scheme::Gaen => {
            let key = disclosed_secret.try_into().map_err(|_| wrong_length())?;
            Ok(of_day(gaen::ids(key, day)))
        }
        Scheme::Dp3t => {
            let (seeds, rest) = disclosed_secret.as_chunks::<{ dp3t::SEED_BYTES }>();
            if seeds.len() != slots.len() as usize || !rest.is_empty() {
                return Err(wrong_length());
            }
            Ok(slots.iter().zip(seeds.iter().map(dp3t::id)).collect())
        }
    }
}
