//! Datagrams for one address, back to back, so that equal ones leave as one run.

/// Datagrams in a run: the kernel's bound of UDP_SEGMENT.
const MAX_SEGMENTS: usize = 64;
/// Bytes in a run: below the largest UDP datagram.
const MAX_RUN: usize = 65_000;
/// Room for one datagram that does not count towards a run.
const MAX_DATAGRAM: usize = 65_536;

/// Room for one run, used again and again.
pub(crate) struct Runs {
    room: Box<[u8]>,
    used: usize,
    segment: usize,
    count: usize,
}

/// A run that is complete.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Run<'a> {
    /// All datagrams.
    pub(crate) bytes: &'a [u8],
    /// Length of each; the last may be shorter.
    pub(crate) segment: usize,
    /// How many.
    pub(crate) count: u64,
}

impl Default for Runs {
    fn default() -> Self {
        let room = vec![0; MAX_RUN + MAX_DATAGRAM].into_boxed_slice();
        Self { room, used: 0, segment: 0, count: 0 }
    }
}

impl Runs {
    /// Whether a datagram of this length may join the run; if not, [`take`](Self::take) it first. All
    /// are of one length, but for the last, which may be shorter.
    pub(crate) fn takes(&self, length: usize) -> bool {
        self.count == 0
            || (self.count < MAX_SEGMENTS
                && self.used == self.segment * self.count
                && length <= self.segment
                && self.used + length <= MAX_RUN)
    }

    /// Room for the next datagram; none if it is too long for any.
    pub(crate) fn room(&mut self, length: usize) -> Option<&mut [u8]> {
        self.room.get_mut(self.used..)?.get_mut(..length)
    }

    /// Takes what was written into the beginning of the room as a datagram.
    pub(crate) fn add(&mut self, length: usize) {
        if self.count == 0 {
            self.segment = length;
        }
        self.used += length;
        self.count += 1;
    }

    /// The run so far, if there is one; another begins.
    pub(crate) fn take(&mut self) -> Option<Run<'_>> {
        let (used, count) = (std::mem::take(&mut self.used), std::mem::take(&mut self.count));
        let run = Run { bytes: &self.room[..used], segment: self.segment, count: count as u64 };
        (count > 0).then_some(run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Length, segment and count of each run.
    fn shape(lengths: &[usize]) -> Vec<(usize, usize, u64)> {
        let (mut runs, mut shapes) = (Runs::default(), Vec::new());
        let mut take = |runs: &mut Runs| {
            if let Some(run) = runs.take() {
                shapes.push((run.bytes.len(), run.segment, run.count));
            }
        };
        for &length in lengths {
            if !runs.takes(length) {
                take(&mut runs);
            }
            runs.room(length).unwrap().fill(length as u8);
            runs.add(length);
        }
        take(&mut runs);
        shapes
    }

    #[test]
    fn equal_datagrams_leave_together_and_a_shorter_one_ends_the_run() {
        let expected = [(240, 100, 3), (100, 100, 1), (247, 120, 3), (7, 7, 1)];
        assert_eq!(shape(&[100, 100, 40, 100, 120, 120, 7, 7]), expected);
    }

    #[test]
    fn a_run_is_bounded_by_count_and_bytes() {
        assert_eq!(shape(&[10; 70]), [(640, 10, 64), (60, 10, 6)]);
        assert_eq!(shape(&[1300; 60]), [(50 * 1300, 1300, 50), (10 * 1300, 1300, 10)]);
        assert_eq!(shape(&[65_536, 65_536]), [(65_536, 65_536, 1), (65_536, 65_536, 1)]);
        assert!(Runs::default().room(MAX_RUN + MAX_DATAGRAM + 1).is_none());
    }

    #[test]
    fn what_was_written_comes_out() {
        let mut runs = Runs::default();
        assert_eq!(runs.take(), None);
        for text in [b"abc", b"def"] {
            runs.room(3).unwrap().copy_from_slice(text);
            runs.add(3);
        }
        let bytes = b"abcdef";
        assert_eq!(runs.take(), Some(Run { bytes, segment: 3, count: 2 }));
        assert_eq!(runs.take(), None);
    }
}
