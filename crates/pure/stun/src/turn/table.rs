//! The table of allocations and its timers.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::net::SocketAddr;
use std::time::Instant;

use super::{Allocation, AllocationId};

/// Allocations by name, by flow, by relayed address and by deadline.
pub(super) struct Table<F> {
    slots: Vec<Slot<F>>,
    free: Vec<u32>,
    flows: HashMap<F, AllocationId>,
    relayed: HashMap<SocketAddr, AllocationId>,
    deadlines: BTreeSet<(Instant, AllocationId)>,
    /// Those of each participant: a few.
    participants: HashMap<u64, Vec<AllocationId>>,
}

struct Slot<F> {
    generation: u32,
    allocation: Option<Allocation<F>>,
}

impl<F: Copy + Eq + Hash> Table<F> {
    pub(super) fn new() -> Table<F> {
        Table {
            slots: Vec::new(),
            free: Vec::new(),
            flows: HashMap::new(),
            relayed: HashMap::new(),
            deadlines: BTreeSet::new(),
            participants: HashMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.flows.len()
    }

    pub(super) fn get(&self, id: AllocationId) -> Option<&Allocation<F>> {
        let slot = self.slots.get(id.index as usize)?;
        slot.allocation.as_ref().filter(|_| slot.generation == id.generation)
    }

    /// The flows of all allocations.
    pub(super) fn flows(&self) -> impl Iterator<Item = F> + use<'_, F> {
        let allocations = self.slots.iter().filter_map(|slot| slot.allocation.as_ref());
        allocations.map(|allocation| allocation.client.flow)
    }

    pub(super) fn of_flow(&self, flow: F) -> Option<AllocationId> {
        self.flows.get(&flow).copied()
    }

    pub(super) fn of_relayed(&self, relayed: SocketAddr) -> Option<AllocationId> {
        self.relayed.get(&relayed).copied()
    }

    pub(super) fn count_of(&self, participant: u64) -> usize {
        self.of_participant(participant).len()
    }

    pub(super) fn of_participant(&self, participant: u64) -> &[AllocationId] {
        self.participants.get(&participant).map_or(&[], Vec::as_slice)
    }

    /// None when 2³² allocations exist.
    pub(super) fn insert(&mut self, mut allocation: Allocation<F>) -> Option<AllocationId> {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.slots.len()).ok()?;
                self.slots.push(Slot { generation: 0, allocation: None });
                index
            }
        };
        let slot = &mut self.slots[index as usize];
        let id = AllocationId { index, generation: slot.generation };
        if let Some(deadline) = allocation.next_deadline() {
            allocation.deadline = deadline;
        }
        self.deadlines.insert((allocation.deadline, id));
        self.flows.insert(allocation.client.flow, id);
        for relay in allocation.relays.iter().flatten() {
            self.relayed.insert(relay.address, id);
        }
        self.participants.entry(allocation.participant).or_default().push(id);
        slot.allocation = Some(allocation);
        Some(id)
    }

    /// Changes an allocation and keeps its timer right.
    pub(super) fn update<R>(
        &mut self,
        id: AllocationId,
        change: impl FnOnce(&mut Allocation<F>) -> R,
    ) -> Option<R> {
        let slot = self.slots.get_mut(id.index as usize)?;
        let allocation = slot.allocation.as_mut().filter(|_| slot.generation == id.generation)?;
        let result = change(allocation);
        let next = allocation.next_deadline().unwrap_or(allocation.deadline);
        if next != allocation.deadline {
            self.deadlines.remove(&(allocation.deadline, id));
            self.deadlines.insert((next, id));
            allocation.deadline = next;
        }
        Some(result)
    }

    /// A relayed address is no longer its allocation's.
    pub(super) fn forget_relayed(&mut self, relayed: SocketAddr) {
        self.relayed.remove(&relayed);
    }

    pub(super) fn remove(&mut self, id: AllocationId) -> Option<Allocation<F>> {
        let slot = self.slots.get_mut(id.index as usize)?;
        let allocation = slot.allocation.take_if(|_| slot.generation == id.generation)?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(id.index);
        self.flows.remove(&allocation.client.flow);
        self.deadlines.remove(&(allocation.deadline, id));
        for relay in allocation.relays.iter().flatten() {
            self.relayed.remove(&relay.address);
        }
        if let Some(ids) = self.participants.get_mut(&allocation.participant) {
            ids.retain(|other| *other != id);
            if ids.is_empty() {
                self.participants.remove(&allocation.participant);
            }
        }
        Some(allocation)
    }

    pub(super) fn next_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// An allocation in which something has expired.
    pub(super) fn due(&self, now: Instant) -> Option<AllocationId> {
        self.deadlines.first().filter(|(deadline, _)| *deadline <= now).map(|(_, id)| *id)
    }
}
