//! How every TOML file of OpenRTD is read: unknown keys refused, errors by file, line, column and field
