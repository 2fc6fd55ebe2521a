//! Questions to a server of our own on loopback.
