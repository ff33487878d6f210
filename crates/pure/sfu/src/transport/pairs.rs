//! The candidate pairs of a transport that a connectivity check validated, and the one in use.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use roomline_stun::turn::AllocationId;

use crate::ids::SocketId;

/// Pairs a transport may have: a client has a few addresses, each direct and relayed.
const MAX_PAIRS: usize = 32;

/// A pair in use that was silent for so long gives way to a nominated one that carries media, and
/// after an ICE restart to a new valid one.
const QUIET: Duration = Duration::from_millis(400);

/// A pair in use that was silent for so long gives way to any nominated one. A client that sends no
/// media is heard once per check: Chromium makes one every 2.5 s.
const SILENT: Duration = Duration::from_secs(3);

/// For so long after it was last heard a pair is its transport's alone.
const HELD: Duration = Duration::from_secs(5);

/// A pair that was silent for so long is forgotten.
const STALE: Duration = Duration::from_secs(30);

/// A pair, as packets name it: where they come from is where the answer goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Pair {
    /// Straight to a media socket.
    Direct {
        /// The socket.
        socket: SocketId,
        /// Our address.
        local: IpAddr,
        /// The client's address.
        remote: SocketAddr,
    },
    /// Through an allocation of our own TURN server.
    Relayed {
        /// The allocation.
        allocation: AllocationId,
        /// Our candidate that the client sends to.
        peer: SocketAddr,
    },
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    pair: Pair,
    priority: u32,
    /// A check of this generation carried USE-CANDIDATE.
    nominated: bool,
    /// The last check did.
    asserted: bool,
    /// Counts ICE restarts.
    generation: u32,
    last_received: Instant,
}

/// A valid connectivity check.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Checked {
    /// PRIORITY of the check.
    pub(crate) priority: u32,
    /// It carried USE-CANDIDATE.
    pub(crate) nominated: bool,
    /// It used the credentials from before the last ICE restart.
    pub(crate) previous: bool,
}

/// What a check changed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// The pair was not known.
    pub(crate) added: bool,
    /// A pair that had to make room.
    pub(crate) evicted: Option<Pair>,
    /// Another pair is in use now.
    pub(crate) selected: bool,
    /// It is the first of its generation, and the one it follows on still worked.
    pub(crate) climbed: bool,
}

/// All valid pairs of a transport.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    entries: Vec<Entry>,
    selected: Option<usize>,
    generation: u32,
}

impl Pairs {
    /// The pair in use.
    pub(crate) fn selected(&self) -> Option<Pair> {
        self.selected.map(|index| self.entries[index].pair)
    }

    /// All pairs.
    pub(crate) fn iter(&self) -> impl Iterator<Item = Pair> {
        self.entries.iter().map(|entry| entry.pair)
    }

    /// An ICE restart: pairs validated from now on are newer than the ones we have.
    pub(crate) fn restart(&mut self) {
        self.generation += 1;
    }

    /// Whether a pair was heard so lately that nobody else can be at its address.
    pub(crate) fn holds(&self, now: Instant, pair: &Pair) -> bool {
        let entry = self.entries.iter().find(|entry| entry.pair == *pair);
        entry.is_some_and(|entry| now.saturating_duration_since(entry.last_received) < HELD)
    }

