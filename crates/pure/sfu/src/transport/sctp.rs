//! SCTP over DTLS (RFC 8261) with data channels (RFC 8831). The client opens the association.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use sctp_proto::{
    AssociationHandle, DatagramEvent, Endpoint, EndpointConfig, EndpointEvent, Event, Payload,
    PayloadProtocolIdentifier as Ppid, ServerConfig, StreamEvent, TransportConfig,
};

use super::dcep::{self, Open};

/// Largest message, both ways; `a=max-message-size` of our answers.
pub(crate) const MAX_MESSAGE: usize = 64 * 1024;

/// Channels one side may have open.
pub(crate) const MAX_CHANNELS: usize = 256;

/// What may wait in one channel of ours: enough for a burst of whole messages on a slow path.
const MAX_RELIABLE: usize = 1024 * 1024;
/// The same for partial reliability, where what is late is worth little.
const MAX_UNRELIABLE: usize = 256 * 1024;
/// What may wait in all channels of an association together.
const MAX_TOTAL: usize = 4 * 1024 * 1024;
/// The same in messages, in one channel and in all: a message takes some hundred bytes besides its
/// own, however short it is.
const MAX_MESSAGES: usize = 8192;
const MAX_TOTAL_MESSAGES: usize = 16_384;

/// Channels a client may open at once, and per second in the long run: each is work for everybody.
const OPENINGS: u32 = MAX_CHANNELS as u32;
const OPENINGS_PER_SECOND: u32 = 16;

/// Payload of one packet: with SCTP, DTLS, ChannelData, UDP and IPv6 headers it stays below 1280.
const MAX_PAYLOAD: u32 = 1136;

/// SCTP knows peers by address; below DTLS there is none.
const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5000);

/// What happened to a channel.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum ChannelEvent {
    /// The client opened one.
    Opened { stream: u16, open: Open },
    /// A whole message.
    Message { stream: u16, text: bool, data: Vec<u8> },
    /// Closed by the client, or with the association.
    Closed { stream: u16 },
    /// A message that belongs to no open channel, or made no sense.
    Invalid,
}

/// Why a message was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SendError {
    /// No such channel.
    Closed,
    /// Larger than we, or the client, take.
    TooLarge,
    /// The client is too slow: its buffer is full.
    Full,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Ours, to be opened when the association is there.
    Waiting,
    /// Ours, DATA_CHANNEL_OPEN is sent.
    Opening,
    /// Ours and acknowledged, or the client's.
    Open,
    /// A reset is under way: the stream identifier cannot be used again yet.
    Closing,
}

struct Channel {
    state: State,
    open: Open,
    /// Messages from before the association was there.
    early: Vec<(bool, Vec<u8>)>,
    /// Lengths of the messages that may not have arrived yet, and their sum.
    waiting: VecDeque<usize>,
    waiting_bytes: usize,
}

impl Channel {
    fn new(state: State, open: Open) -> Self {
        Self { state, open, early: Vec::new(), waiting: VecDeque::new(), waiting_bytes: 0 }
    }

    fn push(&mut self, length: usize) {
        self.waiting.push_back(length);
        self.waiting_bytes += length;
    }

    /// Forgets the messages that cannot be among the last `buffered` bytes.
    fn settle(&mut self, buffered: usize) {
        while let Some(first) = self.waiting.front()
            && self.waiting_bytes - first >= buffered
        {
            self.waiting_bytes -= first;
            self.waiting.pop_front();
        }
    }

    fn bound(&self) -> usize {
        match self.open.reliability {
            dcep::Reliability::Reliable => MAX_RELIABLE,
            _ => MAX_UNRELIABLE,
        }
    }
}

/// One SCTP association and its data channels.
pub(crate) struct Association {
    endpoint: Endpoint,
    inner: Option<(AssociationHandle, sctp_proto::Association)>,
    established: bool,
    channels: BTreeMap<u16, Channel>,
    max_message: usize,
    /// Buffered in all channels, as of the last packet; grows with every message sent.
    buffered: usize,
    /// The messages of these bytes.
    messages: usize,
    buffered_is_stale: bool,
    /// Channels the client may still open, as of that moment.
    openings: (u32, Option<Instant>),
    events: VecDeque<ChannelEvent>,
}

