//! The transports of a shard, and what leads packets and commands to them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::Instant;

use roomline_stun::turn::AllocationId;
use slab::Slab;

use crate::forwarding::LegId;
use crate::ids::{ParticipantId, TransportId};
use crate::transport::Transport;
use crate::transport::pairs::Pair;

/// Place of a transport in its shard; used again after the transport is gone.
pub(crate) type Slot = usize;

/// All transports of a shard.
#[derive(Default)]
pub(crate) struct Transports {
    slab: Slab<Transport>,
    by_id: BTreeMap<TransportId, Slot>,
    by_participant: BTreeMap<ParticipantId, Vec<Slot>>,
    /// By leg, which are numbered as densely as slots.
    by_leg: Vec<Slot>,
    /// Our ufrags, the previous ones during an ICE restart included.
    by_ufrag: HashMap<String, Slot>,
    /// Checked pairs: what is not in here is not accepted.
    by_pair: HashMap<Pair, Slot>,
    /// The relayed ones among them, by allocation.
    relayed: BTreeSet<(AllocationId, SocketAddr)>,
    timers: BTreeSet<(Instant, Slot)>,
    dirty: Vec<Slot>,
}

impl Transports {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// Entries in the tables that lead packets to transports.
    pub(crate) fn routes(&self) -> usize {
        self.by_ufrag.len() + self.by_pair.len()
    }

