//! The replay window (RFC 3711 §3.3.2), as a ring of bits.

use crate::SrtpError;

/// How far behind the newest index a packet may be. A window of 128 would be an eighth of a second
/// of a fast video stream; late repairs and packets of a slower path come later than that.
pub(crate) const WINDOW: u64 = 1024 - 64;

const WORDS: usize = 16;

/// Which of the latest indices were received.
#[derive(Clone, Debug)]
pub(crate) struct Window {
    newest: u64,
    /// One bit per index. The word of the newest index is only partly in use, so the window that
    /// can be relied on is one word shorter than the ring.
    bits: [u64; WORDS],
}

impl Window {
    /// A window that has received only `first`.
    pub(crate) fn new(first: u64) -> Self {
        let mut window = Self { newest: first, bits: [0; WORDS] };
        window.set(first);
        window
    }

    /// The newest index received.
    pub(crate) const fn newest(&self) -> u64 {
        self.newest
    }

    /// Whether a packet with this index may be accepted.
    pub(crate) fn check(&self, index: u64) -> Result<(), SrtpError> {
        if index > self.newest {
            return Ok(());
        }
        if self.newest - index >= WINDOW {
            return Err(SrtpError::TooOld);
        }
        let seen = self.bits[word(index)] & bit(index) != 0;
        if seen { Err(SrtpError::Replayed) } else { Ok(()) }
    }

    /// Notes an index that passed [`Window::check`] and was authenticated.
    pub(crate) fn accept(&mut self, index: u64) {
        if index > self.newest {
            let (from, to) = (self.newest / 64, index / 64);
            for cleared in (from + 1..=to).take(WORDS) {
                self.bits[(cleared % WORDS as u64) as usize] = 0;
            }
            self.newest = index;
        }
        self.set(index);
    }

    fn set(&mut self, index: u64) {
        self.bits[word(index)] |= bit(index);
    }
}

const fn word(index: u64) -> usize {
    (index / 64 % WORDS as u64) as usize
}

const fn bit(index: u64) -> u64 {
    1 << (index % 64)
}

#[cfg(test)]
mod tests {
    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    use std::collections::BTreeSet;

    use super::{WINDOW, Window};
    use crate::SrtpError;

    #[test]
    fn a_number_is_accepted_once() {
        let mut window = Window::new(10);
        assert_eq!(window.check(10), Err(SrtpError::Replayed));
        assert_eq!(window.check(9), Ok(()));
        window.accept(9);
        assert_eq!(window.check(9), Err(SrtpError::Replayed));
        window.accept(10 + WINDOW);
        assert_eq!(window.check(10), Err(SrtpError::TooOld));
        assert_eq!(window.check(11), Ok(()));
        assert_eq!(window.newest(), 10 + WINDOW);
    }

    #[test]
    fn agrees_with_a_set_of_numbers() {
        let mut rng = StdRng::seed_from_u64(1);
        let (mut window, mut seen) = (Window::new(5_000), BTreeSet::from([5_000]));
        for _ in 0..50_000 {
            let newest = window.newest();
            let reach = if rng.random_bool(0.01) { 3_000 } else { 40 };
            let index = (newest + rng.random_range(0..reach)).saturating_sub(reach / 2 - 2);
            let expected = if index + WINDOW <= newest {
                Err(SrtpError::TooOld)
            } else if seen.contains(&index) {
                Err(SrtpError::Replayed)
            } else {
                Ok(())
            };
            assert_eq!(window.check(index), expected);
            if expected.is_ok() {
                window.accept(index);
                seen.insert(index);
            }
        }
    }
}
