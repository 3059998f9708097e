//! The files that pages refer to, built into the binary.

use super::paths;

/// Sent with every page: everything from the portal itself, and no inline script or style.
pub(crate) const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; \
     img-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// A file as it is handed out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Asset {
    /// Where.
    pub(crate) path: &'static str,
    /// What it is.
    pub(crate) content_type: &'static str,
    /// UTF-8.
    pub(crate) body: &'static str,
}

/// All of them.
pub(crate) const ALL: [Asset; 3] = [
    Asset {
        path: paths::STYLE,
        content_type: "text/css; charset=utf-8",
        body: include_str!("portal.css"),
    },
    Asset {
        path: paths::SCRIPT,
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("portal.js"),
    },
    Asset {
        path: paths::ICON,
        content_type: "image/svg+xml",
        body: include_str!("icon.svg"),
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assets_fetch_nothing() {
        for asset in ALL {
            let body = asset
                .body
                .replace("http://www.w3.org/2000/svg", "")
                .replace("fromBase64url(", "")
                .replace("toBase64url(", "");
            for forbidden in ["http:", "https:", "url(", "@import", "@font-face", "fetch("] {
                assert!(!body.contains(forbidden), "{} has {forbidden}", asset.path);
            }
        }
    }
}
