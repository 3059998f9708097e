//! Where each page and form of the portal lives.
//!
//! Nothing is in a path: what a page needs comes as a query parameter, what a form does as a field. So every path is
//! a constant, and a log of paths holds no serial and no secret. Forms are sent with POST and carry [`CSRF_FIELD`];
//! searches and figures with GET.

/// The field of every POST form that shows where the form came from.
pub(crate) const CSRF_FIELD: &str = "csrf";

/// The field of forms that must not work twice: a number that was given out with the form.
pub(crate) const ONCE_FIELD: &str = "once";

/// GET: issue form and today's counts; sends an auditor, who issues nothing, on to [`FIGURES`].
pub(crate) const HOME: &str = "/portal";

/// GET: sign-in name and password. POST `sign_in_name`, `password`.
pub(crate) const SIGN_IN: &str = "/portal/sign-in";
/// GET: the second factor. POST `totp`.
pub(crate) const SECOND_FACTOR: &str = "/portal/sign-in/second-factor";
/// POST `passkey`: the authenticator's answer as JSON.
pub(crate) const SECOND_FACTOR_PASSKEY: &str = "/portal/sign-in/passkey";
/// GET: form for a recovery code. POST `recovery_code`.
pub(crate) const RECOVERY: &str = "/portal/sign-in/recovery";
/// POST: ends this session.
pub(crate) const SIGN_OUT: &str = "/portal/sign-out";
/// POST `language` (`vi`, `en`), `back` (a path of the portal).
pub(crate) const LANGUAGE: &str = "/portal/language";

/// GET `?invitation=`. POST `invitation`, `password`, `password_again`: continues with [`INVITATION_FACTOR`].
pub(crate) const INVITATION: &str = "/portal/invitation";
/// GET `?invitation=` (optional): sends the browser to the ministry's provider.
pub(crate) const OIDC: &str = "/portal/oidc";
/// GET `?state=&code=&error=&iss=`: where the provider sends it back to; goes on with [`OIDC_FINISH`].
#[cfg(feature = "oidc")]
pub(crate) const OIDC_CALLBACK: &str = "/portal/oidc/callback";
/// GET, same parameters: signs in.
#[cfg(feature = "oidc")]
pub(crate) const OIDC_FINISH: &str = "/portal/oidc/finish";

/// GET: the second factor. POST `totp`: confirms the authenticator app. Whose, a cookie says.
pub(crate) const INVITATION_FACTOR: &str = "/portal/invitation/totp";
/// POST `passkey`: registers a passkey instead.
pub(crate) const INVITATION_PASSKEY: &str = "/portal/invitation/passkey";

/// POST `report_type` (`confirmed`, `clinical`, `self-test`), `day` (`YYYY-MM-DD` or `other`), `other_day`, `region`,
/// [`ONCE_FIELD`]: answers with the code. GET: sends on to [`HOME`].
pub(crate) const ISSUE: &str = "/portal/issue";
/// GET `?serial=`: state of a code, or the search form alone.
pub(crate) const CODE: &str = "/portal/code";
/// GET `?state=&after=`: codes that the officer sees, newest first.
pub(crate) const CODES: &str = "/portal/codes";
/// GET `?serial=`: asks whether to. POST `serial`.
pub(crate) const REVOKE: &str = "/portal/code/revoke";
/// GET: form for a code that takes warnings back. POST `serial` (optional), `region`, [`ONCE_FIELD`].
pub(crate) const WITHDRAWAL: &str = "/portal/withdrawal";

/// GET: upload form and earlier imports. POST multipart `csrf`, [`ONCE_FIELD`], `file`: checks and answers with what is ready.
pub(crate) const BULK: &str = "/portal/bulk";
/// GET: the CSV with only its header.
pub(crate) const BULK_TEMPLATE: &str = "/portal/bulk/template.csv";
/// GET `?import=`: progress. POST `import`, `sheet`: issues that sheet and answers with it.
pub(crate) const IMPORT: &str = "/portal/bulk/import";
/// GET `?import=&sheet=`: asks whether to. POST `import`, `sheet`, [`ONCE_FIELD`]: revokes the
/// sheet's codes, issues new ones.
pub(crate) const REISSUE: &str = "/portal/bulk/reissue";

/// GET `?first=&last=&unit=`.
pub(crate) const FIGURES: &str = "/portal/figures";
/// GET `?first=&last=&unit=`.
pub(crate) const FIGURES_CSV: &str = "/portal/figures.csv";
/// GET `?day=`. POST `day`: sends the unit's report.
pub(crate) const DAILY_REPORT: &str = "/portal/reports/daily";
/// GET `?week=` (its Monday). POST `week`.
pub(crate) const WEEKLY_REPORT: &str = "/portal/reports/weekly";
/// GET `?day=`: who has sent it.
pub(crate) const DAILY_REPORT_CSV: &str = "/portal/reports/daily.csv";
/// GET `?week=`: who has sent it.
pub(crate) const WEEKLY_REPORT_CSV: &str = "/portal/reports/weekly.csv";

