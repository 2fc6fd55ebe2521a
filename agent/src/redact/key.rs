//! The key under which pseudonyms are made. Under the same key the same name always gets the same pseudonym, and without it
//! nobody can tell which name a pseudonym stands for, not even by trying them all.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The fewest bytes that a key may have: account ids and private addresses are few enough to be tried, so the key must not be.
pub const SHORTEST_KEY: usize = 16;

/// A key. It is in no output.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; 32]);

impl Key {
    /// A key from random bytes.
    #[must_use]
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key that a secret text stands for; `None` where it is too short to be one. White space around it does not count.
    #[must_use]
    pub fn from_secret(secret: &[u8]) -> Option<Self> {
        let secret = secret.trim_ascii();
        (secret.len() >= SHORTEST_KEY).then(|| Self(Sha256::digest(secret).into()))
    }

    /// A number that nobody can foresee without the key. What is asked for different purposes has nothing to do with each other.
    pub(super) fn digest(&self, purpose: &str, text: &[u8]) -> [u8; 32] {
        // What RFC 2104 makes of a key that is shorter than a block of the hash: the key, and zeros.
        let mut block = [0; 64];
        block[..self.0.len()].copy_from_slice(&self.0);
        let mut digest = Hmac::<Sha256>::new(&block.into());
        digest.update(purpose.as_bytes());
        digest.update(&[0]);
        digest.update(text);
        digest.finalize().into_bytes().into()
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Key(..)")
    }
}
