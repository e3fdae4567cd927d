//! Passwords at rest: one encrypted file.
