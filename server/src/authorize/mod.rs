//! Upload codes, and the step from a code to a blind token.
//!
//! Nothing here can name, find or describe a patient.

mod codes;
mod redeem;

pub use codes::{
    CodeActionError, CodeOrder, CodeState, CodeStatus, IssueError, IssuedCode, MAX_CODES_A_CALL,
    issue, look_up, revoke,
};
pub use redeem::{RedeemError, RedeemedToken, redeem};
