//! ICE-CONTROLLED and ICE-CONTROLLING (RFC 8445 §16.1).

use super::Attribute;
use crate::message::TransactionId;

macro_rules! role {
    ($(#[$doc:meta])* $name:ident, $kind:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name(pub u64);

        impl Attribute<'_> for $name {
            const TYPE: u16 = $kind;

            fn decode(value: &[u8], _: TransactionId) -> Option<Self> {
                Some($name(u64::from_be_bytes(value.try_into().ok()?)))
            }

            fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
                out.extend_from_slice(&self.0.to_be_bytes());
            }
        }
    };
}

role!(
    /// The sender believes it is controlled; its tie-breaker.
    IceControlled,
    0x8029
);
role!(
    /// The sender believes it is controlling; its tie-breaker.
    IceControlling,
    0x802a
);
