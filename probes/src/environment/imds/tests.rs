//! The conversation against a service of our own on loopback.
