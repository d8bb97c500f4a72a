//! TLS secrets from a key log (the NSS format): `LABEL CLIENT_RANDOM SECRET` in hexadecimal, a line each.

use std::collections::BTreeMap;

/// Secrets by client random and label.
#[derive(Debug, Default)]
pub(crate) struct Keys {
    secrets: BTreeMap<(Vec<u8>, String), Vec<u8>>,
}

impl Keys {
    /// Adds the lines of a key log; what is none is passed over.
    pub(crate) fn add(&mut self, text: &[u8]) {
        for line in String::from_utf8_lossy(text).lines() {
            let mut words = line.split_whitespace();
            let (Some(label), Some(random), Some(secret)) = (words.next(), words.next(), words.next()) else {
                continue;
            };
            if let (Ok(random), Ok(secret)) =
                (super::digits(random.as_bytes()), super::digits(secret.as_bytes()))
            {
                self.secrets.insert((random, label.to_owned()), secret);
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.secrets.is_empty()
    }

    pub(crate) fn get(&self, random: &[u8], label: &str) -> Option<&[u8]> {
        self.secrets.get(&(random.to_vec(), label.to_owned())).map(Vec::as_slice)
    }
}
