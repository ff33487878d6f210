//! Long-term credentials (RFC 8489 §9.2) without a table of users or nonces.
//!
//! A username is `expiry:participant`; its password is a MAC of the username under the secret that
//! the server shares with whoever issues credentials. A nonce is a MAC of the client's address and
//! the time. So nothing is stored before a client has proved who it is.

use std::net::SocketAddr;
use std::time::Duration;

use aws_lc_rs::{constant_time, hmac};
use rand::RngCore;

use super::{Client, ClientTransport, Config, canonical};
use crate::attribute::{
    Attribute, Nonce, PasswordAlgorithm as Choice, PasswordAlgorithms, Realm, UserHash, Username,
};
use crate::{Key, Message, PasswordAlgorithm, base64};

/// Nonce cookie and security features (RFC 8489 §9.2): "password algorithms", which is bit 0,
/// counted from the right (erratum 6290), in base64. "Username anonymity" is off: a USERHASH
/// cannot be turned back into a username that is known to nobody but its owner.
const NONCE_PREFIX: &str = "obMatJos2AAAB";

/// A username and password for one participant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// `expiry:participant`, both in decimal.
    pub username: String,
    /// Base64 of HMAC-SHA1(secret, username).
    pub password: String,
}

impl Credentials {
    /// Credentials with which allocations can be made until `expiry`, a Unix time. An allocation
    /// that exists lives on while it is refreshed.
    pub fn issue(secret: &[u8], expiry: Duration, participant: u64) -> Credentials {
        let username = format!("{}:{participant}", expiry.as_secs());
        let password = password_of(&secret_key(secret), &username);
        Credentials { username, password }
    }
}

/// The participant in a username; none when the username has not the form `expiry:participant`.
pub fn participant_of(username: &str) -> Option<u64> {
    parts_of(username).map(|(_, participant)| participant)
}

fn parts_of(username: &str) -> Option<(u64, u64)> {
    let (expiry, participant) = username.split_once(':')?;
    Some((decimal(expiry)?, decimal(participant)?))
}

/// `str::parse` would take a sign, so that one participant had several names.
fn decimal(digits: &str) -> Option<u64> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

fn secret_key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret)
}

fn password_of(secret: &hmac::Key, username: &str) -> String {
    base64::encode(hmac::sign(secret, username.as_bytes()).as_ref(), true)
}

/// Who sent a request, proved.
pub(super) struct User<'a> {
    pub(super) name: &'a str,
    pub(super) participant: u64,
    /// Unix time in seconds.
    pub(super) expiry: u64,
    /// Signs the response.
    pub(super) key: Key,
    /// The response carries MESSAGE-INTEGRITY-SHA256 instead of MESSAGE-INTEGRITY.
    pub(super) sha256: bool,
}

/// Why a request was not accepted as anybody's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// 401 or 438, with realm, nonce and password algorithms.
    Challenge(u16),
    /// 400.
    BadRequest,
}

pub(super) struct Authenticator {
    realm: String,
    secret: hmac::Key,
    nonces: hmac::Key,
    nonce_lifetime: u64,
}

impl Authenticator {
    pub(super) fn new(config: &Config, rng: &mut dyn RngCore) -> Authenticator {
        let mut seed = [0; 32];
        rng.fill_bytes(&mut seed);
        Authenticator {
            realm: config.realm.clone(),
            secret: secret_key(&config.secret),
            nonces: hmac::Key::new(hmac::HMAC_SHA256, &seed),
            nonce_lifetime: config.nonce_lifetime.as_secs(),
        }
    }

    pub(super) fn realm(&self) -> &str {
        &self.realm
    }

    /// The checks of RFC 8489 §9.2.4 in their order. Expiry is the caller's business.
    pub(super) fn authenticate<'a, F>(
        &self,
        message: &Message<'a>,
        from: &Client<F>,
        unix: Duration,
    ) -> Result<User<'a>, Refusal> {
        if !message.has_integrity() && !message.has_integrity_sha256() {
            return Err(Refusal::Challenge(401));
        }
        let nonce = message.find::<Nonce>().ok_or(Refusal::BadRequest)?;
        message.find::<Realm>().ok_or(Refusal::BadRequest)?;
        let username = message.find::<Username>();
        if username.is_none() && !message.has(UserHash::TYPE) {
            return Err(Refusal::BadRequest);
        }
        let algorithm = self.password_algorithm(message, nonce.0)?;
        if !self.is_nonce(nonce.0, from, unix) {
            return Err(Refusal::Challenge(438));
        }
        let name = username.ok_or(Refusal::Challenge(401))?.0;
        let (expiry, participant) = parts_of(name).ok_or(Refusal::Challenge(401))?;
        let password = password_of(&self.secret, name);
        let key = Key::long_term(algorithm, name, &self.realm, &password);
        message.verify_integrity(&key).map_err(|_| Refusal::Challenge(401))?;
        let sha256 = message.has_integrity_sha256() || message.has(Choice::TYPE);
        Ok(User { name, participant, expiry, key, sha256 })
    }

    /// A client that knows RFC 8489 returns our list and its choice; one that does not, neither.
    fn password_algorithm(
        &self,
        message: &Message<'_>,
        nonce: &str,
    ) -> Result<PasswordAlgorithm, Refusal> {
        if !nonce.starts_with(NONCE_PREFIX) {
            // No nonce of ours: it is about to be refused as stale.
            return Ok(PasswordAlgorithm::Md5);
        }
        let choice = message.get::<Choice>().map_err(|_| Refusal::BadRequest)?;
        match (message.find::<PasswordAlgorithms<'_>>(), choice) {
            (None, None) => Ok(PasswordAlgorithm::Md5),
            (Some(PasswordAlgorithms::OURS), Some(choice)) => {
                choice.algorithm().ok_or(Refusal::BadRequest)
            }
            _ => Err(Refusal::BadRequest),
        }
    }

    /// A nonce for that client, good from now.
    pub(super) fn nonce<F>(&self, from: &Client<F>, unix: Duration) -> String {
        self.nonce_of(from.transport, from.remote, unix.as_secs() as u32)
    }

    fn is_nonce<F>(&self, nonce: &str, from: &Client<F>, unix: Duration) -> bool {
        let stamp = nonce.get(NONCE_PREFIX.len()..NONCE_PREFIX.len() + 8);
        let Some(made) = stamp.and_then(|hex| u32::from_str_radix(hex, 16).ok()) else {
            return false;
        };
        let age = (unix.as_secs() as u32).wrapping_sub(made);
        let expected = self.nonce_of(from.transport, from.remote, made);
        u64::from(age) < self.nonce_lifetime
            && constant_time::verify_slices_are_equal(expected.as_bytes(), nonce.as_bytes()).is_ok()
    }

    /// 32 characters: the prefix, the time in hexadecimal, and 64 bits of MAC. Short, because a
    /// challenge can be aimed at a victim.
    fn nonce_of(&self, transport: ClientTransport, remote: SocketAddr, made: u32) -> String {
        let mut context = hmac::Context::with_key(&self.nonces);
        context.update(&[transport as u8]);
        context.update(&made.to_be_bytes());
        context.update(&remote.port().to_be_bytes());
        match canonical(remote.ip()) {
            std::net::IpAddr::V4(ip) => context.update(&ip.octets()),
            std::net::IpAddr::V6(ip) => context.update(&ip.octets()),
        }
        let tag = context.sign();
        let mac = base64::encode(&tag.as_ref()[..8], false);
        format!("{NONCE_PREFIX}{made:08x}{mac}")
    }
}
