//! Programs: Rhai, and command lines inside it.

// Reading order.
pub mod language;
