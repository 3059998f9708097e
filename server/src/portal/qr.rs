//! QR codes as inline SVG: dark on light in every colour scheme, since scanners want it so.

use maud::{Markup, html};
use qrcode::{Color, EcLevel, QrCode};

/// Light modules around the code that scanners need.
const QUIET: usize = 4;

/// The QR code of a text, up to some 1,000 bytes; nothing for more.
///
/// - `label`: what a screen reader says in its place.
pub(crate) fn svg(text: &str, label: &str) -> Markup {
    let Ok(code) = QrCode::with_error_correction_level(text, EcLevel::M) else {
        return html! {};
    };
    let side = code.width() + 2 * QUIET;
    html! {
        svg class="qr" viewBox=(format!("0 0 {side} {side}")) role="img" aria-label=(label) shape-rendering="crispEdges" {
            rect width=(side) height=(side) fill="#fff" {}
            path d=(path(&code.to_colors(), code.width())) fill="#000" {}
        }
    }
}

/// One rectangle for each run of dark modules in a row.
fn path(colors: &[Color], width: usize) -> String {
    let mut path = String::new();
    for (y, row) in colors.chunks(width).enumerate() {
        let mut x = 0;
        for run in row.chunk_by(|a, b| a == b) {
            if run[0] == Color::Dark {
                let length = run.len();
                path.push_str(&format!(
                    "M{} {}h{length}v1h-{length}z",
                    x + QUIET,
                    y + QUIET
                ));
            }
            x += run.len();
        }
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upload_code_makes_the_smallest_qr_code() {
        // 13 symbols of the alphanumeric set: version 1, 21 modules.
        let svg = svg("7XK4-9AC-2HTE", "code").into_string();
        assert!(svg.contains("viewBox=\"0 0 29 29\""), "{svg}");
    }

    #[test]
    fn each_dark_module_is_drawn_once() {
        let [dark, light] = [Color::Dark, Color::Light];
        assert_eq!(
            path(
                &[dark, dark, light, light, dark, light, dark, light, dark],
                3
            ),
            "M4 4h2v1h-2zM5 5h1v1h-1zM4 6h1v1h-1zM6 6h1v1h-1z"
        );
    }

    #[test]
    fn too_long_a_text_leaves_the_place_empty() {
        assert_eq!(svg(&"x".repeat(5_000), "").into_string(), "");
    }
}
