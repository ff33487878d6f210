//! What a receiver lost on its own path, without what its publishers never brought us.

use roomline_rtp::rtcp::ReportBlock;

/// The reception reports on one outgoing stream (RFC 3550 §6.4.1).
///
/// A number that is missing before us is missing behind us too: a receiver reports it as lost although
/// its own path is good. After ten seconds in which a publisher had no network that is nearly
/// everything, and no reason to send the receiver less.
#[derive(Debug, Default)]
pub(super) struct PathLoss {
    /// Highest sequence number and packets lost, as reported last.
    last: Option<(u32, i32)>,
    /// Reported losses that were put down to numbers we never sent.
    forgiven: u32,
}

impl PathLoss {
    /// The share that was lost on the path since the report before, from 0 to 1; none if nothing can
    /// be said. `skipped` counts the numbers that we have never sent so far.
    pub(super) fn fraction(&mut self, block: &ReportBlock, skipped: u32) -> Option<f32> {
        let now = (block.highest_sequence, block.cumulative_lost);
        let (highest, lost) = self.last.replace(now)?;
        let expected = now.0.wrapping_sub(highest);
        if expected == 0 || expected > u32::MAX / 2 {
            return None;
        }
        // Duplicates and late packets can make it negative.
        let lost = u32::try_from(now.1.wrapping_sub(lost)).unwrap_or(0).min(expected);
        let forgiven = lost.min(skipped.saturating_sub(self.forgiven));
        self.forgiven += forgiven;
        let (lost, expected) = (lost - forgiven, expected - forgiven);
        Some(if expected == 0 { 0.0 } else { lost as f32 / expected as f32 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(highest_sequence: u32, cumulative_lost: i32) -> ReportBlock {
        ReportBlock { highest_sequence, cumulative_lost, ..ReportBlock::default() }
    }

    #[test]
    fn what_was_never_sent_is_nobodys_loss() {
        let mut loss = PathLoss::default();
        assert_eq!(loss.fraction(&report(100, 0), 0), None);
        assert_eq!(loss.fraction(&report(200, 25), 0), Some(0.25));
        // 500 numbers were skipped, and 10 of the 100 others lost.
        assert_eq!(loss.fraction(&report(800, 535), 500), Some(0.1));
        assert_eq!(loss.fraction(&report(900, 585), 500), Some(0.5));
    }

    #[test]
    fn a_gap_may_be_reported_later_and_in_parts() {
        let mut loss = PathLoss::default();
        loss.fraction(&report(100, 0), 0);
        assert_eq!(loss.fraction(&report(200, 0), 60), Some(0.0));
        assert_eq!(loss.fraction(&report(300, 40), 60), Some(0.0));
        assert_eq!(loss.fraction(&report(400, 110), 60), Some(50.0 / 80.0));
    }

    #[test]
    fn reports_that_make_no_sense_say_nothing() {
        let mut loss = PathLoss::default();
        loss.fraction(&report(100, 50), 0);
        assert_eq!(loss.fraction(&report(100, 60), 0), None);
        assert_eq!(loss.fraction(&report(90, 60), 0), None);
        assert_eq!(loss.fraction(&report(190, 40), 0), Some(0.0));
        assert_eq!(loss.fraction(&report(200, i32::MAX), 0), Some(1.0));
        assert_eq!(loss.fraction(&report(210, i32::MIN), 0), Some(0.1));
        assert_eq!(loss.fraction(&report(220, i32::MIN), u32::MAX), Some(0.0));
    }
}
