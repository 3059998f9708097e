//! Every error of the domain as a status with the standard details: reason, field at fault, when to try again.

use std::{collections::HashMap, time::Duration};

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};
use tracing::error;

use crate::{
    audit::AuditError,
    authorize::{
        CodeActionError, IssueError, QuotaOf, RedeemError,
        import::{FileFault, ImportError},
    },
    figures::{FiguresError, ReportError},
    keys::KeysError,
    officers::OfficerError,
    publish::PublishError,
    store::StoreError,
    upload::{KeyFault, UploadError},
};

/// `ErrorInfo.domain` of every reason.
const DOMAIN: &str = "truyvet";

/// When to come again after RESOURCE_EXHAUSTED or UNAVAILABLE.
pub(crate) const RETRY_AFTER: Duration = Duration::from_secs(5);

fn details(reason: &str) -> ErrorDetails {
    ErrorDetails::with_error_info(reason, DOMAIN, HashMap::new())
}

fn refused(code: Code, reason: &str, error: &dyn ToString) -> Status {
    Status::with_error_details(code, error.to_string(), details(reason))
}

/// A field of the request is wrong.
pub(super) fn bad_field(reason: &str, field: impl Into<String>, error: &dyn ToString) -> Status {
    let mut details = details(reason);
    details.add_bad_request_violation(field, error.to_string());
    Status::with_error_details(Code::InvalidArgument, error.to_string(), details)
}

/// The caller cannot be told from anybody.
pub(super) fn unauthenticated() -> Status {
    let text = "a bearer credential is needed, and this is none that is good";
    refused(Code::Unauthenticated, "CREDENTIAL_REFUSED", &text)
}

/// There is no such thing.
pub(super) fn not_found(reason: &str, error: &dyn ToString) -> Status {
    refused(Code::NotFound, reason, error)
}

pub(super) fn of_upload(error: &UploadError) -> Status {
    match error {
        UploadError::Size { .. } => bad_field("UPLOAD_SIZE", "padding", error),
        UploadError::UnknownRegion => bad_field("UNKNOWN_REGION", "region", error),
        UploadError::NoKeys => bad_field("NO_KEYS", "keys", error),
        UploadError::TooManyKeys { .. } => bad_field("TOO_MANY_KEYS", "keys", error),
        UploadError::Key { index, fault } => {
            let field = format!("keys[{index}].{}", fault.field());
            bad_field(key_reason(fault), field, error)
        }
        UploadError::TokenMalformed { field } => {
            bad_field("TOKEN_MALFORMED", format!("token.{field}"), error)
        }
        UploadError::TokenRefused => refused(Code::PermissionDenied, "TOKEN_REFUSED", error),
        UploadError::TokenSpent => refused(Code::PermissionDenied, "TOKEN_SPENT", error),
        UploadError::Store(error) => of_store(error),
    }
}

fn key_reason(fault: &KeyFault) -> &'static str {
    match fault {
        KeyFault::Scheme(_) => "KEY_SCHEME",
        KeyFault::DayInFuture => "KEY_DAY_IN_FUTURE",
        KeyFault::DayTooOld => "KEY_DAY_TOO_OLD",
        KeyFault::DayNotAuthorized => "KEY_DAY_NOT_AUTHORIZED",
        KeyFault::DayRepeated => "KEY_DAY_REPEATED",
        KeyFault::Slots(_) => "KEY_SLOTS_LENGTH",
        KeyFault::NoSlots => "KEY_NO_SLOTS",
        KeyFault::SlotNotBegun(_) => "KEY_SLOT_NOT_BEGUN",
        KeyFault::Secret(_) => "KEY_SECRET_LENGTH",
    }
}

pub(super) fn of_redeem(error: &RedeemError) -> Status {
    match error {
        RedeemError::Size { .. } => bad_field("REDEEM_SIZE", "padding", error),
        RedeemError::Malformed(_) => bad_field("CODE_MALFORMED", "upload_code", error),
        RedeemError::BlindedElement(_) => {
            bad_field("BLINDED_ELEMENT_MALFORMED", "blinded_element", error)
        }
        RedeemError::Braked {
            retry_after_seconds,
        } => {
            let mut details = details("TOO_MANY_WRONG_CODES");
            let retry_after = Duration::from_secs((*retry_after_seconds).into());
            details.set_retry_info(Some(retry_after));
            Status::with_error_details(Code::ResourceExhausted, error.to_string(), details)
        }
        RedeemError::CodeRefused => refused(Code::PermissionDenied, "CODE_REFUSED", error),
        RedeemError::Store(error) => of_store(error),
    }
}

