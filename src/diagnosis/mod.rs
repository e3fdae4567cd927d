//! Facts into words: what broke, whose it is, and what to do next.
