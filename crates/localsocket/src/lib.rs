//! The local control socket of a running program: JSON lines over a Unix socket, mode 0600