pub(super) fn of_issue(error: &IssueError) -> Status {
    match error {
        IssueError::NotAllowed => not_allowed(error),
        IssueError::UnitClosed => refused(Code::FailedPrecondition, "UNIT_CLOSED", error),
        IssueError::Count => bad_field("ORDER_COUNT", "orders", error),
        IssueError::OnsetInFuture { index } => bad_field(
            "ONSET_IN_FUTURE",
            format!("orders[{index}].onset_day"),
            error,
        ),
        IssueError::OnsetTooOld { index } => {
            bad_field("ONSET_TOO_OLD", format!("orders[{index}].onset_day"), error)
        }
        IssueError::UnknownRegion { index } => {
            bad_field("UNKNOWN_REGION", format!("orders[{index}].region"), error)
        }
        IssueError::Quota { whose, left } => quota(*whose, *left, error),
        IssueError::Store(error) => of_store(error),
    }
}

fn quota(whose: QuotaOf, left: u64, error: &dyn ToString) -> Status {
    let reason = match whose {
        QuotaOf::Officer => "QUOTA_OFFICER",
        QuotaOf::Unit => "QUOTA_UNIT",
    };
    // No time to try again: whether more may be issued today is for a person to say.
    let left = HashMap::from([("left".to_owned(), left.to_string())]);
    let details = ErrorDetails::with_error_info(reason, DOMAIN, left);
    Status::with_error_details(Code::ResourceExhausted, error.to_string(), details)
}

pub(super) fn of_import(error: &ImportError) -> Status {
    match error {
        ImportError::NotAllowed => not_allowed(error),
        ImportError::File(fault) => {
            let reason = match fault {
                FileFault::TooLong => "CSV_TOO_LONG",
                FileFault::TooManyLines => "CSV_TOO_MANY_LINES",
                FileFault::Encoding => "CSV_ENCODING",
                FileFault::Empty => "CSV_EMPTY",
                FileFault::MissingColumn { .. } => "CSV_MISSING_COLUMN",
                FileFault::RepeatedColumn { .. } => "CSV_REPEATED_COLUMN",
                FileFault::UnknownColumn { .. } => "CSV_UNKNOWN_COLUMN",
            };
            bad_field(reason, "csv", error)
        }
        ImportError::NoSuchImport => not_found("NO_SUCH_IMPORT", error),
        ImportError::NoSuchSheet => not_found("NO_SUCH_SHEET", error),
        ImportError::UnitClosed => refused(Code::FailedPrecondition, "UNIT_CLOSED", error),
        ImportError::Outdated { .. } => refused(Code::FailedPrecondition, "LINE_OUTDATED", error),
        ImportError::TooManyLists => refused(Code::ResourceExhausted, "TOO_MANY_LISTS", error),
        ImportError::SheetIssued => refused(Code::FailedPrecondition, "SHEET_ISSUED", error),
        ImportError::Quota { whose, left } => quota(*whose, *left, error),
        ImportError::Store(error) => of_store(error),
    }
}

pub(super) fn of_code_action(error: &CodeActionError) -> Status {
    match error {
        CodeActionError::NotAllowed => not_allowed(error),
        CodeActionError::NoSuchSerial => not_found("NO_SUCH_SERIAL", error),
        CodeActionError::Redeemed => refused(Code::FailedPrecondition, "CODE_REDEEMED", error),
        CodeActionError::NoSuchUnit => bad_field("NO_SUCH_UNIT", "unit_code", error),
        CodeActionError::PageSize => bad_field("PAGE_SIZE", "page_size", error),
        CodeActionError::Store(error) => of_store(error),
    }
}