    /// Notes an authenticated packet.
    pub(crate) fn touch(&mut self, now: Instant, pair: Pair) {
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.pair == pair) {
            entry.last_received = now;
        }
    }

    /// Notes authentic media, which nobody can have copied. True when its pair takes over: the one in
    /// use fell silent, and this one was nominated before it.
    pub(crate) fn hear(&mut self, now: Instant, pair: Pair) -> bool {
        let Some(index) = self.entries.iter().position(|entry| entry.pair == pair) else {
            return false;
        };
        self.entries[index].last_received = now;
        let Some(selected) = self.selected.filter(|selected| *selected != index) else {
            return false;
        };
        let (heard, used) = (&self.entries[index], &self.entries[selected]);
        let back = heard.nominated
            && heard.generation >= used.generation
            && now.duration_since(used.last_received) >= QUIET;
        if back {
            self.selected = Some(index);
        }
        back
    }

    /// Takes a valid check and decides which pair is in use.
    pub(crate) fn check(&mut self, now: Instant, pair: Pair, checked: Checked) -> Change {
        let mut change = Change::default();
        let generation = self.generation.saturating_sub(u32::from(checked.previous));
        let known = self.entries.iter().position(|entry| entry.pair == pair);
        let index = known.unwrap_or_else(|| {
            change.added = true;
            change.evicted = self.make_room();
            self.entries.push(Entry {
                pair,
                priority: checked.priority,
                nominated: false,
                asserted: false,
                generation,
                last_received: now,
            });
            self.entries.len() - 1
        });
        let before = self.entries[index];
        let entry = &mut self.entries[index];
        entry.priority = checked.priority;
        entry.nominated = checked.nominated || (entry.nominated && generation <= entry.generation);
        entry.asserted = checked.nominated;
        entry.generation = generation.max(entry.generation);
        entry.last_received = now;
        change.selected = self.prefers(now, index, before);
        if change.selected {
            change.climbed = self.outdoes(now, index);
            self.selected = Some(index);
        }
        change
    }

    /// Whether the pair at `index`, which was `before` and has just been checked, takes over.
    fn prefers(&self, now: Instant, index: usize, before: Entry) -> bool {
        let candidate = self.entries[index];
        let Some(selected) = self.selected else { return true };
        if selected == index {
            return false;
        }
        let selected = self.entries[selected];
        let silence = now.saturating_duration_since(selected.last_received);
        let newer = candidate.generation > selected.generation;
        if candidate.generation < selected.generation {
            // Checks from before a restart; only when the newer path is dead.
            return candidate.asserted && silence >= SILENT;
        }
        if !candidate.asserted {
            // Before a nomination the latest valid pair carries the media. After a restart the old
            // one stays as long as it works, so that climbing has no gap.
            return !selected.nominated || (newer && silence >= QUIET);
        }
        // A client that nominates several pairs at once repeats USE-CANDIDATE on all of them: the
        // best one stays, or the media would jump between them with every check.
        let news = !before.asserted || candidate.generation > before.generation;
        !selected.asserted
            || newer
            || silence >= SILENT
            || (news && candidate.priority >= selected.priority)
    }

    /// Whether the pair at `index` is of a newer generation than the one in use, and that one works.
    fn outdoes(&self, now: Instant, index: usize) -> bool {
        self.selected.is_some_and(|selected| {
            let used = self.entries[selected];
            self.entries[index].generation > used.generation
                && now.saturating_duration_since(used.last_received) < QUIET
        })
    }

    /// Forgets a pair. True when it was in use; the most recently heard one takes its place.
    pub(crate) fn remove(&mut self, pair: Pair) -> bool {
        let Some(index) = self.entries.iter().position(|entry| entry.pair == pair) else {
            return false;
        };
        let selected = self.selected();
        self.entries.swap_remove(index);
        let position = |wanted: Pair| self.entries.iter().position(|entry| entry.pair == wanted);
        if selected == Some(pair) {
            self.selected = self.freshest();
            return true;
        }
        self.selected = selected.and_then(position);
        false
    }

    /// Forgets and returns the pairs that have been silent for too long. The one in use is among
    /// them only if another is alive: consent is per pair (RFC 7675 section 5.1), or one check with
    /// a forged source would let the media flow to a victim for as long as the client likes.
    pub(crate) fn prune(&mut self, now: Instant) -> Vec<Pair> {
        let stale = |entry: &Entry| now.saturating_duration_since(entry.last_received) > STALE;
        let spared = self.selected().filter(|_| self.entries.iter().all(stale));
        let silent = self.entries.iter().filter(|entry| stale(entry)).map(|entry| entry.pair);
        let silent: Vec<Pair> = silent.filter(|pair| Some(*pair) != spared).collect();
        for pair in &silent {
            self.remove(*pair);
        }
        silent
    }

    fn make_room(&mut self) -> Option<Pair> {
        if self.entries.len() < MAX_PAIRS {
            return None;
        }
        let selected = self.selected();
        let others = self.entries.iter().filter(|entry| Some(entry.pair) != selected);
        let oldest = others.min_by_key(|entry| entry.last_received)?.pair;
        self.remove(oldest);
        Some(oldest)
    }

    fn freshest(&self) -> Option<usize> {
        let newest = self.entries.iter().enumerate();
        newest.max_by_key(|(_, entry)| (entry.nominated, entry.last_received)).map(|(i, _)| i)
    }
}

#[cfg(test)]
mod tests;
