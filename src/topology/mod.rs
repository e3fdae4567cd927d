//! Pools, partners, test users and settings, as one TOML document.