impl Association {
    /// `max_message` is the client's `a=max-message-size`; 0 is no limit (RFC 8841 section 6.1).
    pub(crate) fn new(max_message: u32) -> Self {
        let transport = TransportConfig::default()
            .with_max_send_message_size(MAX_MESSAGE as u32)
            .with_max_receive_message_size(MAX_MESSAGE as u32)
            .with_max_num_inbound_streams(1024)
            .with_max_num_outbound_streams(1024)
            .with_rto_initial_ms(500)
            .with_rto_min_ms(400)
            .with_rto_max_ms(10_000);
        let mut server = ServerConfig::new();
        server.transport = Arc::new(transport);
        let mut config = EndpointConfig::new();
        config.max_payload_size(MAX_PAYLOAD);
        let max_message = match max_message {
            0 => MAX_MESSAGE,
            size => MAX_MESSAGE.min(size as usize),
        };
        Self {
            endpoint: Endpoint::new(Arc::new(config), Some(Arc::new(server))),
            inner: None,
            established: false,
            channels: BTreeMap::new(),
            max_message,
            buffered: 0,
            messages: 0,
            buffered_is_stale: false,
            openings: (OPENINGS, None),
            events: VecDeque::new(),
        }
    }

    /// Takes one decrypted DTLS record.
    pub(crate) fn handle_packet(&mut self, now: Instant, packet: &[u8]) {
        self.refill_openings(now);
        let packet = Bytes::copy_from_slice(packet);
        match self.endpoint.handle(now, PEER, None, None, packet) {
            Some((handle, DatagramEvent::NewAssociation(association))) => {
                self.lose_channels();
                if let Some((old, _)) = self.inner.replace((handle, association)) {
                    self.endpoint.handle_event(old, EndpointEvent::drained());
                }
            }
            Some((handle, DatagramEvent::AssociationEvent(event))) => {
                if let Some((_, association)) = self.inner.as_mut().filter(|(h, _)| *h == handle) {
                    association.handle_event(event);
                }
            }
            None => {}
        }
        self.drain();
    }

    /// Retransmits what is due.
    pub(crate) fn handle_timeout(&mut self, now: Instant) {
        if let Some((_, association)) = &mut self.inner {
            association.handle_timeout(now);
        }
        self.drain();
    }

