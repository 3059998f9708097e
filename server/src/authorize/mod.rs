//! Upload codes, and the step from a code to a blind token.
//!
//! Nothing here can name, find or describe a patient.

mod alerts;
mod brake;
mod codes;
pub mod import;
mod list;
mod quota;
mod redeem;
mod self_check;
mod source;

pub use alerts::{Alert, alerts};
pub use brake::{
    Brake, BrakeState, Braked, Guess, WRONG_GUESSES_A_SOURCE, default_wrong_guesses_per_hour,
};
pub use codes::{
    CodeActionError, CodeOrder, CodeState, CodeStatus, IssueError, IssuedCode, MAX_CODES_A_CALL,
    counts_today, issue, look_up, revoke,
};
pub use list::{CodePage, CodeQuery, MAX_CODES_A_PAGE, list};
pub use quota::{QuotaLevel, QuotaOf, QuotaState, Quotas, quotas};
pub use redeem::{RedeemAnswer, RedeemError, RedeemedToken, redeem};
pub(crate) use self_check::issue_for_self_check;
pub use source::Source;
