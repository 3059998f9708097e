//! The OpenID Connect provider that officers may sign in by: none, or all of it.

use std::path::PathBuf;

use url::{Host, Url};

use super::{SettingsError, check::value};

/// A provider, and what it knows us as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// As given: what the provider says of itself is compared with it letter by letter.
    pub issuer: String,
    /// What the provider knows the portal as.
    pub client_id: String,
    /// File with the portal's secret.
    pub client_secret_file: PathBuf,
    /// What officers call the provider.
    pub name: String,
    /// What it must say of how somebody signed in; `None`: nothing.
    pub acr: Option<String>,
}

/// The settings as given.
pub(super) struct Given {
    pub(super) oidc_issuer: Option<String>,
    pub(super) oidc_client_id: Option<String>,
    pub(super) oidc_client_secret_file: Option<PathBuf>,
    pub(super) oidc_name: Option<String>,
    pub(super) oidc_acr: Option<String>,
}

impl Given {
    pub(super) fn check(self) -> Result<Option<OidcSettings>, SettingsError> {
        let given = [
            ("oidc_issuer", self.oidc_issuer.is_some()),
            ("oidc_client_id", self.oidc_client_id.is_some()),
            (
                "oidc_client_secret_file",
                self.oidc_client_secret_file.is_some(),
            ),
            ("oidc_name", self.oidc_name.is_some()),
            ("oidc_acr", self.oidc_acr.is_some()),
        ];
        let Some((first, _)) = given.into_iter().find(|(_, given)| *given) else {
            return Ok(None);
        };
        if !cfg!(feature = "oidc") {
            return Err(value(
                first,
                "this program was built without the feature `oidc`",
            ));
        }
        let missing = |setting| value(setting, format!("missing beside {first}"));
        let issuer = self.oidc_issuer.ok_or_else(|| missing("oidc_issuer"))?;
        let host = host_of(&issuer)?;
        let client_id = self
            .oidc_client_id
            .ok_or_else(|| missing("oidc_client_id"))?;
        Ok(Some(OidcSettings {
            issuer,
            client_id: text("oidc_client_id", client_id, 256)?,
            client_secret_file: self
                .oidc_client_secret_file
                .ok_or_else(|| missing("oidc_client_secret_file"))?,
            name: text("oidc_name", self.oidc_name.unwrap_or(host), 64)?,
            acr: self
                .oidc_acr
                .map(|acr| text("oidc_acr", acr, 256))
                .transpose()?,
        }))
    }
}

fn host_of(issuer: &str) -> Result<String, SettingsError> {
    let refused = |reason: &str| value("oidc_issuer", format!("{issuer}: {reason}"));
    let url = Url::parse(issuer).map_err(|error| refused(&error.to_string()))?;
    let safe = match url.scheme() {
        "https" => true,
        "http" => is_this_machine(&url),
        _ => false,
    };
    if !safe {
        return Err(refused("must be https, or http on this machine"));
    }
    let bare = url.query().is_none()
        && url.fragment().is_none()
        && url.username().is_empty()
        && url.password().is_none();
    match url.host_str() {
        Some(host) if bare => Ok(host.to_owned()),
        _ => Err(refused("must be scheme, host, port and path alone")),
    }
}

/// Whether what is sent there leaves this machine.
pub(crate) fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

fn text(setting: &'static str, given: String, most: usize) -> Result<String, SettingsError> {
    let fits = !given.trim().is_empty()
        && given.chars().count() <= most
        && !given.chars().any(char::is_control);
    if fits {
        Ok(given)
    } else {
        let range = format!("must be 1 to {most} printable characters");
        Err(value(setting, range))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(issuer: &str) -> Given {
        Given {
            oidc_issuer: Some(issuer.into()),
            oidc_client_id: Some("truyvet".into()),
            oidc_client_secret_file: Some("secret".into()),
            oidc_name: None,
            oidc_acr: None,
        }
    }

    #[test]
    fn none_or_all_of_it() {
        let nothing = Given {
            oidc_issuer: None,
            oidc_client_id: None,
            oidc_client_secret_file: None,
            oidc_name: None,
            oidc_acr: None,
        };
        assert!(nothing.check().unwrap().is_none());
        let whole = given("https://id.example.vn/realm").check();
        if !cfg!(feature = "oidc") {
            let error = whole.unwrap_err().to_string();
            assert!(error.contains("oidc_issuer: this program was built without"));
            return;
        }
        let whole = whole.unwrap().unwrap();
        assert_eq!(whole.issuer, "https://id.example.vn/realm");
        assert_eq!(whole.name, "id.example.vn");
        let no_secret = Given {
            oidc_client_secret_file: None,
            ..given("https://id.example.vn")
        };
        let error = no_secret.check().unwrap_err().to_string();
        assert!(error.contains("oidc_client_secret_file: missing beside oidc_issuer"));
    }

    #[test]
    fn an_issuer_is_https_or_this_machine() {
        for good in [
            "https://id.vn",
            "https://id.vn:8443/x/",
            "http://localhost:1",
            "http://127.0.0.1:1",
            "http://[::1]:1",
        ] {
            assert!(host_of(good).is_ok(), "{good}");
        }
        for bad in [
            "id.vn",
            "http://id.vn",
            "http://localhost.id.vn",
            "ftp://localhost",
            "https://id.vn/?x=1",
            "https://id.vn/#x",
            "https://a:b@id.vn",
        ] {
            assert!(host_of(bad).is_err(), "{bad}");
        }
    }
}