/// GET `?q=`: accounts.
pub(crate) const OFFICERS: &str = "/portal/officers";
/// GET: form. POST `label`, `unit_code`, `role`: answers with the link, once.
pub(crate) const INVITE: &str = "/portal/officers/invite";
/// GET `?officer=`: one account with its keys.
pub(crate) const OFFICER: &str = "/portal/officers/officer";
/// GET `?officer=`: asks whether to. POST `officer`.
pub(crate) const DEACTIVATE: &str = "/portal/officers/deactivate";
/// GET `?officer=`: asks whether to. POST `officer`: answers with a new link, once.
pub(crate) const RESET_SIGN_IN: &str = "/portal/officers/reset";
/// POST `officer`, `key_label`, `scope` (repeated): answers with the key, once.
pub(crate) const CREATE_KEY: &str = "/portal/officers/keys";
/// GET `?officer=&key=`: asks whether to. POST `officer`, `key`.
pub(crate) const REVOKE_KEY: &str = "/portal/officers/keys/revoke";

/// GET `?q=&unit=`: search, or the units below one.
pub(crate) const UNITS: &str = "/portal/units";
/// GET `?first=&last=&action=&officer=&unit=&before=`; with `verify=1`, `head=NUMBER:HASH` (optional): checks the chain.
pub(crate) const AUDIT: &str = "/portal/audit";
/// POST, same filters: an export is itself an entry, so no link from elsewhere may cause one.
pub(crate) const AUDIT_CSV: &str = "/portal/audit.csv";

/// GET: own sign-in.
pub(crate) const ACCOUNT: &str = "/portal/account";
/// POST `session`: ends one. Without it: all but this one.
pub(crate) const END_SESSIONS: &str = "/portal/account/sessions";
/// GET: asks for the password. POST `old_password`: shows a secret to confirm. POST `state`, `totp`: confirms it.
pub(crate) const ADD_TOTP: &str = "/portal/account/totp";
/// GET: asks for the password. POST `old_password`: the form for a passkey. POST `state`, `passkey`, `passkey_label`.
pub(crate) const ADD_PASSKEY: &str = "/portal/account/passkey";
/// GET `?passkey_id=`: asks for the password. POST `passkey_id`, `old_password`.
pub(crate) const REMOVE_PASSKEY: &str = "/portal/account/passkey/remove";
/// GET: asks for the password. POST `old_password`: new recovery codes, shown once; the old ones stop working.
pub(crate) const NEW_RECOVERY_CODES: &str = "/portal/account/recovery-codes";
/// POST `old_password`, `password`, `password_again`.
pub(crate) const CHANGE_PASSWORD: &str = "/portal/account/password";

/// GET: how to work with codes.
pub(crate) const HELP: &str = "/portal/help";

/// GET: whatever is nothing of the above.
pub(crate) const ANYTHING_ELSE: &str = "/portal/{*rest}";

/// GET: the style sheet.
pub(crate) const STYLE: &str = "/portal/assets/portal.css";
/// GET: the script.
pub(crate) const SCRIPT: &str = "/portal/assets/portal.js";
/// GET: the browser tab's icon.
pub(crate) const ICON: &str = "/portal/assets/icon.svg";

/// A path with query parameters, percent-encoded.
pub(crate) fn with_query(path: &str, parameters: &[(&str, &str)]) -> String {
    let mut url = path.to_owned();
    for (i, (name, value)) in parameters.iter().enumerate() {
        url.push(if i == 0 { '?' } else { '&' });
        url.push_str(name);
        url.push('=');
        for byte in value.bytes() {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                url.push(byte.into());
            } else {
                url.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sign_in::draw_invitation;

    #[test]
    fn the_link_of_an_invitation_leads_to_its_page() {
        let mut rng = <rand::rngs::StdRng as rand::SeedableRng>::seed_from_u64(1);
        let (_, invitation) = draw_invitation("a", truyvet_crypto::Timestamp::MIN, &mut rng);
        let origin = "https://portal.example.vn".parse().unwrap();
        let page = with_query(INVITATION, &[("invitation", &invitation.ticket().reveal())]);
        let link = format!("https://portal.example.vn{page}");
        assert_eq!(*invitation.link(&origin), link);
    }

    #[test]
    fn query_values_cannot_break_out() {
        assert_eq!(with_query(CODE, &[]), "/portal/code");
        assert_eq!(
            with_query(UNITS, &[("q", "Hà Nội & x"), ("unit", "48")]),
            "/portal/units?q=H%C3%A0%20N%E1%BB%99i%20%26%20x&unit=48"
        );
    }
}
