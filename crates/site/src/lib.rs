//! The site model: site.toml with spans, devices, points, scaling and signs
