//! Text stands out from its background, in light and in dark (WCAG 2.2, 1.4.3 and 1.4.11).

use std::collections::HashMap;

const STYLE: &str = include_str!("../assets/portal.css");

/// Text on a background: 4.5 to 1.
const TEXTS: [(&str, &str); 22] = [
    ("ink", "page"),
    ("ink", "card"),
    ("ink", "field"),
    ("ink", "tint"),
    ("ink", "good-back"),
    ("ink", "warn-back"),
    ("ink", "bad-back"),
    ("soft", "page"),
    ("soft", "card"),
    ("soft", "field"),
    ("soft", "tint"),
    ("accent", "page"),
    ("accent", "card"),
    ("accent", "warn-back"),
    ("accent-strong", "tint"),
    ("on-accent", "accent"),
    ("on-accent", "accent-strong"),
    ("good", "good-back"),
    ("good", "card"),
    ("warn", "warn-back"),
    ("bad", "bad-back"),
    ("bad", "card"),
];

/// Borders of fields and bars of charts: 3 to 1.
const SHAPES: [(&str, &str); 6] = [
    ("edge", "card"),
    ("edge", "page"),
    ("accent", "field"),
    ("one", "card"),
    ("two", "card"),
    ("three", "card"),
];

#[test]
fn words_and_shapes_stand_out() {
    let mut light = HashMap::new();
    for (scheme, block) in ["light", "dark"]
        .into_iter()
        .zip(STYLE.split(":root {").skip(1))
    {
        // The dark colours are put over the light ones.
        light.extend(colours(block.split('}').next().unwrap()));
        for (pairs, least) in [(&TEXTS[..], 4.5), (&SHAPES[..], 3.0)] {
            for (front, back) in pairs {
                let ratio = contrast(light[*front], light[*back]);
                assert!(
                    ratio >= least,
                    "{scheme}: {front} on {back} has {ratio:.2} to 1"
                );
            }
        }
    }
}

fn colours(block: &str) -> HashMap<&str, u32> {
    block
        .split(';')
        .filter_map(|declaration| declaration.split_once(": #"))
        .map(|(name, hex)| {
            let name = name.trim().trim_start_matches("--");
            (name, u32::from_str_radix(hex.trim(), 16).unwrap())
        })
        .collect()
}

fn contrast(a: u32, b: u32) -> f64 {
    let (a, b) = (luminance(a), luminance(b));
    (a.max(b) + 0.05) / (a.min(b) + 0.05)
}

fn luminance(colour: u32) -> f64 {
    let [_, red, green, blue] = colour.to_be_bytes().map(|byte| {
        let part = f64::from(byte) / 255.0;
        if part <= 0.040_45 {
            part / 12.92
        } else {
            ((part + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[test]
fn the_contrast_is_wcag_s() {
    assert!((contrast(0x00_00_00, 0xff_ff_ff) - 21.0).abs() < 1e-9);
    assert!((contrast(0x77_77_77, 0xff_ff_ff) - 4.48).abs() < 0.005);
}
