//! Arithmetic on numbers that wrap: RTP sequence numbers and timestamps (RFC 3550 §5.1, RFC 1982).

/// Whether sequence number `a` comes after `b`, over a wrap if that is the shorter way.
///
/// Numbers exactly half the circle apart are ordered by their value, so that of two different
/// numbers one is always the newer.
#[must_use]
pub const fn is_newer(a: u16, b: u16) -> bool {
    let ahead = a.wrapping_sub(b);
    if ahead == 0x8000 { a > b } else { ahead != 0 && ahead < 0x8000 }
}

/// Whether RTP timestamp `a` comes after `b`, over a wrap if that is the shorter way.
#[must_use]
pub const fn is_newer_timestamp(a: u32, b: u32) -> bool {
    let ahead = a.wrapping_sub(b);
    if ahead == 0x8000_0000 { a > b } else { ahead != 0 && ahead < 0x8000_0000 }
}

/// Turns 16-bit sequence numbers into 64-bit ones that do not wrap.
///
/// Counting begins one cycle in, so that packets older than the first one seen still have a number:
/// the first sequence number `s` becomes `0x1_0000 + s`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extender {
    highest: Option<u64>,
}

impl Extender {
    /// An extender that has seen nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self { highest: None }
    }

    /// The highest extended number seen.
    #[must_use]
    pub const fn highest(&self) -> Option<u64> {
        self.highest
    }

    /// The extended number for `sequence`, the one nearest to the highest seen; moves the highest.
    pub fn extend(&mut self, sequence: u16) -> u64 {
        let extended = self.peek(sequence);
        self.highest = Some(self.highest.map_or(extended, |highest| highest.max(extended)));
        extended
    }

    /// The extended number for `sequence`, without remembering it.
    #[must_use]
    pub fn peek(&self, sequence: u16) -> u64 {
        let Some(highest) = self.highest else { return 0x1_0000 + u64::from(sequence) };
        let last = (highest & 0xffff) as u16;
        if is_newer(sequence, last) {
            highest + u64::from(sequence.wrapping_sub(last))
        } else {
            highest.saturating_sub(u64::from(last.wrapping_sub(sequence)))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Extender, is_newer, is_newer_timestamp};

    #[test]
    fn newer_goes_the_short_way_round() {
        assert!(is_newer(1, 0));
        assert!(is_newer(0, 0xffff));
        assert!(!is_newer(0xffff, 0));
        assert!(!is_newer(5, 5));
        assert!(is_newer(0x8000, 0) != is_newer(0, 0x8000));
        assert!(is_newer_timestamp(3, 0xffff_fff0));
        assert!(!is_newer_timestamp(0xffff_fff0, 3));
    }

    #[test]
    fn extends_over_a_wrap_in_and_out_of_order() {
        let mut extender = Extender::new();
        assert_eq!(extender.extend(0xfffe), 0x1_fffe);
        assert_eq!(extender.extend(0x0001), 0x2_0001);
        assert_eq!(extender.extend(0xffff), 0x1_ffff);
        assert_eq!(extender.extend(0x0000), 0x2_0000);
        assert_eq!(extender.highest(), Some(0x2_0001));
    }

    #[test]
    fn extends_packets_older_than_the_first() {
        let mut extender = Extender::new();
        assert_eq!(extender.extend(0), 0x1_0000);
        assert_eq!(extender.extend(0xffff), 0xffff);
        assert_eq!(extender.highest(), Some(0x1_0000));
    }
}
