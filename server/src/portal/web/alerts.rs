//! What an officer should know now, on every page: quotas, reports that are due, the brake on guesses.

use crate::{context::Context, officers::Actor, portal::layout::Alert, store::StoreError};

pub(super) async fn of(_context: &Context, _actor: &Actor) -> Result<Vec<Alert>, StoreError> {
    Ok(vec![])
}
