//! Who may do what: units, officers, upload codes, and the step from a code to a blind token.
//!
//! Nothing here can name, find or describe a patient.

mod codes;
mod officers;
mod redeem;

pub use codes::{
    CodeActionError, CodeOrder, CodeState, CodeStatus, DayFigures, IssueError, IssuedCode,
    MAX_CODES_A_CALL, figures, issue, look_up, revoke,
};
pub use officers::{
    Credential, NewOfficer, Officer, OfficerError, Role, Unit, add_unit, create, create_first,
    deactivate, identify, may_run_the_deployment, visible_officers, visible_units,
};
pub use redeem::{RedeemError, RedeemedToken, redeem};
