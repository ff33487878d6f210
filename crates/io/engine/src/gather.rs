//! Whether to wait a moment for the rest of a frame.

use std::time::Duration;

/// How long the first packets of a frame may wait for the others. They are sent in a burst; if they come
/// one by one all the same, this is what each may be later.
pub(crate) const LONGEST: Duration = Duration::from_micros(100);

/// Occasions that are passed over at most, after waits that brought nothing.
const MOST_PASSED: u32 = 64;

/// Remembers whether waiting was worth it: where senders space their packets it never is.
#[derive(Debug, Default)]
pub(crate) struct Gather {
    /// Occasions still to be passed over.
    passing: u32,
    /// How many were, after the last wait in vain.
    passed: u32,
}

impl Gather {
    /// Whether to wait on this occasion.
    pub(crate) fn is_worth(&mut self) -> bool {
        let worth = self.passing == 0;
        self.passing = self.passing.saturating_sub(1);
        worth
    }

    /// What came of it.
    pub(crate) fn ended(&mut self, brought: bool) {
        self.passed = if brought { 0 } else { (2 * self.passed).clamp(1, MOST_PASSED) };
        self.passing = self.passed;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_in_vain_become_rare_and_one_that_helps_makes_them_the_rule() {
        let mut gather = Gather::default();
        let mut waits = 0;
        for _ in 0..1000 {
            if gather.is_worth() {
                waits += 1;
                gather.ended(false);
            }
        }
        // After 1, 2, 4, 8, 16 and 32 passed over seven, and then one in 65.
        assert_eq!(waits, 7 + 14);
        while !gather.is_worth() {}
        gather.ended(true);
        assert!(gather.is_worth());
        gather.ended(true);
        assert!(gather.is_worth());
    }
}
