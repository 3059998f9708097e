//! Every page over sample views, in both languages.

mod contrast;
mod html;
mod samples;
mod wording;
