//! Totals a shard keeps about itself.

/// Why something that came in was dropped, or did not go out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(usize)]
pub enum Discard {
    /// A first byte that RFC 7983 knows nothing for, or an empty datagram.
    UnknownProtocol,
    /// No transport has this address, or this ufrag.
    UnknownTransport,
    /// DTLS or SRTP on a pair that no connectivity check validated.
    UncheckedPair,
    /// A connectivity check that was malformed or not authentic.
    BadCheck,
    /// A record the DTLS association refused.
    BadDtls,
    /// SRTP or SRTCP before the keys are there.
    NoKeys,
    /// SRTP or SRTCP that was not authentic.
    SrtpAuth,
    /// SRTP or SRTCP received before, or too old to tell.
    SrtpReplay,
    /// Not an RTP or RTCP packet inside.
    BadRtp,
    /// RTP that belongs to no publication.
    UnknownStream,
    /// SRTP for more streams than one transport may have.
    TooManyStreams,
    /// TURN data that the server refused.
    Turn,
    /// TURN data for a peer that is not the participant's own transport.
    RelayPeer,
    /// A message for a transport that has no path, no permission or no room left.
    Unsendable,
    /// A message the client sent back on a channel the server opened.
    DataSentBack,
    /// A data channel message that did not fit the receiver's buffer.
    DataOverflow,
    /// A data channel message above the largest size, for a channel that is not open, or that
    /// answers no beat; or a second channel for beats.
    DataInvalid,
    /// A TURN connection that was not announced.
    UnknownConnection,
    /// A TURN connection beyond what its network, or all together, may have without an allocation.
    TooManyConnections,
    /// A Binding request to a media port beyond what one network is answered.
    TooManyBindings,
}

impl Discard {
    /// All of them, in the order of their numbers.
    pub const ALL: [Discard; 20] = [
        Discard::UnknownProtocol,
        Discard::UnknownTransport,
        Discard::UncheckedPair,
        Discard::BadCheck,
        Discard::BadDtls,
        Discard::NoKeys,
        Discard::SrtpAuth,
        Discard::SrtpReplay,
        Discard::BadRtp,
        Discard::UnknownStream,
        Discard::TooManyStreams,
        Discard::Turn,
        Discard::RelayPeer,
        Discard::Unsendable,
        Discard::DataSentBack,
        Discard::DataOverflow,
        Discard::DataInvalid,
        Discard::UnknownConnection,
        Discard::TooManyConnections,
        Discard::TooManyBindings,
    ];

    /// A stable word for a metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Discard::UnknownProtocol => "unknown-protocol",
            Discard::UnknownTransport => "unknown-transport",
            Discard::UncheckedPair => "unchecked-pair",
            Discard::BadCheck => "bad-check",
            Discard::BadDtls => "bad-dtls",
            Discard::NoKeys => "no-keys",
            Discard::SrtpAuth => "srtp-auth",
            Discard::SrtpReplay => "srtp-replay",
            Discard::BadRtp => "bad-rtp",
            Discard::UnknownStream => "unknown-stream",
            Discard::TooManyStreams => "too-many-streams",
            Discard::Turn => "turn",
            Discard::RelayPeer => "relay-peer",
            Discard::Unsendable => "unsendable",
            Discard::DataSentBack => "data-sent-back",
            Discard::DataOverflow => "data-overflow",
            Discard::DataInvalid => "data-invalid",
            Discard::UnknownConnection => "unknown-connection",
            Discard::TooManyConnections => "too-many-connections",
            Discard::TooManyBindings => "too-many-bindings",
        }
    }
}

/// Totals since the start; they only grow.
#[derive(Clone, Debug, Default)]
pub struct Counters {
    /// Datagrams and TURN messages that came in.
    pub packets_received: u64,
    /// Their bytes.
    pub bytes_received: u64,
    /// Datagrams and TURN messages that went out.
    pub packets_sent: u64,
    /// Their bytes.
    pub bytes_sent: u64,
    /// Runs handed to the sink: `packets_sent / runs_sent` is what GSO gains.
    pub runs_sent: u64,
    /// RTP packets that came in, authentic.
    pub rtp_received: u64,
    /// RTP packets that went out, retransmissions included.
    pub rtp_sent: u64,
    /// Data channel messages that came in.
    pub data_received: u64,
    /// Data channel messages that went out.
    pub data_sent: u64,
    /// Relayed data channels closed because the receiver was too slow.
    pub data_channels_closed_slow: u64,
    /// Transports opened.
    pub transports_opened: u64,
    /// Transports closed, for whatever reason.
    pub transports_closed: u64,
    /// TURN allocations made.
    pub allocations_made: u64,
    /// Plain Binding requests to media ports that were answered.
    pub bindings_answered: u64,
    discards: [u64; Discard::ALL.len()],
}

impl Counters {
    /// How many were dropped for this reason.
    pub fn discarded(&self, reason: Discard) -> u64 {
        self.discards[reason as usize]
    }

    pub(crate) fn discard(&mut self, reason: Discard) {
        self.discards[reason as usize] += 1;
    }

    /// Calls `f(name, label, value)` for every total. The label is the empty string, or the reason
    /// of a `discarded` total.
    pub fn visit(&self, f: &mut dyn FnMut(&'static str, &'static str, u64)) {
        f("packets_received", "", self.packets_received);
        f("bytes_received", "", self.bytes_received);
        f("packets_sent", "", self.packets_sent);
        f("bytes_sent", "", self.bytes_sent);
        f("runs_sent", "", self.runs_sent);
        f("rtp_received", "", self.rtp_received);
        f("rtp_sent", "", self.rtp_sent);
        f("data_received", "", self.data_received);
        f("data_sent", "", self.data_sent);
        f("data_channels_closed_slow", "", self.data_channels_closed_slow);
        f("transports_opened", "", self.transports_opened);
        f("transports_closed", "", self.transports_closed);
        f("allocations_made", "", self.allocations_made);
        f("bindings_answered", "", self.bindings_answered);
        for reason in Discard::ALL {
            f("discarded", reason.as_str(), self.discarded(reason));
        }
    }
}

/// How much of everything there is now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Gauges {
    /// Open transports.
    pub transports: usize,
    /// Transports by the tier of their path: `direct`, `turn-udp`, `turn-tcp`, `turn-tls`.
    pub transports_by_tier: [usize; 4],
    /// TURN allocations.
    pub allocations: usize,
    /// TURN connections over TCP and TLS.
    pub connections: usize,
    /// Data channels clients opened.
    pub data_channels: usize,
    /// Entries in the tables that lead packets to transports.
    pub routes: usize,
}

impl Gauges {
    /// Calls `f(name, label, value)` for every figure. The label is the empty string, or the tier
    /// of a `transports_by_tier` figure.
    pub fn visit(&self, f: &mut dyn FnMut(&'static str, &'static str, u64)) {
        f("transports", "", self.transports as u64);
        for (tier, count) in crate::event::Tier::ALL.iter().zip(self.transports_by_tier) {
            f("transports_by_tier", tier.as_str(), count as u64);
        }
        f("allocations", "", self.allocations as u64);
        f("connections", "", self.connections as u64);
        f("data_channels", "", self.data_channels as u64);
        f("routes", "", self.routes as u64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_numbered_as_listed() {
        for (number, reason) in Discard::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, number);
        }
    }
}