    /// When `handle_timeout` is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.inner.as_ref().and_then(|(_, association)| association.poll_timeout())
    }

    /// The next packets for DTLS, each one record.
    pub(crate) fn poll_transmit(&mut self, now: Instant) -> Option<Vec<Bytes>> {
        let (_, association) = self.inner.as_mut()?;
        match association.poll_transmit(now)?.payload {
            Payload::RawEncode(packets) => Some(packets),
            Payload::PartialDecode(_) => None,
        }
    }

    /// What happened.
    pub(crate) fn poll_event(&mut self) -> Option<ChannelEvent> {
        self.events.pop_front()
    }

    /// Opens a channel, now or as soon as the association is there. `None` when the client has too
    /// many. We are the DTLS server, so our identifiers are odd (RFC 8832 section 6).
    pub(crate) fn open(&mut self, open: Open) -> Option<u16> {
        let stream = (0..MAX_CHANNELS as u16)
            .map(|number| 2 * number + 1)
            .find(|stream| !self.channels.contains_key(stream))?;
        self.channels.insert(stream, Channel::new(State::Waiting, open));
        if self.established {
            self.start(stream);
        }
        Some(stream)
    }

    /// Closes a channel by resetting its stream (RFC 8831 section 6.7). There will be no event.
    pub(crate) fn close(&mut self, stream: u16) {
        let Some(channel) = self.channels.get_mut(&stream) else { return };
        channel.early.clear();
        self.buffered_is_stale = true;
        match channel.state {
            State::Waiting => {
                self.channels.remove(&stream);
            }
            State::Closing => {}
            State::Opening | State::Open => {
                channel.state = State::Closing;
                self.reset(stream);
            }
        }
    }

    /// Sends one message on a channel of ours.
    pub(crate) fn send(&mut self, stream: u16, text: bool, data: &[u8]) -> Result<(), SendError> {
        if data.len() > self.max_message {
            return Err(SendError::TooLarge);
        }
        let (total, messages) = self.waiting();
        let channel = self.channels.get_mut(&stream).ok_or(SendError::Closed)?;
        let bound = channel.bound();
        match channel.state {
            State::Closing => Err(SendError::Closed),
            State::Waiting => {
                if channel.waiting_bytes + data.len() > bound
                    || channel.waiting.len() >= MAX_MESSAGES
                    || total + data.len() > MAX_TOTAL
                    || messages >= MAX_TOTAL_MESSAGES
                {
                    return Err(SendError::Full);
                }
                channel.push(data.len());
                channel.early.push((text, data.to_vec()));
                (self.buffered, self.messages) = (total + data.len(), messages + 1);
                Ok(())
            }
            State::Opening | State::Open => self.write(stream, text, data, bound),
        }
    }

    fn write(
        &mut self,
        stream: u16,
        text: bool,
        data: &[u8],
        bound: usize,
    ) -> Result<(), SendError> {
        let (total, messages) = self.waiting();
        // An empty message is one byte below.
        let length = data.len().max(1);
        let channel = self.channels.get_mut(&stream).ok_or(SendError::Closed)?;
        let (_, association) = self.inner.as_mut().ok_or(SendError::Closed)?;
        let mut out = association.stream(stream).map_err(|_| SendError::Closed)?;
        let buffered = out.buffered_amount().map_err(|_| SendError::Closed)?;
        channel.settle(buffered);
        if buffered + length > bound
            || channel.waiting.len() >= MAX_MESSAGES
            || total + length > MAX_TOTAL
            || messages >= MAX_TOTAL_MESSAGES
        {
            return Err(SendError::Full);
        }
        let written = match (text, data) {
            // SCTP has no empty messages: RFC 8831 section 6.6 sends one byte instead.
            (true, []) => out.write_with_ppi(&[0], Ppid::StringEmpty),
            (false, []) => out.write_with_ppi(&[0], Ppid::BinaryEmpty),
            (true, data) => out.write_with_ppi(data, Ppid::String),
            (false, data) => out.write_with_ppi(data, Ppid::Binary),
        };
        written.map_err(|_| SendError::Closed)?;
        channel.push(length);
        (self.buffered, self.messages) = (total + length, messages + 1);
        Ok(())
    }

    /// Bytes and messages that wait in all channels together.
    fn waiting(&mut self) -> (usize, usize) {
        if std::mem::take(&mut self.buffered_is_stale) {
            (self.buffered, self.messages) = (0, 0);
            for (stream, channel) in &mut self.channels {
                let association = self.inner.as_mut().map(|(_, association)| association);
                let sent = association.filter(|_| channel.state != State::Waiting);
                if let Some(association) = sent {
                    let out = association.stream(*stream);
                    channel.settle(out.and_then(|out| out.buffered_amount()).unwrap_or(0));
                }
                self.buffered += channel.waiting_bytes;
                self.messages += channel.waiting.len();
            }
        }
        (self.buffered, self.messages)
    }

    fn drain(&mut self) {
        self.buffered_is_stale = true;
        while let Some((_, association)) = &mut self.inner {
            match association.poll() {
                Some(Event::Connected) => self.establish(),
                Some(Event::HandshakeFailed { .. } | Event::AssociationLost { .. }) => {
                    self.lose_channels();
                }
                Some(Event::Stream(event)) => self.handle_stream_event(event),
                Some(_) => {}
                None => break,
            }
        }
    }

    fn establish(&mut self) {
        self.established = true;
        let waiting: Vec<u16> = self.channels.keys().copied().collect();
        for stream in waiting {
            self.start(stream);
        }
    }

    /// Every channel ends with its association.
    fn lose_channels(&mut self) {
        if !std::mem::take(&mut self.established) {
            return;
        }
        for (stream, channel) in std::mem::take(&mut self.channels) {
            if channel.state != State::Closing {
                self.events.push_back(ChannelEvent::Closed { stream });
            }
        }
    }

    /// Sends DATA_CHANNEL_OPEN, and what had been sent before the association was there.
    fn start(&mut self, stream: u16) {
        let Some(channel) = self.channels.get_mut(&stream) else { return };
        if channel.state != State::Waiting {
            return;
        }
        channel.state = State::Opening;
        let message = channel.open.to_bytes();
        let (reliability, value) = channel.open.reliability.sctp();
        let early = std::mem::take(&mut channel.early);
        channel.waiting.clear();
        channel.waiting_bytes = 0;
        self.buffered_is_stale = true;
        let opened = self.inner.as_mut().is_some_and(|(_, association)| {
            let Ok(mut out) = association.open_stream(stream, Ppid::Binary) else { return false };
            // Ordered until DATA_CHANNEL_ACK (RFC 8832 section 6), so that nothing overtakes this.
            out.write_with_ppi(&message, Ppid::Dcep).is_ok()
                && out.set_reliability_params(false, reliability, value).is_ok()
        });
        if !opened {
            self.channels.remove(&stream);
            self.events.push_back(ChannelEvent::Closed { stream });
            return;
        }
        for (text, data) in early {
            // It fitted the same bound before.
            let _ = self.send(stream, text, &data);
        }
    }

    fn handle_stream_event(&mut self, event: StreamEvent) {
        match event {
            StreamEvent::Readable { id } => self.read(id),
            StreamEvent::Finished { id } | StreamEvent::Stopped { id, .. } => {
                if let Some(channel) = self.channels.get_mut(&id)
                    && channel.state != State::Closing
                {
                    channel.state = State::Closing;
                    self.events.push_back(ChannelEvent::Closed { stream: id });
                }
            }
            StreamEvent::ResetComplete { id } if self.is_closing(id) => {
                self.channels.remove(&id);
            }
            _ => {}
        }
    }

    fn is_closing(&self, stream: u16) -> bool {
        self.channels.get(&stream).is_some_and(|channel| channel.state == State::Closing)
    }

    fn read(&mut self, stream: u16) {
        loop {
            let Some((_, association)) = &mut self.inner else { return };
            let Ok(mut input) = association.stream(stream) else { return };
            let Ok(Some(message)) = input.read_sctp() else { return };
            let mut data = vec![0; message.len()];
            if message.read(&mut data).is_err() {
                self.events.push_back(ChannelEvent::Invalid);
                continue;
            }
            self.handle_message(stream, message.ppi, data);
        }
    }

    fn handle_message(&mut self, stream: u16, ppid: Ppid, mut data: Vec<u8>) {
        let text = match ppid {
            Ppid::Dcep => return self.handle_dcep(stream, &data),
            Ppid::String => true,
            Ppid::Binary => false,
            Ppid::StringEmpty | Ppid::BinaryEmpty => {
                data.clear();
                ppid == Ppid::StringEmpty
            }
            Ppid::Unknown => {
                self.events.push_back(ChannelEvent::Invalid);
                return;
            }
        };
        let known =
            self.channels.get(&stream).is_some_and(|channel| channel.state != State::Closing);
        self.events.push_back(if known {
            ChannelEvent::Message { stream, text, data }
        } else {
            ChannelEvent::Invalid
        });
    }

    fn handle_dcep(&mut self, stream: u16, data: &[u8]) {
        match dcep::Message::parse(data) {
            Ok(dcep::Message::Open(open)) if self.may_open(stream) && self.take_opening() => {
                self.accept(stream, open);
            }
            Ok(dcep::Message::Ack) => self.acknowledge(stream),
            Ok(dcep::Message::Open(_)) | Err(dcep::Malformed) => {
                self.events.push_back(ChannelEvent::Invalid);
                self.reset(stream);
            }
        }
    }

    /// The client is the DTLS client: its identifiers are even (RFC 8832 section 6).
    fn may_open(&self, stream: u16) -> bool {
        let theirs = self.channels.keys().filter(|stream| *stream % 2 == 0).count();
        stream.is_multiple_of(2) && !self.channels.contains_key(&stream) && theirs < MAX_CHANNELS
    }

    /// One of the channels the client may open in this time.
    fn take_opening(&mut self) -> bool {
        let (left, _) = &mut self.openings;
        let granted = *left > 0;
        *left = left.saturating_sub(1);
        granted
    }

    /// More channels may be opened as time passes.
    fn refill_openings(&mut self, now: Instant) {
        let (left, since) = &mut self.openings;
        let since = since.get_or_insert(now);
        let seconds = now.saturating_duration_since(*since).as_secs();
        if seconds > 0 {
            *since = now;
            let more =
                u32::try_from(seconds).unwrap_or(u32::MAX).saturating_mul(OPENINGS_PER_SECOND);
            *left = left.saturating_add(more).min(OPENINGS);
        }
    }

    fn accept(&mut self, stream: u16, open: Open) {
        let acknowledged = self.inner.as_mut().is_some_and(|(_, association)| {
            association
                .stream(stream)
                .and_then(|mut out| out.write_with_ppi(&dcep::ACK, Ppid::Dcep))
                .is_ok()
        });
        if acknowledged {
            self.channels.insert(stream, Channel::new(State::Open, open.clone()));
            self.events.push_back(ChannelEvent::Opened { stream, open });
        }
    }

    fn acknowledge(&mut self, stream: u16) {
        let Some(channel) = self.channels.get_mut(&stream) else { return };
        if channel.state != State::Opening {
            return;
        }
        channel.state = State::Open;
        let (reliability, value) = channel.open.reliability.sctp();
        let unordered = !channel.open.ordered;
        if let Some((_, association)) = &mut self.inner
            && let Ok(mut out) = association.stream(stream)
        {
            // Fails only when the stream is closed, of which an event tells.
            let _ = out.set_reliability_params(unordered, reliability, value);
        }
    }

    fn reset(&mut self, stream: u16) {
        if let Some((_, association)) = &mut self.inner
            && let Ok(mut stream) = association.stream(stream)
            && let Err(error) = stream.close()
        {
            log::debug!("stream reset: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
