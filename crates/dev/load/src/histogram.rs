//! A histogram whose buckets grow with the value: 128 for each doubling, so within 0.8 %.

use crate::clock::Nanos;

const BITS: u32 = 7;
const SLOTS: usize = 1 << BITS;

/// Counts of spans of time.
#[derive(Clone, Debug)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    max: Nanos,
}

impl Default for Histogram {
    fn default() -> Self {
        Histogram { counts: vec![0; SLOTS * (65 - BITS as usize)], total: 0, max: 0 }
    }
}

impl Histogram {
    pub(crate) fn record(&mut self, value: Nanos) {
        self.counts[slot(value)] += 1;
        self.total += 1;
        self.max = self.max.max(value);
    }

    pub(crate) fn count(&self) -> u64 {
        self.total
    }

    pub(crate) fn max(&self) -> Nanos {
        self.max
    }

    /// The smallest value that a share of all values does not exceed, at most 0.8 % too high; 0
    /// without values.
    pub(crate) fn quantile(&self, share: f64) -> Nanos {
        let wanted = ((self.total as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (slot, count) in self.counts.iter().enumerate() {
            seen += count;
            if seen >= wanted {
                return highest(slot).min(self.max);
            }
        }
        0
    }
}

/// Values below 128 have a slot each; above, the seven bits after the highest one choose.
fn slot(value: Nanos) -> usize {
    let bits = 64 - value.leading_zeros();
    if bits <= BITS {
        return value as usize;
    }
    let shift = bits - BITS - 1;
    let within = (value >> shift) as usize - SLOTS;
    SLOTS * (bits - BITS) as usize + within
}

/// The highest value of a slot.
fn highest(slot: usize) -> Nanos {
    if slot < SLOTS {
        return slot as Nanos;
    }
    let shift = (slot / SLOTS - 1) as u32;
    let first = ((slot % SLOTS + SLOTS) as Nanos) << shift;
    first + ((1 << shift) - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn small_values_are_exact() {
        let mut histogram = Histogram::default();
        (1..=100).for_each(|value| histogram.record(value));
        assert_eq!(histogram.quantile(0.5), 50);
        assert_eq!(histogram.quantile(0.99), 99);
        assert_eq!((histogram.max(), histogram.count()), (100, 100));
    }

    #[test]
    fn large_values_are_within_a_hundredth() {
        let mut histogram = Histogram::default();
        (1..=100_000).for_each(|step| histogram.record(step * 1_000));
        for (share, exact) in [(0.5, 50e6), (0.9, 90e6), (0.999, 99.9e6)] {
            let found = histogram.quantile(share) as f64;
            assert!((found / exact - 1.0).abs() < 0.01, "{share}: {found}");
        }
    }

    #[test]
    fn every_value_is_in_a_slot_that_ends_at_or_after_it() {
        for value in (0..64).flat_map(|bit| [1_u64 << bit, (1 << bit) + 1, (1 << bit) - 1]) {
            let end = highest(slot(value));
            assert!(end >= value && (end - value) as f64 <= value as f64 / 127.0, "{value}");
        }
        assert_eq!(highest(slot(u64::MAX)), u64::MAX);
    }

    #[test]
    fn an_empty_one_says_zero() {
        let histogram = Histogram::default();
        assert_eq!((histogram.quantile(0.5), histogram.max(), histogram.count()), (0, 0, 0));
    }
}
