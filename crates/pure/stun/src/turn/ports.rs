//! Which relayed ports of one address are taken.

use std::ops::RangeInclusive;

use rand::{Rng, RngCore};

/// A bit per port: set while it may be handed out.
pub(super) struct Ports {
    free: Box<[u64; 1024]>,
    count: usize,
}

impl Ports {
    pub(super) fn new(ranges: &[RangeInclusive<u16>]) -> Ports {
        let mut ports = Ports { free: Box::new([0; 1024]), count: 0 };
        ranges.iter().cloned().flatten().for_each(|port| ports.give(port));
        ports
    }

    /// A random free port (RFC 6056), an even one if asked.
    pub(super) fn take(&mut self, even: bool, rng: &mut dyn RngCore) -> Option<u16> {
        if self.count == 0 {
            return None;
        }
        let mask = if even { 0x5555_5555_5555_5555 } else { u64::MAX };
        let first = rng.random_range(0..self.free.len());
        let rotation = rng.random_range(0..64);
        for step in 0..self.free.len() {
            let word = (first + step) % self.free.len();
            let bits = self.free[word] & mask;
            if bits != 0 {
                // A random start within the word, too, or its low ports would come first.
                let bit = (bits.rotate_right(rotation).trailing_zeros() + rotation) % 64;
                self.free[word] &= !(1 << bit);
                self.count -= 1;
                return u16::try_from(word * 64 + bit as usize).ok();
            }
        }
        None
    }

    /// Returns a port.
    pub(super) fn give(&mut self, port: u16) {
        let (word, bit) = (usize::from(port) / 64, 1u64 << (port % 64));
        self.count += usize::from(self.free[word] & bit == 0);
        self.free[word] |= bit;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn hands_out_every_port_once() {
        let mut rng = StdRng::seed_from_u64(1);
        let mut ports = Ports::new(&[2000..=2009, 65_530..=65_535]);
        let taken: HashSet<u16> = std::iter::from_fn(|| ports.take(false, &mut rng)).collect();
        let expected: HashSet<u16> = (2000..=2009).chain(65_530..=65_535).collect();
        assert_eq!(taken, expected);
        ports.give(2003);
        ports.give(2003);
        assert_eq!(ports.take(false, &mut rng), Some(2003));
        assert_eq!(ports.take(false, &mut rng), None);
    }

    #[test]
    fn even_means_even() {
        let mut rng = StdRng::seed_from_u64(2);
        let mut ports = Ports::new(&[3001..=3004]);
        let mut taken = vec![ports.take(true, &mut rng), ports.take(true, &mut rng)];
        taken.sort();
        assert_eq!(taken, [Some(3002), Some(3004)]);
        assert_eq!(ports.take(true, &mut rng), None);
    }
}
