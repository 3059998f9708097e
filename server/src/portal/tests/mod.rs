//! Every page over sample views, in both languages.

mod html;
mod samples;
mod wording;
