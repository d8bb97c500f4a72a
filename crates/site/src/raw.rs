//! `site.toml` as written.
