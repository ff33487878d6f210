//! Why a command is refused, and why a packet goes no further.

use std::fmt;

/// A command that was refused and changed nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// A code of [`Event::Failed`](crate::Event::Failed).
    pub code: &'static str,
    /// For a log: what was wrong, in words.
    pub message: String,
}

impl Refusal {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for Refusal {}

/// Why an RTP packet was not forwarded, or not to one of its subscribers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Drop {
    /// No such leg.
    UnknownLeg,
    /// Not an RTP packet, or an RTX packet without an original sequence number.
    Malformed,
    /// Neither SSRC, MID nor payload type tell which media section it belongs to.
    UnknownStream,
    /// The leg already uses as many SSRCs as it may.
    TooManyStreams,
    /// A payload type that was not negotiated in its section.
    UnknownPayloadType,
    /// Nobody published the section.
    NotPublished,
    /// A second encoding next to the one that is forwarded.
    OtherEncoding,
    /// Received before: a duplicate, or a retransmission that came twice.
    Duplicate,
    /// Too old to tell whether it was received before.
    Stale,
    /// Padding that a publisher probes with.
    Probe,
    /// The publication is paused.
    Paused,
    /// The subscriber did not negotiate the codec.
    CodecMismatch,
    /// The subscription waits for a keyframe, or a move of the publication does.
    AwaitingKeyframe,
    /// The subscription is paused, by command or by the bitrate cap.
    SubscriptionPaused,
    /// The subscriber's transport is not connected yet.
    NotConnected,
    /// Older than the point from which the subscription is forwarded.
    BeforeStart,
    /// With the subscriber's header extensions it would not fit in one datagram.
    TooLarge,
}

impl Drop {
    /// All of them, in the order of their numbers.
    pub const ALL: [Drop; 17] = [
        Drop::UnknownLeg,
        Drop::Malformed,
        Drop::UnknownStream,
        Drop::TooManyStreams,
        Drop::UnknownPayloadType,
        Drop::NotPublished,
        Drop::OtherEncoding,
        Drop::Duplicate,
        Drop::Stale,
        Drop::Probe,
        Drop::Paused,
        Drop::CodecMismatch,
        Drop::AwaitingKeyframe,
        Drop::SubscriptionPaused,
        Drop::NotConnected,
        Drop::BeforeStart,
        Drop::TooLarge,
    ];

    /// A stable word for a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Drop::UnknownLeg => "unknown-leg",
            Drop::Malformed => "malformed",
            Drop::UnknownStream => "unknown-stream",
            Drop::TooManyStreams => "too-many-streams",
            Drop::UnknownPayloadType => "unknown-payload-type",
            Drop::NotPublished => "not-published",
            Drop::OtherEncoding => "other-encoding",
            Drop::Duplicate => "duplicate",
            Drop::Stale => "stale",
            Drop::Probe => "probe",
            Drop::Paused => "paused",
            Drop::CodecMismatch => "codec-mismatch",
            Drop::AwaitingKeyframe => "awaiting-keyframe",
            Drop::SubscriptionPaused => "subscription-paused",
            Drop::NotConnected => "not-connected",
            Drop::BeforeStart => "before-start",
            Drop::TooLarge => "too-large",
        }
    }
}

impl fmt::Display for Drop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Drop {}

/// Totals of forwarding; they only grow.
#[derive(Clone, Debug, Default)]
pub struct ForwardingCounters {
    /// RTP packets that came in, retransmissions included.
    pub received: u64,
    /// RTP packets that went out, without retransmissions.
    pub forwarded: u64,
    /// RTP packets sent again after a NACK.
    pub retransmitted: u64,
    /// Lost packets that a publisher's retransmission brought.
    pub recovered: u64,
    /// Generic NACK messages sent to publishers.
    pub nacks_sent: u64,
    /// Packets that subscribers asked for and that were not in the history any more.
    pub nacks_missed: u64,
    /// PLI and FIR sent to publishers.
    pub keyframes_requested: u64,
    /// Keyframes that came in.
    pub keyframes: u64,
    /// RTCP packets that did not parse.
    pub bad_rtcp: u64,
    drops: [u64; Drop::ALL.len()],
}

impl ForwardingCounters {
    /// How many packets were dropped for this reason: at the entrance once per packet, behind it
    /// once per subscriber.
    pub fn dropped(&self, reason: Drop) -> u64 {
        self.drops[reason as usize]
    }

    pub(super) fn drop(&mut self, reason: Drop) {
        self.drops[reason as usize] += 1;
    }

    /// Calls `f(name, label, value)` for every total. The label is the empty string, or the reason
    /// of a `rtp_dropped` total.
    pub fn visit(&self, f: &mut dyn FnMut(&'static str, &'static str, u64)) {
        f("rtp_handled", "", self.received);
        f("rtp_forwarded", "", self.forwarded);
        f("rtp_retransmitted", "", self.retransmitted);
        f("rtp_recovered", "", self.recovered);
        f("nacks_sent", "", self.nacks_sent);
        f("nacks_missed", "", self.nacks_missed);
        f("keyframes_requested", "", self.keyframes_requested);
        f("keyframes", "", self.keyframes);
        f("bad_rtcp", "", self.bad_rtcp);
        for reason in Drop::ALL {
            f("rtp_dropped", reason.as_str(), self.dropped(reason));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_numbered_as_listed() {
        for (number, reason) in Drop::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
        }
    }
}
