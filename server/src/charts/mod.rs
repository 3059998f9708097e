//! Charts as inline SVG, drawn on 560 units of width. A table on the same page says the same in numbers.

mod axis;
mod columns;
mod lines;

pub(crate) use columns::{Bar, Column, Series, columns};
pub(crate) use lines::{Curve, lines};