    /// How many entries each table has.
    pub(crate) fn visit_tables(&self, f: &mut dyn FnMut(&'static str, usize)) {
        f("transports", self.slab.len());
        f("participants", self.by_participant.values().map(Vec::len).sum());
        f("ids", self.by_id.len());
        f("ufrags", self.by_ufrag.len());
        f("pairs", self.by_pair.len());
        f("relayed_pairs", self.relayed.len());
        f("transport_timers", self.timers.len());
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Transport> {
        self.slab.iter().map(|(_, transport)| transport)
    }

    /// The transport in a slot.
    pub(crate) fn get(&self, slot: Slot) -> Option<&Transport> {
        self.slab.get(slot)
    }

    /// The transport in a slot.
    pub(crate) fn get_mut(&mut self, slot: Slot) -> Option<&mut Transport> {
        self.slab.get_mut(slot)
    }

    /// By its name.
    pub(crate) fn find(&self, id: TransportId) -> Option<Slot> {
        self.by_id.get(&id).copied()
    }

    /// The transport of a leg.
    pub(crate) fn of_leg(&mut self, leg: LegId) -> Option<(Slot, &mut Transport)> {
        let slot = *self.by_leg.get(leg.0 as usize)?;
        self.slab.get_mut(slot).map(|transport| (slot, transport))
    }

    /// By one of our ufrags.
    pub(crate) fn find_ufrag(&self, ufrag: &str) -> Option<Slot> {
        self.by_ufrag.get(ufrag).copied()
    }

    /// By a checked pair.
    pub(crate) fn find_pair(&self, pair: &Pair) -> Option<Slot> {
        self.by_pair.get(pair).copied()
    }

    /// True when a participant has a transport.
    pub(crate) fn has(&self, participant: ParticipantId) -> bool {
        self.by_participant.contains_key(&participant)
    }

    /// True when a participant has a transport with that media port.
    pub(crate) fn listens(&self, participant: ParticipantId, peer: SocketAddr) -> bool {
        self.by_participant
            .get(&participant)
            .into_iter()
            .flatten()
            .any(|slot| self.slab[*slot].socket.port == peer.port())
    }

    /// Adds one; its name and its ufrag must be new.
    pub(crate) fn insert(&mut self, transport: Transport) -> Slot {
        let (id, participant) = (transport.id, transport.participant);
        let (ufrag, leg) = (transport.credentials.ufrag.clone(), transport.leg);
        let slot = self.slab.insert(transport);
        let leg = leg.0 as usize;
        if self.by_leg.len() <= leg {
            self.by_leg.resize(leg + 1, Slot::MAX);
        }
        self.by_leg[leg] = slot;
        self.by_id.insert(id, slot);
        self.by_participant.entry(participant).or_default().push(slot);
        self.by_ufrag.insert(ufrag, slot);
        self.schedule(slot);
        slot
    }

    /// Removes one with everything that leads to it.
    pub(crate) fn remove(&mut self, slot: Slot) -> Option<Transport> {
        self.retire_ufrags(slot);
        let transport = self.slab.try_remove(slot)?;
        self.by_id.remove(&transport.id);
        for ufrag in transport.ice.local_ufrags() {
            self.by_ufrag.remove(ufrag);
        }
        self.by_leg[transport.leg.0 as usize] = Slot::MAX;
        for pair in transport.pairs.iter() {
            self.remove_pair(pair);
        }
        if let Some(deadline) = transport.deadline {
            self.timers.remove(&(deadline, slot));
        }
        if let Some(slots) = self.by_participant.get_mut(&transport.participant) {
            slots.retain(|other| *other != slot);
            if slots.is_empty() {
                self.by_participant.remove(&transport.participant);
            }
        }
        if transport.dirty {
            self.dirty.retain(|other| *other != slot);
        }
        Some(transport)
    }

    /// Lets one more ufrag lead to a transport: that of an ICE restart.
    pub(crate) fn add_ufrag(&mut self, ufrag: String, slot: Slot) {
        self.by_ufrag.insert(ufrag, slot);
    }

    /// Forgets the ufrags that are valid no longer.
    pub(crate) fn retire_ufrags(&mut self, slot: Slot) {
        let Some(transport) = self.slab.get_mut(slot) else { return };
        while let Some(ufrag) = transport.ice.poll_retired() {
            self.by_ufrag.remove(&ufrag);
        }
    }

    /// Lets a checked pair lead to a transport.
    pub(crate) fn add_pair(&mut self, pair: Pair, slot: Slot) {
        if let Pair::Relayed { allocation, peer } = pair {
            self.relayed.insert((allocation, peer));
        }
        let before = self.by_pair.insert(pair, slot);
        // A pair that led to another transport of the same client is taken over.
        if let Some(other) = before.filter(|other| *other != slot)
            && let Some(transport) = self.slab.get_mut(other)
        {
            transport.pairs.remove(pair);
        }
    }

    /// Forgets a pair.
    pub(crate) fn remove_pair(&mut self, pair: Pair) {
        self.by_pair.remove(&pair);
        if let Pair::Relayed { allocation, peer } = pair {
            self.relayed.remove(&(allocation, peer));
        }
    }

    /// The pairs through an allocation.
    pub(crate) fn pairs_through(&self, allocation: AllocationId) -> Vec<Pair> {
        let lowest = SocketAddr::from(([0; 4], 0));
        self.relayed
            .range((allocation, lowest)..)
            .take_while(|(other, _)| *other == allocation)
            .map(|(allocation, peer)| Pair::Relayed { allocation: *allocation, peer: *peer })
            .collect()
    }

    /// Puts a transport on the list of those with something to flush.
    pub(crate) fn mark(&mut self, slot: Slot) {
        if let Some(transport) = self.slab.get_mut(slot)
            && !transport.dirty
            && !transport.outbox.is_empty()
        {
            transport.dirty = true;
            self.dirty.push(slot);
        }
    }

    /// Takes the list of transports with something to flush; give it back with
    /// [`Self::restore_dirty`].
    pub(crate) fn take_dirty(&mut self) -> Vec<Slot> {
        std::mem::take(&mut self.dirty)
    }

    /// Gives the list back for its capacity.
    pub(crate) fn restore_dirty(&mut self, mut list: Vec<Slot>) {
        list.clear();
        if self.dirty.is_empty() {
            self.dirty = list;
        }
    }

    /// Sets the timer of a transport to what it wants.
    pub(crate) fn schedule(&mut self, slot: Slot) {
        let Some(transport) = self.slab.get_mut(slot) else { return };
        let wanted = Some(transport.poll_timeout());
        if transport.deadline == wanted {
            return;
        }
        let before = std::mem::replace(&mut transport.deadline, wanted);
        if let Some(before) = before {
            self.timers.remove(&(before, slot));
        }
        if let Some(wanted) = wanted {
            self.timers.insert((wanted, slot));
        }
    }

    /// When the first timer is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first().map(|(at, _)| *at)
    }

    /// Takes a transport whose timer is due; `schedule` it again.
    pub(crate) fn pop_due(&mut self, now: Instant) -> Option<Slot> {
        let (at, slot) = *self.timers.first().filter(|(at, _)| *at <= now)?;
        self.timers.remove(&(at, slot));
        if let Some(transport) = self.slab.get_mut(slot) {
            transport.deadline = None;
        }
        Some(slot)
    }
}
