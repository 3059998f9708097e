//! Every page over sample views, in both languages.

mod contrast;
pub(crate) mod html;
mod samples;
mod wording;
