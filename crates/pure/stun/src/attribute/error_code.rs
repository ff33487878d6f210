//! ERROR-CODE (RFC 8489 §14.8).

use super::Attribute;
use crate::message::TransactionId;

/// Why a request was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode<'a> {
    /// 300–699.
    pub code: u16,
    /// Words for people, fewer than 128 characters. We send none: a short answer is a poor
    /// amplifier.
    pub reason: &'a str,
}

impl ErrorCode<'_> {
    /// A code without words.
    pub fn bare(code: u16) -> ErrorCode<'static> {
        ErrorCode { code, reason: "" }
    }
}

impl<'a> Attribute<'a> for ErrorCode<'a> {
    const TYPE: u16 = 0x0009;

    fn decode(value: &'a [u8], _: TransactionId) -> Option<Self> {
        let (&[_, _, class, number], reason) = value.split_first_chunk::<4>()?;
        let class = class & 7;
        if !(3..=6).contains(&class) || number > 99 {
            return None;
        }
        let code = u16::from(class) * 100 + u16::from(number);
        Some(ErrorCode { code, reason: std::str::from_utf8(reason).ok()? })
    }

    fn encode(&self, out: &mut Vec<u8>, _: TransactionId) {
        let (class, number) = ((self.code / 100) as u8, (self.code % 100) as u8);
        out.extend_from_slice(&[0, 0, class & 7, number]);
        out.extend_from_slice(self.reason.as_bytes());
    }
}
