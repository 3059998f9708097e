//! Upload codes, and the step from a code to a blind token.
//!
//! Nothing here can name, find or describe a patient.

mod alerts;
mod codes;
mod list;
mod quota;
mod redeem;

pub use alerts::{Alert, alerts};
pub use codes::{
    CodeActionError, CodeOrder, CodeState, CodeStatus, DayFigures, IssueError, IssuedCode,
    MAX_CODES_A_CALL, figures, issue, look_up, revoke,
};
pub use list::{CodePage, CodeQuery, MAX_CODES_A_PAGE, list};
pub use quota::{QuotaLevel, QuotaOf, QuotaState, Quotas, quotas};
pub use redeem::{RedeemError, RedeemedToken, redeem};
