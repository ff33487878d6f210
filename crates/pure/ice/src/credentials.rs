//! ICE user fragments and passwords (RFC 8445 §5.3).

use rand::{Rng, RngCore};
use roomline_stun::attribute::Username;
use roomline_stun::{Message, Method};

/// The characters of RFC 8839 `ice-char`.
const ICE_CHARS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// 72 random bits: enough that a table of transports can be keyed by it.
const UFRAG_LEN: usize = 12;
/// 144 random bits; at least 128 are required.
const PWD_LEN: usize = 24;

/// What an agent's peer puts into its checks.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// Names the agent: `a=ice-ufrag`.
    pub ufrag: String,
    /// Proves that the peer has read the agent's SDP: `a=ice-pwd`.
    pub pwd: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, ..)", self.ufrag)
    }
}

impl Credentials {
    /// Fresh ones.
    pub fn generate(rng: &mut dyn RngCore) -> Credentials {
        Credentials { ufrag: random_text(rng, UFRAG_LEN), pwd: random_text(rng, PWD_LEN) }
    }
}

fn random_text(rng: &mut dyn RngCore, length: usize) -> String {
    (0..length).map(|_| char::from(ICE_CHARS[rng.random_range(0..ICE_CHARS.len())])).collect()
}

/// The local user fragment that a check is addressed to: the part of USERNAME before the colon.
/// None when the bytes are no Binding message with a USERNAME of that form.
///
/// It says which agent to ask, and proves nothing.
pub fn ufrag_of(message: &[u8]) -> Option<&str> {
    let message = Message::parse(message).ok()?;
    if message.method() != Method::BINDING {
        return None;
    }
    let Username(username) = message.find::<Username<'_>>()?;
    username.split_once(':').map(|(local, _)| local)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn generated_credentials_are_ice_chars_and_differ() {
        let mut rng = StdRng::seed_from_u64(1);
        let (a, b) = (Credentials::generate(&mut rng), Credentials::generate(&mut rng));
        assert_ne!(a, b);
        for text in [&a.ufrag, &a.pwd, &b.ufrag, &b.pwd] {
            assert!(text.bytes().all(|byte| ICE_CHARS.contains(&byte)));
        }
        assert_eq!((a.ufrag.len(), a.pwd.len()), (12, 24));
        assert!(!format!("{a:?}").contains(&a.pwd));
    }
}
