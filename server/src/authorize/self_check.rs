//! A code for the self-check, which no officer issues.

use truyvet_crypto::{Day, token::ReportType};
use truyvet_matching::Region;

use super::{
    CodeOrder, IssuedCode,
    codes::{Issuer, draw},
};
use crate::{context::Context, store::StoreError};

/// The account and the unit that the code is of: nobody signs in to the one, the other is in nobody's reach.
const ISSUER: Issuer<'_> = Issuer {
    officer_id: "self-check",
    unit_code: "SELF-CHECK",
};

/// Issues a code, without audit, quota or count. Codes of checks before are of no use from then on.
///
/// # Errors
/// [`StoreError`] if the store could not.
pub(crate) async fn issue_for_self_check(
    context: &Context,
    region: Region,
    onset_day: Day,
) -> Result<IssuedCode, StoreError> {
    let order = CodeOrder {
        report_type: ReportType::ConfirmedTest,
        onset_day,
        region: Some(region),
    };
    let (new, issued) = draw(context, ISSUER, &order, context.now(), &mut context.rng());
    context.store.add_self_check_code(new).await?;
    Ok(issued)
}
