//! Congestion feedback to a publisher: transport-wide arrival times.

use std::time::{Duration, Instant};

use roomline_rtp::rtcp::TwccRecorder;

use super::reports::OWN_SSRC;

/// Time from the first packet to the feedback about it and those that followed.
const INTERVAL: Duration = Duration::from_millis(50);

/// Arrivals on one leg that its client has not been told of.
#[derive(Debug, Default)]
pub(super) struct Feedback {
    recorder: Option<TwccRecorder>,
    media: u32,
    due: Option<Instant>,
}

impl Feedback {
    /// Notes an arrival.
    pub(super) fn record(&mut self, now: Instant, sequence: u16, ssrc: u32) {
        self.recorder.get_or_insert_with(|| TwccRecorder::new(now)).record(sequence, now);
        self.media = ssrc;
        self.due.get_or_insert(now + INTERVAL);
    }

    /// When feedback is to be written.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Appends one feedback packet if it is time. Call it again until it says false.
    pub(super) fn write(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        let recorder = self.recorder.as_mut();
        let written = recorder.is_some_and(|recorder| recorder.write(OWN_SSRC, self.media, out));
        if !written {
            self.due = None;
        }
        written
    }
}