pub(super) fn of_officer(error: &OfficerError) -> Status {
    match error {
        OfficerError::NotAllowed => not_allowed(error),
        OfficerError::Text { field, .. } => bad_field("TEXT", *field, error),
        OfficerError::NoSuchUnit { field } => bad_field("NO_SUCH_UNIT", *field, error),
        OfficerError::UnitClosed { field } => bad_field("UNIT_CLOSED", *field, error),
        OfficerError::UnitExists => refused(Code::AlreadyExists, "UNIT_EXISTS", error),
        OfficerError::NoSuchOfficer => not_found("NO_SUCH_OFFICER", error),
        OfficerError::LabelTaken => refused(Code::AlreadyExists, "LABEL_TAKEN", error),
        OfficerError::NoSuchClientKey => not_found("NO_SUCH_CLIENT_KEY", error),
        OfficerError::Scopes => bad_field("SCOPES", "scopes", error),
        OfficerError::OwnAccount => refused(Code::FailedPrecondition, "OWN_ACCOUNT", error),
        OfficerError::Store(error) => of_store(error),
    }
}

pub(super) fn of_audit(error: &AuditError) -> Status {
    match error {
        AuditError::NotAllowed => not_allowed(error),
        AuditError::NoSuchUnit => bad_field("NO_SUCH_UNIT", "unit_code", error),
        AuditError::Store(error) => of_store(error),
    }
}

pub(super) fn of_figures(error: &FiguresError) -> Status {
    match error {
        FiguresError::NotAllowed => not_allowed(error),
        FiguresError::NoSuchUnit => bad_field("NO_SUCH_UNIT", "unit_code", error),
        FiguresError::Days => bad_field("FIGURE_DAYS", "last_day", error),
        FiguresError::Store(error) => of_store(error),
    }
}

pub(super) fn of_report(error: &ReportError) -> Status {
    match error {
        ReportError::NotAllowed => not_allowed(error),
        ReportError::NotOver => bad_field("REPORT_NOT_OVER", "day", error),
        ReportError::TooOld => bad_field("REPORT_TOO_OLD", "day", error),
        ReportError::UnitClosed => refused(Code::FailedPrecondition, "UNIT_CLOSED", error),
        ReportError::Store(error) => of_store(error),
    }
}

pub(super) fn of_publish(error: &PublishError) -> Status {
    match error {
        PublishError::UnknownRegion => bad_field("UNKNOWN_REGION", "region", error),
        PublishError::Build(_) => internal(error),
        PublishError::Objects(_) | PublishError::Index(_) => {
            error!(%error, "batch store failed");
            batch_store_unavailable()
        }
        PublishError::Elsewhere => try_again(
            Code::Unavailable,
            "PUBLISHING_ELSEWHERE",
            &error.to_string(),
        ),
        PublishError::Store(error) => of_store(error),
    }
}

/// For a batch that cannot be read. Why is logged where it was found out.
pub(super) fn batch_store_unavailable() -> Status {
    try_again(
        Code::Unavailable,
        "BATCH_STORE_UNAVAILABLE",
        "batch store unavailable",
    )
}

pub(super) fn of_keys(error: &KeysError) -> Status {
    internal(error)
}

pub(super) fn not_allowed(error: &dyn ToString) -> Status {
    refused(Code::PermissionDenied, "NOT_ALLOWED", error)
}

pub(super) fn of_store(error: &StoreError) -> Status {
    match error {
        StoreError::Busy => busy(),
        StoreError::Disk(_) | StoreError::Away(_) | StoreError::LeaseLost => {
            error!(%error, "the store cannot");
            try_again(
                Code::Unavailable,
                "STORE_UNAVAILABLE",
                "store unavailable, nothing was stored",
            )
        }
        StoreError::Database(_) | StoreError::Inconsistent(_) => internal(error),
    }
}

/// More is waiting than the server takes.
pub(super) fn busy() -> Status {
    try_again(Code::ResourceExhausted, "BUSY", "busy, nothing was stored")
}

fn try_again(code: Code, reason: &str, text: &str) -> Status {
    let mut details = details(reason);
    details.set_retry_info(Some(RETRY_AFTER));
    Status::with_error_details(code, text, details)
}

/// The reason is for the log; callers learn only that it is not their fault.
pub(super) fn internal(error: &dyn std::error::Error) -> Status {
    error!(%error, "internal error");
    refused(Code::Internal, "INTERNAL", &"internal error")
}
