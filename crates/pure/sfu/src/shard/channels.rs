//! Data channels: from the client that sends to the clients that receive.

use std::time::Instant;

use super::Shard;
use super::negotiation::refusal;
use crate::counters::Discard;
use crate::data::{End, Role};
use crate::event::Event;
use crate::forwarding::Refusal;
use crate::ids::{DataChannelId, TransportId};
use crate::tables::Slot;
use crate::transport::beat;
use crate::transport::dcep::{Open, Reliability};
use crate::transport::sctp::{ChannelEvent, SendError};

impl Shard {
    /// `RelayData`.
    pub(super) fn relay_data(
        &mut self,
        now: Instant,
        channel: DataChannelId,
        transport: TransportId,
        label: String,
    ) -> Result<(), Refusal> {
        let slot = self.slot(transport)?;
        let unknown = || refusal("unknown-channel", "no such data channel");
        let source = self.channels.source(channel).ok_or_else(unknown)?;
        if self.channels.receiver(channel, slot).is_some() {
            return Err(refusal("duplicate", "the channel is relayed to the transport already"));
        }
        let open = Open { label, ..source.open.clone() };
        let unknown = || refusal("unknown-section", "no section for data channels");
        let sctp = self.transports.get_mut(slot).and_then(|transport| transport.sctp.as_mut());
        let stream = sctp.ok_or_else(unknown)?.open(open);
        let full = || refusal("too-many-channels", "the transport has too many data channels");
        self.channels.connect(channel, (slot, stream.ok_or_else(full)?));
        self.pump(now, slot);
        Ok(())
    }

    /// `StopRelayData`.
    pub(super) fn stop_relay_data(
        &mut self,
        now: Instant,
        channel: DataChannelId,
        transport: TransportId,
    ) {
        let slot = self.transports.find(transport);
        if let Some(end) = slot.and_then(|slot| self.channels.receiver(channel, slot)) {
            self.close_receiver(now, end);
        }
    }

    /// What happened to a channel at a transport.
    pub(super) fn channel_event(&mut self, now: Instant, slot: Slot, event: ChannelEvent) {
        match event {
            ChannelEvent::Opened { stream, open } if open.protocol == beat::PROTOCOL => {
                self.open_beats(now, (slot, stream));
            }
            ChannelEvent::Opened { stream, open } => self.channel_opened((slot, stream), open),
            ChannelEvent::Message { stream, data, .. } if self.beats_on((slot, stream)) => {
                let transport = self.transports.get_mut(slot);
                if !transport.is_some_and(|transport| transport.beats.answered(now, &data)) {
                    self.counters.discard(Discard::DataInvalid);
                }
            }
            ChannelEvent::Closed { stream } if self.beats_on((slot, stream)) => {
                if let Some(transport) = self.transports.get_mut(slot) {
                    transport.beats.close();
                }
            }
            ChannelEvent::Message { stream, text, data } => {
                self.counters.data_received += 1;
                match self.channels.role((slot, stream)) {
                    Some(Role::Source(id)) => self.relay_message(now, id, text, &data),
                    Some(Role::Receiver(_)) => self.counters.discard(Discard::DataSentBack),
                    None => self.counters.discard(Discard::DataInvalid),
                }
            }
            ChannelEvent::Closed { stream } => match self.channels.role((slot, stream)) {
                Some(Role::Source(id)) => self.source_closed(now, id),
                Some(Role::Receiver(_)) => self.channels.disconnect((slot, stream)),
                None => {}
            },
            ChannelEvent::Invalid => self.counters.discard(Discard::DataInvalid),
        }
    }

    /// A channel for beats is the shard's own affair, and one is enough.
    fn open_beats(&mut self, now: Instant, (slot, stream): End) {
        let Some(transport) = self.transports.get_mut(slot) else { return };
        if transport.beats.open(now, stream) {
            return;
        }
        if let Some(sctp) = &mut transport.sctp {
            sctp.close(stream);
        }
        self.counters.discard(Discard::DataInvalid);
        self.pump(now, slot);
    }

    fn beats_on(&self, (slot, stream): End) -> bool {
        self.transports.get(slot).is_some_and(|transport| transport.beats.is_on(stream))
    }

    fn channel_opened(&mut self, end: End, open: Open) {
        let Some(transport) = self.transports.get(end.0) else { return };
        let (transport, participant) = (transport.id, transport.participant);
        let channel = self.channels.add(end, open.clone());
        let (max_retransmits, max_packet_life_time) = match open.reliability {
            Reliability::Reliable => (None, None),
            Reliability::Retransmits(count) => (Some(count), None),
            Reliability::Lifetime(time) => (None, Some(time)),
        };
        self.events.push_back(Event::DataChannelOpened {
            transport,
            participant,
            channel,
            label: open.label,
            protocol: open.protocol,
            ordered: open.ordered,
            max_retransmits,
            max_packet_life_time,
        });
    }

    fn relay_message(&mut self, now: Instant, id: DataChannelId, text: bool, data: &[u8]) {
        let Some(source) = self.channels.source(id) else { return };
        let reliable = source.open.reliability == Reliability::Reliable;
        for end in source.receivers.clone() {
            let (slot, stream) = end;
            let sctp = self.transports.get_mut(slot).and_then(|t| t.sctp.as_mut());
            match sctp.map_or(Err(SendError::Closed), |sctp| sctp.send(stream, text, data)) {
                Ok(()) => {
                    self.counters.data_sent += 1;
                    self.pump(now, slot);
                }
                Err(SendError::Full) => {
                    self.counters.discard(Discard::DataOverflow);
                    if reliable {
                        // It promised that nothing is missing: better no channel than a gap.
                        self.counters.data_channels_closed_slow += 1;
                        self.close_receiver(now, end);
                    }
                }
                Err(SendError::TooLarge) => self.counters.discard(Discard::DataInvalid),
                Err(SendError::Closed) => self.counters.discard(Discard::Unsendable),
            }
        }
    }

    fn close_receiver(&mut self, now: Instant, end: End) {
        self.channels.disconnect(end);
        let (slot, stream) = end;
        if let Some(sctp) = self.transports.get_mut(slot).and_then(|t| t.sctp.as_mut()) {
            sctp.close(stream);
        }
        self.pump(now, slot);
    }

    fn source_closed(&mut self, now: Instant, channel: DataChannelId) {
        for (slot, stream) in self.channels.remove(channel) {
            if let Some(sctp) = self.transports.get_mut(slot).and_then(|t| t.sctp.as_mut()) {
                sctp.close(stream);
            }
            self.pump(now, slot);
        }
        self.events.push_back(Event::DataChannelClosed { channel });
    }

    /// Ends every channel at a transport that goes.
    pub(super) fn close_channels(&mut self, now: Instant, slot: Slot) {
        for channel in self.channels.opened_by(slot) {
            self.source_closed(now, channel);
        }
        for end in self.channels.received_by(slot) {
            self.channels.disconnect(end);
        }
    }

    /// Sends what SCTP has to say. A failure shows again at the transport's own next packet or
    /// timer; what was heard meanwhile is acted on.
    fn pump(&mut self, now: Instant, slot: Slot) {
        let Some(transport) = self.transports.get_mut(slot) else { return };
        let mut notices = Vec::new();
        if let Err(error) = transport.drain(now, &mut self.scratch.datagram, &mut notices) {
            log::debug!("data channel: {error}");
        }
        for notice in notices {
            if let crate::transport::Notice::Channel(event) = notice {
                self.channel_event(now, slot, event);
            }
        }
        self.settle(slot);
    }
}
