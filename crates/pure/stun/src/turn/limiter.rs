//! A budget of unauthenticated answers per network.
//!
//! Everything a relay answers before it has seen credentials can be aimed at a victim by forging
//! the source address. The table has a fixed size and is indexed by a secret hash: networks that
//! fall on the same entry share its budget, and nobody can choose who they are.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use rand::RngCore;

const ENTRIES: usize = 4096;

pub(super) struct Limiter {
    entries: Box<[Entry]>,
    seed: u64,
    per_second: u32,
}

#[derive(Clone, Copy)]
struct Entry {
    /// When the budget would be full again: one answer moves it on by 1/rate seconds.
    full_at: Option<Instant>,
}

impl Limiter {
    pub(super) fn new(per_second: u32, rng: &mut dyn RngCore) -> Limiter {
        let entries = vec![Entry { full_at: None }; ENTRIES].into_boxed_slice();
        Limiter { entries, seed: rng.next_u64(), per_second }
    }

    /// True when one more answer to that address is within its budget, which holds two seconds'
    /// worth.
    pub(super) fn allow(&mut self, now: Instant, ip: IpAddr) -> bool {
        let Some(cost) = Duration::from_secs(1).checked_div(self.per_second) else {
            return false;
        };
        let index = self.index(ip);
        let full_at = self.entries[index].full_at.unwrap_or(now).max(now) + cost;
        let within = full_at.duration_since(now) <= Duration::from_secs(2);
        if within {
            self.entries[index].full_at = Some(full_at);
        }
        within
    }

    fn index(&self, ip: IpAddr) -> usize {
        let network = match ip {
            IpAddr::V4(ip) => u64::from(ip.to_bits()),
            IpAddr::V6(ip) => (ip.to_bits() >> 64) as u64,
        };
        // The finaliser of SplitMix64, between two keyings, spreads close addresses.
        let mut x = network ^ self.seed;
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27) ^ self.seed).wrapping_mul(0x94d0_49bb_1331_11eb);
        (x >> 52) as usize % ENTRIES
    }
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;
    use crate::testing::start;

    #[test]
    fn a_burst_of_two_seconds_then_the_rate() {
        let mut limiter = Limiter::new(10, &mut StdRng::seed_from_u64(3));
        let start = start();
        let ip: IpAddr = "192.0.2.1".parse().unwrap();
        assert_eq!((0..100).filter(|_| limiter.allow(start, ip)).count(), 20);
        let later = start + Duration::from_millis(500);
        assert_eq!((0..100).filter(|_| limiter.allow(later, ip)).count(), 5);
        let other: IpAddr = "192.0.2.2".parse().unwrap();
        assert!(limiter.allow(later, other));
    }

    #[test]
    fn a_rate_of_zero_answers_nobody() {
        let mut limiter = Limiter::new(0, &mut StdRng::seed_from_u64(3));
        assert!(!limiter.allow(start(), "192.0.2.1".parse().unwrap()));
    }
}
