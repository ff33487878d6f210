//! Data channels of clients, and the channels in which they are relayed to other clients.

use std::collections::BTreeMap;

use crate::ids::DataChannelId;
use crate::tables::Slot;
use crate::transport::dcep::Open;

/// A channel at one transport: the transport's slot and the SCTP stream.
pub(crate) type End = (Slot, u16);

/// A channel a client opened.
#[derive(Debug)]
pub(crate) struct Source {
    pub(crate) end: End,
    pub(crate) open: Open,
    pub(crate) receivers: Vec<End>,
}

/// All relayed channels of a shard. It knows who is connected to whom; the messages themselves
/// pass through the transports.
#[derive(Debug, Default)]
pub(crate) struct Channels {
    last: u64,
    sources: BTreeMap<DataChannelId, Source>,
    by_source: BTreeMap<End, DataChannelId>,
    by_receiver: BTreeMap<End, DataChannelId>,
}

/// What an end of a channel is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The client opened it.
    Source(DataChannelId),
    /// The shard opened it to relay this one.
    Receiver(DataChannelId),
}

impl Channels {
    /// Channels that clients opened.
    pub(crate) fn len(&self) -> usize {
        self.sources.len()
    }

    /// Takes note of a channel a client opened.
    pub(crate) fn add(&mut self, end: End, open: Open) -> DataChannelId {
        self.last += 1;
        let id = DataChannelId(self.last);
        self.sources.insert(id, Source { end, open, receivers: Vec::new() });
        self.by_source.insert(end, id);
        id
    }

    /// A channel a client opened.
    pub(crate) fn source(&self, id: DataChannelId) -> Option<&Source> {
        self.sources.get(&id)
    }

    /// What an end is.
    pub(crate) fn role(&self, end: End) -> Option<Role> {
        let source = self.by_source.get(&end).copied().map(Role::Source);
        source.or_else(|| self.by_receiver.get(&end).copied().map(Role::Receiver))
    }

    /// Relays a channel to one more end.
    pub(crate) fn connect(&mut self, id: DataChannelId, receiver: End) {
        if let Some(source) = self.sources.get_mut(&id) {
            source.receivers.push(receiver);
            self.by_receiver.insert(receiver, id);
        }
    }

    /// The end in which a transport receives a channel.
    pub(crate) fn receiver(&self, id: DataChannelId, slot: Slot) -> Option<End> {
        self.sources.get(&id)?.receivers.iter().copied().find(|(receiver, _)| *receiver == slot)
    }

    /// Stops relaying to an end.
    pub(crate) fn disconnect(&mut self, receiver: End) {
        if let Some(id) = self.by_receiver.remove(&receiver)
            && let Some(source) = self.sources.get_mut(&id)
        {
            source.receivers.retain(|end| *end != receiver);
        }
    }

    /// Forgets a channel a client opened; returns the ends it was relayed to.
    pub(crate) fn remove(&mut self, id: DataChannelId) -> Vec<End> {
        let Some(source) = self.sources.remove(&id) else { return Vec::new() };
        self.by_source.remove(&source.end);
        for receiver in &source.receivers {
            self.by_receiver.remove(receiver);
        }
        source.receivers
    }

    /// Channels the client of a transport opened.
    pub(crate) fn opened_by(&self, slot: Slot) -> Vec<DataChannelId> {
        self.by_source.range((slot, 0)..=(slot, u16::MAX)).map(|(_, id)| *id).collect()
    }

    /// Ends in which a transport receives.
    pub(crate) fn received_by(&self, slot: Slot) -> Vec<End> {
        self.by_receiver.range((slot, 0)..=(slot, u16::MAX)).map(|(end, _)| *end).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::transport::dcep::Reliability;

    fn open() -> Open {
        Open {
            ordered: true,
            reliability: Reliability::Reliable,
            priority: 0,
            label: "chat".into(),
            protocol: String::new(),
        }
    }

    #[test]
    fn ends_are_found_until_they_are_gone() {
        let mut channels = Channels::default();
        let id = channels.add((1, 0), open());
        channels.connect(id, (2, 1));
        channels.connect(id, (3, 1));
        assert_eq!(channels.role((1, 0)), Some(Role::Source(id)));
        assert_eq!(channels.role((2, 1)), Some(Role::Receiver(id)));
        assert_eq!(channels.receiver(id, 3), Some((3, 1)));
        assert_eq!(channels.opened_by(1), [id]);
        assert_eq!(channels.received_by(3), [(3, 1)]);

        channels.disconnect((2, 1));
        assert_eq!(channels.source(id).unwrap().receivers, [(3, 1)]);
        assert_eq!(channels.remove(id), [(3, 1)]);
        assert_eq!((channels.len(), channels.role((3, 1))), (0, None));
        assert_ne!(channels.add((1, 0), open()), id);
    }
}
