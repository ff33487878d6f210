//! The secrets of one ICE generation.

use roomline_stun::Key;

use crate::Credentials;

#[derive(Debug)]
pub(super) struct Secrets {
    /// `local:remote`, what the peer puts into USERNAME.
    username: String,
    local_len: usize,
    /// Scheduled once: every check needs it.
    key: Key,
}

impl Secrets {
    pub(super) fn new(local: &Credentials, remote_ufrag: &str) -> Secrets {
        Secrets {
            username: format!("{}:{remote_ufrag}", local.ufrag),
            local_len: local.ufrag.len(),
            key: Key::short_term(&local.pwd),
        }
    }

    pub(super) fn is_user(&self, username: &str) -> bool {
        self.username == username
    }

    pub(super) fn local_ufrag(&self) -> &str {
        &self.username[..self.local_len]
    }

    pub(super) fn key(&self) -> &Key {
        &self.key
    }
}
