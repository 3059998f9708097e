//! Charts of figures as inline SVG.
