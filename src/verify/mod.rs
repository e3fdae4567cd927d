//! One verification, and batches of them.
