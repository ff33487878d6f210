//! USERNAME, REALM, NONCE and SOFTWARE (RFC 8489 §14.3, §14.9, §14.10, §14.14): UTF-8 with a
//! bound. They differ in type and bound alone.

use super::Attribute;
use crate::message::TransactionId;

macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $kind:literal, $bound:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub struct $name<'a>(pub &'a str);

        impl<'a> Attribute<'a> for $name<'a> {
            const TYPE: u16 = $kind;

            fn decode(value: &'a [u8], _: TransactionId) -> Option<Self> {
                if value.len() > $bound {
                    return None;
                }
                std::str::from_utf8(value).ok().map($name)
            }

            fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
                out.extend_from_slice(self.0.as_bytes());
            }
        }
    };
}

text!(
    /// Who sends the message: fewer than 509 bytes.
    Username,
    0x0006,
    508
);
text!(
    /// The set of credentials: at most 763 bytes.
    Realm,
    0x0014,
    763
);
text!(
    /// The server's challenge: at most 763 bytes.
    Nonce,
    0x0015,
    763
);
text!(
    /// The sender's name and version: at most 763 bytes. Our servers do not send it.
    Software,
    0x8022,
    763
);
